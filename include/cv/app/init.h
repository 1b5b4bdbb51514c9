/*
 * The first steps of a factory: root, device CA, service CA, server certificates, and the first
 * admin token. Files first, the database last and in one transaction, so that a run that was cut
 * short is simply repeated. Blocking; main thread.
 */
#ifndef CV_APP_INIT_H
#define CV_APP_INIT_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/error.h"

struct cv_init_order {
	const char *factory;
	const char *directory; /* of the PKI; made here, must not hold anything else */
	const char *database_url;
	const char *const *hosts; /* names and addresses in the server certificates */
	size_t host_count;        /* 0: localhost, its addresses, and the name of this machine */
	bool announce_is_implied;
	const char *token_name;
	const char *token_file; /* NULL: the token is printed */
};

/* CV_E_INPUT: a name or host can be none. */
bool cv_init_check(const struct cv_init_order *order, struct cv_error *err);

/*
 * Of an order that was checked. CV_E_CONSTRAINT when the database has the factory already, or an
 * operator of the token's name, CV_E_CONFIG when the directory holds something else: nothing
 * changed then. A complete directory of this factory, left by an earlier run, is used as it
 * is.
 */
bool cv_init(const struct cv_init_order *order, struct cv_error *err);

#endif
