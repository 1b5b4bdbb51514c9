#include "cv/store/grant_store.h"

#include <string.h>

#include "cv/util/clock.h"
#include "cv/util/random.h"

#include "database_internal.h"

static void
new_id(char ret_id[CV_UUID_TEXT_SIZE])
{
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), ret_id);
}

bool
cv_grant_store_ask(struct cv_connection *connection, const struct cv_grant_row *row,
    bool *ret_waits, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	char id[CV_UUID_TEXT_SIZE];

	new_id(id);
	cv_parameter_text(&parameters, id);
	cv_parameter_text(&parameters, row->factory);
	cv_parameter_digest(&parameters, row->code_hash);
	cv_parameter_text(&parameters, row->user_code);
	cv_parameter_text(&parameters, row->device);
	cv_parameter_number(&parameters, row->seconds);
	cv_parameter_number(&parameters, row->most);
	cv_parameter_number(&parameters, row->most_of_device);
	if (!cv_execute(connection, CV_SQL(device_grant_ask), &parameters, &result, err))
		return cv_error_context(err, "asking for a token");
	*ret_waits = PQntuples(result) == 1;
	return true;
}

static enum cv_grant_state
parse_state(const char *name)
{
	if (strcmp(name, "approved") == 0)
		return CV_GRANT_APPROVED;
	if (strcmp(name, "refused") == 0)
		return CV_GRANT_REFUSED;
	return strcmp(name, "expired") == 0 ? CV_GRANT_EXPIRED : CV_GRANT_PENDING;
}

bool
cv_grant_store_take(struct cv_connection *connection, const struct cv_digest *code_hash,
    const char *device, const struct cv_digest *token_hash, int64_t token_seconds,
    enum cv_grant_state *ret_state, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	char id[CV_UUID_TEXT_SIZE];

	new_id(id);
	cv_parameter_digest(&parameters, code_hash);
	cv_parameter_text(&parameters, device);
	cv_parameter_text(&parameters, id);
	cv_parameter_digest(&parameters, token_hash);
	cv_parameter_number(&parameters, token_seconds);
	if (!cv_execute(connection, CV_SQL(device_grant_take), &parameters, &result, err))
		return cv_error_context(err, "taking a token");
	*ret_state = PQntuples(result) == 0
			 ? CV_GRANT_UNKNOWN
			 : parse_state(cv_row_text((struct cv_row){result, 0}, 0));
	return true;
}

bool
cv_grant_store_decide(struct cv_connection *connection, const struct cv_grant_decision *decision,
    bool *ret_exists, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	char audit_id[CV_UUID_TEXT_SIZE];

	new_id(audit_id);
	cv_parameter_text(&parameters, decision->factory);
	cv_parameter_text(&parameters, decision->user_code);
	cv_parameter_text(&parameters, decision->is_approved ? "approved" : "refused");
	cv_parameter_text(&parameters, decision->actor);
	cv_parameter_text(&parameters, decision->token);
	cv_parameter_text(&parameters, decision->request_id);
	cv_parameter_text(&parameters, audit_id);
	cv_parameter_text(&parameters, decision->reason);
	if (!cv_execute(connection, CV_SQL(device_grant_decide), &parameters, &result, err))
		return cv_error_context(err, "deciding on a device");
	*ret_exists = PQntuples(result) == 1;
	return true;
}

bool
cv_grant_store_derive(struct cv_connection *connection, const char *token,
    const struct cv_digest *hash, int64_t seconds, int64_t most, bool *ret_made,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	char id[CV_UUID_TEXT_SIZE];

	new_id(id);
	cv_parameter_text(&parameters, token);
	cv_parameter_text(&parameters, id);
	cv_parameter_digest(&parameters, hash);
	cv_parameter_number(&parameters, seconds);
	cv_parameter_number(&parameters, most);
	if (!cv_execute(connection, CV_SQL(operator_token_derive), &parameters, &result, err))
		return cv_error_context(err, "making a token of another");
	*ret_made = strcmp(PQcmdTuples(result), "1") == 0;
	return true;
}
