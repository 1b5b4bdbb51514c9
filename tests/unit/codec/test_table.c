#include <criterion/criterion.h>
#include <string.h>

#include "cv/codec/table.h"

static struct cv_bytes
text_bytes(const char *text)
{
	return cv_bytes(text, strlen(text));
}

struct list_row {
	const char *what;
	const char *json;
	const char *columns;
	size_t width;
	const char *text; /* NULL: refused */
};

Test(table, lists)
{
	static const struct list_row rows[] = {
	    {"members in the server's order",
		"{\"devices\":[{\"id\":\"a\",\"last_seen\":5},{\"id\":\"longer\",\"last_seen\":"
		"null}]}",
		NULL, 0, "ID      LAST SEEN\na       5\nlonger  -\n"},
	    {"a bare array", "[{\"id\":\"a\"}]", NULL, 0, "ID\na\n"},
	    {"a member that only later rows have", "[{\"a\":1},{\"a\":2,\"b\":true}]", NULL, 0,
		"A  B\n1  -\n2  yes\n"},
	    {"lists in a cell, objects left out", "[{\"s\":[\"x\",\"y\"],\"o\":{\"p\":1}}]", NULL,
		0, "S\nx,y\n"},
	    {"no rows", "{\"devices\":[],\"next\":null}", NULL, 0, "none\n"},
	    {"control characters", "[{\"id\":\"a\\u001b[2J\\nb\"}]", NULL, 0, "ID\na?[2J?b\n"},
	    {"control characters of ISO 8859", "[{\"id\":\"a\\u009b2J\\u00a0\"}]", NULL, 0,
		"ID\na?2J\xc2\xa0\n"},
	    {"what turns the direction or breaks a line",
		"[{\"id\":\"a\u202eb\u2066c\u2069d\u200fe\u2028f\u061cg\u202f\u2065\u200d\"}]",
		NULL, 0, "ID\na?b?c?d?e?f?g\xe2\x80\xaf\xe2\x81\xa5\xe2\x80\x8d\n"},
	    {"control characters in a name", "[{\"i\\u001b[2Jd\":1}]", NULL, 0, "I?[2JD\n1\n"},
	    {"what may be cut gives way", "[{\"a\":\"0123456789abcdef\",\"b\":\"xy\"}]", "a~ b", 14,
		"A           B\n01234567..  xy\n"},
	    {"the widest of it first",
		"[{\"id\":\"0123456789abcdef\",\"a\":\"0123456789ab\",\"b\":\"0123456789\"}]",
		"id a~ b~", 40,
		"ID                A           B\n0123456789abcdef  01234567..  0123456789\n"},
	    {"an id does not", "[{\"a\":\"0123456789abcdef\",\"b\":\"xy\"}]", "a b", 19,
		"A\n0123456789abcdef\n"
		"1 column left out: see --json, a pipe or a wider terminal\n"},
	    {"a heading is never cut", "[{\"first_contact\":\"0123456789abcdef\"}]",
		"first_contact~", 2, "FIRST CONTACT\n0123456789a..\n"},
	    {"times in seconds",
		"[{\"a\":\"2026-11-30T07:13:21.631007+00:00\",\"b\":\"2026-11-30T07:13:21Z\"}]",
		NULL, 0, "A                     B\n2026-11-30T07:13:21Z  2026-11-30T07:13:21Z\n"},
	    {"what is no time in UTC",
		"[{\"a\":\"2026-11-30T07:13:21.6+01:00\",\"b\":\"2026-11-30T07:13:21Zulu\"}]", NULL,
		0,
		"A                            B\n2026-11-30T07:13:21.6+01:00  "
		"2026-11-30T07:13:21Zulu\n"},
	    {"exactly as wide as the terminal", "[{\"a\":\"0123456789\",\"b\":\"xy\"}]", "a~ b", 14,
		"A           B\n0123456789  xy\n"},
	    {"never shorter than eight", "[{\"a\":\"0123456789abcdef\"}]", "a~", 2,
		"A\n012345..\n"},
	    {"characters, not bytes", "[{\"a\":\"\\u00e4\\u00f6\",\"b\":1}]", NULL, 0,
		"A   B\n\xc3\xa4\xc3\xb6  1\n"},
	    {"no list", "{\"id\":\"a\"}", NULL, 0, NULL},
	    {"a text", "\"a\"", NULL, 0, NULL},
	    {"no JSON", "<html>", NULL, 0, NULL},
	    {"nothing", "", NULL, 0, NULL},
	    {"one character too many", "[{\"a\":\"0123456789a\",\"b\":\"xy\"}]", "a~ b", 14,
		"A           B\n01234567..  xy\n"},
	    {"what does not fit is left out",
		"[{\"a\":\"0123456789\",\"b\":\"0123456789\",\"c\":\"0123456789\",\"d\":1}]",
		"a~ b~ c~ d", 22,
		"A           B\n0123456789  0123456789\n"
		"2 columns left out: see --json, a pipe or a wider terminal\n"},
	    {"columns that are asked for", "[{\"a\":1,\"b\":2,\"c\":{\"d\":3}}]", "b a e", 0,
		"B  A  E\n2  1  -\n"},
	    {"no rows, but columns", "{\"items\":[]}", "a b", 0, "none\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		bool is_list = cv_table_append_list(
		    text_bytes(rows[i].json), rows[i].columns, rows[i].width, &text, &err);
		cr_expect_eq(is_list, rows[i].text != NULL, "%s", rows[i].what);
		if (is_list && rows[i].text != NULL)
			cr_expect_str_eq(cv_buffer_text(&text), rows[i].text, "%s: %s",
			    rows[i].what, cv_buffer_text(&text));
		else
			cr_expect_eq(err.code, CV_E_INPUT, "%s", rows[i].what);
	}
}

Test(table, objects)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer refused = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_table_append_object(
	    text_bytes("{\"id\":\"a\",\"index\":{\"age\":1.5},\"keys\":[{\"state\":\"current\"}],"
		       "\"sources\":[]}"),
	    &text, &err));
	cr_assert_str_eq(cv_buffer_text(&text), "id                        a\n"
						"index.age                 1.5\n"
						"keys.1.state              current\n"
						"sources                   -\n");
	cr_assert_not(cv_table_append_object(text_bytes("[1]"), &refused, &err));
	cr_assert_eq(err.code, CV_E_INPUT);
}

Test(table, long_names_keep_their_lines_in_step)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_table_append_object(
	    text_bytes("{\"id\":\"a\",\"slots\":[{\"keys\":[{\"announced_at_first\":\"x\"}]}]}"),
	    &text, &err));
	cr_assert_str_eq(cv_buffer_text(&text), "id                                 a\n"
						"slots.1.keys.1.announced_at_first  x\n");
}

Test(table, single_members)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	const struct cv_bytes json = text_bytes("{\"token\":\"t\\n\",\"n\":1,\"yes\":true}");

	cr_assert(cv_table_find_text(json, "token", &text));
	cr_assert_str_eq(cv_buffer_text(&text), "t\n");
	cr_assert_not(cv_table_find_text(json, "n", &text));
	cr_assert_not(cv_table_find_text(json, "missing", &text));
	cr_assert_not(cv_table_find_text(text_bytes("[]"), "token", &text));
	cr_assert(cv_table_find_true(json, "yes"));
	cr_assert_not(cv_table_find_true(json, "n"));
	cr_assert_not(cv_table_find_true(text_bytes("nonsense"), "yes"));
}

Test(table, a_screen_has_lines_first_and_tables_behind)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	const char json[] =
	    "{\"a\":1,\"rows\":[{\"x\":1},{\"x\":22}],\"in\":{\"b\":2,\"deep\":[{\"y\":"
	    "\"\\u001b[2J\"}]},\"words\":[\"p\",\"q\"],\"none\":[]}";

	cr_assert(cv_table_append_screen(cv_bytes(json, sizeof(json) - 1), 0, &text, &err));
	cr_expect_str_eq(cv_buffer_text(&text), "a                         1\n"
						"in.b                      2\n"
						"words                     p,q\n"
						"none                      -\n"
						"\nrows:\nX\n1\n22\n"
						"\ndeep:\nY\n?[2J\n");
	cr_expect_not(cv_table_append_screen(cv_bytes("[]", 2), 0, &text, &err));
	cr_expect_eq(err.code, CV_E_INPUT);
}

Test(table, pages)
{
	CV_AUTO_BUFFER struct cv_buffer items = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer next = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	size_t count;

	cr_assert(
	    cv_table_append_page(text_bytes("{\"items\":[{\"b\":1,\"a\":null},2],\"next\":\"c1\"}"),
		&items, &next, &count, &err));
	cr_expect_eq(count, 2);
	cr_expect_str_eq(cv_buffer_text(&next), "c1");
	cv_buffer_reset(&next);
	cr_assert(cv_table_append_page(
	    text_bytes("{\"items\":[3],\"next\":null}"), &items, &next, &count, &err));
	cr_expect_str_eq(cv_buffer_text(&items), "{\"b\":1,\"a\":null},2,3");
	cr_expect_str_eq(cv_buffer_text(&next), "");
	cr_expect_not(
	    cv_table_append_page(text_bytes("{\"next\":null}"), &items, &next, &count, &err));
	cr_expect_not(cv_table_append_page(text_bytes("x"), &items, &next, &count, &err));
}

Test(table, numbers)
{
	int64_t number = -1;

	cr_expect(cv_table_find_number(text_bytes("{\"a\":0,\"b\":\"7\"}"), "a", &number));
	cr_expect_eq(number, 0);
	cr_expect_not(cv_table_find_number(text_bytes("{\"a\":0,\"b\":\"7\"}"), "b", &number));
	cr_expect_not(cv_table_find_number(text_bytes("{\"a\":0.5}"), "a", &number));
	cr_expect_not(cv_table_find_number(text_bytes("[7]"), "a", &number));
	cr_expect_eq(number, 0);
}
