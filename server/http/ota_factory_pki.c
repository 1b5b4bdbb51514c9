#include "ota_factory_pki_internal.h"

#include <string.h>

#include "cv/codec/factory_pki_json.h"
#include "cv/codec/operator_json.h"
#include "cv/service/factory_pki.h"
#include "cv/util/pem.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "ota_scripts_internal.h"
#include "problem_internal.h"

static const char operator_prefix[] = "operator:";

struct pki_call {
	struct cv_operator_call call;
	struct cv_tls_pair *pair; /* of the device listener, for the order; NULL: it is off */
	struct cv_factory_pki_order order;
};

static void
pki_call_deinit(struct pki_call *call)
{
	cv_tls_pair_free(call->pair);
}
#define AUTO_PKI_CALL __attribute__((cleanup(pki_call_deinit)))

/* Admission, and the order that everything here is carried out under. False: answered. */
static bool
admit(struct cv_request *request, struct pki_call *ret_call)
{
	struct cv_listener *listener = request->http->listeners[CV_LISTENER_DEVICE];
	struct cv_operator_call *call = &ret_call->call;

	if (!cv_operator_admit(request, call))
		return false;
	request->reason = "factory-pki";
	if (listener != NULL)
		ret_call->pair = cv_listener_pair(listener);
	ret_call->order = (struct cv_factory_pki_order){
	    .factory = call->factory,
	    .user = call->operator_.actor + strlen(operator_prefix),
	    .actor = call->operator_.actor,
	    .request_id = request->id,
	    .listener_certificate =
		ret_call->pair == NULL ? "" : cv_tls_pair_certificate(ret_call->pair),
	};
	return true;
}

/* False: the refusal is answered. */
static bool
accept(struct cv_request *request, const struct cv_factory_pki_result *result)
{
	switch (result->outcome) {
	case CV_FACTORY_PKI_DONE:
		return true;
	case CV_FACTORY_PKI_REFUSED:
		cv_problem_answer(request, CV_PROBLEM_BAD_CERTIFICATE, result->detail);
		return false;
	case CV_FACTORY_PKI_CONFLICT:
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE, result->detail);
		return false;
	case CV_FACTORY_PKI_TAKEN:
		cv_problem_answer(request, CV_PROBLEM_EXISTS, result->detail);
		return false;
	}
	return false;
}

/* ---- reading ---- */

static void
append_text(struct cv_buffer *json, const char *name, const struct cv_buffer *text)
{
	cv_buffer_printf(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
	if (text->len == 0)
		cv_buffer_append_text(json, "null");
	else
		cv_json_append_string(json, cv_buffer_text(text));
}

static void
append_disabled(struct cv_buffer *json, const char *serials)
{
	const char *separator = "";

	cv_buffer_append_text(json, ",\"disabled-ca-serials\":[");
	while (*serials != '\0') {
		size_t len = strcspn(serials, ",");

		cv_buffer_printf(json, "%s\"%.*s\"", separator, (int)len, serials);
		serials += len + (serials[len] == ',');
		separator = ",";
	}
	cv_buffer_append_text(json, "]");
}

static void
append_change(struct cv_buffer *json, const char *word, const struct cv_buffer *user, int64_t at)
{
	char time[32];

	cv_text_format_time(at, time, sizeof(time));
	cv_buffer_printf(json, "\"%s-by\":", word);
	cv_json_append_string(json, cv_buffer_text(user));
	cv_buffer_printf(json, ",\"%s-at\":\"%s\"", word, time);
}

static void
append_history(struct cv_buffer *json, const struct cv_factory_pki_view *view)
{
	if (!view->has_history)
		return;
	cv_buffer_append_text(json, ",\"change-meta\":{");
	append_change(json, "created", &view->created_by, view->created_at_utc);
	cv_buffer_append_text(json, ",");
	append_change(json, "updated", &view->updated_by, view->updated_at_utc);
	cv_buffer_append_text(json, "}");
}

static void
append_view(struct cv_buffer *json, const struct cv_factory_pki_view *view)
{
	cv_buffer_append_text(json, "{");
	append_text(json, "tls-crt", &view->tls_crt);
	append_text(json, "ca-crt", &view->ca_crt);
	append_text(json, "root-crt", &view->root_crt);
	if (view->is_configured) {
		append_text(json, "est-tls-crt", &view->est_tls_crt);
		append_disabled(json, cv_buffer_text(&view->disabled));
		append_history(json, view);
	}
	cv_buffer_append_text(json, "}\n");
}

void
cv_ota_show_certs(struct cv_request *request)
{
	CV_AUTO_FACTORY_PKI_VIEW struct cv_factory_pki_view view = {.is_configured = false};
	AUTO_PKI_CALL struct pki_call call = {.pair = NULL};
	struct cv_error err = CV_ERROR_INIT;

	if (!admit(request, &call))
		return;
	if (!cv_factory_pki_show(request->http->service, &call.order, &view, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	append_view(&request->answer.body, &view);
	cv_operator_answer_json(request, view.is_configured ? 200 : 206);
}

/* ---- keys ---- */

static void
append_csr(struct cv_buffer *json, const char *name, const struct cv_buffer *pem)
{
	if (pem->len > 0)
		append_text(json, name, pem);
}

/* False: answered. */
static bool
make_keys(struct cv_request *request, const struct cv_factory_pki_order *order,
    const struct cv_factory_keys_wanted *wanted, struct cv_factory_csrs *ret_csrs)
{
	struct cv_factory_pki_result result = {.outcome = CV_FACTORY_PKI_DONE};
	struct cv_error err = CV_ERROR_INIT;

	if (cv_factory_pki_make_keys(
		request->http->service, order, wanted, ret_csrs, &result, &err))
		return accept(request, &result);
	cv_problem_answer_error(request, &err);
	return false;
}

static void
answer_keys(struct cv_request *request, const struct cv_factory_pki_order *order,
    const struct cv_factory_keys_body *body)
{
	CV_AUTO_FACTORY_CSRS struct cv_factory_csrs csrs = {.pem = {CV_BUFFER_INIT}};
	struct cv_buffer *json = &request->answer.body;
	const struct cv_factory_keys_wanted wanted = {
	    .is_first_time = body->is_first_time,
	    .is_wanted =
		{
		    [CV_FACTORY_KEY_ONLINE] = body->has_ca,
		    [CV_FACTORY_KEY_TLS] = body->has_tls,
		    [CV_FACTORY_KEY_EST_TLS] = body->has_est_tls,
		},
	};

	if (!make_keys(request, order, &wanted, &csrs))
		return;
	cv_buffer_append_text(json, "{");
	append_csr(json, "ca-csr", &csrs.pem[CV_FACTORY_KEY_ONLINE]);
	append_csr(json, "tls-csr", &csrs.pem[CV_FACTORY_KEY_TLS]);
	append_csr(json, "est-tls-csr", &csrs.pem[CV_FACTORY_KEY_EST_TLS]);
	if (body->is_old)
		cv_ota_append_scripts(json, order->factory, order->user);
	cv_buffer_append_text(json, "}\n");
	cv_operator_answer_json(request, 201);
}

void
cv_ota_make_certs(struct cv_request *request)
{
	struct cv_factory_keys_body body;
	AUTO_PKI_CALL struct pki_call call = {.pair = NULL};
	struct cv_error err = CV_ERROR_INIT;

	if (!admit(request, &call))
		return;
	if (!cv_json_decode_factory_keys(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else if (!body.has_ca && !body.has_tls && !body.has_est_tls)
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "The request asks for no key at all.");
	else if (body.is_old && !cv_ota_scripts_can_name(call.order.user))
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE,
		    "The name of the token cannot be written into the scripts.");
	else
		answer_keys(request, &call.order, &body);
}

void
cv_ota_make_est_certs(struct cv_request *request)
{
	CV_AUTO_FACTORY_CSRS struct cv_factory_csrs csrs = {.pem = {CV_BUFFER_INIT}};
	const struct cv_factory_keys_wanted wanted = {
	    .is_wanted = {[CV_FACTORY_KEY_EST_TLS] = true}};
	struct cv_buffer *json = &request->answer.body;
	AUTO_PKI_CALL struct pki_call call = {.pair = NULL};

	if (!admit(request, &call) || !make_keys(request, &call.order, &wanted, &csrs))
		return;
	cv_buffer_append_text(json, "{");
	append_text(json, "tls-csr", &csrs.pem[CV_FACTORY_KEY_EST_TLS]);
	cv_buffer_append_text(json, "}\n");
	cv_operator_answer_json(request, 201);
}

/* ---- certificates ---- */

static void
take_upload(struct cv_request *request, const struct cv_json_text_member *members,
    const struct cv_factory_pki_upload *upload)
{
	struct cv_factory_pki_result result = {.outcome = CV_FACTORY_PKI_DONE};
	AUTO_PKI_CALL struct pki_call call = {.pair = NULL};
	struct cv_error err = CV_ERROR_INIT;

	if (!admit(request, &call))
		return;
	if (!cv_json_decode_texts(cv_buffer_bytes(&request->body), members, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_factory_pki_upload(request->http->service, &call.order, upload, &result, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (!accept(request, &result))
		return;
	/* This instance shows the new server certificate before the answer is out. */
	cv_http_take_servers(request->http);
	cv_buffer_append_text(&request->answer.body, "{}\n");
	cv_operator_answer_json(request, 200);
}

void
cv_ota_change_certs(struct cv_request *request)
{
	CV_AUTO_FACTORY_PKI_UPLOAD struct cv_factory_pki_upload upload = {
	    .root_crt = CV_BUFFER_INIT};
	const struct cv_json_text_member members[] = {
	    {"root-crt", &upload.root_crt},
	    {"ca-crt", &upload.ca_crt},
	    {"tls-crt", &upload.tls_crt},
	    {"est-tls-crt", &upload.est_tls_crt},
	    {"ca-revoke-crl", &upload.ca_revoke_crl},
	    {NULL, NULL},
	};

	take_upload(request, members, &upload);
}

void
cv_ota_change_est_certs(struct cv_request *request)
{
	CV_AUTO_FACTORY_PKI_UPLOAD struct cv_factory_pki_upload upload = {
	    .root_crt = CV_BUFFER_INIT};
	const struct cv_json_text_member members[] = {
	    {"tls-crt", &upload.est_tls_crt},
	    {NULL, NULL},
	};

	take_upload(request, members, &upload);
}

/* ---- the shared CA ---- */

void
cv_ota_show_default_online_ca(struct cv_request *request)
{
	struct cv_service *service = request->http->service;
	const struct cv_realm_authority *issuer = NULL;
	const struct cv_factory_row *factory;

	request->realm = cv_service_realm(service);
	factory = cv_realm_default_factory(request->realm);
	if (factory != NULL)
		issuer = cv_realm_issuer(request->realm, factory->name, "",
		    cv_service_settings(service)->publish_ahead_seconds,
		    cv_clock_wall_seconds(cv_service_clock(service)));
	if (issuer == NULL) {
		cv_problem_answer(
		    request, CV_PROBLEM_NOT_FOUND, "There is no online CA that signs.");
		return;
	}
	cv_pem_append(&request->answer.body, "CERTIFICATE", issuer->certificate->der);
	cv_answer_set(request, 200, "application/x-pem-file");
}
