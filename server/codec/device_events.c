#include "cv/codec/device_json.h"

#include <string.h>

#include "cv/util/text.h"
#include "json_reader_internal.h"

#define EVENT_ID_MAX 128
#define EVENT_TEXT_MAX 256

/* [A-Za-z0-9_-]+, since it becomes part of paths. Names of rotation groups have dots, too. */
static bool
is_correlation_id(const char *text)
{
	static const char allowed[] =
	    ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	bool is_of_group = text != NULL && cv_text_has_prefix(text, CV_ROTATION_OF_GROUP);
	size_t len = text == NULL ? 0 : strspn(text, is_of_group ? allowed : allowed + 1);

	return len > 0 && len <= EVENT_ID_MAX && text[len] == '\0';
}

/* So many bytes of it, cut between two characters; "" when it is no string. */
static json_t *
bounded_text(const json_t *text, size_t max)
{
	const char *value = json_is_string(text) ? json_string_value(text) : "";

	return json_stringn(value, cv_text_cut(value, max));
}

static void
set_optional(json_t *event, const char *name, const json_t *text, size_t max)
{
	if (json_is_string(text))
		(void)json_object_set_new(event, name, bounded_text(text, max));
}

/* A number too: some write it so. */
static json_t *
version_text(const json_t *version)
{
	char digits[CV_NUMBER_SIZE];

	if (json_is_integer(version))
		return json_string(cv_text_from_number(json_integer_value(version), digits));
	return bounded_text(version, EVENT_TEXT_MAX);
}

/* NULL: it is left out. */
static json_t *
read_event(const json_t *given, size_t place)
{
	const json_t *event = json_object_get(given, "event");
	const json_t *type = json_object_get(json_object_get(given, "eventType"), "id");
	const char *id = json_string_value(json_object_get(given, "id"));
	const char *correlation = json_string_value(json_object_get(event, "correlationId"));
	const char *device_time = json_string_value(json_object_get(given, "deviceTime"));
	const json_t *success = json_object_get(event, "success");
	int64_t seconds;
	json_t *read;

	if (id == NULL || id[0] == '\0' || strlen(id) > EVENT_ID_MAX ||
	    !is_correlation_id(correlation))
		return NULL;
	read = json_pack("{s:s, s:I, s:s, s:o, s:o, s:o}", "id", id, "place", (json_int_t)place,
	    "correlation_id", correlation, "event_type", bounded_text(type, EVENT_TEXT_MAX),
	    "target_name", bounded_text(json_object_get(event, "targetName"), EVENT_TEXT_MAX),
	    "target_version", version_text(json_object_get(event, "version")));
	if (device_time != NULL && cv_text_parse_time(device_time, &seconds))
		(void)json_object_set_new(read, "device_time", json_integer(seconds));
	if (json_is_boolean(success))
		(void)json_object_set_new(read, "success", json_boolean(json_is_true(success)));
	set_optional(read, "details", json_object_get(event, "details"), CV_EVENT_DETAILS_MAX);
	set_optional(read, "ecu", json_object_get(event, "ecu"), EVENT_TEXT_MAX);
	return read;
}

bool
cv_json_decode_events(struct cv_bytes body, struct cv_buffer *ret_events, struct cv_error *err)
{
	CV_AUTO_JSON json_t *given = NULL;
	CV_AUTO_JSON json_t *events = json_array();
	CV_AUTO_MEMORY char *text = NULL;

	if (!cv_json_read_array(body, &given, err))
		return false;
	/* Clients forget what was taken, and halve what was too much. */
	if (json_array_size(given) > CV_EVENTS_MAX)
		return cv_fail(err, CV_E_LIMIT, "more than %d events", CV_EVENTS_MAX);
	for (size_t i = 0; i < json_array_size(given); i++) {
		json_t *event = read_event(json_array_get(given, i), i);
		if (event != NULL)
			(void)json_array_append_new(events, event);
	}
	text = json_dumps(events, JSON_COMPACT);
	if (text != NULL)
		cv_buffer_append_text(ret_events, text);
	return (text != NULL && !ret_events->has_failed) ||
	       cv_fail(err, CV_E_MEMORY, "out of memory");
}
