/* Requests that wait for an operator. Blocking; one connection, one thread. */
#ifndef CV_STORE_APPROVAL_STORE_H
#define CV_STORE_APPROVAL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "cv/util/random.h"

struct cv_approval_row {
	const char *id; /* uuid, of a new one */
	const char *factory;
	const char *label;    /* "": none */
	const char *identity; /* who asks, by which credentials */
	const char *device;
	const struct cv_digest *csr_digest;
	struct cv_bytes csr;
	int64_t days; /* it is kept so long */
	int64_t most;
	int64_t most_of_device;
	int64_t most_by_identity;
	bool used_is_over; /* an approval that was used counts no more */
};

enum cv_approval_state {
	CV_APPROVAL_PENDING,
	CV_APPROVAL_APPROVED,
	CV_APPROVAL_REFUSED,
	CV_APPROVAL_TOO_MANY, /* not recorded */
};

/* The state of the request, and under which id it is kept; one that is not known waits from now on.
 */
bool cv_approval_store_ask(struct cv_connection *connection, const struct cv_approval_row *row,
    enum cv_approval_state *ret_state, char ret_id[CV_UUID_TEXT_SIZE], struct cv_error *err);

struct cv_approval_decision {
	const char *factory;
	const char *id;
	bool is_approved;
	const char *actor;
	const char *reason; /* may be NULL */
	const char *request_id;
};
/* Audited. ret_exists false: none of that id waits in this factory. */
bool cv_approval_store_decide(struct cv_connection *connection,
    const struct cv_approval_decision *decision, bool *ret_exists, struct cv_error *err);

#endif
