#include "operator_handlers_internal.h"

#include "cv/codec/operator_json.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* ---- factories ---- */

static void
configure_factory(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name, const struct cv_factory_body *body)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	const struct cv_factory_settings settings = {
	    .announce = or_null(body->announce),
	    .first_contact = or_null(body->first_contact),
	    .retire_after_days = body->retire_after_days,
	    .lifetime_days = body->lifetime_days,
	};

	if (!cv_operator_order(request, call, act, name, &order))
		return;
	order.value.factory = &settings;
	if (!cv_operator_configure(request, &order, &result))
		return;
	if (act == CV_ADD_FACTORY)
		cv_operator_answer_created(request, &result, "outcome", "added");
	else
		cv_operator_answer_object(request, &result);
}

void
cv_operator_add_factory(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_factory_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!call.operator_.has_every_factory)
		cv_problem_answer(
		    request, CV_PROBLEM_MISSING_ROLE, "This takes a token of every factory.");
	else if (!cv_json_decode_new_factory(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else
		configure_factory(request, &call, CV_ADD_FACTORY, body.name, &body);
}

void
cv_operator_change_factory(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_factory_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_factory_change(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else
		configure_factory(
		    request, &call, CV_CHANGE_FACTORY, request->match.parameters[0], &body);
}

/* ---- groups ---- */

static void
configure_group(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name, const struct cv_group_body *body)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;

	if (!cv_operator_order(request, call, act, name, &order))
		return;
	order.value.group_announce = or_null(body->announce);
	if (!cv_operator_configure(request, &order, &result))
		return;
	if (act == CV_ADD_GROUP)
		cv_operator_answer_created(request, &result, "outcome", "added");
	else
		cv_operator_answer_object(request, &result);
}

void
cv_operator_add_group(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_group_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_new_group(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else
		configure_group(request, &call, CV_ADD_GROUP, body.name, &body);
}

void
cv_operator_change_group(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_group_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_group_change(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else
		configure_group(
		    request, &call, CV_CHANGE_GROUP, request->match.parameters[0], &body);
}

/* ---- what ends ---- */

static bool
is_token(enum cv_configuration_act act)
{
	return act == CV_REVOKE_ENROLMENT_TOKEN || act == CV_REVOKE_OPERATOR_TOKEN;
}

static void
end_object(struct cv_request *request, enum cv_configuration_act act)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	struct cv_operator_call call;
	char remark[CV_REMARK_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	/* No token has an id of another form, and the database knows no other. */
	if (is_token(act) && !cv_uuid_is_valid(request->match.parameters[0])) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	if (!cv_json_decode_remark(cv_buffer_bytes(&request->body), remark, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_order(request, &call, act, request->match.parameters[0], &order))
		return;
	order.reason = or_null(remark);
	if (cv_operator_configure(request, &order, &result))
		cv_operator_answer_outcome(
		    request, result.outcome == CV_CONFIGURATION_UNCHANGED ? "unchanged" : "done");
}

void
cv_operator_delete_group(struct cv_request *request)
{
	end_object(request, CV_DELETE_GROUP);
}

void
cv_operator_remove_gateway(struct cv_request *request)
{
	end_object(request, CV_REMOVE_GATEWAY);
}

void
cv_operator_revoke_enrolment_token(struct cv_request *request)
{
	end_object(request, CV_REVOKE_ENROLMENT_TOKEN);
}

void
cv_operator_revoke_operator_token(struct cv_request *request)
{
	end_object(request, CV_REVOKE_OPERATOR_TOKEN);
}

/* ---- tokens ---- */

static void
make_token(struct cv_request *request, const struct cv_operator_call *call,
    const struct cv_configuration_order *order)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	char secret[CV_SECRET_SIZE] = "";
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_access_make_token(
		request->http->service, &call->operator_, order, &result, secret, &err))
		cv_problem_answer_error(request, &err);
	else if (cv_operator_accept(request, &result))
		cv_operator_answer_created(request, &result, "token", secret);
	cv_wipe(secret, sizeof(secret));
}

void
cv_operator_make_enrolment_token(struct cv_request *request)
{
	struct cv_enrolment_token_row row = {.uses = 0};
	struct cv_enrolment_token_order body;
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_token_order(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_order(request, &call, CV_ADD_ENROLMENT_TOKEN, NULL, &order))
		return;
	(void)cv_text_copy(row.factory, sizeof(row.factory), call.factory);
	(void)cv_text_copy(row.device, sizeof(row.device), body.device);
	row.uses_max = body.uses;
	row.expires_in_seconds = body.expires_in_seconds;
	order.value.enrolment_token = &row;
	make_token(request, &call, &order);
}

/* A token of some factories makes tokens of these only, and says which. */
/* A token cannot be cut down to more than its role. */
static bool
scopes_fit(struct cv_request *request, const struct cv_operator_token_body *body)
{
	enum cv_role role = CV_ROLE_VIEWER;
	unsigned scopes = 0;

	if (body->scopes[0] == '\0' ||
	    (cv_role_parse(body->role, &role) && cv_scopes_parse(body->scopes, &scopes) &&
		cv_scopes_allow(cv_access_scopes_of(role), scopes)))
		return true;
	cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST, "The role has not all of these scopes.");
	return false;
}

void
cv_operator_make_operator_token(struct cv_request *request)
{
	struct cv_operator_token_order token = {.expires_in_seconds = 0};
	struct cv_operator_token_body body;
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_operator_token(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_sees_factories(&call.operator_, body.factories)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such factory.");
		return;
	}
	if (!scopes_fit(request, &body) ||
	    !cv_operator_order(request, &call, CV_ADD_OPERATOR_TOKEN, NULL, &order))
		return;
	(void)cv_text_copy(token.name, sizeof(token.name), body.name);
	(void)cv_text_copy(token.role, sizeof(token.role), body.role);
	(void)cv_text_copy(token.factories, sizeof(token.factories), body.factories);
	(void)cv_text_copy(token.scopes, sizeof(token.scopes), body.scopes);
	token.expires_in_seconds = body.expires_in_seconds;
	order.value.operator_token = &token;
	make_token(request, &call, &order);
}
