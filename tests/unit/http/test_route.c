#include "../../../server/http/route_internal.h"

#include <criterion/criterion.h>

#include "../../../server/http/route_table_internal.h"

struct row {
	enum cv_listener_kind kind;
	const char *method;
	const char *target;
	const char *pattern; /* NULL: no route */
	const char *allow;
	const char *parameter; /* first; NULL: none */
};

#define EST "/.well-known/est"

static const struct row rows[] = {
    {CV_LISTENER_DEVICE, "GET", EST "/cacerts", EST "/cacerts", "GET, HEAD", NULL},
    {CV_LISTENER_DEVICE, "HEAD", EST "/cacerts", EST "/cacerts", "GET, HEAD", NULL},
    {CV_LISTENER_DEVICE, "POST", EST "/cacerts", NULL, "GET, HEAD", NULL},
    {CV_LISTENER_DEVICE, "GET", EST "/f1/cacerts", EST "/{label}/cacerts", "GET, HEAD", "f1"},
    {CV_LISTENER_DEVICE, "GET", EST "/%661/cacerts", EST "/{label}/cacerts", "GET, HEAD", "f1"},
    {CV_LISTENER_DEVICE, "GET", EST "//cacerts", EST "/cacerts", "GET, HEAD", NULL},
    {CV_LISTENER_DEVICE, "POST", EST "/f1//simpleenroll", EST "/{label}/simpleenroll", "POST",
	"f1"},
    {CV_LISTENER_DEVICE, "GET", EST "///cacerts", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "GET", EST "/cacerts/", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "GET", EST "/CACERTS", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "GET", EST "/a/b/cacerts", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "GET", "/x" EST "/cacerts", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "PUT", EST "/simpleenroll", NULL, "POST", NULL},
    {CV_LISTENER_DEVICE, "HEAD", EST "/simpleenroll", NULL, "POST", NULL},
    {CV_LISTENER_DEVICE, "POST", EST "/fullcmc", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "POST", EST "/serverkeygen", EST "/serverkeygen", "POST", NULL},
    {CV_LISTENER_DEVICE, "GET", EST "/f1/serverkeygen", NULL, "POST", "f1"},
    {CV_LISTENER_DEVICE, "PATCH", "/device", "/device", "GET, HEAD, PATCH", NULL},
    {CV_LISTENER_DEVICE, "DELETE", "/device", NULL, "GET, HEAD, PATCH", NULL},
    {CV_LISTENER_DEVICE, "GET", "//device", NULL, "", NULL},
    {CV_LISTENER_DEVICE, "GET", "/v1/devices", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "GET", "/v1/devices", "/v1/devices", "GET, HEAD", NULL},
    {CV_LISTENER_OPERATOR, "GET", "/v1/devices/", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "DELETE", "/v1/devices/d%3A1", "/v1/devices/{id}", "GET, HEAD, DELETE",
	"d:1"},
    {CV_LISTENER_OPERATOR, "POST", "/v1/devices/d1/revoke", "/v1/devices/{id}/revoke", "POST",
	"d1"},
    {CV_LISTENER_OPERATOR, "POST", "/v1/devices//revoke", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "POST", "/v1/devices/d1/destroy", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "get", "/v1/devices", NULL, "GET, HEAD", NULL},
    {CV_LISTENER_OPERATOR, "GET", "/ota/factories/f1/users/self/",
	"/ota/factories/{factory}/users/self/", "GET, HEAD", "f1"},
    {CV_LISTENER_OPERATOR, "GET", "/ota/factories/f1/users/self",
	"/ota/factories/{factory}/users/self/", "GET, HEAD", "f1"},
    {CV_LISTENER_OPERATOR, "GET", "/ota/factories/f1/users/self//", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "GET", "/ota/factories//users/self/", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/a/",
	"/ota/devices/{device}/config/{file...}/", "DELETE", "d1"},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/with/subdir/1.txt/",
	"/ota/devices/{device}/config/{file...}/", "DELETE", "d1"},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/with/subdir/1.txt",
	"/ota/devices/{device}/config/{file...}/", "DELETE", "d1"},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/with//1.txt/", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/with//", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config//", NULL, "", NULL},
    {CV_LISTENER_OPERATOR, "DELETE", "/ota/devices/d1/config/", NULL, "GET, HEAD, PATCH, POST",
	"d1"},
    {CV_LISTENER_PUBLIC, "GET", "/ca/x.cer", "/ca/{file}", "GET, HEAD", "x.cer"},
    {CV_LISTENER_PUBLIC, "GET", "/metrics", NULL, "", NULL},
    {CV_LISTENER_MONITORING, "GET", "/readyz?verbose", "/readyz", "GET, HEAD", NULL},
    {CV_LISTENER_GATEWAY, "GET", "/v1/devices", NULL, "", NULL},
};

static void
expect_row(const struct row *row)
{
	struct cv_route_match match;
	struct cv_path path;

	cr_assert(cv_path_parse(row->target, &path), "%s", row->target);
	cv_route_find(cv_route_table_of(row->kind), row->method, &path, &match);
	cr_expect_eq(match.route != NULL, row->pattern != NULL, "%s %s", row->method, row->target);
	if (match.route != NULL && row->pattern != NULL)
		cr_expect_str_eq(match.route->pattern, row->pattern);
	cr_expect_str_eq(match.allow, row->allow, "%s %s", row->method, row->target);
	if (row->parameter == NULL)
		cr_expect_null(match.parameters[0], "%s", row->target);
	else
		cr_expect_str_eq(match.parameters[0], row->parameter);
}

Test(route, finds_the_row)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_row(&rows[i]);
}

/* The allow list of the busiest path must fit, and every row must be reachable. */
Test(route, tables_have_handlers_and_methods)
{
	for (int kind = 0; kind < CV_LISTENER_COUNT; kind++) {
		const struct cv_route_table *table = cv_route_table_of((enum cv_listener_kind)kind);
		for (size_t i = 0; i < table->count; i++) {
			struct cv_route_match match;
			struct cv_path path;

			cr_expect_not_null(table->rows[i].handle);
			cr_assert(cv_path_parse(table->rows[i].pattern, &path));
			cv_route_find(table, table->rows[i].method, &path, &match);
			cr_expect_eq(match.route, &table->rows[i], "%s", table->rows[i].pattern);
		}
	}
}
