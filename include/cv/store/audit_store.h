/*
 * The audit trail and its chain. Writers insert rows and wait for nobody; rows get a position and a
 * hash afterwards, once. Blocking; one connection, one thread.
 */
#ifndef CV_STORE_AUDIT_STORE_H
#define CV_STORE_AUDIT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/device_record.h"
#include "cv/model/digest.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

/* A place in the chain: the row at this position has this hash. Position 0 is before the first. */
struct cv_audit_link {
	int64_t position;
	struct cv_digest hash;
};

/* The place that a row gets. */
struct cv_audit_place {
	struct cv_audit_link link;
	char id[CV_UUID_SIZE];
};

/* actor, action, factory, device, slot, reason, request id, before, after */
#define CV_AUDIT_TEXTS 9

struct cv_audit_row {
	struct cv_audit_link link; /* zeros: not chained yet */
	char id[CV_UUID_SIZE];
	int64_t at_us;                     /* microseconds since 1970 */
	const char *texts[CV_AUDIT_TEXTS]; /* lent during the call; NULL: SQL's NULL */
};

typedef bool cv_audit_sink(void *context, const struct cv_audit_row *row, struct cv_error *err);

/*
 * Opens a transaction and takes the chain. ret_is_mine false, and no transaction: there is nothing
 * to chain, or another instance is at it.
 */
bool cv_audit_store_begin(struct cv_connection *connection, bool *ret_is_mine,
    struct cv_audit_link *ret_head, struct cv_error *err);
/* At most limit rows that are not chained, in the order of the chain. */
bool cv_audit_store_unchained(struct cv_connection *connection, size_t limit, cv_audit_sink *sink,
    void *context, struct cv_error *err);
/* Gives rows their places, the last of which is the new end, and commits. One at least. */
bool cv_audit_store_commit(struct cv_connection *connection, const struct cv_audit_place *places,
    size_t count, struct cv_error *err);
void cv_audit_store_rollback(struct cv_connection *connection);

/* Sees one moment until the end: for a reader of the whole chain. */
bool cv_audit_store_begin_reading(struct cv_connection *connection, struct cv_error *err);
/* Rows outside the chain. */
struct cv_audit_outside {
	int64_t unchained; /* not in it yet */
	int64_t late;      /* of these, for more than a minute: a problem */
	int64_t misplaced; /* before it, or not in it and at no time that was: a problem */
};
bool cv_audit_store_head(struct cv_connection *connection, struct cv_audit_link *ret_head,
    struct cv_audit_outside *ret_outside, struct cv_error *err);
/* At most limit rows behind the position. */
bool cv_audit_store_chained(struct cv_connection *connection, int64_t position, size_t limit,
    cv_audit_sink *sink, void *context, size_t *ret_rows, struct cv_error *err);

#endif
