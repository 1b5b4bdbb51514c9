/*
 * What a token may do to devices, where it is cut down to less than its role: the scopes that
 * FoundriesFactory clients know. Plain values; any thread.
 */
#ifndef CV_MODEL_SCOPE_H
#define CV_MODEL_SCOPE_H

#include <stdbool.h>

enum cv_scope {
	CV_SCOPE_READ = 1 << 0,
	CV_SCOPE_UPDATE = 1 << 1, /* and their configuration */
	CV_SCOPE_CREATE = 1 << 2,
	CV_SCOPE_DELETE = 1 << 3,
};

#define CV_SCOPE_LIST_SIZE 80
#define CV_SCOPE_WORDS "devices:read, devices:read-update, devices:create, devices:delete"

/* A comma list of scopes, as a set; false: empty, or one of them is none. */
bool cv_scopes_parse(const char *list, unsigned *ret_scopes);
/* "devices:read". Never NULL. */
const char *cv_scope_name(enum cv_scope scope);
/* Does the set hold all that is needed? Updating says that reading is part of it. */
bool cv_scopes_allow(unsigned scopes, unsigned needed);

#endif
