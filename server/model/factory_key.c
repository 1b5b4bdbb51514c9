#include "cv/model/factory_key.h"

#include <string.h>

static const char *const purposes[] = {
    [CV_FACTORY_KEY_ONLINE] = "online",
    [CV_FACTORY_KEY_TLS] = "tls",
    [CV_FACTORY_KEY_EST_TLS] = "est-tls",
};

static const char *const states[] = {
    [CV_FACTORY_KEY_PENDING] = "pending",
    [CV_FACTORY_KEY_ACTIVE] = "active",
    [CV_FACTORY_KEY_RETIRED] = "retired",
};

/* The place of the name; count: it has none. */
static unsigned
find(const char *const *names, unsigned count, const char *name)
{
	unsigned i = 0;

	while (i < count && strcmp(names[i], name) != 0)
		i++;
	return i;
}

const char *
cv_factory_key_purpose_name(enum cv_factory_key_purpose purpose)
{
	return purposes[purpose];
}

bool
cv_factory_key_purpose_parse(const char *name, enum cv_factory_key_purpose *ret_purpose)
{
	const unsigned count = sizeof(purposes) / sizeof(purposes[0]);
	const unsigned found = find(purposes, count, name);

	if (found < count)
		*ret_purpose = (enum cv_factory_key_purpose)found;
	return found < count;
}

bool
cv_factory_key_state_parse(const char *name, enum cv_factory_key_state *ret_state)
{
	const unsigned count = sizeof(states) / sizeof(states[0]);
	const unsigned found = find(states, count, name);

	if (found < count)
		*ret_state = (enum cv_factory_key_state)found;
	return found < count;
}
