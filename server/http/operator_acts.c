#include "operator_handlers_internal.h"

#include "cv/codec/operator_json.h"
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
		cv_operator_answer_outcome(request, "done");
		return;
	case CV_LIFECYCLE_UNCHANGED:
		cv_operator_answer_outcome(request, "unchanged");
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
change_device(
    struct cv_request *request, enum cv_lifecycle_act act, const char *device, const char *group)
{
	struct cv_operator_call call;
	char remark[CV_REMARK_SIZE];
	enum cv_lifecycle_outcome outcome = CV_LIFECYCLE_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	struct cv_lifecycle_request order = make_order(request, &call);
	order.device = device;
	order.group = group;
	if (act == CV_LIFECYCLE_REVOKE ? !read_reason(request, &order.reason)
				       : !cv_operator_read_remark(request, remark))
		return;
	if (act != CV_LIFECYCLE_REVOKE && remark[0] != '\0')
		order.remark = remark;
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
cv_operator_change_device(struct cv_request *request)
{
	static const struct {
		const char *segment;
		enum cv_lifecycle_act act;
	} acts[] = {
	    {"revoke", CV_LIFECYCLE_REVOKE},
	    {"hold", CV_LIFECYCLE_HOLD},
	    {"release", CV_LIFECYCLE_RELEASE},
	    {"allow", CV_LIFECYCLE_ALLOW},
	    {"cancel", CV_LIFECYCLE_CANCEL},
	    {"approve", CV_LIFECYCLE_APPROVE},
	};
	const char *segment = request->path.segments[request->path.count - 1];

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (cv_text_equal(acts[i].segment, segment))
			change_device(request, acts[i].act, request->match.parameters[0], NULL);
	}
}

void
cv_operator_delete_device(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_DELETE, request->match.parameters[0], NULL);
}

void
cv_operator_join_group(struct cv_request *request)
{
	change_device(
	    request, CV_LIFECYCLE_JOIN, request->match.parameters[1], request->match.parameters[0]);
}

void
cv_operator_leave_group(struct cv_request *request)
{
	change_device(request, CV_LIFECYCLE_LEAVE, request->match.parameters[1],
	    request->match.parameters[0]);
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

	if (!cv_operator_admit(request, &call))
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
