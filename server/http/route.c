#include "route_internal.h"

#include <stdbool.h>
#include <string.h>

#include "cv/util/text.h"

/* Clients with a base URL that ends in "/" write "//" before the operation. */
static size_t
drop_doubled_slash(const struct cv_path *path, const char *ret_segments[CV_SEGMENTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < path->count; i++) {
		bool is_before_last = i + 2 == path->count && i > 0;
		if (!(is_before_last && path->segments[i][0] == '\0'))
			ret_segments[count++] = path->segments[i];
	}
	return count;
}

/* Compares one segment; pattern points behind its slash and moves to its end. */
static bool
match_segment(const char **pattern, const char *segment, struct cv_route_match *match,
    size_t *parameter_count)
{
	size_t len = strcspn(*pattern, "/");
	const char *part = *pattern;

	*pattern += len;
	if (part[0] != '{')
		return strlen(segment) == len && memcmp(segment, part, len) == 0;
	if (segment[0] == '\0' || *parameter_count == CV_ROUTE_PARAMETERS_MAX)
		return false;
	match->parameters[(*parameter_count)++] = segment;
	return true;
}

/* Is this the parameter that takes all that is left? */
static bool
takes_rest(const char *pattern)
{
	size_t len = strcspn(pattern, "/");

	return len > strlen("...}") &&
	       memcmp(pattern + len - strlen("...}"), "...}", strlen("...}")) == 0;
}

/* None of them is empty, but for the last one where the path ends in a slash. */
static bool
match_rest(
    const char *const *segments, size_t count, struct cv_route_match *match, size_t parameter_count)
{
	if (count > 1 && segments[count - 1][0] == '\0')
		count--;
	for (size_t i = 0; i < count; i++) {
		if (segments[i][0] == '\0')
			return false;
	}
	if (parameter_count == CV_ROUTE_PARAMETERS_MAX)
		return false;
	match->parameters[parameter_count] = segments[0];
	return true;
}

/* The segments that a row looks at. */
static size_t
take_segments(const struct cv_route *route, const struct cv_path *path,
    const char *ret_segments[CV_SEGMENTS_MAX])
{
	size_t count = path->count;

	if ((route->flags & CV_ROUTE_DOUBLED_SLASH) != 0)
		return drop_doubled_slash(path, ret_segments);
	memcpy(ret_segments, path->segments, count * sizeof(ret_segments[0]));
	return count;
}

static bool
match_pattern(
    const struct cv_route *route, const struct cv_path *path, struct cv_route_match *match)
{
	const char *pattern = route->pattern;
	const char *segments[CV_SEGMENTS_MAX];
	size_t count = take_segments(route, path, segments);
	size_t parameter_count = 0;

	for (size_t i = 0; i < count; i++) {
		if (*pattern != '/')
			return false;
		pattern++;
		if (takes_rest(pattern))
			return match_rest(segments + i, count - i, match, parameter_count);
		if (!match_segment(&pattern, segments[i], match, &parameter_count))
			return false;
	}
	return *pattern == '\0' || strcmp(pattern, "/") == 0;
}

static bool
match_method(const char *wanted, const char *method)
{
	return cv_text_equal(wanted, method) ||
	       (cv_text_equal(wanted, "GET") && cv_text_equal(method, "HEAD"));
}

static void
add_allowed(struct cv_route_match *match, const char *method)
{
	size_t len = strlen(match->allow);
	const char *name = cv_text_equal(method, "GET") ? "GET, HEAD" : method;

	if (strstr(match->allow, name) != NULL ||
	    len + strlen(name) + sizeof(", ") > sizeof(match->allow))
		return;
	if (len > 0) {
		memcpy(match->allow + len, ", ", sizeof(", "));
		len += strlen(", ");
	}
	memcpy(match->allow + len, name, strlen(name) + 1);
}

void
cv_route_find(const struct cv_route_table *table, const char *method, const struct cv_path *path,
    struct cv_route_match *ret_match)
{
	*ret_match = (struct cv_route_match){.route = NULL};
	for (size_t i = 0; i < table->count; i++) {
		const struct cv_route *row = &table->rows[i];
		struct cv_route_match match = *ret_match;

		if (!match_pattern(row, path, &match))
			continue;
		if (ret_match->route == NULL)
			memcpy(ret_match->parameters, match.parameters, sizeof(match.parameters));
		add_allowed(ret_match, row->method);
		ret_match->path_flags |= row->flags;
		if (ret_match->route == NULL && match_method(row->method, method))
			ret_match->route = row;
	}
}
