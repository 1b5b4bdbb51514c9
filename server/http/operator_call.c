#include "operator_call_internal.h"

#include <string.h>

#include "credentials_internal.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "problem_internal.h"

static void
challenge(struct cv_request *request)
{
	cv_problem_answer(request, CV_PROBLEM_UNAUTHENTICATED, NULL);
	cv_answer_add_header(request, "WWW-Authenticate", "Bearer realm=\"certvendor\"");
}

static bool
authenticate_secret(
    struct cv_request *request, const char *secret, struct cv_operator *ret_operator)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_known = false;

	if (cv_credentials_must_wait(request))
		return false;
	if (!cv_access_authenticate(
		request->http->service, secret, &is_known, ret_operator, &err)) {
		cv_problem_answer_error(request, &err);
		return false;
	}
	if (!is_known) {
		cv_credentials_note_failure(request);
		challenge(request);
	}
	return is_known;
}

static bool
authenticate(struct cv_request *request, struct cv_operator *ret_operator)
{
	char secret[CV_CREDENTIAL_SIZE];
	bool is_known;

	if (cv_credentials_read(request, true, secret) != CV_CREDENTIALS_GIVEN) {
		challenge(request);
		return false;
	}
	is_known = authenticate_secret(request, secret, ret_operator);
	cv_wipe(secret, sizeof(secret));
	return is_known;
}

static const char *
default_factory(const struct cv_realm *realm, const struct cv_operator *operator_)
{
	const struct cv_factory_row *row;

	if (!operator_->has_every_factory && strchr(operator_->factories, ',') == NULL)
		return operator_->factories;
	row = cv_realm_default_factory(realm);
	return row == NULL ? "" : row->name;
}

/* A factory that the token may not see looks as if it did not exist. */
static bool
choose_factory(struct cv_request *request, struct cv_operator_call *call)
{
	enum cv_query_outcome outcome =
	    cv_query_find(request->path.query, "factory", call->factory, sizeof(call->factory));

	if (outcome == CV_QUERY_BAD) {
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "Query member factory is malformed.");
		return false;
	}
	request->realm = cv_service_realm(request->http->service);
	if (outcome == CV_QUERY_ABSENT && !cv_text_copy(call->factory, sizeof(call->factory),
					      default_factory(request->realm, &call->operator_)))
		call->factory[0] = '\0';
	if (cv_realm_factory(request->realm, call->factory) == NULL ||
	    !cv_access_sees_factory(&call->operator_, call->factory)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such factory.");
		return false;
	}
	return true;
}

bool
cv_operator_admit(struct cv_request *request, enum cv_role role, struct cv_operator_call *ret_call)
{
	if (!authenticate(request, &ret_call->operator_))
		return false;
	(void)cv_text_copy(request->actor, sizeof(request->actor), ret_call->operator_.actor);
	if (!cv_access_has_role(&ret_call->operator_, role)) {
		cv_problem_answer(request, CV_PROBLEM_MISSING_ROLE, NULL);
		return false;
	}
	return choose_factory(request, ret_call);
}

void
cv_operator_answer_json(struct cv_request *request, unsigned status)
{
	if (request->answer.body.has_failed) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	cv_answer_set(request, status, "application/json");
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

void
cv_operator_answer_bad_json(struct cv_request *request, const struct cv_error *err)
{
	if (err->code == CV_E_INPUT)
		cv_problem_answer(request, CV_PROBLEM_BAD_JSON, err->text);
	else
		cv_problem_answer_error(request, err);
}
