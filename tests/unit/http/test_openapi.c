/* The description of the operator API against its routes, in both directions. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "../../../server/http/operator_views_internal.h"
#include "../../../server/http/route_table_internal.h"
#include "cv/model/source.h"

#include "cv_openapi.h"

static json_t *
load(void)
{
	json_error_t error;
	json_t *document = json_loads(cv_openapi, JSON_REJECT_DUPLICATES, &error);

	cr_assert_not_null(document, "line %d: %s", error.line, error.text);
	return document;
}

static void
lower(const char *method, char ret_text[16])
{
	size_t len = strlen(method);

	cr_assert_lt(len, 16);
	for (size_t i = 0; i <= len; i++)
		ret_text[i] = (char)tolower((unsigned char)method[i]);
}

static const json_t *
find_operation(const json_t *document, const struct cv_route *route)
{
	char method[16];

	lower(route->method, method);
	return json_object_get(
	    json_object_get(json_object_get(document, "paths"), route->pattern), method);
}

/* What a "$ref" below "#/components/" stands for. */
static const json_t *
resolve(const json_t *document, const json_t *value)
{
	const char *at = json_string_value(json_object_get(value, "$ref"));
	char kind[32], name[64];

	if (!at)
		return value;
	cr_assert_eq(sscanf(at, "#/components/%31[^/]/%63s", kind, name), 2, "%s", at);
	value =
	    json_object_get(json_object_get(json_object_get(document, "components"), kind), name);
	cr_assert_not_null(value, "%s", at);
	return value;
}

/* Is there such a parameter; required where that matters? */
static bool
has_parameter(const json_t *document, const json_t *operation, const char *where, const char *name)
{
	const json_t *parameters = json_object_get(operation, "parameters");

	for (size_t i = 0; i < json_array_size(parameters); i++) {
		const json_t *parameter = resolve(document, json_array_get(parameters, i));

		if (strcmp(json_string_value(json_object_get(parameter, "name")), name) == 0 &&
		    strcmp(json_string_value(json_object_get(parameter, "in")), where) == 0)
			return true;
	}
	return false;
}

static size_t
count_parameters(const json_t *document, const json_t *operation, const char *where)
{
	const json_t *parameters = json_object_get(operation, "parameters");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(parameters); i++) {
		const json_t *parameter = resolve(document, json_array_get(parameters, i));

		count += strcmp(json_string_value(json_object_get(parameter, "in")), where) == 0;
	}
	return count;
}

static const char *
role_of(const struct cv_route *route)
{
	if (route->flags & CV_ROUTE_VIEWER)
		return "viewer";
	if (route->flags & CV_ROUTE_OPERATOR)
		return "operator";
	return route->flags & CV_ROUTE_ADMIN ? "admin" : "none";
}

static void
check_path_parameters(const json_t *document, const json_t *operation, const struct cv_route *route)
{
	size_t count = 0;
	char name[32];

	for (const char *at = strchr(route->pattern, '{'); at; at = strchr(at + 1, '{')) {
		cr_assert_eq(sscanf(at, "{%31[^}]}", name), 1);
		cr_expect(has_parameter(document, operation, "path", name), "%s %s: {%s}",
		    route->method, route->pattern, name);
		count++;
	}
	cr_expect_eq(count_parameters(document, operation, "path"), count, "%s %s", route->method,
	    route->pattern);
}

/* Filters, pages and factory: those that the route takes, and no others. */
static void
check_query_parameters(
    const json_t *document, const json_t *operation, const struct cv_route *route)
{
	const char *name;
	size_t count = 0;

	for (; (name = cv_operator_query_name(route, count)) != NULL; count++)
		cr_expect(has_parameter(document, operation, "query", name), "%s %s: %s",
		    route->method, route->pattern, name);
	cr_expect_eq(count_parameters(document, operation, "query"), count,
	    "%s %s: a query member that the route does not know", route->method, route->pattern);
}

static bool
has_response(const json_t *operation, const char *status)
{
	return json_object_get(json_object_get(operation, "responses"), status) != NULL;
}

static void
check_answers(const json_t *document, const json_t *operation, const struct cv_route *route)
{
	static const char *const always[] = {"401", "403", "404", "429", "503"};
	bool has_role = strcmp(role_of(route), "none") != 0;
	bool is_change = (route->flags & CV_ROUTE_CHANGE) != 0;
	bool creates = has_response(operation, "201");

	cr_expect(has_response(operation, "400"), "%s %s", route->method, route->pattern);
	cr_expect(has_response(operation, "default"), "%s %s", route->method, route->pattern);
	for (size_t i = 0; has_role && i < sizeof(always) / sizeof(always[0]); i++)
		cr_expect(has_response(operation, always[i]), "%s %s: %s", route->method,
		    route->pattern, always[i]);
	cr_expect_eq(has_response(operation, "200"), !creates, "%s", route->pattern);
	cr_expect_eq(has_response(operation, "428"), is_change, "%s", route->pattern);
	cr_expect(!is_change || has_response(operation, "412"), "%s", route->pattern);
	cr_expect_eq(has_parameter(document, operation, "header", "If-Match"),
	    has_response(operation, "412"), "%s", route->pattern);
	cr_expect_eq(has_parameter(document, operation, "header", "Idempotency-Key"), creates,
	    "%s %s", route->method, route->pattern);
	cr_expect_eq(has_response(operation, "422"), creates, "%s", route->pattern);
	cr_expect_eq(has_response(operation, "413"), route->body_max > 0, "%s %s", route->method,
	    route->pattern);
	cr_expect_eq(has_response(operation, "415"), route->body_max > 0, "%s %s", route->method,
	    route->pattern);
	cr_expect_eq(json_object_get(operation, "requestBody") != NULL, route->body_max > 0,
	    "%s %s", route->method, route->pattern);
}

Test(openapi, every_route_is_described)
{
	const struct cv_route_table *table = cv_route_table_of(CV_LISTENER_OPERATOR);
	json_t *document = load();

	for (size_t i = 0; i < table->count; i++) {
		const struct cv_route *route = &table->rows[i];
		const json_t *operation = find_operation(document, route);

		if ((route->flags & CV_ROUTE_OTA) != 0)
			continue;
		cr_assert_not_null(operation, "%s %s", route->method, route->pattern);
		cr_expect_str_eq(json_string_value(json_object_get(operation, "x-certvendor-role")),
		    role_of(route), "%s %s", route->method, route->pattern);
		check_path_parameters(document, operation, route);
		check_query_parameters(document, operation, route);
		check_answers(document, operation, route);
	}
	json_decref(document);
}

/* NULL: there is none. */
static const struct cv_route *
find_route(const char *method, const char *pattern)
{
	const struct cv_route_table *table = cv_route_table_of(CV_LISTENER_OPERATOR);

	for (size_t i = 0; i < table->count; i++) {
		const struct cv_route *route = &table->rows[i];

		if (strcmp(route->method, method) == 0 && strcmp(route->pattern, pattern) == 0)
			return route;
	}
	return NULL;
}

Test(openapi, a_query_is_taken_by_its_names)
{
	static const struct {
		const char *method, *pattern, *query;
		bool is_known;
	} rows[] = {
	    {"GET", "/v1/devices", "", true},
	    {"GET", "/v1/devices", "factory=a&limit=1&cursor=&state=ok&&", true},
	    {"GET", "/v1/devices", "state", true},
	    {"GET", "/v1/devices", "states=ok", false},
	    {"GET", "/v1/devices", "=ok", false},
	    {"GET", "/v1/devices", "limit=1&=", false},
	    {"GET", "/v1/devices", "state=ok&stat=ok", false},
	    {"GET", "/v1/devices/{id}", "state=ok", false},
	    {"POST", "/v1/devices/{id}/hold", "factory=a", true},
	    {"POST", "/v1/devices/{id}/hold", "facotry=a", false},
	    {"POST", "/v1/devices/{id}/hold", "f%61ctory=a", false},
	    {"POST", "/v1/devices/{id}/hold", "limit=1", false},
	    {"GET", "/v1/event-keys", "factory=a", false},
	    {"GET", "/v1/gateways", "factory=a", true},
	    {"DELETE", "/v1/gateways/{name}", "factory=a", true},
	    {"POST", "/v1/gateways", "factory=a", false},
	    {"POST", "/v1/operator-tokens", "factory=a", false},
	    {"POST", "/v1/operator-certificates", "factory=a", false},
	    {"GET", "/v1/openapi.json", "", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cv_route *route = find_route(rows[i].method, rows[i].pattern);

		cr_assert_not_null(route, "%s %s", rows[i].method, rows[i].pattern);
		cr_expect_eq(cv_operator_knows_query(route, rows[i].query), rows[i].is_known,
		    "%s %s?%s", rows[i].method, rows[i].pattern, rows[i].query);
	}
}

static bool
is_route(const char *path, const char *method)
{
	const struct cv_route_table *table = cv_route_table_of(CV_LISTENER_OPERATOR);
	char name[16];

	for (size_t i = 0; i < table->count; i++) {
		lower(table->rows[i].method, name);
		if (strcmp(table->rows[i].pattern, path) == 0 && strcmp(name, method) == 0)
			return true;
	}
	return false;
}

/* What speaks in the words of other clients is described elsewhere. */
static size_t
count_described(void)
{
	const struct cv_route_table *table = cv_route_table_of(CV_LISTENER_OPERATOR);
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += (table->rows[i].flags & CV_ROUTE_OTA) == 0;
	return count;
}

Test(openapi, every_description_is_a_route)
{
	json_t *document = load();
	json_t *ids = json_object();
	json_t *methods, *operation;
	const char *path, *method;
	size_t count = 0;

	json_object_foreach(json_object_get(document, "paths"), path, methods)
	{
		json_object_foreach(methods, method, operation)
		{
			cr_expect(is_route(path, method), "%s %s", method, path);
			cr_expect_eq(
			    json_object_set(ids,
				json_string_value(json_object_get(operation, "operationId")),
				json_true()),
			    0);
			count++;
		}
	}
	cr_expect_eq(count, count_described());
	cr_expect_eq(json_object_size(ids), count, "an operationId is used twice, or is missing");
	json_decref(ids);
	json_decref(document);
}

static bool
takes_null(const json_t *schema)
{
	const json_t *list = json_object_get(schema, "type");
	const json_t *other = json_array_get(json_object_get(schema, "oneOf"), 1);

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), "null") == 0)
			return true;
	}
	return other && strcmp(json_string_value(json_object_get(other, "type")), "null") == 0;
}

static bool
has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	}
	return false;
}

/* A script that has no name to give must not get a token for every id. */
static bool
is_never_null(const struct cv_route *route, const char *name)
{
	return strcmp(route->pattern, "/v1/enrolment-tokens") == 0 &&
	       (strcmp(name, "device") == 0 || strcmp(name, "label") == 0);
}

/* The reader of bodies takes a null for a member that is not there. */
Test(openapi, what_may_be_left_out_may_be_null)
{
	const struct cv_route_table *table = cv_route_table_of(CV_LISTENER_OPERATOR);
	json_t *document = load();
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		const json_t *body =
		    json_object_get(find_operation(document, &table->rows[i]), "requestBody");
		const json_t *schema = resolve(document,
		    json_object_get(
			json_object_get(json_object_get(body, "content"), "application/json"),
			"schema"));
		const char *name;
		json_t *member;

		json_object_foreach(json_object_get(schema, "properties"), name, member)
		{
			bool needs_value = has_text(json_object_get(schema, "required"), name) ||
					   is_never_null(&table->rows[i], name);

			cr_expect_neq(takes_null(member), needs_value, "%s %s: %s",
			    table->rows[i].method, table->rows[i].pattern, name);
			count++;
		}
	}
	cr_expect_gt(count, 0);
	json_decref(document);
}

/* The pattern begins "^(rfc9440|xfcc|...)". */
Test(openapi, every_source_is_described)
{
	json_t *document = load();
	const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
	const char *pattern = json_string_value(json_object_get(
	    json_object_get(json_object_get(schemas, "Sources"), "items"), "pattern"));
	char list[128] = "";

	cr_assert(pattern != NULL && strncmp(pattern, "^(", 2) == 0);
	for (const char *word = pattern + 2; word[-1] != ')';) {
		size_t len = strlen(list), word_len = strcspn(word, "|)");

		(void)snprintf(list + len, sizeof(list) - len, "%s%.*s", len == 0 ? "" : ", ",
		    (int)word_len, word);
		word += word_len + 1;
	}
	cr_expect_str_eq(list, CV_SOURCE_WORDS);
	json_decref(document);
}
