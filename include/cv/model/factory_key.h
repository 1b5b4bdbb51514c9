/* What keys that are made for a factory are for, and how far they are. Plain values; any thread. */
#ifndef CV_MODEL_FACTORY_KEY_H
#define CV_MODEL_FACTORY_KEY_H

#include <stdbool.h>

enum cv_factory_key_purpose {
	CV_FACTORY_KEY_ONLINE,  /* signs devices */
	CV_FACTORY_KEY_TLS,     /* of the device gateway's server certificate */
	CV_FACTORY_KEY_EST_TLS, /* of the EST server's */
	CV_FACTORY_KEY_PURPOSES,
};

enum cv_factory_key_state {
	CV_FACTORY_KEY_PENDING, /* waits for its certificate */
	CV_FACTORY_KEY_ACTIVE,
	CV_FACTORY_KEY_RETIRED, /* another took its place */
};

/* As in the database; never NULL. Parsing is exact. */
const char *cv_factory_key_purpose_name(enum cv_factory_key_purpose purpose);
bool cv_factory_key_purpose_parse(const char *name, enum cv_factory_key_purpose *ret_purpose);
bool cv_factory_key_state_parse(const char *name, enum cv_factory_key_state *ret_state);

#endif
