/*
 * Enrolments that an operator has to approve (RFC 7030 section 4.2.3). A request is known by label,
 * authenticated identity and the SHA-256 of its DER, not by connection or form of base64. Blocking.
 */
#ifndef CV_SERVICE_APPROVAL_H
#define CV_SERVICE_APPROVAL_H

#include <stdbool.h>

#include "cv/pki/csr.h"
#include "cv/service/service.h"
#include "cv/store/approval_store.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_APPROVAL_IDENTITY_SIZE 192

struct cv_approval_request {
	const char *label;
	const char *factory;
	const char *identity;
	int64_t most_by_identity; /* that wait, whatever their devices */
	bool used_is_over;        /* an approval that was used counts no more */
	const struct cv_csr *csr;
	const char *request_id;
};

/* What an operator decided so far; a request that is not known waits from now on. An approval is
 * for one certificate: ret_id says which is to be used up with that. */
bool cv_approval_ask(struct cv_service *service, struct cv_connection *connection,
    const struct cv_approval_request *request, enum cv_approval_state *ret_state,
    char ret_id[CV_UUID_TEXT_SIZE], struct cv_error *err);
/* ret_exists false: none of that id waits in this factory. */
bool cv_approval_decide(struct cv_service *service, const struct cv_approval_decision *decision,
    bool *ret_exists, struct cv_error *err);

#endif
