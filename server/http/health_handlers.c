#include "health_handlers_internal.h"

#include <inttypes.h>
#include <string.h>

#include "cv/util/text.h"
#include "http_internal.h"
#include "metrics_internal.h"
#include "problem_internal.h"

#define TEXT "text/plain; charset=utf-8"

static void
finish(struct cv_request *request, unsigned status, const char *content_type)
{
	if (request->answer.body.has_failed) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	cv_answer_set(request, status, content_type);
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

void
cv_health_live(struct cv_request *request)
{
	cv_buffer_append_text(&request->answer.body, "ok\n");
	finish(request, 200, TEXT);
}

/* Until every listener accepts, how far the index is. */
static void
append_progress(struct cv_buffer *body, const struct cv_http *http)
{
	if (!atomic_load(&http->is_open))
		cv_buffer_printf(body, "loading certificates: %" PRId64 " of %" PRId64 "\n",
		    atomic_load(&http->load_done), atomic_load(&http->load_total));
}

struct check {
	const char *name;
	bool is_good;
	bool is_needed;
};

void
cv_health_ready(struct cv_request *request)
{
	struct cv_service *service = request->http->service;
	struct cv_buffer *body = &request->answer.body;
	char role[16] = "";
	bool is_ready = true;

	(void)cv_query_find(request->path.query, "role", role, sizeof(role));
	const struct check checks[] = {
	    {"database", cv_pool_is_up(cv_service_pool(service)), strcmp(role, "check") != 0},
	    {"index", cv_service_is_fresh(service), true},
	    {"listeners", atomic_load(&request->http->is_open), true},
	    {"draining", !atomic_load(&request->http->is_draining), true},
	};
	bool is_verbose = cv_query_has(request->path.query, "verbose");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		is_ready = is_ready && (checks[i].is_good || !checks[i].is_needed);
		if (is_verbose)
			cv_buffer_printf(body, "[%c] %s %s\n", checks[i].is_good ? '+' : '-',
			    checks[i].name, checks[i].is_good ? "ok" : "failed");
	}
	append_progress(body, request->http);
	cv_buffer_append_text(body, is_ready ? "ok\n" : "not ready\n");
	finish(request, is_ready ? 200 : 503, TEXT);
	if (!is_ready)
		cv_answer_add_header(request, "Retry-After", "1");
}

void
cv_health_metrics(struct cv_request *request)
{
	cv_metrics_append(&request->answer.body, request->http);
	finish(request, 200, "text/plain; version=0.0.4; charset=utf-8");
}
