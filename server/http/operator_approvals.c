#include "cv/service/approval.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "operator_handlers_internal.h"
#include "problem_internal.h"

static void
decide(struct cv_request *request, bool is_approved)
{
	struct cv_operator_call call;
	char remark[CV_REMARK_SIZE];
	bool exists = false;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call) || !cv_operator_read_remark(request, remark))
		return;
	const struct cv_approval_decision decision = {
	    .factory = call.factory,
	    .id = request->match.parameters[0],
	    .is_approved = is_approved,
	    .actor = call.operator_.actor,
	    .reason = remark[0] == '\0' ? NULL : remark,
	    .request_id = request->id,
	};
	request->reason = is_approved ? "approve-enrolment" : "refuse-enrolment";
	if (!cv_approval_decide(request->http->service, &decision, &exists, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (!exists) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "No such request waits.");
		return;
	}
	cv_operator_answer_outcome(request, "done");
}

void
cv_operator_approve_enrolment(struct cv_request *request)
{
	decide(request, true);
}

void
cv_operator_refuse_enrolment(struct cv_request *request)
{
	decide(request, false);
}
