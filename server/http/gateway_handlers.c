#include "gateway_handlers_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/codec/operator_json.h"
#include "cv/util/text.h"
#include "gateway_sources_internal.h"
#include "http_internal.h"
#include "problem_internal.h"

#define RETRY_AFTER_SECONDS 1

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
find_forwarder(struct cv_request *request, struct cv_forwarder *ret_forwarder)
{
	const struct cv_tls_peer *peer = &request->connection->peer;
	const struct cv_realm_gateway *gateway;

	if (request->listener->kind == CV_LISTENER_GATEWAY_SOCKET) {
		*ret_forwarder = (struct cv_forwarder){.name = "socket",
		    .sources = &cv_service_settings(request->http->service)->socket_sources,
		    .may_activate = true};
		return true;
	}
	if (peer->certificate.len == 0)
		return false;
	request->realm = cv_service_realm(request->http->service);
	gateway = cv_realm_gateway(request->realm, &peer->fingerprint);
	if (gateway == NULL || !is_valid_now(request, gateway->certificate))
		return false;
	*ret_forwarder = (struct cv_forwarder){.name = gateway->row.name,
	    .sources = &gateway->sources,
	    .factories = gateway->row.has_every_factory ? NULL : gateway->row.factories,
	    .may_activate = gateway->row.may_activate};
	return true;
}

/* Fills the evidence; anything but CV_VERDICT_OK is the answer. */
static enum cv_verdict
collect_evidence(struct cv_request *request, const struct cv_gateway_door *door)
{
	struct cv_forwarder forwarder;

	if (!find_forwarder(request, &forwarder))
		return CV_VERDICT_NOT_A_GATEWAY;
	memcpy(request->actor, "gateway:", sizeof("gateway:"));
	(void)cv_text_copy(request->actor + strlen("gateway:"),
	    sizeof(request->actor) - strlen("gateway:"), forwarder.name);
	request->evidence = (struct cv_evidence){
	    .may_activate = forwarder.may_activate,
	    .factories = forwarder.factories,
	    .actor = request->actor,
	    .request_id = request->id,
	};
	return door->read(request, &forwarder);
}

static const char *
rotation_of(const struct cv_sight *sight)
{
	if (sight->verdict == CV_VERDICT_TALKS)
		return "overlap";
	if (sight->has_pending)
		return "pending";
	return sight->talks_until_utc != 0 ? "overlap" : "none";
}

static void
add_name(struct cv_request *request, const char *header, const char *name)
{
	if (name[0] != '\0')
		cv_answer_add_header(request, header, name);
}

/* The text lives as long as the request's realm. */
static void
add_policies(struct cv_request *request)
{
	const char *policies;

	if (request->sight.group == 0 || !cv_verdict_is_allowed(request->sight.verdict))
		return;
	if (request->realm == NULL)
		request->realm = cv_service_realm(request->http->service);
	policies = cv_realm_policies(request->realm, request->sight.group);
	if (policies != NULL)
		cv_answer_add_header(request, "Certvendor-Policies", policies);
}

void
cv_gateway_add_facts(struct cv_request *request)
{
	const struct cv_sight *sight = &request->sight;

	add_name(request, "Certvendor-Device", sight->party.device);
	add_name(request, "Certvendor-Factory", sight->party.factory);
	add_name(request, "Certvendor-Slot", sight->party.slot);
	cv_answer_add_header(request, "Certvendor-State", cv_certificate_state_name(sight->state));
	cv_answer_add_header(request, "Certvendor-Rotation", rotation_of(sight));
	cv_answer_add_header(request, "Certvendor-Reason", cv_verdict_name(sight->verdict));
	cv_answer_add_header_number(request, "Certvendor-Epoch", sight->epoch);
	if (sight->age_ms != INT64_MAX)
		cv_answer_add_header_number(request, "Certvendor-Age", sight->age_ms / 1000);
	add_policies(request);
}

int64_t
cv_gateway_seconds_left(const struct cv_request *request, int64_t most)
{
	const struct cv_sight *sight = &request->sight;
	int64_t end = sight->not_after_utc;
	int64_t left;

	if (sight->verdict == CV_VERDICT_TALKS && sight->talks_until_utc < end)
		end = sight->talks_until_utc;
	left = end - cv_clock_wall_seconds(cv_service_clock(request->http->service));
	return left < most ? left : most;
}

int64_t
cv_gateway_max_age(const struct cv_request *request)
{
	const struct cv_sight *sight = &request->sight;
	bool is_plain =
	    sight->verdict == CV_VERDICT_OK && !sight->has_pending && sight->talks_until_utc == 0;
	int64_t max_age = is_plain ? atomic_load(&request->http->check_max_age_seconds) : 0;

	return max_age > 0 ? cv_gateway_seconds_left(request, max_age) : 0;
}

static void
add_caching(struct cv_request *request)
{
	int64_t max_age = cv_gateway_max_age(request);
	char text[64];

	if (max_age <= 0) {
		cv_answer_add_header(request, "Cache-Control", "no-store");
		return;
	}
	(void)snprintf(text, sizeof(text), "private, max-age=%lld", (long long)max_age);
	/* nginx keeps nothing that is private, unless this comes first. */
	cv_answer_add_header_number(request, "X-Accel-Expires", max_age);
	cv_answer_add_header_text(request, "Cache-Control", text);
}

/* Gateways relay the body to their clients, so it says no more than the reason. */
static void
answer_sight(struct cv_request *request)
{
	enum cv_verdict verdict = request->sight.verdict;
	bool is_trouble = verdict == CV_VERDICT_UNAVAILABLE;
	bool must_close = request->answer.must_close;

	request->reason = cv_verdict_name(verdict);
	cv_answer_reset(request);
	request->answer.must_close = must_close;
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
	cv_gateway_add_facts(request);
	add_caching(request);
}

void
cv_gateway_settle(struct cv_request *request, enum cv_verdict verdict)
{
	request->sight = (struct cv_sight){.verdict = verdict,
	    .is_decided = true,
	    .age_ms = cv_index_age_ms(cv_service_index(request->http->service))};
}

void
cv_gateway_refuse(struct cv_request *request, enum cv_verdict verdict)
{
	cv_gateway_settle(request, verdict);
	answer_sight(request);
}

static void
ask_memory(struct cv_request *request, const struct cv_gateway_door *door)
{
	enum cv_verdict verdict = collect_evidence(request, door);

	if (verdict != CV_VERDICT_OK) {
		cv_gateway_settle(request, verdict);
	} else {
		cv_sight_recall(request->http->service, &request->evidence, &request->sight);
	}
	request->has_evidence = true;
	if (request->sight.is_decided)
		door->answer(request);
}

void
cv_gateway_ask(struct cv_request *request, const struct cv_gateway_door *door)
{
	if (!request->has_evidence) {
		ask_memory(request, door);
		return;
	}
	cv_sight_judge(
	    request->http->service, &request->evidence, &request->sight, &request->error);
	request->sight.is_decided = true;
	door->answer(request);
}

static enum cv_verdict
read_headers(struct cv_request *request, const struct cv_forwarder *forwarder)
{
	return cv_gateway_sources_read(request, forwarder->sources);
}

static void
check(struct cv_request *request)
{
	static const struct cv_gateway_door door = {.read = read_headers, .answer = answer_sight};

	cv_gateway_ask(request, &door);
}

const struct cv_route cv_gateway_check_route = {
    .pattern = "/v1/check",
    .handle = check,
};
