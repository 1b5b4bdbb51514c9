#include "../../../server/http/path_internal.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	const char *target;
	const char *segments; /* joined with '|'; NULL: refused */
	const char *query;
};

static const struct row rows[] = {
    {"/", "", ""},
    {"/a", "a", ""},
    {"/a/b?x=1&y", "a|b", "x=1&y"},
    {"/a/", "a|", ""},
    {"//a", "|a", ""},
    {"/%61%2D", "a-", ""},
    {"/%2561", "%61", ""}, /* decoded once */
    {"/a?b/../c", "a", "b/../c"},
    {"https://host:8443/a", "a", ""},
    {"http://host/a?b", "a", "b"},
    {"/...", "...", ""},
    {"/a%2Fb", NULL, NULL},
    {"/a%2fb", NULL, NULL},
    {"/a%00", NULL, NULL},
    {"/a%0a", NULL, NULL},
    {"/a%7F", NULL, NULL},
    {"/a\tb", NULL, NULL},
    {"/a%", NULL, NULL},
    {"/a%4", NULL, NULL},
    {"/a%4g", NULL, NULL},
    {"/..", NULL, NULL},
    {"/a/../b", NULL, NULL},
    {"/%2e%2E/b", NULL, NULL},
    {"/.", NULL, NULL},
    {"https://host", NULL, NULL},
    {"https://host?x", NULL, NULL},
    {"*", NULL, NULL},
    {"a", NULL, NULL},
    {"", NULL, NULL},
};

static void
join(const struct cv_path *path, char ret_text[CV_TARGET_MAX + CV_SEGMENTS_MAX])
{
	char *at = ret_text;

	*at = '\0';
	for (size_t i = 0; i < path->count; i++) {
		size_t len = strlen(path->segments[i]);
		if (i > 0)
			*at++ = '|';
		memcpy(at, path->segments[i], len + 1);
		at += len;
	}
}

Test(path, decodes_segments_once)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char joined[CV_TARGET_MAX + CV_SEGMENTS_MAX];
		struct cv_path path;
		bool is_read = cv_path_parse(rows[i].target, &path);

		cr_expect_eq(is_read, rows[i].segments != NULL, "%s", rows[i].target);
		if (!is_read || rows[i].segments == NULL)
			continue;
		join(&path, joined);
		cr_expect_str_eq(joined, rows[i].segments);
		cr_expect_str_eq(path.query, rows[i].query);
	}
}

static bool
reads_segments(size_t count)
{
	char target[2 * CV_SEGMENTS_MAX + 8];
	struct cv_path path;

	for (size_t i = 0; i < count; i++)
		memcpy(target + 2 * i, "/a", 2);
	target[2 * count] = '\0';
	return cv_path_parse(target, &path);
}

Test(path, bounds_the_number_of_segments)
{
	cr_expect(reads_segments(CV_SEGMENTS_MAX));
	cr_expect_not(reads_segments(CV_SEGMENTS_MAX + 1));
}

static bool
reads_length(size_t len)
{
	char target[CV_TARGET_MAX + 8];
	struct cv_path path;

	memset(target, 'a', len);
	target[0] = '/';
	target[len] = '\0';
	return cv_path_parse(target, &path) && strlen(path.segments[0]) == len - 1;
}

Test(path, joins_what_is_left)
{
	static const struct {
		const char *target;
		size_t first;
		const char *joined;
	} cases[] = {
	    {"/c/a", 1, "a"},
	    {"/c/a/", 1, "a"},
	    {"/c/with/subdir/1.txt/", 1, "with/subdir/1.txt"},
	    {"/c/a%20b/%2561?x=/y", 1, "a b/%61"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_path path;
		char joined[CV_TARGET_MAX + 1];

		cr_assert(cv_path_parse(cases[i].target, &path));
		cv_path_join(&path, path.segments[cases[i].first], joined);
		cr_expect_str_eq(joined, cases[i].joined, "%s", cases[i].target);
	}
}

Test(path, bounds_the_length)
{
	cr_expect(reads_length(CV_TARGET_MAX));
	cr_expect_not(reads_length(CV_TARGET_MAX + 1));
}

Test(path, knows_what_is_below)
{
	cr_expect(cv_path_is_below("/v1/check", "/v1/check"));
	cr_expect(cv_path_is_below("/v1/check?x", "/v1/check"));
	cr_expect(cv_path_is_below("/v1/check/a%00/../b", "/v1/check"));
	cr_expect(cv_path_is_below("https://h/v1/check", "/v1/check"));
	cr_expect_not(cv_path_is_below("/v1/checker", "/v1/check"));
	cr_expect_not(cv_path_is_below("/v1/chec", "/v1/check"));
	cr_expect_not(cv_path_is_below("/v1/%63heck", "/v1/check"));
	cr_expect_not(cv_path_is_below("/x/v1/check", "/v1/check"));
}

struct query_row {
	const char *query;
	enum cv_query_outcome outcome;
	const char *value;
};

static const struct query_row query_rows[] = {
    {"a=1", CV_QUERY_FOUND, "1"},
    {"b=2&a=1&c", CV_QUERY_FOUND, "1"},
    {"a=", CV_QUERY_FOUND, ""},
    {"a", CV_QUERY_FOUND, ""},
    {"a=x%3Dy+z", CV_QUERY_FOUND, "x=y+z"},
    {"a=1234567", CV_QUERY_FOUND, "1234567"},
    {"a=12345678", CV_QUERY_BAD, NULL}, /* one too long */
    {"a=1&a=1", CV_QUERY_BAD, NULL},
    {"a=%0a", CV_QUERY_BAD, NULL},
    {"a=%", CV_QUERY_BAD, NULL},
    {"", CV_QUERY_ABSENT, NULL},
    {"aa=1&b=a", CV_QUERY_ABSENT, NULL},
    {"&&=1", CV_QUERY_ABSENT, NULL},
};

Test(path, finds_query_members)
{
	for (size_t i = 0; i < sizeof(query_rows) / sizeof(query_rows[0]); i++) {
		const struct query_row *row = &query_rows[i];
		char value[8] = "before";

		cr_expect_eq(cv_query_find(row->query, "a", value, sizeof(value)), row->outcome,
		    "%s", row->query);
		if (row->outcome == CV_QUERY_FOUND)
			cr_expect_str_eq(value, row->value);
	}
	cr_expect(cv_query_has("x&verbose&y", "verbose"));
	cr_expect(cv_query_has("verbose=1", "verbose"));
	cr_expect_not(cv_query_has("verbosely", "verbose"));
}

static const struct {
	const char *target;
	const char *moved; /* to the same as this one */
} label_rows[] = {
    {"/lab/.well-known/est/cacerts", "/.well-known/est/lab/cacerts"},
    {"/l%61b/.well-known/est//cacerts", "/.well-known/est/lab//cacerts"},
    {"/a/.well-known/est/b/cacerts", "/.well-known/est/a/b/cacerts"},
    {"/.well-known/est/lab/cacerts", "/.well-known/est/lab/cacerts"},
    {"/.well-known/.well-known/est/cacerts", "/.well-known/est/.well-known/cacerts"},
    {"//.well-known/est/cacerts", "//.well-known/est/cacerts"},
    {"/lab/.well-known/est", "/lab/.well-known/est"},
    {"/a/b/.well-known/est/cacerts", "/a/b/.well-known/est/cacerts"},
    {"/lab/.well-known/acme/cacerts", "/lab/.well-known/acme/cacerts"},
    {"/lab/est/.well-known/cacerts", "/lab/est/.well-known/cacerts"},
};

Test(path, a_label_in_front_is_moved_to_its_place)
{
	for (size_t i = 0; i < sizeof(label_rows) / sizeof(label_rows[0]); i++) {
		struct cv_path path, expected;

		cr_assert(cv_path_parse(label_rows[i].target, &path));
		cr_assert(cv_path_parse(label_rows[i].moved, &expected));
		cv_path_move_label(&path);
		cr_assert_eq(path.count, expected.count, "%s", label_rows[i].target);
		for (size_t k = 0; k < path.count; k++)
			cr_expect_str_eq(path.segments[k], expected.segments[k], "%s, segment %zu",
			    label_rows[i].target, k);
	}
}
