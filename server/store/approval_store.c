#include "cv/store/approval_store.h"

#include <string.h>

#include "cv/util/clock.h"
#include "cv/util/text.h"

#include "database_internal.h"

static enum cv_approval_state
parse_state(const char *name)
{
	if (strcmp(name, "approved") == 0)
		return CV_APPROVAL_APPROVED;
	return strcmp(name, "refused") == 0 ? CV_APPROVAL_REFUSED : CV_APPROVAL_PENDING;
}

bool
cv_approval_store_ask(struct cv_connection *connection, const struct cv_approval_row *row,
    enum cv_approval_state *ret_state, char ret_id[CV_UUID_TEXT_SIZE], struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, row->id);
	cv_parameter_text(&parameters, row->factory);
	cv_parameter_text(&parameters, row->label);
	cv_parameter_text(&parameters, row->identity);
	cv_parameter_text(&parameters, row->device);
	cv_parameter_digest(&parameters, row->csr_digest);
	cv_parameter_bytes(&parameters, row->csr);
	cv_parameter_number(&parameters, row->days);
	cv_parameter_number(&parameters, row->most);
	cv_parameter_number(&parameters, row->most_of_device);
	cv_parameter_number(&parameters, row->most_by_identity);
	cv_parameter_bool(&parameters, row->used_is_over);
	if (!cv_execute(connection, CV_SQL(approval_ask), &parameters, &result, err))
		return cv_error_context(err, "asking for approval");
	*ret_state = CV_APPROVAL_TOO_MANY;
	if (PQntuples(result) == 0)
		return true;
	*ret_state = parse_state(cv_row_text((struct cv_row){result, 0}, 0));
	cv_text_copy(ret_id, CV_UUID_TEXT_SIZE, cv_row_text((struct cv_row){result, 0}, 1));
	return true;
}

bool
cv_approval_store_decide(struct cv_connection *connection,
    const struct cv_approval_decision *decision, bool *ret_exists, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	char audit_id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), audit_id);
	cv_parameter_text(&parameters, decision->factory);
	cv_parameter_text(&parameters, decision->id);
	cv_parameter_text(&parameters, decision->is_approved ? "approved" : "refused");
	cv_parameter_text(&parameters, decision->actor);
	cv_parameter_text(&parameters, decision->request_id);
	cv_parameter_text(&parameters, audit_id);
	cv_parameter_text(&parameters, decision->reason);
	if (!cv_execute(connection, CV_SQL(approval_decide), &parameters, &result, err))
		return cv_error_context(err, "deciding on a request");
	*ret_exists = PQntuples(result) == 1;
	return true;
}
