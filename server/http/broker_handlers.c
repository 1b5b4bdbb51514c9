#include "broker_handlers_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/codec/broker_form.h"
#include "cv/codec/broker_json.h"
#include "cv/pki/digest.h"
#include "cv/util/text.h"
#include "gateway_handlers_internal.h"
#include "http_internal.h"

enum broker { EMQX, VERNEMQ, RABBITMQ };

static enum broker
broker_of(const struct cv_request *request)
{
	unsigned flags = request->match.route->flags;

	if ((flags & CV_ROUTE_EMQX) != 0)
		return EMQX;
	return (flags & CV_ROUTE_VERNEMQ) != 0 ? VERNEMQ : RABBITMQ;
}

/* MQTT 3 and 5; the other hooks ask about topics, which we know nothing of. */
static bool
is_about_connecting(const struct cv_request *request)
{
	const struct cv_header_value *hook = &request->headers[CV_HEADER_VERNEMQ_HOOK];

	return hook->count == 1 && (cv_text_equal(hook->text, "auth_on_register") ||
				       cv_text_equal(hook->text, "auth_on_register_m5"));
}

/* RabbitMQ asks as its operator likes: in the query, or in a form. */
static struct cv_bytes
form_of(const struct cv_request *request)
{
	const char *query = request->path.query;

	return cv_text_equal(request->method, "POST") ? cv_buffer_bytes(&request->body)
						      : cv_bytes(query, strlen(query));
}

static bool
decode(struct cv_request *request, struct cv_broker_client *ret_client)
{
	struct cv_bytes body = cv_buffer_bytes(&request->body);

	cv_buffer_reset(&request->certificate);
	switch (broker_of(request)) {
	case EMQX:
		return cv_json_decode_emqx(
		    body, &request->certificate, ret_client, &request->error);
	case VERNEMQ:
		return is_about_connecting(request) &&
		       cv_json_decode_vernemq(body, ret_client, &request->error);
	case RABBITMQ:
		return cv_form_decode_rabbitmq(form_of(request), ret_client, &request->error);
	}
	return false;
}

/* NULL: it cannot be said whose device is meant. */
static const char *
factory_of(struct cv_request *request, const struct cv_forwarder *forwarder)
{
	const struct cv_factory_row *factory;

	if (forwarder->factories != NULL)
		return strchr(forwarder->factories, ',') == NULL ? forwarder->factories : NULL;
	if (request->realm == NULL)
		request->realm = cv_service_realm(request->http->service);
	factory = cv_realm_default_factory(request->realm);
	return factory == NULL ? NULL : factory->name;
}

static enum cv_verdict
take_device_name(
    struct cv_request *request, const struct cv_forwarder *forwarder, const char *device)
{
	const char *factory = factory_of(request, forwarder);

	if (factory == NULL)
		return CV_VERDICT_AMBIGUOUS;
	memset(&request->name, 0, sizeof(request->name));
	if (!cv_party_set(&request->name.party, factory, device, NULL))
		return CV_VERDICT_BAD_CERTIFICATE;
	request->evidence.evidence = CV_EVIDENCE_NAME;
	request->evidence.name = &request->name;
	cv_digest_sha256(
	    cv_bytes(&request->name, sizeof(request->name)), &request->evidence.fingerprint);
	return CV_VERDICT_OK;
}

/* It must be that of the certificate's device: else the broker's template mixes up two clients. */
static void
take_name_besides(struct cv_request *request, const char *device)
{
	memset(&request->name, 0, sizeof(request->name));
	(void)cv_text_copy(request->name.party.device, sizeof(request->name.party.device), device);
	request->evidence.name = &request->name;
}

static enum cv_verdict
read_client(struct cv_request *request, const struct cv_forwarder *forwarder)
{
	struct cv_broker_client client = {.name = ""};

	if (!decode(request, &client))
		return CV_VERDICT_BAD_CERTIFICATE;
	if (!client.has_certificate)
		return client.name[0] == '\0' ? CV_VERDICT_NO_CERTIFICATE
					      : take_device_name(request, forwarder, client.name);
	if (client.name[0] != '\0')
		take_name_besides(request, client.name);
	request->evidence.evidence = CV_EVIDENCE_CERTIFICATE;
	request->evidence.certificate = cv_buffer_bytes(&request->certificate);
	cv_digest_sha256(request->evidence.certificate, &request->evidence.fingerprint);
	return CV_VERDICT_OK;
}

static int64_t
session_end(const struct cv_request *request)
{
	int64_t seconds = request->http->options->broker_session_seconds;
	int64_t left = cv_gateway_seconds_left(request, seconds);

	if (seconds == 0)
		return 0;
	return cv_clock_wall_seconds(cv_service_clock(request->http->service)) +
	       (left > 0 ? left : 0);
}

/* VerneMQ keeps an answer for so long, and would stumble over another word beside it. */
static void
add_vernemq_caching(struct cv_request *request)
{
	int64_t max_age = cv_gateway_max_age(request);
	char text[40];

	(void)snprintf(text, sizeof(text), "max-age=%lld", (long long)max_age);
	if (max_age > 0)
		cv_answer_add_header_text(request, "Cache-Control", text);
	else
		cv_answer_add_header(request, "Cache-Control", "no-store");
}

static void
answer_in_words(struct cv_request *request, bool is_allowed)
{
	struct cv_buffer *body = &request->answer.body;

	switch (broker_of(request)) {
	case EMQX:
		cv_answer_set(request, 200, "application/json");
		cv_json_append_emqx_answer(body, is_allowed, request->sight.party.device,
		    request->sight.party.factory, session_end(request));
		break;
	case VERNEMQ:
		cv_answer_set(request, 200, "application/json");
		cv_json_append_vernemq_answer(body, is_allowed);
		break;
	case RABBITMQ: /* anything behind the word, a line's end too, would be a tag of the user */
		cv_answer_set(request, 200, "text/plain");
		cv_buffer_append_text(body, is_allowed ? "allow" : "deny");
		break;
	}
}

static void
answer(struct cv_request *request)
{
	bool must_close = request->answer.must_close;

	request->reason = cv_verdict_name(request->sight.verdict);
	cv_answer_reset(request);
	request->answer.must_close = must_close;
	answer_in_words(request, cv_verdict_is_allowed(request->sight.verdict));
	cv_gateway_add_facts(request);
	if (broker_of(request) == VERNEMQ)
		add_vernemq_caching(request);
	else
		cv_answer_add_header(request, "Cache-Control", "no-store");
}

void
cv_broker_ask(struct cv_request *request)
{
	static const struct cv_gateway_door door = {.read = read_client, .answer = answer};

	cv_gateway_ask(request, &door);
}

void
cv_broker_refuse(struct cv_request *request, enum cv_verdict verdict)
{
	cv_gateway_settle(request, verdict);
	answer(request);
}
