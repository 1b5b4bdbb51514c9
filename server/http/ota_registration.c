#include "ota_registration_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/codec/ota_json.h"
#include "cv/codec/sota_toml.h"
#include "cv/service/device_registration.h"
#include "cv/util/pem.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"
#include "tls_pair_internal.h"

/* ---- where devices go ---- */

/* The place-th name of the server certificate that the factory has of its own, in the order in
 * which its operator was asked for them: gateway, then OSTree server. */
static bool
own_name(
    const struct cv_realm *realm, const char *factory, size_t place, char *ret_name, size_t size)
{
	const char *at = NULL;

	for (size_t i = 0; i < realm->key_count; i++) {
		const struct cv_factory_key_row *key = &realm->keys[i];

		if (key->purpose == CV_FACTORY_KEY_TLS && key->state == CV_FACTORY_KEY_ACTIVE &&
		    cv_text_equal(key->factory, factory))
			at = key->names;
	}
	for (; at != NULL && place > 0; place--) {
		at = strchr(at, ',');
		at = at == NULL ? NULL : at + 1;
	}
	return at != NULL && at[0] != '\0' &&
	       cv_text_copy_bytes(ret_name, size, at, strcspn(at, ","));
}

static bool
make_url(
    const struct cv_http *http, const char *factory, size_t place, char ret_url[CV_BASE_URL_SIZE])
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(http->service);
	const struct cv_http_options *options = http->options;
	char name[256];
	int len;

	if (options->device.bound_port == 0 ||
	    (!own_name(realm, factory, place, name, sizeof(name)) &&
		!cv_tls_first_name(options->device_certificate, name, sizeof(name))))
		return false;
	len =
	    snprintf(ret_url, CV_BASE_URL_SIZE, "https://%s:%u", name, options->device.bound_port);
	return len > 0 && len < CV_BASE_URL_SIZE;
}

bool
cv_ota_gateway_url(const struct cv_http *http, const char *factory, char ret_url[CV_BASE_URL_SIZE])
{
	if (http->options->foundries_gateway_url[0] != '\0')
		return cv_text_copy(
		    ret_url, CV_BASE_URL_SIZE, http->options->foundries_gateway_url);
	return make_url(http, factory, 0, ret_url);
}

bool
cv_ota_ostree_url(const struct cv_http *http, const char *factory, char ret_url[CV_BASE_URL_SIZE])
{
	if (http->options->foundries_ostree_url[0] != '\0')
		return cv_text_copy(ret_url, CV_BASE_URL_SIZE, http->options->foundries_ostree_url);
	if (http->options->foundries_gateway_url[0] != '\0')
		return cv_ota_gateway_url(http, factory, ret_url);
	return make_url(http, factory, 1, ret_url);
}

static bool
append_sota(struct cv_request *request, const char *factory, const struct cv_ota_registration *body,
    struct cv_buffer *ret_toml)
{
	char gateway[CV_BASE_URL_SIZE], ostree[CV_BASE_URL_SIZE] = "";
	struct cv_error err = CV_ERROR_INIT;
	struct cv_sota_terms terms = {
	    .gateway_url = gateway,
	    .ostree_url = ostree,
	    .hardware_id = body->hardware_id,
	    .directory = body->directory,
	    .overrides = body->overrides,
	    .override_count = body->override_count,
	};

	if (!cv_ota_gateway_url(request->http, factory, gateway) ||
	    (body->uses_ostree_server && !cv_ota_ostree_url(request->http, factory, ostree))) {
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE,
		    "Nobody has said where devices find their gateway: set [foundries] "
		    "gateway_url.");
		return false;
	}
	if (cv_sota_append(ret_toml, &terms, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

/* ---- answers ---- */

/* A client takes 5xx for a reason to try again, and there is none without an authority. */
static enum cv_problem
problem_of(const struct cv_enrolment_answer *answer)
{
	if (answer->outcome == CV_ENROLMENT_NO_ISSUER)
		return CV_PROBLEM_NOT_AUTHORISED;
	return cv_problem_of_enrolment(answer->outcome, answer->verdict);
}

static void
answer_refusal(struct cv_request *request, const struct cv_enrolment_answer *answer)
{
	if (answer->outcome == CV_ENROLMENT_BUSY)
		cv_problem_answer_later(
		    request, CV_PROBLEM_BUSY, answer->detail, answer->retry_after_seconds);
	else
		cv_problem_answer(request, problem_of(answer), answer->detail);
}

static bool
is_good(const struct cv_enrolment_answer *answer)
{
	return answer->outcome == CV_ENROLMENT_ISSUED || answer->outcome == CV_ENROLMENT_REPEATED;
}

static void
note_party(struct cv_request *request, const struct cv_enrolment_answer *answer)
{
	if (answer->party.device[0] != '\0')
		request->sight.party = answer->party;
	(void)cv_text_copy(request->serial, sizeof(request->serial), answer->serial);
	request->reason = cv_enrolment_outcome_name(answer->outcome);
}

static void
append_certificate(void *context, struct cv_bytes der)
{
	cv_pem_append(context, CV_ARMOUR_CERTIFICATE, der);
}

/* Each member becomes a file of the device: these three and nothing else. */
static void
answer_files(struct cv_request *request, const char *factory, struct cv_bytes der,
    const struct cv_buffer *toml)
{
	CV_AUTO_BUFFER struct cv_buffer root = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer leaf = CV_BUFFER_INIT;
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(request->http->service);
	struct cv_buffer *json = &request->answer.body;

	(void)cv_realm_roots(realm, factory, append_certificate, &root);
	append_certificate(&leaf, der);
	cv_buffer_append_text(json, "{\"root.crt\":");
	cv_json_append_string(json, cv_buffer_text(&root));
	cv_buffer_append_text(json, ",\"client.pem\":");
	cv_json_append_string(json, cv_buffer_text(&leaf));
	cv_buffer_append_text(json, ",\"sota.toml\":");
	cv_json_append_string(json, cv_buffer_text(toml));
	cv_buffer_append_text(json, "}\n");
	json->has_failed = json->has_failed || root.has_failed || leaf.has_failed;
	cv_operator_answer_json(request, 201);
}

/* ---- with a CSR ---- */

/* Keys and usages as for EST without a label; neither label, approval nor binding to a connection.
 */
static struct cv_label
terms_of(const struct cv_http_options *options)
{
	struct cv_label label = options->labels[0];

	label.factory[0] = '\0';
	label.linking = CV_LINKING_OFF;
	label.requires_attributes = 0;
	label.needs_approval = 0;
	label.jitter_percent = 0;
	label.lifetime_days = options->foundries_lifetime_days;
	return label;
}

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static struct cv_device_order
make_order(const struct cv_request *request, const struct cv_operator_call *call)
{
	return (struct cv_device_order){
	    .operator_ = &call->operator_,
	    .factory = or_null(call->factory),
	    .request_id = request->id,
	};
}

static void
register_device(struct cv_request *request, const struct cv_device_order *order,
    const struct cv_ota_registration *body)
{
	struct cv_http *http = request->http;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
	struct cv_enrolment_answer answer = {.outcome = CV_ENROLMENT_REFUSED};
	struct cv_label label = terms_of(http->options);
	struct cv_error err = CV_ERROR_INIT;

	/* What cannot be written for the device is refused before anything is done for it. */
	if (!append_sota(request, "", body, &toml))
		return;
	if (!cv_register_device(
		http->service, &label, cv_buffer_bytes(&body->csr), order, &answer, &der, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	note_party(request, &answer);
	cv_buffer_reset(&toml);
	if (!is_good(&answer))
		answer_refusal(request, &answer);
	else if (append_sota(request, answer.party.factory, body, &toml))
		answer_files(request, answer.party.factory, cv_buffer_bytes(&der), &toml);
}

void
cv_ota_register_device(struct cv_request *request)
{
	__attribute__((cleanup(cv_ota_registration_deinit))) struct cv_ota_registration body = {
	    .uuid = ""};
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_ota_decode_registration(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	struct cv_device_order order = make_order(request, &call);
	order.uuid = body.uuid;
	order.name = or_null(body.name);
	order.group = or_null(body.group);
	order.hardware_id = or_null(body.hardware_id);
	register_device(request, &order, &body);
}

/* ---- with a certificate ---- */

static void
answer_certificate(struct cv_request *request, const struct cv_enrolment_answer *answer)
{
	struct cv_buffer *json = &request->answer.body;

	note_party(request, answer);
	if (!is_good(answer)) {
		answer_refusal(request, answer);
		return;
	}
	cv_buffer_append_text(json, "{\"uuid\":");
	cv_json_append_string(json, answer->party.device);
	cv_buffer_append_text(json, ",\"factory\":");
	cv_json_append_string(json, answer->party.factory);
	cv_buffer_append_text(json, "}\n");
	cv_operator_answer_json(request, answer->outcome == CV_ENROLMENT_ISSUED ? 201 : 200);
}

void
cv_ota_register_certificate(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_enrolment_answer answer = {.outcome = CV_ENROLMENT_REFUSED};
	struct cv_ota_certificate body;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_ota_decode_certificate(cv_buffer_bytes(&request->body), &body, &der, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	struct cv_device_order order = make_order(request, &call);
	order.name = or_null(body.name);
	order.group = or_null(body.group);
	if (cv_register_certificate(
		request->http->service, cv_buffer_bytes(&der), &order, &answer, &err))
		answer_certificate(request, &answer);
	else
		cv_problem_answer_error(request, &err);
}
