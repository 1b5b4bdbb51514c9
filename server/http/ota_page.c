#include "ota_devices_internal.h"

#include <inttypes.h>
#include <string.h>

#include "cv/codec/operator_json.h"
#include "cv/util/text.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

#define LIMIT_DEFAULT 500
#define PAGE_MAX 1000000

static bool
is_limit(uint64_t limit)
{
	static const uint64_t limits[] = {10, 20, 30, 40, 50, 100, 200, 500, 1000};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i] == limit)
			return true;
	}
	return false;
}

/* An empty member is as good as none. */
static bool
read_number(struct cv_request *request, const char *name, uint64_t max, int64_t *ret_number)
{
	char text[8];
	uint64_t number;

	switch (cv_query_find(request->path.query, name, text, sizeof(text))) {
	case CV_QUERY_ABSENT:
		return true;
	case CV_QUERY_BAD:
		return false;
	case CV_QUERY_FOUND:
		break;
	}
	if (text[0] == '\0')
		return true;
	if (!cv_text_parse_unsigned(text, max, &number) || number == 0)
		return false;
	*ret_number = (int64_t)number;
	return true;
}

bool
cv_ota_read_page(struct cv_request *request, struct cv_ota_page *ret_page)
{
	*ret_page = (struct cv_ota_page){.limit = LIMIT_DEFAULT, .page = 1};
	if (!read_number(request, "limit", 1000, &ret_page->limit) ||
	    !is_limit((uint64_t)ret_page->limit)) {
		cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST,
		    "Query member limit must be 10, 20, 30, 40, 50, 100, 200, 500 or 1000.");
		return false;
	}
	if (!read_number(request, "page", PAGE_MAX, &ret_page->page)) {
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "Query member page must be a number from 1.");
		return false;
	}
	return true;
}

/* The query as it came, but for the page. */
static void
append_query(struct cv_buffer *url, const char *query, int64_t page)
{
	cv_buffer_append_text(url, "?");
	for (const char *at = query; *at != '\0';) {
		size_t len = strcspn(at, "&");

		if (len > 0 && strncmp(at, "page=", strlen("page=")) != 0) {
			cv_buffer_append(url, at, len);
			cv_buffer_append_text(url, "&");
		}
		at += len + (at[len] == '&');
	}
	cv_buffer_printf(url, "page=%" PRId64, page);
}

static void
append_url(const struct cv_request *request, int64_t page, struct cv_buffer *url)
{
	const char *path = request->target;

	cv_buffer_append_text(url, "https://");
	cv_buffer_append_text(url, cv_request_header(request, CV_HEADER_HOST));
	cv_buffer_append(url, path, strcspn(path, "?"));
	append_query(url, request->path.query, page);
}

void
cv_ota_append_next(struct cv_request *request, const struct cv_ota_page *page, int64_t total)
{
	struct cv_buffer *json = &request->answer.body;
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;

	cv_buffer_printf(json, ",\"total\":%" PRId64 ",\"next\":", total);
	if (page->page * page->limit >= total || request->target[0] != '/' ||
	    cv_request_header(request, CV_HEADER_HOST) == NULL) {
		cv_buffer_append_text(json, "null}\n");
		return;
	}
	append_url(request, page->page + 1, &url);
	cv_json_append_string(json, cv_buffer_text(&url));
	cv_buffer_append_text(json, "}\n");
	json->has_failed = json->has_failed || url.has_failed;
}
