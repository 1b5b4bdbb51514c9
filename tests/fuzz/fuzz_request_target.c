/*
 * Request targets: the method's number, then the target. Segments and query members that were
 * decoded are decoded again from their encoding; a route is found only for a path that is its
 * pattern, and the same for every encoding of the path.
 */
#include <ctype.h>

#include "../../server/http/path_internal.h"
#include "../../server/http/route_table_internal.h"
#include "fuzz.h"

static const char *const methods[] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "", "PROPFIND"};
static const char *const members[] = {
    "factory", "device", "state", "after", "limit", "verbose", ""};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every byte that can be encoded. */
static void
append_encoded(struct cv_buffer *text, const char *plain)
{
	for (; *plain != '\0'; plain++)
		cv_buffer_printf(text, "%%%02X", (unsigned char)*plain);
}

static void
check_segments(const struct cv_path *path)
{
	FUZZ_REQUIRE(path->count >= 1 && path->count <= CV_SEGMENTS_MAX);
	for (size_t i = 0; i < path->count; i++) {
		const char *segment = path->segments[i];
		FUZZ_REQUIRE(strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0);
		for (; *segment != '\0'; segment++)
			FUZZ_REQUIRE(*segment != '/' && !iscntrl((unsigned char)*segment));
	}
}

/* False when the encoding is too long to be a target. */
static bool
encode_again(const struct cv_path *path, struct cv_path *ret_again, struct cv_buffer *text)
{
	for (size_t i = 0; i < path->count; i++) {
		cv_buffer_append_byte(text, '/');
		append_encoded(text, path->segments[i]);
	}
	if (path->query[0] != '\0')
		cv_buffer_printf(text, "?%s", path->query);
	if (text->len > CV_TARGET_MAX)
		return false;
	FUZZ_REQUIRE(cv_path_parse(cv_buffer_text(text), ret_again));
	FUZZ_REQUIRE(ret_again->count == path->count);
	for (size_t i = 0; i < path->count; i++)
		FUZZ_REQUIRE(strcmp(ret_again->segments[i], path->segments[i]) == 0);
	FUZZ_REQUIRE(strcmp(ret_again->query, path->query) == 0);
	return true;
}

static void
check_member(const char *query, const char *name)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	char value[128];
	char again[128];
	const enum cv_query_outcome outcome = cv_query_find(query, name, value, sizeof(value));

	FUZZ_REQUIRE((outcome != CV_QUERY_ABSENT) == cv_query_has(query, name));
	if (outcome != CV_QUERY_FOUND)
		return;
	cv_buffer_printf(&text, "x&%s=", name);
	append_encoded(&text, value);
	FUZZ_REQUIRE(
	    cv_query_find(cv_buffer_text(&text), name, again, sizeof(again)) == CV_QUERY_FOUND);
	FUZZ_REQUIRE(strcmp(value, again) == 0);
}

/* A parameter for all that is left: one segment at least, and only the last may be empty. */
static void
check_is_rest(const struct cv_path *path, size_t first, const char *parameter)
{
	FUZZ_REQUIRE(parameter == path->segments[first] && parameter[0] != '\0');
	for (size_t i = first; i + 1 < path->count; i++)
		FUZZ_REQUIRE(path->segments[i][0] != '\0');
}

/* Segment by segment, as a reader of the table would. A slash at the end may be left out. */
static void
check_is_pattern(const struct cv_route_match *match, const struct cv_path *path)
{
	const char *pattern = match->route->pattern;
	size_t parameter = 0;

	for (size_t i = 0; i < path->count; i++) {
		const size_t len = strcspn(pattern + 1, "/");
		const bool is_doubled = (match->route->flags & CV_ROUTE_DOUBLED_SLASH) != 0 &&
					i > 0 && i + 2 == path->count &&
					path->segments[i][0] == '\0';
		if (is_doubled)
			continue;
		FUZZ_REQUIRE(pattern[0] == '/');
		if (len > strlen("...}") && strncmp(pattern + 1 + len - 4, "...}", 4) == 0) {
			check_is_rest(path, i, match->parameters[parameter]);
			return;
		}
		if (pattern[1] == '{')
			FUZZ_REQUIRE(path->segments[i][0] != '\0' &&
				     match->parameters[parameter++] == path->segments[i]);
		else
			FUZZ_REQUIRE(strlen(path->segments[i]) == len &&
				     strncmp(path->segments[i], pattern + 1, len) == 0);
		pattern += 1 + len;
	}
	FUZZ_REQUIRE(*pattern == '\0' || strcmp(pattern, "/") == 0);
}

static void
check_routes(const char *method, const struct cv_path *path, const struct cv_path *again)
{
	for (int kind = 0; kind < CV_LISTENER_COUNT; kind++) {
		const struct cv_route_table *table = cv_route_table_of((enum cv_listener_kind)kind);
		struct cv_route_match match;
		struct cv_route_match other;
		cv_route_find(table, method, path, &match);
		FUZZ_REQUIRE(strlen(match.allow) < sizeof(match.allow));
		if (match.route != NULL) {
			FUZZ_REQUIRE(strstr(match.allow, match.route->method) != NULL);
			check_is_pattern(&match, path);
		}
		if (again == NULL)
			continue;
		cv_route_find(table, method, again, &other);
		FUZZ_REQUIRE(match.route == other.route && strcmp(match.allow, other.allow) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_path path;
	struct cv_path again;

	if (size == 0)
		return 0;
	CV_AUTO_MEMORY char *target = fuzz_text(data + 1, size - 1);
	(void)cv_path_is_below(target, "/v1/check");
	if (!cv_path_parse(target, &path))
		return 0;
	check_segments(&path);
	const bool is_encoded = encode_again(&path, &again, &text);
	for (size_t i = 0; i < COUNT(members); i++)
		check_member(path.query, members[i]);
	check_routes(methods[data[0] % COUNT(methods)], &path, is_encoded ? &again : NULL);
	return 0;
}
