#include "../../../server/http/origin_internal.h"

#include <criterion/criterion.h>

#define HOST "ops.example:8444"

struct row {
	const char *site; /* NULL: absent */
	const char *origin;
	const char *host;
	bool is_foreign;
};

static const struct row rows[] = {
    {NULL, NULL, HOST, false},
    {NULL, NULL, NULL, false},
    {"same-origin", NULL, HOST, false},
    {"none", NULL, HOST, false},
    {"same-site", NULL, HOST, true},
    {"cross-site", NULL, HOST, true},
    {"", NULL, HOST, true},
    {NULL, "https://" HOST, HOST, false},
    {NULL, "https://OPS.example:8444", HOST, false},
    {"same-origin", "https://" HOST, HOST, false},
    {"cross-site", "https://" HOST, HOST, true},
    {"same-origin", "https://evil.example", HOST, true},
    {NULL, "http://" HOST, HOST, true},
    {NULL, "https://ops.example", HOST, true},
    {NULL, "https://ops.example:84444", HOST, true},
    {NULL, "null", HOST, true},
    {NULL, "", HOST, true},
    {NULL, "https://", "", false},
    {NULL, "https://" HOST, NULL, true},
};

static void
set(struct cv_request *request, enum cv_header header, const char *text)
{
	if (text != NULL)
		request->headers[header] = (struct cv_header_value){.text = text, .count = 1};
}

Test(origin, pages_of_others_are_told_apart)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_request request = {.method = "POST"};

		set(&request, CV_HEADER_SEC_FETCH_SITE, rows[i].site);
		set(&request, CV_HEADER_ORIGIN, rows[i].origin);
		set(&request, CV_HEADER_HOST, rows[i].host);
		cr_expect_eq(cv_origin_is_foreign(&request), rows[i].is_foreign, "row %zu", i);
	}
}

Test(origin, two_headers_are_not_one)
{
	struct cv_request request = {.method = "POST"};

	set(&request, CV_HEADER_HOST, HOST);
	set(&request, CV_HEADER_ORIGIN, "https://" HOST);
	cr_expect_not(cv_origin_is_foreign(&request));
	request.headers[CV_HEADER_ORIGIN].count = 2;
	cr_expect(cv_origin_is_foreign(&request));
	request.headers[CV_HEADER_ORIGIN].count = 1;
	set(&request, CV_HEADER_SEC_FETCH_SITE, "same-origin");
	request.headers[CV_HEADER_SEC_FETCH_SITE].count = 2;
	cr_expect(cv_origin_is_foreign(&request));
}
