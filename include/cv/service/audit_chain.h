/*
 * The hash chain over the audit trail: each row is bound to all rows before it. Chained afterwards
 * by one instance at a time, so that no writer waits for another; verified by whoever can read the
 * database. Blocking; one connection, one thread.
 *
 * The hash of a row is SHA-256 over the hash of the row before it (32 zeros for the first), then
 * position and time (microseconds since 1970), each as 8 bytes, then id, actor, action, factory,
 * device, slot, reason, request id, before and after, each as its length in 4 bytes (ffffffff:
 * NULL) and its text. Numbers are big-endian, JSON as PostgreSQL writes jsonb.
 */
#ifndef CV_SERVICE_AUDIT_CHAIN_H
#define CV_SERVICE_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/store/audit_store.h"
#include "cv/util/error.h"

void cv_audit_chain_hash(const struct cv_digest *before, int64_t position,
    const struct cv_audit_row *row, struct cv_digest *ret_hash);

/*
 * Chains what is visible and not chained, some hundred rows at most. ret_head is set when there
 * were any: ret_chained says how many, 0 also when another instance is at it.
 */
bool cv_audit_chain(struct cv_connection *connection, size_t *ret_chained,
    struct cv_audit_link *ret_head, struct cv_error *err);

struct cv_audit_report {
	bool is_good;
	int64_t rows; /* that were found good */
	struct cv_audit_outside outside;
	struct cv_audit_link head; /* the last good row */
	char problem[256];         /* of the first bad row; "" */
};

/*
 * Walks the whole chain and recomputes every hash. expected (NULL: none) is a place that was noted
 * elsewhere: a chain that does not hold it was cut or made anew. Fails only when it cannot read.
 */
bool cv_audit_verify(struct cv_connection *connection, const struct cv_audit_link *expected,
    struct cv_audit_report *ret_report, struct cv_error *err);

#endif
