#include "cv/codec/device_json.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cv_bytes
bytes(const char *text)
{
	return cv_bytes(text, strlen(text));
}

/* ---- bodies of uploads ---- */

struct body_row {
	const char *body;
	const char *files; /* NULL: refused */
	bool has_encrypted;
};

static const struct body_row body_rows[] = {
    {"{\"files\":null}", "[]", false},
    {"{}", "[]", false},
    {"{\"reason\":null,\"public-key\":null,\"other\":{\"a\":[1]},\"files\":[]}", "[]", false},
    {"{\"files\":[{\"name\":\"a\",\"value\":\"1\",\"unencrypted\":true}]}",
	"[{\"name\":\"a\",\"value\":\"1\",\"unencrypted\":true}]", false},
    {"{\"files\":[{\"name\":\"a\"}]}", "[{\"name\":\"a\",\"value\":\"\",\"unencrypted\":false}]",
	true},
    {"{\"files\":[{\"name\":\"a\",\"value\":null,\"unencrypted\":null,\"on-changed\":null,\"x\":1}]"
     "}",
	"[{\"name\":\"a\",\"value\":\"\",\"unencrypted\":false}]", true},
    {"{\"files\":[{\"name\":\"a\",\"unencrypted\":true,\"on-changed\":[]}]}",
	"[{\"name\":\"a\",\"value\":\"\",\"unencrypted\":true}]", false},
    {"{\"files\":[{\"name\":\"a\",\"unencrypted\":true,\"on-changed\":[\"/x\",\"y\"]}]}",
	"[{\"name\":\"a\",\"value\":\"\",\"unencrypted\":true,\"on-changed\":[\"/x\",\"y\"]}]",
	false},
    /* The last of a name counts. */
    {"{\"files\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\",\"unencrypted\":true},"
     "{\"name\":\"a\",\"value\":\"2\",\"unencrypted\":true}]}",
	"[{\"name\":\"a\",\"value\":\"2\",\"unencrypted\":true},{\"name\":\"b\",\"value\":\"\","
	"\"unencrypted\":true}]",
	false},
    {"{\"files\":[{\"name\":\"..a\",\"unencrypted\":true}]}",
	"[{\"name\":\"..a\",\"value\":\"\",\"unencrypted\":true}]", false},
    {"{\"files\":[{\"name\":\"with/subdir/1.txt\",\"unencrypted\":true}]}",
	"[{\"name\":\"with/subdir/1.txt\",\"value\":\"\",\"unencrypted\":true}]", false},
    {"", NULL, false},
    {"[]", NULL, false},
    {"{\"files\":{}}", NULL, false},
    {"{\"files\":[[]]}", NULL, false},
    {"{\"files\":[null]}", NULL, false},
    {"{\"files\":[{}]}", NULL, false},
    {"{\"files\":[{\"name\":\"\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"..\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\".\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a/../b\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\\nb\"}]}", NULL, false},
    {"{\"files\":[{\"name\":7}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\",\"value\":7}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\",\"value\":\"\\u0000\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\",\"unencrypted\":\"true\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\",\"on-changed\":\"/x\"}]}", NULL, false},
    {"{\"files\":[{\"name\":\"a\",\"on-changed\":[7]}]}", NULL, false},
    {"{\"reason\":7}", NULL, false},
    {"{\"public-key\":7}", NULL, false},
};

Test(device_json, reads_files_tolerantly_into_one_form)
{
	for (size_t i = 0; i < sizeof(body_rows) / sizeof(body_rows[0]); i++) {
		const struct body_row *row = &body_rows[i];
		CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_json_decode_configuration(bytes(row->body), &body, &err);

		cr_expect_eq(is_read, row->files != NULL, "row %zu: %s", i, err.text);
		if (!is_read) {
			cr_expect_eq(err.code, CV_E_INPUT, "row %zu", i);
			continue;
		}
		cr_expect_str_eq(cv_buffer_text(&body.files), row->files, "row %zu", i);
		cr_expect_eq(body.has_encrypted, row->has_encrypted, "row %zu", i);
	}
}

Test(device_json, reads_reason_and_key)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body cut = {.reason = ""};
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_configuration(
	    bytes("{\"reason\":\"why\\nnot\",\"public-key\":\"PEM\\n\",\"files\":[]}"), &body,
	    &err));
	cr_expect_str_eq(body.reason, "why\nnot");
	cr_expect_str_eq(cv_buffer_text(&body.public_key), "PEM\n");
	cr_expect_str_eq(cv_buffer_text(&body.summary), "{\"files\":[],\"count\":0}");
	/* A long one is cut, but not within a character. */
	cv_buffer_append_text(&text, "{\"reason\":\"a");
	for (int i = 0; i < 600; i++)
		cv_buffer_append_text(&text, "\xc3\xa4");
	cv_buffer_append_text(&text, "\"}");
	cr_assert(cv_json_decode_configuration(cv_buffer_bytes(&text), &cut, &err));
	cr_expect_eq(strlen(cut.reason), 1023);
}

static void
append_files(struct cv_buffer *text, int count)
{
	cv_buffer_append_text(text, "{\"files\":[");
	for (int i = 0; i < count; i++)
		cv_buffer_printf(text, "%s{\"name\":\"f%d\"}", i == 0 ? "" : ",", i);
	cv_buffer_append_text(text, "]}");
}

Test(device_json, takes_so_many_files)
{
	for (int count = CV_FILES_MAX; count <= CV_FILES_MAX + 1; count++) {
		CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;

		append_files(&text, count);
		cr_expect_eq(cv_json_decode_configuration(cv_buffer_bytes(&text), &body, &err),
		    count == CV_FILES_MAX);
		if (count == CV_FILES_MAX)
			cr_expect(strstr(cv_buffer_text(&body.summary), "\"f19\"],\"count\":500}"));
	}
}

Test(device_json, names_one_file)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_name_file("a \"b\"", &body, &err));
	cr_expect_str_eq(cv_buffer_text(&body.files), "[{\"name\":\"a \\\"b\\\"\"}]");
	cv_configuration_body_deinit(&body);
	cr_expect_not(cv_json_name_file("\xff", &body, &err));
}

/* Devices make the folders; none of them leads out of the one that all files are in. */
Test(device_json, names_a_file_in_folders)
{
	static const char *const good[] = {
	    "with/subdir/1.txt", "a/b", "a/..b", "a/b.", ".a/...", "1/2/3/4/5/6/7/8"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..",
	    "a/../b", "./a", "a/.", "a/./b", "a/b\n", "a\x7f/b", "1/2/3/4/5/6/7/8/9"};
	struct cv_error err = CV_ERROR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
		cr_expect(cv_json_name_file(good[i], &body, &err), "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
		cr_expect_not(cv_json_name_file(bad[i], &body, &err), "%s", bad[i]);
	}
}

Test(device_json, makes_the_file_that_starts_a_rotation)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_make_rotation_file(
	    "https://est.example:8443/.well-known/est", "certs-1669058841", &body, &err));
	cr_expect_str_eq(cv_buffer_text(&body.files),
	    "[{\"name\":\"fio-rotate-certs\",\"value\":\"ESTSERVER=https://est.example:8443/"
	    ".well-known/est\\nPKEYIDS=01,07\\nCERTIDS=03,09\\nROTATIONID=certs-1669058841\\n\","
	    "\"unencrypted\":true,\"on-changed\":[\"/usr/share/fioconfig/handlers/"
	    "renew-client-cert\"]}]");
}

/* ---- layers ---- */

static void
expect_layers(const char *lower, const char *upper, const char *expected)
{
	const struct cv_bytes layers[] = {bytes(lower), bytes(upper)};
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_expect(cv_json_append_layers(&json, layers, 2, &err), "%s", err.text);
	cr_expect_str_eq(cv_buffer_text(&json), expected);
}

#define TOML "z-50-fioctl.toml"

Test(device_json, puts_layers_over_each_other)
{
	expect_layers("", "", "{}");
	expect_layers("[]", "", "{}");
	expect_layers(
	    "[{\"name\":\"a\",\"value\":\"1\",\"unencrypted\":true,\"on-changed\":[\"/x\"]},"
	    "{\"name\":\"b\",\"value\":\"2\",\"unencrypted\":false}]",
	    "[{\"name\":\"a\",\"value\":\"3\",\"unencrypted\":false}]",
	    "{\"a\":{\"Value\":\"3\",\"OnChanged\":null,\"Unencrypted\":false},"
	    "\"b\":{\"Value\":\"2\",\"OnChanged\":null,\"Unencrypted\":false}}");
	expect_layers("[{\"name\":\"" TOML "\",\"value\":\"a = 1\\n\",\"unencrypted\":true}]",
	    "[{\"name\":\"" TOML
	    "\",\"value\":\"b = 2\",\"unencrypted\":true,\"on-changed\":[\"y\"]}]",
	    "{\"" TOML
	    "\":{\"Value\":\"a = 1\\nb = 2\\n\",\"OnChanged\":[\"y\"],\"Unencrypted\":true}}");
	expect_layers("[{\"name\":\"" TOML "\",\"value\":\"a = 1\\n\",\"unencrypted\":true}]",
	    "[{\"name\":\"" TOML "\",\"value\":\"b = 2\",\"unencrypted\":false}]",
	    "{\"" TOML "\":{\"Value\":\"b = 2\",\"OnChanged\":null,\"Unencrypted\":false}}");
	expect_layers("[{\"name\":\"" TOML "\",\"value\":\"a = 1\\n\",\"unencrypted\":false}]",
	    "[{\"name\":\"" TOML "\",\"value\":\"b = 2\",\"unencrypted\":true}]",
	    "{\"" TOML "\":{\"Value\":\"b = 2\",\"OnChanged\":null,\"Unencrypted\":true}}");
}

Test(device_json, a_malformed_layer_is_a_defect)
{
	static const char *const malformed[] = {
	    "{}", "[", "[7]", "[{\"value\":\"\"}]", "[{\"name\":\"a\"}]"};

	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct cv_bytes layer = bytes(malformed[i]);
		CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;

		cr_expect_not(cv_json_append_layers(&json, &layer, 1, &err), "%s", malformed[i]);
		cr_expect_eq(err.code, CV_E_INTERNAL);
	}
}

/* ---- events ---- */

#define EVENT(id, correlation, more)                                                               \
	"{\"id\":\"" id "\",\"event\":{\"correlationId\":\"" correlation "\"" more "}}"

struct event_row {
	const char *body;
	const char *events; /* NULL: refused */
};

static const struct event_row event_rows[] = {
    {"[]", "[]"},
    {"{}", NULL},
    {"", NULL},
    {"7", NULL},
    {"[", NULL},
    {"[7,null,{},[],\"x\"]", "[]"},
    {"[" EVENT("", "c", "") "," EVENT("i", "", "") "," EVENT("i", "a.b", "") "," EVENT(
	 "i", "a b", "") "]",
	"[]"},
    {"[" EVENT("i", "rotation.a", "") "," EVENT("i", "rotation-a/b", "") "," EVENT(
	 "i", "x-rotation-a.b", "") "]",
	"[]"},
    {"[" EVENT("i", "rotation-a.b", "") "]",
	"[{\"id\":\"i\",\"place\":0,\"correlation_id\":\"rotation-a.b\",\"event_type\":\"\","
	"\"target_name\":\"\",\"target_version\":\"\"}]"},
    {"[{\"id\":\"i\",\"event\":null}]", "[]"},
    {"[{\"id\":7,\"event\":{\"correlationId\":\"c\"}}]", "[]"},
    {"[{\"id\":\"i\",\"event\":{\"correlationId\":7}}]", "[]"},
    {"[7," EVENT("i", "c-_9", "") "]", "[{\"id\":\"i\",\"place\":1,\"correlation_id\":\"c-_9\","
				       "\"event_type\":\"\",\"target_name\":"
				       "\"\",\"target_version\":\"\"}]"},
    {"[{\"id\":\"i\",\"deviceTime\":\"2026-11-29T12:00:00.5+01:00\",\"eventType\":{\"id\":\"Step\"}"
     ","
     "\"event\":{\"correlationId\":\"c\",\"success\":true,\"targetName\":\"t\",\"version\":290,"
     "\"details\":\"d\",\"ecu\":\"e\"}}]",
	"[{\"id\":\"i\",\"place\":0,\"correlation_id\":\"c\",\"event_type\":\"Step\",\"target_"
	"name\":"
	"\"t\",\"target_version\":\"290\",\"device_time\":1795950000,\"success\":true,\"details\":"
	"\"d\",\"ecu\":\"e\"}]"},
    /* A text ends at a NUL, and takes nothing else with it. */
    {"[" EVENT("i", "c", ",\"details\":\"d\\u0000e\"") "," EVENT("\\u0000", "c", "") "," EVENT(
	 "j", "c", "") "]",
	"[{\"id\":\"i\",\"place\":0,\"correlation_id\":\"c\",\"event_type\":\"\",\"target_name\":"
	"\"\",\"target_version\":\"\",\"details\":\"d\"},{\"id\":\"j\",\"place\":2,\"correlation_"
	"id\":"
	"\"c\",\"event_type\":\"\",\"target_name\":\"\",\"target_version\":\"\"}]"},
    {"[" EVENT("i", "c", ",\"\\u0000\":1") "]", NULL},
    {"[" EVENT("i", "c", ",\"details\":\"\\ud800\"") "]", NULL},
    /* The same member twice: the last counts. */
    {"[{\"id\":\"h\",\"id\":\"i\",\"event\":{\"correlationId\":\"c\",\"success\":\"true\"}}]",
	"[{\"id\":\"i\",\"place\":0,\"correlation_id\":\"c\",\"event_type\":\"\",\"target_name\":"
	"\"\",\"target_version\":\"\"}]"},
};

Test(device_json, reads_events_tolerantly)
{
	for (size_t i = 0; i < sizeof(event_rows) / sizeof(event_rows[0]); i++) {
		const struct event_row *row = &event_rows[i];
		CV_AUTO_BUFFER struct cv_buffer events = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_json_decode_events(bytes(row->body), &events, &err);

		cr_expect_eq(is_read, row->events != NULL, "row %zu: %s", i, err.text);
		cr_expect_str_eq(
		    cv_buffer_text(&events), row->events ? row->events : "", "row %zu", i);
	}
}

struct time_row {
	const char *text;
	const char *seconds; /* NULL: as if absent */
};

static const struct time_row time_rows[] = {
    {"1970-01-01T00:00:00Z", "0"},
    {"1970-01-01 00:00:01z", "1"},
    {"1970-01-01T01:00:00+01:00", "0"},
    {"1969-12-31T22:30:00-01:30", "0"},
    {"2024-02-29T00:00:00.123456789Z", "1709164800"},
    {"2000-02-29T00:00:00Z", "951782400"},
    {"2026-02-29T00:00:00Z", NULL},
    {"1900-02-29T00:00:00Z", NULL},
    {"2026-04-31T00:00:00Z", NULL},
    {"2026-04-30T00:00:00.Z", NULL},
    {"1970-01-01T00:00:00+15:59", "-57540"},
    {"1970-01-01T00:00:00+16:00", NULL},
    {"9999-12-31T23:59:59Z", "253402300799"},
    {"1970-01-01T00:00:00", NULL},
    {"1970-01-01T00:00:00ZZ", NULL},
    {"1970-01-01T00:00:00+0100", NULL},
    {"1970-01-01T00:00:00+01", NULL},
    {"1970-01-01T00:00:00+24:00", NULL},
    {"1970-13-01T00:00:00Z", NULL},
    {"1970-00-01T00:00:00Z", NULL},
    {"1970-01-32T00:00:00Z", NULL},
    {"1970-01-01T24:00:00Z", NULL},
    {"1970-01-01T00:60:00Z", NULL},
    {"0000-01-01T00:00:00Z", NULL},
    {"1970-01-01", NULL},
    {"1970-01", NULL},
    {"1", NULL},
    {"", NULL},
};

Test(device_json, reads_times_of_any_zone)
{
	for (size_t i = 0; i < sizeof(time_rows) / sizeof(time_rows[0]); i++) {
		const struct time_row *row = &time_rows[i];
		CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer events = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer expected = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;

		cv_buffer_printf(&body,
		    "[{\"id\":\"i\",\"deviceTime\":\"%s\",\"event\":{\"correlationId\":\"c\"}}]",
		    row->text);
		cr_assert(cv_json_decode_events(cv_buffer_bytes(&body), &events, &err));
		if (row->seconds == NULL) {
			cr_expect_null(
			    strstr(cv_buffer_text(&events), "device_time"), "%s", row->text);
			continue;
		}
		cv_buffer_printf(&expected, "\"device_time\":%s}", row->seconds);
		cr_expect(strstr(cv_buffer_text(&events), cv_buffer_text(&expected)) != NULL,
		    "%s: %s", row->text, cv_buffer_text(&events));
	}
}

static void
append_events(struct cv_buffer *body, int count)
{
	cv_buffer_reset(body);
	cv_buffer_append_text(body, "[");
	for (int i = 0; i < count; i++)
		cv_buffer_printf(body, "%s{\"id\":\"%d\",\"event\":{\"correlationId\":\"c\"}}",
		    i == 0 ? "" : ",", i);
	cv_buffer_append_text(body, "]");
}

Test(device_json, bounds_events)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer events = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	append_events(&body, CV_EVENTS_MAX + 1);
	cr_expect_not(cv_json_decode_events(cv_buffer_bytes(&body), &events, &err));
	cr_expect_eq(err.code, CV_E_LIMIT);
	cr_expect_eq(events.len, 0);
	append_events(&body, CV_EVENTS_MAX);
	cr_assert(cv_json_decode_events(cv_buffer_bytes(&body), &events, &err));
	cr_expect(strstr(cv_buffer_text(&events), "\"id\":\"999\"") != NULL);
}
