/*
 * Configuration and events of devices: one form comes out, whatever goes in, and it is read again
 * as the same; every layer that was written can be served; fragments of TOML are merged into what
 * is merged to the same.
 */
#include <jansson.h>

#include "cv/codec/device_json.h"
#include "cv/codec/toml.h"
#include "fuzz.h"

static struct cv_bytes
text_bytes(const char *text)
{
	return cv_bytes(text, strlen(text));
}

static void
check_served(const struct cv_configuration_body *body)
{
	const struct cv_bytes layers[] = {
	    cv_buffer_bytes(&body->files), text_bytes("[]"), cv_buffer_bytes(&body->files)};
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	FUZZ_REQUIRE(cv_json_append_layers(&json, layers, 3, &err));
	FUZZ_REQUIRE(cv_buffer_text(&json)[0] == '{');
}

static void
check_configuration(struct cv_bytes data)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body again = {.reason = ""};
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_decode_configuration(data, &body, &err)) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT);
		return;
	}
	cv_buffer_printf(&json, "{\"files\":%s}", cv_buffer_text(&body.files));
	FUZZ_REQUIRE(cv_json_decode_configuration(cv_buffer_bytes(&json), &again, &err));
	FUZZ_REQUIRE(cv_bytes_equal(cv_buffer_bytes(&body.files), cv_buffer_bytes(&again.files)));
	FUZZ_REQUIRE(body.has_encrypted == again.has_encrypted);
	FUZZ_REQUIRE(strlen(body.reason) < CV_REASON_TEXT_SIZE);
	check_served(&body);
}

static void
check_event(const json_t *event)
{
	const char *details = json_string_value(json_object_get(event, "details"));

	FUZZ_REQUIRE(json_string_length(json_object_get(event, "id")) > 0);
	FUZZ_REQUIRE(json_string_length(json_object_get(event, "correlation_id")) > 0);
	FUZZ_REQUIRE(json_is_string(json_object_get(event, "event_type")));
	FUZZ_REQUIRE(json_is_string(json_object_get(event, "target_name")));
	FUZZ_REQUIRE(json_is_string(json_object_get(event, "target_version")));
	FUZZ_REQUIRE(details == NULL || strlen(details) <= CV_EVENT_DETAILS_MAX);
}

static void
check_events(struct cv_bytes data)
{
	CV_AUTO_BUFFER struct cv_buffer events = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_decode_events(data, &events, &err)) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT);
		return;
	}
	json_t *array = json_loads(cv_buffer_text(&events), 0, NULL);
	FUZZ_REQUIRE(json_is_array(array) && json_array_size(array) <= CV_EVENTS_MAX);
	for (size_t i = 0; i < json_array_size(array); i++)
		check_event(json_array_get(array, i));
	json_decref(array);
}

static void
check_toml(const char *text)
{
	CV_AUTO_BUFFER struct cv_buffer merged = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer twice = CV_BUFFER_INIT;

	if (!cv_toml_merge(text, "", &merged)) {
		FUZZ_REQUIRE(merged.len == 0);
		return;
	}
	FUZZ_REQUIRE(cv_toml_merge(cv_buffer_text(&merged), "", &again));
	FUZZ_REQUIRE(strcmp(cv_buffer_text(&merged), cv_buffer_text(&again)) == 0);
	FUZZ_REQUIRE(cv_toml_merge(text, text, &twice));
	FUZZ_REQUIRE(strcmp(cv_buffer_text(&merged), cv_buffer_text(&twice)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_MEMORY char *text = fuzz_text(data, size);

	check_configuration(cv_bytes(data, size));
	check_events(cv_bytes(data, size));
	check_toml(text);
	return 0;
}
