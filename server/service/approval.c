#include "cv/service/approval.h"

#include "cv/util/random.h"

bool
cv_approval_ask(struct cv_service *service, struct cv_connection *connection,
    const struct cv_approval_request *request, enum cv_approval_state *ret_state,
    char ret_id[CV_UUID_TEXT_SIZE], struct cv_error *err)
{
	const struct cv_service_settings *settings = cv_service_settings(service);
	char id[CV_UUID_TEXT_SIZE];
	struct cv_approval_row row = {
	    .id = id,
	    .factory = request->factory,
	    .label = request->label,
	    .identity = request->identity,
	    .device = request->csr->common_name,
	    .csr_digest = &request->csr->digest,
	    .csr = request->csr->der,
	    .days = settings->approval_days,
	    .most = settings->approvals_max,
	    .most_of_device = settings->approvals_per_device,
	    .most_by_identity = request->most_by_identity,
	    .used_is_over = request->used_is_over,
	};

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), id);
	return cv_approval_store_ask(connection, &row, ret_state, ret_id, err);
}

bool
cv_approval_decide(struct cv_service *service, const struct cv_approval_decision *decision,
    bool *ret_exists, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_approval_store_decide(connection, decision, ret_exists, err);
}
