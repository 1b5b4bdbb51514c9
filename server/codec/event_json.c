#include "cv/codec/event_json.h"

#include <inttypes.h>
#include <string.h>

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/util/base64.h"
#include "cv/util/pem.h"
#include "cv/util/text.h"
#include "json_reader_internal.h"

/* ---- writing ---- */

static void
append_text(struct cv_buffer *json, const char *name, const char *text)
{
	cv_buffer_printf(json, ",\"%s\":", name);
	cv_json_append_string(json, text);
}

static void
append_key(struct cv_buffer *json, const char *name, const struct cv_buffer *spki)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	if (spki->len == 0)
		return;
	cv_pem_append(&pem, CV_ARMOUR_PUBLIC_KEY, cv_buffer_bytes(spki));
	append_text(json, name, cv_buffer_text(&pem));
}

/* Names of members and types as the receivers of push queues know them. */
static void
append_payload(struct cv_buffer *json, const struct cv_event *event)
{
	cv_buffer_append_text(json, "{\"Uuid\":");
	cv_json_append_string(json, event->device);
	if (event->group_number < 0)
		cv_buffer_append_text(json, ",\"DeviceGroupId\":null");
	else
		cv_buffer_printf(json, ",\"DeviceGroupId\":%" PRId64, event->group_number);
	cv_buffer_printf(json, ",\"Time\":%" PRId64, event->at_ms / 1000);
	append_key(json, "NewPubKey", &event->new_key);
	append_key(json, "OldPubKey", &event->old_key);
	cv_buffer_append_text(json, "}");
}

static const char *
queue_type(enum cv_event_kind kind)
{
	switch (kind) {
	case CV_EVENT_KEY_CHANGED:
		return "DEVICE_PUBKEY_CHANGE";
	case CV_EVENT_FIRST_SEEN:
		return "DEVICE_FIRST_SEEN";
	case CV_EVENT_CONFIG_APPLIED:
		return "DEVICE_CONFIG_APPLIED";
	case CV_EVENT_DEVICE_REGISTERED:
		return "DEVICE_REGISTERED";
	case CV_EVENT_DEVICE_HELD:
		return "DEVICE_HELD";
	case CV_EVENT_DEVICE_DELETED:
		return "DEVICE_DELETED";
	case CV_EVENT_DEVICE_REVOKED:
		return "DEVICE_REVOKED";
	case CV_EVENT_DEVICE_ALLOWED:
		return "DEVICE_ALLOWED";
	case CV_EVENT_CERTIFICATE_REVOKED:
		return "DEVICE_CERTIFICATE_REVOKED";
	}
	return "NONE";
}

void
cv_event_append_queue_message(
    struct cv_buffer *buffer, const struct cv_event *event, const char *label)
{
	CV_AUTO_BUFFER struct cv_buffer payload = CV_BUFFER_INIT;
	char at[32];

	append_payload(&payload, event);
	cv_text_format_time_ms(event->at_ms, at, sizeof(at));
	cv_buffer_printf(buffer, "{\"message\":{\"attributes\":{\"event-type\":\"%s\"},\"data\":\"",
	    queue_type(event->kind));
	cv_base64_append(buffer, cv_buffer_bytes(&payload));
	cv_buffer_printf(buffer,
	    "\",\"messageId\":\"%" PRId64 "\",\"message_id\":\"%" PRId64
	    "\",\"publishTime\":\"%s\",\"publish_time\":\"%s\"},\"subscription\":"
	    "\"projects/%s/subscriptions/%s\"}",
	    event->number, event->number, at, at, event->factory, label);
	if (payload.has_failed)
		buffer->has_failed = true;
}

static void
append_data(struct cv_buffer *json, const struct cv_event *event)
{
	cv_buffer_append_text(json, "{\"device\":");
	cv_json_append_string(json, event->device);
	append_text(json, "factory", event->factory);
	append_text(json, "slot", event->slot);
	if (event->group[0] == '\0')
		cv_buffer_append_text(json, ",\"group\":null");
	else
		append_text(json, "group", event->group);
	if (event->reason[0] != '\0')
		append_text(json, "reason", event->reason);
	if (event->certificate[0] != '\0')
		append_text(json, "certificate_sha256", event->certificate);
	append_key(json, "public_key", &event->new_key);
	append_key(json, "replaced_public_key", &event->old_key);
	cv_buffer_append_text(json, "}");
}

void
cv_event_append_cloudevent(struct cv_buffer *buffer, const struct cv_event *event)
{
	char at[32];

	cv_text_format_time_ms(event->at_ms, at, sizeof(at));
	cv_buffer_printf(buffer,
	    "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/factories/%s\",\"type\":"
	    "\"certvendor.%s\",\"subject\":",
	    event->id, event->factory, cv_event_kind_name(event->kind));
	cv_json_append_string(buffer, event->device);
	cv_buffer_printf(
	    buffer, ",\"time\":\"%s\",\"datacontenttype\":\"application/json\",\"data\":", at);
	append_data(buffer, event);
	cv_buffer_append_text(buffer, "}");
}

void
cv_event_append_key(
    struct cv_buffer *buffer, const char *kid, struct cv_bytes certificate, bool *has_one)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	cv_pem_append(&pem, CV_ARMOUR_CERTIFICATE, certificate);
	if (*has_one)
		cv_buffer_append_byte(buffer, ',');
	*has_one = true;
	cv_json_append_string(buffer, kid);
	cv_buffer_append_byte(buffer, ':');
	cv_json_append_string(buffer, cv_buffer_text(&pem));
}

/* ---- reading ---- */

static bool
check_subscription(const struct cv_subscription_body *body, const char *label_member,
    const char *url_member, struct cv_error *err)
{
	const char *problem;

	if (!cv_factory_name_is_valid(body->label, strlen(body->label)))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not 1 to %d of A-Za-z0-9._-",
		    label_member, CV_SUBSCRIPTION_LABEL_MAX);
	if (!cv_callback_url_is_valid(body->url, strlen(body->url), &problem))
		return cv_fail(err, CV_E_INPUT, "member \"%s\": %s", url_member, problem);
	return true;
}

static bool
check_events(const char *events, struct cv_error *err)
{
	for (const char *at = events; *at != '\0';) {
		size_t len = strcspn(at, ",");
		enum cv_event_kind kind;
		char name[65];

		if (!cv_text_copy_bytes(name, sizeof(name), at, len) ||
		    !cv_event_kind_parse(name, &kind))
			return cv_fail(err, CV_E_INPUT,
			    "member \"events\": \"%.64s\" is none of " CV_EVENT_WORDS, name);
		at += len + (at[len] == ',');
	}
	return true;
}

bool
cv_json_decode_webhook(
    struct cv_bytes body, struct cv_subscription_body *ret_webhook, struct cv_error *err)
{
	static const char *const known[] = {"name", "url", "events", NULL};
	struct cv_subscription_body webhook = {.label = ""};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !cv_json_read_text(
		object, "name", CV_JSON_REQUIRED, webhook.label, sizeof(webhook.label), err) ||
	    !cv_json_read_text(
		object, "url", CV_JSON_REQUIRED, webhook.url, sizeof(webhook.url), err) ||
	    !cv_json_read_names(
		object, "events", CV_JSON_OPTIONAL, webhook.events, sizeof(webhook.events), err) ||
	    !check_subscription(&webhook, "name", "url", err) || !check_events(webhook.events, err))
		return false;
	*ret_webhook = webhook;
	return true;
}

bool
cv_json_decode_event_queue(
    struct cv_bytes body, struct cv_subscription_body *ret_queue, struct cv_error *err)
{
	struct cv_subscription_body queue = {.events = CV_EVENT_QUEUE_LIST};
	CV_AUTO_JSON json_t *object = NULL;
	char type[16] = "";

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !cv_json_read_text(
		object, "label", CV_JSON_REQUIRED, queue.label, sizeof(queue.label), err) ||
	    !cv_json_read_text(object, "type", CV_JSON_REQUIRED, type, sizeof(type), err))
		return false;
	if (cv_text_equal(type, "pull"))
		return cv_fail(err, CV_E_INPUT,
		    "Pull queues are not offered here: make one of type push, with a push-url.");
	if (!cv_text_equal(type, "push"))
		return cv_fail(err, CV_E_INPUT, "member \"type\" is not \"push\"");
	if (!cv_json_read_text(
		object, "push-url", CV_JSON_REQUIRED, queue.url, sizeof(queue.url), err) ||
	    !check_subscription(&queue, "label", "push-url", err))
		return false;
	*ret_queue = queue;
	return true;
}
