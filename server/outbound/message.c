#include "message_internal.h"

#include <inttypes.h>

#include "cv/codec/event_json.h"
#include "cv/codec/jws.h"

#define TOKEN_SECONDS 3600

void
cv_message_deinit(struct cv_message *message)
{
	cv_buffer_deinit(&message->body);
	cv_buffer_deinit(&message->authorization);
	cv_buffer_deinit(&message->signature);
}

/* Authorization: Bearer <header>.<claims>.<signature> */
static bool
append_token(struct cv_service *service, const struct cv_delivery *delivery, const char *kid,
    const char *issuer, struct cv_buffer *line, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer token = {.is_secret = true};
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	const struct cv_jwt_claims claims = {
	    .audience = cv_buffer_text(&delivery->url),
	    .issuer = issuer,
	    .issued_at_utc = cv_clock_wall_seconds(cv_service_clock(service)),
	    .lifetime_seconds = TOKEN_SECONDS,
	};

	cv_jws_append_input(&token, kid, &claims);
	if (token.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a token");
	if (!cv_event_key_sign(service, cv_buffer_bytes(&token), signature, &len, err))
		return false;
	cv_jws_append_signature(&token, cv_bytes(signature, len));
	line->is_secret = true;
	cv_buffer_append_text(line, "Authorization: Bearer ");
	cv_buffer_append(line, token.data, token.len);
	return !token.has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a token");
}

static bool
append_signature(struct cv_service *service, const struct cv_delivery *delivery,
    const struct cv_buffer *body, struct cv_buffer *line, struct cv_error *err)
{
	int64_t now = cv_clock_wall_seconds(cv_service_clock(service));
	char hex[CV_DIGEST_HEX_SIZE];
	struct cv_digest mac;

	if (!cv_delivery_sign(service, delivery, now, cv_buffer_bytes(body), &mac, err))
		return false;
	cv_digest_format(&mac, hex);
	cv_buffer_printf(line, "Certvendor-Signature: t=%" PRId64 ",v1=%s", now, hex);
	return true;
}

static bool
make_push(struct cv_service *service, const struct cv_delivery *delivery, const char *kid,
    const char *issuer, struct cv_message *message, struct cv_error *err)
{
	message->content_type = "Content-Type: application/json";
	cv_event_append_queue_message(&message->body, &delivery->event, delivery->label);
	return append_token(service, delivery, kid, issuer, &message->authorization, err);
}

static bool
make_webhook(struct cv_service *service, const struct cv_delivery *delivery,
    struct cv_message *message, struct cv_error *err)
{
	message->content_type = "Content-Type: application/cloudevents+json";
	cv_event_append_cloudevent(&message->body, &delivery->event);
	return append_signature(service, delivery, &message->body, &message->signature, err);
}

bool
cv_message_make(struct cv_service *service, const struct cv_delivery *delivery, const char *kid,
    const char *issuer, struct cv_message *ret_message, struct cv_error *err)
{
	bool is_made = delivery->is_push
			   ? make_push(service, delivery, kid, issuer, ret_message, err)
			   : make_webhook(service, delivery, ret_message, err);

	if (!is_made)
		return false;
	if (ret_message->body.has_failed || ret_message->authorization.has_failed ||
	    ret_message->signature.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a message");
	return true;
}
