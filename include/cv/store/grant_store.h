/* Devices that ask for a token and wait for an operator, and tokens that are made of others.
 * Blocking; one connection, one thread. */
#ifndef CV_STORE_GRANT_STORE_H
#define CV_STORE_GRANT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

struct cv_grant_row {
	const char *factory;
	const char *device;
	const char *user_code;
	const struct cv_digest *code_hash;
	int64_t seconds; /* it waits so long */
	int64_t most;    /* that wait, of the factory */
	int64_t most_of_device;
};
/* ret_waits false: too many do. */
bool cv_grant_store_ask(struct cv_connection *connection, const struct cv_grant_row *row,
    bool *ret_waits, struct cv_error *err);

enum cv_grant_state {
	CV_GRANT_UNKNOWN,
	CV_GRANT_PENDING,
	CV_GRANT_APPROVED, /* the token of this hash is good now */
	CV_GRANT_REFUSED,
	CV_GRANT_EXPIRED,
};
bool cv_grant_store_take(struct cv_connection *connection, const struct cv_digest *code_hash,
    const char *device, const struct cv_digest *token_hash, int64_t token_seconds,
    enum cv_grant_state *ret_state, struct cv_error *err);

struct cv_grant_decision {
	const char *factory;
	const char *user_code;
	bool is_approved;
	const char *actor;
	const char *token;  /* id of his */
	const char *reason; /* may be NULL */
	const char *request_id;
};
/* Audited. ret_exists false: nothing of that code waits in this factory. */
bool cv_grant_store_decide(struct cv_connection *connection,
    const struct cv_grant_decision *decision, bool *ret_exists, struct cv_error *err);

/* Makes a token that may what the one of this id may; the oldest beyond `most` of them end.
 * ret_made false: none is made of that one. */
bool cv_grant_store_derive(struct cv_connection *connection, const char *token,
    const struct cv_digest *hash, int64_t seconds, int64_t most, bool *ret_made,
    struct cv_error *err);

#endif
