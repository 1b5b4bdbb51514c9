#include "demo_device_internal.h"

#include <string.h>

#include "cv/codec/operator_json.h"
#include "cv/pki/certificate.h"
#include "cv/pki/certs_only.h"
#include "cv/pki/digest.h"
#include "cv/pki/public_key.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "invocation_internal.h"
#include "transport_internal.h"

#define TIMEOUT_MS 30000
#define EST_PATH "/.well-known/est/"

void
cv_demo_identity_deinit(struct cv_demo_identity *identity)
{
	cv_private_key_free(identity->key);
	cv_buffer_deinit(&identity->key_pem);
	cv_buffer_deinit(&identity->certificate);
	cv_buffer_deinit(&identity->certificate_pem);
}

bool
cv_demo_identity_make(struct cv_demo_identity *ret_identity, struct cv_error *err)
{
	ret_identity->key_pem.is_secret = true;
	return cv_private_key_generate(&ret_identity->key, err) &&
	       cv_private_key_append_pem(ret_identity->key, &ret_identity->key_pem, err);
}

bool
cv_demo_identity_certify(struct cv_demo_identity *identity, const char *device,
    struct cv_bytes est_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer message = CV_BUFFER_INIT;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_bytes der;

	if (!cv_base64_decode((const char *)est_answer.data, est_answer.len, CV_BASE64_WHITESPACE,
		&message, err) ||
	    !cv_certs_only_first(cv_buffer_bytes(&message), &der))
		return cv_fail(err, CV_E_INPUT, "the answer holds no certificate");
	if (!cv_certificate_parse(der, &certificate, err))
		return cv_error_context(err, "the certificate");
	if (!cv_text_equal(certificate->common_name, device) ||
	    !cv_bytes_equal(
		cv_public_key_spki(certificate->key), cv_private_key_spki(identity->key)))
		return cv_fail(
		    err, CV_E_INPUT, "the certificate is not of this device and this key");
	cv_buffer_append(&identity->certificate, der.data, der.len);
	cv_certificate_append_pem(&identity->certificate_pem, der);
	return !(identity->certificate.has_failed || identity->certificate_pem.has_failed) ||
	       cv_fail(err, CV_E_MEMORY, "no memory for a certificate");
}

void
cv_demo_answer_deinit(struct cv_demo_answer *answer)
{
	cv_buffer_deinit(&answer->body);
}

/* ---- what it sends ---- */

static bool
send(struct cv_transport_request *request, const struct cv_demo_doors *doors,
    struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	cv_buffer_reset(&ret_answer->body);
	request->ca_file = doors->ca_file;
	request->timeout_ms = TIMEOUT_MS;
	if (!cv_transport_send(request, &ret_answer->status, &ret_answer->body, err))
		return false;
	ret_answer->code[0] = '\0';
	if (ret_answer->status >= 400)
		cv_transport_find_code(
		    cv_buffer_bytes(&ret_answer->body), ret_answer->code, sizeof(ret_answer->code));
	return true;
}

/* present NULL: without a client certificate. */
static bool
send_to_device_listener(const struct cv_demo_doors *doors, const char *path,
    const struct cv_demo_identity *present, struct cv_transport_request *request,
    struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;

	if (!cv_cli_append_base(&url, doors->device_url, err))
		return false;
	cv_buffer_append_text(&url, path);
	if (url.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for an address");
	request->url = cv_buffer_text(&url);
	if (present != NULL) {
		request->certificate_pem = cv_buffer_bytes(&present->certificate_pem);
		request->key_pem = cv_buffer_bytes(&present->key_pem);
	}
	return send(request, doors, ret_answer, err);
}

bool
cv_demo_request_certificate(const struct cv_demo_doors *doors, const struct cv_demo_name *name,
    const struct cv_demo_identity *key, const struct cv_demo_identity *present, const char *token,
    struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	struct cv_transport_request request = {
	    .method = "POST", .token = token, .content_type = "application/pkcs10"};

	if (!cv_private_key_append_request(key->key, name->factory, name->device, &der, err))
		return false;
	cv_base64_append(&body, cv_buffer_bytes(&der));
	if (body.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a request");
	request.body = cv_buffer_bytes(&body);
	return send_to_device_listener(doors,
	    token != NULL ? EST_PATH "simpleenroll" : EST_PATH "simplereenroll", present, &request,
	    ret_answer, err);
}

bool
cv_demo_announce(const struct cv_demo_doors *doors, const struct cv_demo_identity *next,
    const struct cv_demo_identity *present, struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	struct cv_transport_request request = {.method = "PATCH"};

	cv_public_key_append_pem(&pem, cv_private_key_spki(next->key));
	cv_buffer_append_text(&body, "{\"next_pubkey\":");
	cv_json_append_string(&body, cv_buffer_text(&pem));
	cv_buffer_append_text(&body, "}");
	if (pem.has_failed || body.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a request");
	request.body = cv_buffer_bytes(&body);
	return send_to_device_listener(doors, "/device", present, &request, ret_answer, err);
}

bool
cv_demo_show(const struct cv_demo_doors *doors, const struct cv_demo_identity *present,
    struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	struct cv_transport_request request = {.method = "GET"};

	return send_to_device_listener(doors, "/device", present, &request, ret_answer, err);
}

static void
append_forwarded(const struct cv_demo_identity *presented, struct cv_buffer *rfc9440,
    struct cv_buffer *pem, struct cv_buffer *sha256)
{
	const struct cv_bytes der = cv_buffer_bytes(&presented->certificate);
	struct cv_digest digest;
	char hex[CV_DIGEST_HEX_SIZE];

	cv_digest_sha256(der, &digest);
	cv_digest_format(&digest, hex);
	cv_buffer_append_text(rfc9440, "Client-Cert: :");
	cv_base64_append(rfc9440, der);
	cv_buffer_append_text(rfc9440, ":");
	cv_buffer_append_text(pem, "X-Client-Cert: ");
	cv_cli_append_escaped(pem, cv_buffer_text(&presented->certificate_pem));
	cv_buffer_printf(sha256, "X-Client-Cert-Sha256: %s", hex);
}

bool
cv_demo_check(const struct cv_demo_doors *doors, const struct cv_demo_identity *presented,
    struct cv_demo_answer *ret_answer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer rfc9440 = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer sha256 = CV_BUFFER_INIT;

	append_forwarded(presented, &rfc9440, &pem, &sha256);
	if (doors->socket != NULL)
		cv_buffer_append_text(&url, "http://localhost");
	else if (!cv_cli_append_base(&url, doors->gateway_url, err))
		return false;
	cv_buffer_append_text(&url, "/v1/check");
	if (url.has_failed || rfc9440.has_failed || pem.has_failed || sha256.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a request");
	struct cv_transport_request request = {
	    .method = "GET",
	    .url = cv_buffer_text(&url),
	    .socket = doors->socket,
	    .certificate = doors->gateway_certificate,
	    .key = doors->gateway_key,
	    .headers = (const char *const[]){cv_buffer_text(&rfc9440), cv_buffer_text(&pem),
		cv_buffer_text(&sha256), NULL},
	};
	return send(&request, doors, ret_answer, err);
}
