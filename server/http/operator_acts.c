#include "operator_handlers_internal.h"

#include "cv/codec/operator_json.h"
#include "cv/model/secret.h"
#include "cv/service/device_lifecycle.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

static void
answer_outcome(struct cv_request *request, enum cv_lifecycle_outcome outcome)
{
	switch (outcome) {
	case CV_LIFECYCLE_DONE:
		cv_buffer_append_text(&request->answer.body, "{\"outcome\":\"done\"}\n");
		cv_operator_answer_json(request, 200);
		return;
	case CV_LIFECYCLE_UNCHANGED:
		cv_buffer_append_text(&request->answer.body, "{\"outcome\":\"unchanged\"}\n");
		cv_operator_answer_json(request, 200);
		return;
	case CV_LIFECYCLE_NOT_FOUND:
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	case CV_LIFECYCLE_NOT_POSSIBLE:
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE, NULL);
		return;
	}
	cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

static struct cv_lifecycle_request
make_order(const struct cv_request *request, const struct cv_operator_call *call)
{
	return (struct cv_lifecycle_request){
	    .factory = call->factory,
	    .reason = CV_REASON_UNSPECIFIED,
	    .actor = call->operator_.actor,
	    .request_id = request->id,
	};
}

static bool
read_reason(struct cv_request *request, enum cv_reason *ret_reason)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_json_decode_reason(cv_buffer_bytes(&request->body), ret_reason, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

static void
change_device(struct cv_request *request, enum cv_lifecycle_act act)
{
	struct cv_operator_call call;
	enum cv_lifecycle_outcome outcome = CV_LIFECYCLE_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_OPERATOR, &call))
		return;
	struct cv_lifecycle_request order = make_order(request, &call);
	order.device = request->match.parameters[0];
	if (act == CV_LIFECYCLE_REVOKE && !read_reason(request, &order.reason))
		return;
	request->reason = cv_lifecycle_act_name(act);
	if (!cv_party_set(&request->sight.party, order.factory, order.device, NULL)) {
		/* No device can have such an id. */
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	if (cv_lifecycle_device(request->http->service, act, &order, &outcome, &err))
		answer_outcome(request, outcome);
	else
		cv_problem_answer_error(request, &err);
}

void
cv_operator_revoke_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_REVOKE);
}

void
cv_operator_hold_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_HOLD);
}

void
cv_operator_release_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_RELEASE);
}

void
cv_operator_allow_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_ALLOW);
}

void
cv_operator_cancel_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_CANCEL);
}

void
cv_operator_approve_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_APPROVE);
}

void
cv_operator_delete_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_DELETE);
}

static void
answer_revocation(struct cv_request *request, enum cv_lifecycle_outcome outcome, bool ends_key)
{
	if (outcome != CV_LIFECYCLE_DONE && outcome != CV_LIFECYCLE_UNCHANGED) {
		answer_outcome(request, outcome);
		return;
	}
	cv_buffer_printf(&request->answer.body, "{\"outcome\":\"%s\",\"ends_key\":%s}\n",
	    outcome == CV_LIFECYCLE_DONE ? "done" : "unchanged", ends_key ? "true" : "false");
	cv_operator_answer_json(request, 200);
}

void
cv_operator_revoke_certificate(struct cv_request *request)
{
	struct cv_operator_call call;
	enum cv_lifecycle_outcome outcome = CV_LIFECYCLE_NOT_FOUND;
	struct cv_digest fingerprint;
	bool ends_key = false;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_OPERATOR, &call))
		return;
	struct cv_lifecycle_request order = make_order(request, &call);
	if (!read_reason(request, &order.reason))
		return;
	request->reason = "revoke-certificate";
	if (!cv_digest_parse(request->match.parameters[0], &fingerprint))
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else if (cv_lifecycle_revoke_certificate(
		     request->http->service, &order, &fingerprint, &outcome, &ends_key, &err))
		answer_revocation(request, outcome, ends_key);
	else
		cv_problem_answer_error(request, &err);
}

void
cv_operator_make_token(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_enrolment_token_order order;
	char secret[CV_SECRET_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_OPERATOR, &call))
		return;
	if (!cv_json_decode_token_order(cv_buffer_bytes(&request->body), &order, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_access_make_enrolment_token(request->http->service, call.factory,
		order.device[0] == '\0' ? NULL : order.device, order.uses, order.expires_in_seconds,
		call.operator_.actor, request->id, secret, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	request->answer.body.is_secret = true;
	cv_buffer_append_text(&request->answer.body, "{\"token\":");
	cv_json_append_string(&request->answer.body, secret);
	cv_buffer_append_text(&request->answer.body, "}\n");
	cv_wipe(secret, sizeof(secret));
	cv_operator_answer_json(request, 201);
}
