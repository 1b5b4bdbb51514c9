#include "operator_handlers_internal.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/service/authority.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

static void
answer_import(struct cv_request *request, enum cv_authority_outcome outcome, const char *detail)
{
	switch (outcome) {
	case CV_AUTHORITY_ADDED:
		cv_buffer_append_text(&request->answer.body, "{\"outcome\":\"added\"}\n");
		cv_operator_answer_json(request, 201);
		return;
	case CV_AUTHORITY_EXISTS:
		cv_problem_answer(request, CV_PROBLEM_EXISTS, NULL);
		return;
	case CV_AUTHORITY_BAD_CERTIFICATE:
		cv_problem_answer(request, CV_PROBLEM_BAD_CERTIFICATE, detail);
		return;
	}
	cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

void
cv_operator_import_authority(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_authority_body body;
	struct cv_operator_call call;
	enum cv_authority_outcome outcome = CV_AUTHORITY_BAD_CERTIFICATE;
	const char *detail = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_ADMIN, &call))
		return;
	if (!cv_json_decode_authority(cv_buffer_bytes(&request->body), &body, &der, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	const struct cv_authority_order order = {
	    .factory = call.factory,
	    .name = body.name,
	    .owner = body.owner,
	    .kind = body.kind,
	    .certificate = cv_buffer_bytes(&der),
	    .actor = call.operator_.actor,
	    .request_id = request->id,
	};
	request->reason = "import-authority";
	if (cv_authority_import(request->http->service, &order, &outcome, &detail, &err))
		answer_import(request, outcome, detail);
	else
		cv_problem_answer_error(request, &err);
}

static void
answer_state(struct cv_request *request, enum cv_lifecycle_outcome outcome)
{
	if (outcome == CV_LIFECYCLE_NOT_FOUND) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	if (outcome == CV_LIFECYCLE_NOT_POSSIBLE) {
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE, NULL);
		return;
	}
	cv_buffer_printf(&request->answer.body, "{\"outcome\":\"%s\"}\n",
	    outcome == CV_LIFECYCLE_DONE ? "done" : "unchanged");
	cv_operator_answer_json(request, 200);
}

static void
change_authority(struct cv_request *request, enum cv_authority_state state)
{
	struct cv_operator_call call;
	enum cv_lifecycle_outcome outcome = CV_LIFECYCLE_NOT_FOUND;
	enum cv_reason reason = CV_REASON_UNSPECIFIED;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_ADMIN, &call))
		return;
	if (!cv_json_decode_reason(cv_buffer_bytes(&request->body), &reason, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	request->reason = cv_authority_state_name(state);
	if (cv_authority_set_state(request->http->service, call.factory,
		request->match.parameters[0], state, cv_reason_name(reason), call.operator_.actor,
		request->id, &outcome, &err))
		answer_state(request, outcome);
	else
		cv_problem_answer_error(request, &err);
}

void
cv_operator_enable_authority(struct cv_request *request)
{
	change_authority(request, CV_AUTHORITY_TRUSTED);
}

void
cv_operator_disable_authority(struct cv_request *request)
{
	change_authority(request, CV_AUTHORITY_DISABLED);
}

void
cv_operator_revoke_authority(struct cv_request *request)
{
	change_authority(request, CV_AUTHORITY_REVOKED);
}

static void
answer_gateway(
    struct cv_request *request, enum cv_gateway_outcome outcome, const struct cv_buffer *der)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	switch (outcome) {
	case CV_GATEWAY_ADDED:
		cv_armour_append(&pem, CV_ARMOUR_CERTIFICATE, cv_buffer_bytes(der));
		cv_buffer_append_text(&request->answer.body, "{\"certificate\":");
		cv_json_append_string(&request->answer.body, cv_buffer_text(&pem));
		cv_buffer_append_text(&request->answer.body, "}\n");
		cv_operator_answer_json(request, 201);
		return;
	case CV_GATEWAY_EXISTS:
		cv_problem_answer(request, CV_PROBLEM_EXISTS, NULL);
		return;
	case CV_GATEWAY_BAD_CSR:
		cv_problem_answer(request, CV_PROBLEM_BAD_CSR, NULL);
		return;
	case CV_GATEWAY_BAD_SOURCE:
		cv_problem_answer(request, CV_PROBLEM_BAD_SOURCE, NULL);
		return;
	}
	cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

/* A token of some factories can make gateways of these only, and says which. */
static bool
may_name_factories(const struct cv_operator *operator_, const char *factories)
{
	char name[CV_FACTORY_NAME_MAX + 1];

	if (operator_->has_every_factory)
		return true;
	while (*factories != '\0') {
		size_t len = strcspn(factories, ",");
		if (!cv_text_copy_bytes(name, sizeof(name), factories, len) ||
		    !cv_access_sees_factory(operator_, name))
			return false;
		factories += len;
		if (*factories == '\0')
			return true;
		factories++;
	}
	return false;
}

static void
add_gateway(struct cv_request *request, const struct cv_operator_call *call,
    const struct cv_gateway_body *body, const struct cv_buffer *csr)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	enum cv_gateway_outcome outcome = CV_GATEWAY_BAD_CSR;
	struct cv_error err = CV_ERROR_INIT;
	const struct cv_gateway_order order = {
	    .name = body->name,
	    .factories = body->factories[0] == '\0' ? NULL : body->factories,
	    .sources = body->sources,
	    .may_activate = body->may_activate,
	    .csr = cv_buffer_bytes(csr),
	    .lifetime_days = body->lifetime_days,
	};

	request->reason = "add-gateway";
	if (cv_access_add_gateway(request->http->service, request->http->options->service_ca,
		&order, call->operator_.actor, request->id, &outcome, &der, &err))
		answer_gateway(request, outcome, &der);
	else
		cv_problem_answer_error(request, &err);
}

void
cv_operator_add_gateway(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_gateway_body body;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_ADMIN, &call))
		return;
	if (!cv_json_decode_gateway(cv_buffer_bytes(&request->body), &body, &csr, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!may_name_factories(&call.operator_, body.factories))
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such factory.");
	else if (request->http->options->service_ca == NULL)
		cv_problem_answer(
		    request, CV_PROBLEM_NOT_POSSIBLE, "This server does not hold the service CA.");
	else
		add_gateway(request, &call, &body, &csr);
}
