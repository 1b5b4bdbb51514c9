#include "cv/model/scope.h"

#include <stddef.h>
#include <string.h>

static const struct {
	enum cv_scope scope;
	const char *name;
} names[] = {
    {CV_SCOPE_READ, "devices:read"},
    {CV_SCOPE_UPDATE, "devices:read-update"},
    {CV_SCOPE_CREATE, "devices:create"},
    {CV_SCOPE_DELETE, "devices:delete"},
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static unsigned
find(const char *name, size_t len)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0)
			return names[i].scope;
	}
	return 0;
}

bool
cv_scopes_parse(const char *list, unsigned *ret_scopes)
{
	unsigned scopes = 0;

	for (;;) {
		size_t len = strcspn(list, ",");
		unsigned scope = find(list, len);

		if (scope == 0)
			return false;
		scopes |= scope;
		if (list[len] == '\0')
			break;
		list += len + 1;
	}
	*ret_scopes = scopes;
	return true;
}

const char *
cv_scope_name(enum cv_scope scope)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (names[i].scope == scope)
			return names[i].name;
	}
	return "none";
}

bool
cv_scopes_allow(unsigned scopes, unsigned needed)
{
	unsigned all = scopes;

	if ((scopes & CV_SCOPE_UPDATE) != 0)
		all |= CV_SCOPE_READ;
	return (all & needed) == needed;
}
