#include "gateway_handlers_internal.h"

#include <stdio.h>

#include "cv/codec/forwarded_certificate.h"
#include "cv/codec/operator_json.h"
#include "cv/pki/digest.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "problem_internal.h"

#define RETRY_AFTER_SECONDS 1

/* Who forwards, and what we believe of it. */
struct forwarder {
	const char *name;
	const char *sources;
	const char *factories; /* NULL: all */
	bool may_activate;
};

static bool
is_valid_now(const struct cv_request *request, const struct cv_certificate *certificate)
{
	const struct cv_service *service = request->http->service;
	int64_t now_utc = cv_clock_wall_seconds(cv_service_clock(service));

	return certificate->not_before_utc - cv_service_settings(service)->skew_seconds <=
		   now_utc &&
	       now_utc <= certificate->not_after_utc;
}

/* Whoever can open the UNIX socket is trusted; anybody else needs the certificate of a gateway. */
static bool
find_forwarder(struct cv_request *request, struct forwarder *ret_forwarder)
{
	const struct cv_tls_peer *peer = &request->connection->peer;
	const struct cv_realm_gateway *gateway;

	if (request->listener->kind == CV_LISTENER_GATEWAY_SOCKET) {
		*ret_forwarder = (struct forwarder){.name = "socket",
		    .sources = request->http->options->gateway_socket_sources,
		    .may_activate = true};
		return true;
	}
	if (peer->certificate.len == 0)
		return false;
	request->realm = cv_service_realm(request->http->service);
	gateway = cv_realm_gateway(request->realm, &peer->fingerprint);
	if (gateway == NULL || !is_valid_now(request, gateway->certificate))
		return false;
	*ret_forwarder = (struct forwarder){.name = gateway->row.name,
	    .sources = gateway->row.sources,
	    .factories = gateway->row.has_every_factory ? NULL : gateway->row.factories,
	    .may_activate = gateway->row.may_activate};
	return true;
}

struct source {
	const char *word; /* in the setting of a gateway */
	enum cv_header header;
	bool (*decode_certificate)(
	    const char *value, struct cv_buffer *ret_der, struct cv_error *err);
};

static const struct source known_sources[] = {
    {"rfc9440", CV_HEADER_CLIENT_CERT, cv_forwarded_rfc9440},
    {"pem", CV_HEADER_X_CLIENT_CERT, cv_forwarded_pem},
    {"sha256", CV_HEADER_X_CLIENT_CERT_SHA256, NULL},
};

/* One header as fingerprint; a certificate is kept in *ret_der. */
static bool
decode_source(const struct source *source, const char *value, struct cv_buffer *ret_der,
    struct cv_digest *ret_fingerprint, struct cv_error *err)
{
	if (source->decode_certificate == NULL)
		return cv_forwarded_sha256(value, ret_fingerprint, err);
	cv_buffer_reset(ret_der);
	if (!source->decode_certificate(value, ret_der, err))
		return false;
	if (ret_der->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	cv_digest_sha256(cv_buffer_bytes(ret_der), ret_fingerprint);
	return true;
}

/*
 * Reads the sources of this gateway and no other: what it does not overwrite in every request, its
 * clients can forge. CV_VERDICT_OK: *ret_fingerprint is set, and the request's certificate where a
 * source carries one.
 */
static enum cv_verdict
read_sources(struct cv_request *request, const char *sources, struct cv_digest *ret_fingerprint)
{
	bool is_found = false;

	for (size_t i = 0; i < sizeof(known_sources) / sizeof(known_sources[0]); i++) {
		const struct source *source = &known_sources[i];
		const struct cv_header_value *header = &request->headers[source->header];
		struct cv_digest fingerprint;

		if (header->count == 0 || !cv_realm_list_has(sources, source->word))
			continue;
		if (header->count > 1)
			return CV_VERDICT_AMBIGUOUS;
		if (header->text[0] == '\0') /* the gateway's client had none */
			continue;
		if (!decode_source(
			source, header->text, &request->certificate, &fingerprint, &request->error))
			return CV_VERDICT_BAD_CERTIFICATE;
		if (is_found && !cv_digest_equal(&fingerprint, ret_fingerprint))
			return CV_VERDICT_AMBIGUOUS;
		*ret_fingerprint = fingerprint;
		is_found = true;
	}
	return is_found ? CV_VERDICT_OK : CV_VERDICT_NO_CERTIFICATE;
}

/* Fills the evidence; anything but CV_VERDICT_OK is the answer. */
static enum cv_verdict
collect_evidence(struct cv_request *request)
{
	struct forwarder forwarder;
	enum cv_verdict verdict;

	if (!find_forwarder(request, &forwarder))
		return CV_VERDICT_NOT_A_GATEWAY;
	(void)snprintf(request->actor, sizeof(request->actor), "gateway:%s", forwarder.name);
	cv_buffer_reset(&request->certificate);
	request->evidence = (struct cv_evidence){
	    .may_activate = forwarder.may_activate,
	    .factories = forwarder.factories,
	    .actor = request->actor,
	    .request_id = request->id,
	};
	verdict = read_sources(request, forwarder.sources, &request->evidence.fingerprint);
	if (verdict != CV_VERDICT_OK)
		return verdict;
	request->evidence.certificate = cv_buffer_bytes(&request->certificate);
	request->evidence.evidence =
	    request->certificate.len > 0 ? CV_EVIDENCE_CERTIFICATE : CV_EVIDENCE_FINGERPRINT;
	return CV_VERDICT_OK;
}

static const char *
rotation_of(const struct cv_sight *sight)
{
	if (sight->verdict == CV_VERDICT_TALKS)
		return "overlap";
	return sight->has_pending ? "pending" : "none";
}

static void
add_name(struct cv_request *request, const char *header, const char *name)
{
	if (name[0] != '\0')
		cv_answer_add_header(request, header, name);
}

static void
add_facts(struct cv_request *request)
{
	const struct cv_sight *sight = &request->sight;
	int64_t age_ms = cv_index_age_ms(cv_service_index(request->http->service));

	add_name(request, "Certvendor-Device", sight->party.device);
	add_name(request, "Certvendor-Factory", sight->party.factory);
	add_name(request, "Certvendor-Slot", sight->party.slot);
	cv_answer_add_header(request, "Certvendor-State", cv_certificate_state_name(sight->state));
	cv_answer_add_header(request, "Certvendor-Rotation", rotation_of(sight));
	cv_answer_add_header(request, "Certvendor-Reason", cv_verdict_name(sight->verdict));
	cv_answer_add_header_number(request, "Certvendor-Epoch", sight->epoch);
	if (age_ms != INT64_MAX)
		cv_answer_add_header_number(request, "Certvendor-Age", age_ms / 1000);
}

/* Only a plain "ok" may be remembered by a gateway: anything else can change with the next sight.
 */
static void
add_caching(struct cv_request *request)
{
	int64_t max_age = atomic_load(&request->http->check_max_age_seconds);
	char text[64];

	if (request->sight.verdict != CV_VERDICT_OK || request->sight.has_pending || max_age <= 0) {
		cv_answer_add_header(request, "Cache-Control", "no-store");
		return;
	}
	(void)snprintf(text, sizeof(text), "private, max-age=%lld", (long long)max_age);
	cv_answer_add_header_text(request, "Cache-Control", text);
}

/* Gateways relay the body to their clients, so it says no more than the reason. */
static void
answer_sight(struct cv_request *request)
{
	enum cv_verdict verdict = request->sight.verdict;
	bool is_trouble = verdict == CV_VERDICT_UNAVAILABLE;

	request->reason = cv_verdict_name(verdict);
	cv_answer_reset(request);
	if (cv_verdict_is_allowed(verdict)) {
		cv_answer_set(request, 200, NULL);
	} else {
		cv_answer_set(request, is_trouble ? 503 : 403, "application/problem+json");
		cv_json_append_problem(&request->answer.body, request->reason,
		    is_trouble ? "Unavailable" : "Forbidden", is_trouble ? 503 : 403, NULL,
		    request->id, is_trouble);
		if (is_trouble)
			cv_answer_add_header_number(request, "Retry-After", RETRY_AFTER_SECONDS);
	}
	add_facts(request);
	add_caching(request);
}

static void
check_from_memory(struct cv_request *request)
{
	enum cv_verdict verdict = collect_evidence(request);

	if (verdict != CV_VERDICT_OK) {
		request->sight.verdict = verdict;
		request->sight.is_decided = true;
	} else {
		cv_sight_recall(request->http->service, &request->evidence, &request->sight);
	}
	request->has_evidence = true;
	if (request->sight.is_decided)
		answer_sight(request);
}

static void
check(struct cv_request *request)
{
	if (!request->has_evidence) {
		check_from_memory(request);
		return;
	}
	cv_sight_judge(
	    request->http->service, &request->evidence, &request->sight, &request->error);
	request->sight.is_decided = true;
	answer_sight(request);
}

const struct cv_route cv_gateway_check_route = {
    .pattern = "/v1/check",
    .handle = check,
};
