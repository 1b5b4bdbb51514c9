#include "cv/codec/event_json.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/util/base64.h"

static struct cv_event
make_event(enum cv_event_kind kind)
{
	return (struct cv_event){.id = "018cc251-f400-7000-8000-000000000000",
	    .number = 42,
	    .factory = "alpha",
	    .device = "unit-1",
	    .slot = "client",
	    .kind = kind,
	    .at_ms = 1648653501095,
	    .group_number = -1};
}

/* Fills the event's keys with something that is encoded to a known text. */
static void
add_keys(struct cv_event *event)
{
	cv_buffer_append_text(&event->new_key, "new");
	cv_buffer_append_text(&event->old_key, "old");
}

static void
event_deinit(struct cv_event *event)
{
	cv_buffer_deinit(&event->new_key);
	cv_buffer_deinit(&event->old_key);
}
#define AUTO_EVENT __attribute__((cleanup(event_deinit)))

static void
expect_queue_message(const struct cv_event *event, const char *type, const char *payload)
{
	CV_AUTO_BUFFER struct cv_buffer message = CV_BUFFER_INIT, data = CV_BUFFER_INIT,
					expected = CV_BUFFER_INIT;

	cv_base64_append(&data, cv_bytes(payload, strlen(payload)));
	cv_buffer_printf(&expected,
	    "{\"message\":{\"attributes\":{\"event-type\":\"%s\"},\"data\":\"%s\","
	    "\"messageId\":\"42\",\"message_id\":\"42\","
	    "\"publishTime\":\"2022-03-30T15:18:21.095Z\","
	    "\"publish_time\":\"2022-03-30T15:18:21.095Z\"},"
	    "\"subscription\":\"projects/alpha/subscriptions/q1\"}",
	    type, cv_buffer_text(&data));
	cv_event_append_queue_message(&message, event, "q1");
	cr_expect_str_eq(cv_buffer_text(&message), cv_buffer_text(&expected));
}

Test(event_json, an_event_queue_gets_the_envelope_of_a_push_queue)
{
	AUTO_EVENT struct cv_event event = make_event(CV_EVENT_KEY_CHANGED);

	add_keys(&event);
	expect_queue_message(&event, "DEVICE_PUBKEY_CHANGE",
	    "{\"Uuid\":\"unit-1\",\"DeviceGroupId\":null,\"Time\":1648653501,"
	    "\"NewPubKey\":\"-----BEGIN PUBLIC KEY-----\\u000abmV3\\u000a-----END PUBLIC "
	    "KEY-----\\u000a\","
	    "\"OldPubKey\":\"-----BEGIN PUBLIC KEY-----\\u000ab2xk\\u000a-----END PUBLIC "
	    "KEY-----\\u000a\"}");
}

Test(event_json, other_kinds_have_no_keys_and_groups_a_number)
{
	struct cv_event event = make_event(CV_EVENT_FIRST_SEEN);

	expect_queue_message(&event, "DEVICE_FIRST_SEEN",
	    "{\"Uuid\":\"unit-1\",\"DeviceGroupId\":null,\"Time\":1648653501}");
	event.kind = CV_EVENT_CONFIG_APPLIED;
	event.group_number = 7;
	expect_queue_message(&event, "DEVICE_CONFIG_APPLIED",
	    "{\"Uuid\":\"unit-1\",\"DeviceGroupId\":7,\"Time\":1648653501}");
}

static void
expect_cloudevent(const struct cv_event *event, const char *type, const char *data)
{
	CV_AUTO_BUFFER struct cv_buffer message = CV_BUFFER_INIT, expected = CV_BUFFER_INIT;

	cv_buffer_printf(&expected,
	    "{\"specversion\":\"1.0\",\"id\":\"018cc251-f400-7000-8000-000000000000\","
	    "\"source\":\"/factories/alpha\",\"type\":\"certvendor.%s\",\"subject\":\"unit-1\","
	    "\"time\":\"2022-03-30T15:18:21.095Z\",\"datacontenttype\":\"application/json\","
	    "\"data\":{\"device\":\"unit-1\",\"factory\":\"alpha\",\"slot\":\"client\",%s}}",
	    type, data);
	cv_event_append_cloudevent(&message, event);
	cr_expect_str_eq(cv_buffer_text(&message), cv_buffer_text(&expected));
}

Test(event_json, a_webhook_gets_cloudevents)
{
	AUTO_EVENT struct cv_event event = make_event(CV_EVENT_DEVICE_HELD);

	expect_cloudevent(&event, "device-held", "\"group\":null");
	strcpy(event.group, "line-3");
	strcpy(event.reason, "keyCompromise");
	event.kind = CV_EVENT_DEVICE_REVOKED;
	expect_cloudevent(
	    &event, "device-revoked", "\"group\":\"line-3\",\"reason\":\"keyCompromise\"");
	strcpy(event.certificate, "ab");
	event.kind = CV_EVENT_CERTIFICATE_REVOKED;
	expect_cloudevent(&event, "certificate-revoked",
	    "\"group\":\"line-3\",\"reason\":\"keyCompromise\",\"certificate_sha256\":\"ab\"");
}

Test(event_json, certificates_are_a_map)
{
	CV_AUTO_BUFFER struct cv_buffer map = CV_BUFFER_INIT;
	bool has_one = false;

	cv_event_append_key(&map, "k1", cv_bytes("a", 1), &has_one);
	cv_event_append_key(&map, "k2", cv_bytes("b", 1), &has_one);
	cr_expect_str_eq(cv_buffer_text(&map),
	    "\"k1\":\"-----BEGIN CERTIFICATE-----\\u000aYQ==\\u000a-----END "
	    "CERTIFICATE-----\\u000a\","
	    "\"k2\":\"-----BEGIN CERTIFICATE-----\\u000aYg==\\u000a-----END "
	    "CERTIFICATE-----\\u000a\"");
}

typedef bool decoder(
    struct cv_bytes body, struct cv_subscription_body *ret_body, struct cv_error *err);

static bool
decode(decoder *decode_body, const char *json, struct cv_subscription_body *ret_body)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_good = decode_body(cv_bytes(json, strlen(json)), ret_body, &err);

	cr_expect(is_good || err.code == CV_E_INPUT, "%s: %s", json, err.text);
	return is_good;
}

Test(event_json, webhooks_that_are_asked_for)
{
	struct cv_subscription_body body;

	cr_assert(decode(
	    cv_json_decode_webhook, "{\"name\":\"h1\",\"url\":\"https://a.example/x\"}", &body));
	cr_expect_str_eq(body.label, "h1");
	cr_expect_str_eq(body.url, "https://a.example/x");
	cr_expect_str_eq(body.events, "");
	cr_assert(decode(cv_json_decode_webhook,
	    "{\"name\":\"h1\",\"url\":\"http://a\",\"events\":[\"key-changed\",\"first-seen\"]}",
	    &body));
	cr_expect_str_eq(body.events, "key-changed,first-seen");
	static const char *const bad[] = {"{\"name\":\"h1\"}", "{\"url\":\"http://a\"}",
	    "{\"name\":\"h 1\",\"url\":\"http://a\"}", "{\"name\":\"h1\",\"url\":\"http:/a\"}",
	    "{\"name\":\"h1\",\"url\":\"http://a\",\"event\":[\"key-changed\"]}",
	    "{\"name\":\"h1\",\"url\":\"http://a\",\"events\":[]}",
	    "{\"name\":\"h1\",\"url\":\"http://a\",\"events\":[\"first-seen\",\"first-seen\"]}",
	    "{\"name\":\"h1\",\"url\":\"http://a\",\"events\":[\"key-change\"]}",
	    "{\"name\":\"h1\",\"url\":\"http://a\\u0000\"}", "{\"name\":\"h1\",\"url\":1}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(decode(cv_json_decode_webhook, bad[i], &body), "%s", bad[i]);
}

Test(event_json, event_queues_that_are_asked_for)
{
	struct cv_subscription_body body;

	/* Members that their client may learn to send are not looked at. */
	cr_assert(decode(cv_json_decode_event_queue,
	    "{\"label\":\"q1\",\"type\":\"push\",\"push-url\":\"https://a/\",\"more\":1}", &body));
	cr_expect_str_eq(body.label, "q1");
	cr_expect_str_eq(body.events, CV_EVENT_QUEUE_LIST);
	static const char *const bad[] = {
	    "{\"label\":\"q1\",\"type\":\"pull\",\"push-url\":\"https://a/\"}",
	    "{\"label\":\"q1\",\"type\":\"push\"}",
	    "{\"label\":\"q1\",\"push-url\":\"https://a/\"}",
	    "{\"type\":\"push\",\"push-url\":\"https://a/\"}",
	    "{\"label\":\"q/1\",\"type\":\"push\",\"push-url\":\"https://a/\"}",
	    "{\"label\":\"q1\",\"type\":\"push\",\"push-url\":\"a\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(decode(cv_json_decode_event_queue, bad[i], &body), "%s", bad[i]);
}
