#include "operator_handlers_internal.h"

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/model/source.h"
#include "cv/service/authority.h"
#include "cv/util/text.h"
#include "cv/util/pem.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

void
cv_operator_import_authority(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_configuration_order order;
	struct cv_authority_body body;
	struct cv_operator_call call;
	const char *unfit = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_authority(cv_buffer_bytes(&request->body), &body, &der, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	const struct cv_authority_import import = {
	    .owner = body.owner, .kind = body.kind, .certificate = cv_buffer_bytes(&der)};
	if (!cv_operator_order(request, &call, CV_ADD_AUTHORITY, body.name, &order))
		return;
	if (!cv_authority_import(request->http->service, &import, &order, &unfit, &result, &err))
		cv_problem_answer_error(request, &err);
	else if (unfit != NULL)
		cv_problem_answer(request, CV_PROBLEM_BAD_CERTIFICATE, unfit);
	else if (cv_operator_accept(request, &result))
		cv_operator_answer_created(request, &result, "outcome", "added");
}

static void
answer_outcome(struct cv_request *request, const struct cv_configuration_result *result)
{
	cv_operator_answer_outcome(
	    request, result->outcome == CV_CONFIGURATION_UNCHANGED ? "unchanged" : "done");
}

static enum cv_authority_state
state_after(const char *act)
{
	if (cv_text_equal(act, "enable"))
		return CV_AUTHORITY_TRUSTED;
	return cv_text_equal(act, "disable") ? CV_AUTHORITY_DISABLED : CV_AUTHORITY_REVOKED;
}

void
cv_operator_change_authority(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	enum cv_authority_state state =
	    state_after(request->path.segments[request->path.count - 1]);
	struct cv_configuration_order order;
	struct cv_operator_call call;
	enum cv_reason reason = CV_REASON_UNSPECIFIED;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_reason(cv_buffer_bytes(&request->body), &reason, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_order(
		request, &call, CV_CHANGE_AUTHORITY, request->match.parameters[0], &order))
		return;
	order.reason = cv_reason_name(reason);
	if (!cv_authority_set_state(request->http->service, state, &order, &result, &err))
		cv_problem_answer_error(request, &err);
	else if (cv_operator_accept(request, &result))
		answer_outcome(request, &result);
}

/* ---- gateways and operators with certificates of the service CA ---- */

/* False: this server cannot issue them, which is answered. */
static bool
has_service_ca(struct cv_request *request)
{
	if (request->http->options->service_ca != NULL)
		return true;
	cv_problem_answer(
	    request, CV_PROBLEM_NOT_POSSIBLE, "This server does not hold the service CA.");
	return false;
}

static void
answer_client(struct cv_request *request, enum cv_client_outcome outcome,
    const struct cv_configuration_result *result)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	switch (outcome) {
	case CV_CLIENT_GOOD:
		break;
	case CV_CLIENT_BAD_CSR:
		cv_problem_answer(request, CV_PROBLEM_BAD_CSR, NULL);
		return;
	case CV_CLIENT_BAD_SOURCE:
		cv_problem_answer(request, CV_PROBLEM_BAD_SOURCE, NULL);
		return;
	}
	if (!cv_operator_accept(request, result))
		return;
	cv_pem_append(&pem, CV_ARMOUR_CERTIFICATE, cv_buffer_bytes(&result->kept));
	cv_operator_answer_created(request, result, "certificate", cv_buffer_text(&pem));
}

static void
add_gateway(struct cv_request *request, struct cv_operator_call *call,
    const struct cv_gateway_body *body, const struct cv_buffer *csr)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	enum cv_client_outcome outcome = CV_CLIENT_BAD_CSR;
	struct cv_configuration_order order;
	struct cv_error err = CV_ERROR_INIT;
	const struct cv_gateway_order gateway = {
	    .factories = body->factories[0] == '\0' ? NULL : body->factories,
	    .sources = body->sources,
	    .may_activate = body->may_activate,
	    .csr = cv_buffer_bytes(csr),
	    .lifetime_days = body->lifetime_days,
	};

	if (!cv_operator_order(request, call, CV_ADD_GATEWAY, body->name, &order))
		return;
	if (!cv_access_add_gateway(request->http->service, request->http->options->service_ca,
		&gateway, &order, &outcome, &result, &err))
		cv_problem_answer_error(request, &err);
	else
		answer_client(request, outcome, &result);
}

void
cv_operator_add_gateway(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_gateway_body body;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_gateway(cv_buffer_bytes(&request->body), &body, &csr, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_sees_factories(request, &call.operator_, body.factories))
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such factory.");
	else if (has_service_ca(request))
		add_gateway(request, &call, &body, &csr);
}

void
cv_operator_add_certificate(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_operator_row operator_ = {.expires_in_seconds = 0};
	struct cv_operator_certificate_body body;
	enum cv_client_outcome outcome = CV_CLIENT_BAD_CSR;
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_operator_certificate(
		cv_buffer_bytes(&request->body), &body, &csr, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_grant(request, &call, &body.operator_, &operator_) ||
	    !has_service_ca(request) ||
	    !cv_operator_order(request, &call, CV_ADD_OPERATOR_CERTIFICATE, NULL, &order))
		return;
	const struct cv_operator_certificate_order wanted = {
	    .operator_ = &operator_, .csr = cv_buffer_bytes(&csr), .lifetime_days = body.days};
	if (!cv_access_add_certificate(request->http->service, request->http->options->service_ca,
		&wanted, &order, &outcome, &result, &err))
		cv_problem_answer_error(request, &err);
	else
		answer_client(request, outcome, &result);
}

void
cv_operator_change_gateway(struct cv_request *request)
{
	struct cv_configuration_order order;
	struct cv_gateway_change_body body;
	struct cv_sources sources;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_gateway_change(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (body.sources[0] != '\0' && !cv_sources_parse(body.sources, &sources)) {
		cv_problem_answer(request, CV_PROBLEM_BAD_SOURCE, NULL);
		return;
	}
	const struct cv_gateway_change change = {
	    .sources = body.sources[0] == '\0' ? NULL : body.sources,
	    .may_activate = body.has_may_activate ? &body.may_activate : NULL,
	};
	if (!cv_operator_order(
		request, &call, CV_CHANGE_GATEWAY, request->match.parameters[0], &order))
		return;
	order.value.gateway_change = &change;
	cv_operator_carry_out(request, &order);
}
