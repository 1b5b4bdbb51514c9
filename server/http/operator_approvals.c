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
	bool exists = false;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	request->reason = is_approved ? "approve-enrolment" : "refuse-enrolment";
	if (!cv_approval_decide(request->http->service, call.factory, request->match.parameters[0],
		is_approved, call.operator_.actor, request->id, &exists, &err)) {
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
