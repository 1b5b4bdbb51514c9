#include "operator_views_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/service/inspection.h"
#include "cv/util/text.h"
#include "cv_openapi.h"
#include "cursor_internal.h"
#include "http_internal.h"
#include "link_internal.h"
#include "operator_call_internal.h"
#include "operator_handlers_internal.h"
#include "operator_status_internal.h"
#include "problem_internal.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define FILTER_SIZE 136
#define TIME_MAX 64

/* A query member. NULL name: not offered. values: those that there are, comma separated. */
struct filter {
	const char *name;
	const char *values;
	bool is_time;
};

struct view_row {
	const char *pattern;
	enum cv_view view;
	struct filter filters[CV_VIEW_FILTERS_MAX];
};

#define NOT_OFFERED                                                                                \
	{                                                                                          \
		NULL, NULL, false                                                                  \
	}

/* clang-format off */
static const struct view_row views[] = {
	{"/v1/approvals", CV_VIEW_APPROVALS, {{"state", "pending,approved,refused", false}}},
	{"/v1/audit", CV_VIEW_AUDIT, {{"device", NULL, false}, {"actor", NULL, false},
	    {"action", NULL, false}, {"since", NULL, true}, {"until", NULL, true}}},
	{"/v1/authorities", CV_VIEW_AUTHORITIES, {NOT_OFFERED,
	    {"kind", "root,online,offline,bootstrap", false}}},
	{"/v1/authorities/{name}", CV_VIEW_AUTHORITIES, {NOT_OFFERED}},
	{"/v1/certificates", CV_VIEW_CERTIFICATES, {{"device", NULL, false},
	    {"state", "issued,announced,active,retired,revoked,discarded", false},
	    {"authority", NULL, false}, {"expires_before", NULL, true}}},
	{"/v1/certificates/{sha256}", CV_VIEW_CERTIFICATE, {NOT_OFFERED}},
	{"/v1/denials", CV_VIEW_DENIALS, {{"device", NULL, false}}},
	{"/v1/device-grants", CV_VIEW_DEVICE_GRANTS, {{"state", "pending,approved,refused", false}}},
	{"/v1/devices", CV_VIEW_DEVICES, {{"state", "ok,held,deleted,revoked", false},
	    {"group", NULL, false}, {"rotation", "none,pending,stalled", false}}},
	{"/v1/devices/{id}", CV_VIEW_DEVICE, {NOT_OFFERED}},
	{"/v1/enrolment-tokens", CV_VIEW_ENROLMENT_TOKENS, {NOT_OFFERED, {"device", NULL, false}}},
	{"/v1/enrolment-tokens/{id}", CV_VIEW_ENROLMENT_TOKENS, {NOT_OFFERED}},
	{"/v1/factories", CV_VIEW_FACTORIES, {NOT_OFFERED}},
	{"/v1/factories/{name}", CV_VIEW_FACTORIES, {NOT_OFFERED}},
	{"/v1/gateways", CV_VIEW_GATEWAYS, {NOT_OFFERED}},
	{"/v1/gateways/{name}", CV_VIEW_GATEWAYS, {NOT_OFFERED}},
	{"/v1/groups", CV_VIEW_GROUPS, {NOT_OFFERED}},
	{"/v1/groups/{name}", CV_VIEW_GROUPS, {NOT_OFFERED}},
	{"/v1/operator-certificates", CV_VIEW_OPERATOR_CERTIFICATES, {NOT_OFFERED}},
	{"/v1/operator-certificates/{id}", CV_VIEW_OPERATOR_CERTIFICATES, {NOT_OFFERED}},
	{"/v1/operator-tokens", CV_VIEW_OPERATOR_TOKENS, {NOT_OFFERED}},
	{"/v1/operator-tokens/{id}", CV_VIEW_OPERATOR_TOKENS, {NOT_OFFERED}},
	{"/v1/rotation-groups", CV_VIEW_ROTATION_GROUPS, {NOT_OFFERED,
	    {"state", "running,paused,done,ended", false}}},
	{"/v1/rotation-groups/{name}", CV_VIEW_ROTATION_GROUPS, {NOT_OFFERED}},
	{"/v1/webhooks", CV_VIEW_SUBSCRIPTIONS, {NOT_OFFERED, {"type", "push,webhook", false}}},
	{"/v1/webhooks/{name}", CV_VIEW_SUBSCRIPTIONS, {NOT_OFFERED}},
	{"/v1/webhooks/{name}/deliveries", CV_VIEW_DELIVERIES, {NOT_OFFERED,
	    {"state", "pending,done,dead", false}}},
};
/* clang-format on */

static const struct view_row *
find_view(const struct cv_request *request)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (cv_text_equal(views[i].pattern, request->match.route->pattern))
			return &views[i];
	}
	return NULL;
}

static const char *
filter_of(const char *pattern, size_t number)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (!cv_text_equal(views[i].pattern, pattern))
			continue;
		for (size_t j = 0; j < CV_VIEW_FILTERS_MAX; j++) {
			const char *name = views[i].filters[j].name;
			if (name != NULL && number-- == 0)
				return name;
		}
	}
	return NULL;
}

/* What is made beside the factories says in its body which of them it is for: that a query were
 * ignored could give it all of them. */
static bool
takes_factory(const struct cv_route *route)
{
	unsigned roles = (unsigned)CV_ROUTE_VIEWER | CV_ROUTE_OPERATOR | CV_ROUTE_ADMIN;

	if ((route->flags & roles) == 0)
		return false;
	return (route->flags & CV_ROUTE_REALM) == 0 || !cv_text_equal(route->method, "POST");
}

const char *
cv_operator_query_name(const struct cv_route *route, size_t number)
{
	static const char *const always[] = {"factory", "limit", "cursor", "after"};
	size_t count = takes_factory(route) ? 1 : 0;

	if (route->handle != cv_operator_list)
		return number < count ? always[number] : NULL;
	count = sizeof(always) / sizeof(always[0]);
	return number < count ? always[number] : filter_of(route->pattern, number - count);
}

static bool
knows_name(const struct cv_route *route, const char *name, size_t len)
{
	const char *known;

	for (size_t i = 0; (known = cv_operator_query_name(route, i)) != NULL; i++) {
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return true;
	}
	return len == 0 && name[0] != '=';
}

bool
cv_operator_knows_query(const struct cv_route *route, const char *query)
{
	for (const char *at = query; *at != '\0';) {
		if (!knows_name(route, at, strcspn(at, "=&")))
			return false;
		at += strcspn(at, "&");
		if (*at == '&')
			at++;
	}
	return true;
}

/* What a query of a request is made of. */
struct list_query {
	struct cv_view_query view;
	char after[CV_VIEW_KEY_SIZE];
	char filters[CV_VIEW_FILTERS_MAX][FILTER_SIZE];
};

static bool
fail_query(struct cv_request *request, const char *name, const char *expected)
{
	char detail[200];

	(void)snprintf(detail, sizeof(detail), "Query member %s must be %s.", name, expected);
	cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST, detail);
	return false;
}

static bool
read_limit(struct cv_request *request, int *ret_limit)
{
	char text[8];
	uint64_t limit = LIMIT_DEFAULT;
	enum cv_query_outcome outcome =
	    cv_query_find(request->path.query, "limit", text, sizeof(text));

	if (outcome == CV_QUERY_BAD ||
	    (outcome == CV_QUERY_FOUND &&
		(!cv_text_parse_unsigned(text, LIMIT_MAX, &limit) || limit == 0)))
		return fail_query(request, "limit", "a number from 1 to 1000");
	*ret_limit = (int)limit;
	return true;
}

/* "after" is how "cursor" was called first. */
static bool
read_cursor(struct cv_request *request, const struct view_row *row, struct list_query *query)
{
	char text[CV_CURSOR_SIZE];
	enum cv_query_outcome outcome =
	    cv_query_find(request->path.query, "cursor", text, sizeof(text));

	if (outcome == CV_QUERY_ABSENT)
		outcome = cv_query_find(request->path.query, "after", text, sizeof(text));
	if (outcome == CV_QUERY_ABSENT)
		return true;
	query->view.after = query->after;
	if (outcome == CV_QUERY_FOUND && cv_cursor_decode(text, row->pattern, query->after))
		return true;
	cv_problem_answer(request, CV_PROBLEM_BAD_CURSOR, NULL);
	return false;
}

/* The database reads it again, and takes no longer ones. */
static bool
is_time(const char *text)
{
	int64_t seconds;

	return strlen(text) <= TIME_MAX && cv_text_parse_time(text, &seconds);
}

/* An empty one is a script without the value, which must not be shown everything. */
static bool
read_filter(struct cv_request *request, const struct filter *filter, char value[FILTER_SIZE])
{
	enum cv_query_outcome outcome =
	    cv_query_find(request->path.query, filter->name, value, FILTER_SIZE);

	if (outcome == CV_QUERY_ABSENT) {
		value[0] = '\0';
		return true;
	}
	if (outcome == CV_QUERY_BAD || value[0] == '\0')
		return fail_query(
		    request, filter->name, "given once, and neither empty nor so long");
	if (filter->values != NULL && !cv_realm_list_has(filter->values, value))
		return fail_query(request, filter->name, filter->values);
	if (filter->is_time && !is_time(value))
		return fail_query(request, filter->name, "a time as in 2026-11-23T03:01:12Z");
	return true;
}

static bool
read_query(struct cv_request *request, const struct view_row *row, struct list_query *query)
{
	if (!read_limit(request, &query->view.limit) || !read_cursor(request, row, query))
		return false;
	for (size_t i = 0; i < CV_VIEW_FILTERS_MAX; i++) {
		if (row->filters[i].name == NULL)
			continue;
		if (!read_filter(request, &row->filters[i], query->filters[i]))
			return false;
		if (query->filters[i][0] != '\0')
			query->view.filters[i] = query->filters[i];
	}
	return true;
}

static void
answer_list(struct cv_request *request, const struct view_row *row, const struct list_query *query)
{
	struct cv_buffer *body = &request->answer.body;
	char next[CV_VIEW_KEY_SIZE], cursor[CV_CURSOR_SIZE], link[CV_LINK_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	cv_buffer_append_text(body, "{\"items\":[");
	if (!cv_inspect_list(request->http->service, &query->view, body, next, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (next[0] == '\0') {
		cv_buffer_append_text(body, "],\"next\":null}\n");
		cv_operator_answer_json(request, 200);
		return;
	}
	cv_cursor_encode(row->pattern, next, cursor);
	cv_buffer_printf(body, "],\"next\":\"%s\"}\n", cursor);
	cv_operator_answer_json(request, 200);
	if (request->answer.status == 200 && cv_link_next(request->path.query, cursor, link))
		cv_answer_add_header_text(request, "Link", link);
}

/*
 * A list below an object, as what was sent to one webhook: its name is the first filter, and an
 * empty list is not the same as no such object. False: answered.
 */
static bool
find_owner(struct cv_request *request, struct list_query *query)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result found = {.tag = ""};
	const char *name = request->match.parameters[0];
	const struct cv_view_query owner = {
	    .view = CV_VIEW_SUBSCRIPTIONS, .scope = query->view.scope, .filters = {name}};
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (query->view.view != CV_VIEW_DELIVERIES)
		return true;
	query->view.filters[0] = name;
	if (!cv_inspect_show(
		request->http->service, &owner, &exists, &found.object, found.tag, &err))
		cv_problem_answer_error(request, &err);
	else if (!exists)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	return exists;
}

void
cv_operator_list(struct cv_request *request)
{
	const struct view_row *row = find_view(request);
	struct cv_operator_call call;

	if (row == NULL || !cv_operator_admit(request, &call))
		return;
	struct list_query query = {.view = {.view = row->view, .scope = cv_operator_scope(&call)}};
	if (read_query(request, row, &query) && find_owner(request, &query))
		answer_list(request, row, &query);
}

/* Fingerprints are told in more than one spelling. NULL: nothing has such a name. */
static const char *
name_of(const struct cv_request *request, enum cv_view view, char hex[2 * CV_DIGEST_LEN + 1])
{
	const char *name = request->match.parameters[0];
	struct cv_digest fingerprint;

	if (view == CV_VIEW_ENROLMENT_TOKENS || view == CV_VIEW_OPERATOR_TOKENS ||
	    view == CV_VIEW_OPERATOR_CERTIFICATES)
		return cv_uuid_is_valid(name) ? name : NULL;
	if (view != CV_VIEW_CERTIFICATE)
		return name;
	if (!cv_digest_parse(name, &fingerprint))
		return NULL;
	cv_hex_encode(fingerprint.bytes, CV_DIGEST_LEN, hex);
	return hex;
}

void
cv_operator_show(struct cv_request *request)
{
	const struct view_row *row = find_view(request);
	CV_AUTO_CONFIGURATION struct cv_configuration_result found = {.tag = ""};
	struct cv_operator_call call;
	char hex[2 * CV_DIGEST_LEN + 1];
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (row == NULL || !cv_operator_admit(request, &call))
		return;
	const struct cv_view_query query = {.view = row->view,
	    .scope = cv_operator_scope(&call),
	    .filters = {name_of(request, row->view, hex)}};
	if (query.filters[0] == NULL)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else if (!cv_inspect_show(
		     request->http->service, &query, &exists, &found.object, found.tag, &err))
		cv_problem_answer_error(request, &err);
	else if (!exists)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else
		cv_operator_answer_object(request, &found);
}

void
cv_operator_show_status(struct cv_request *request)
{
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	cv_operator_append_status(&request->answer.body, request->http, call.factory);
	cv_operator_answer_json(request, 200);
}

void
cv_operator_show_description(struct cv_request *request)
{
	cv_buffer_append_text(&request->answer.body, cv_openapi);
	cv_operator_answer_json(request, 200);
}
