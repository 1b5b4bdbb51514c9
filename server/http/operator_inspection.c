#include "operator_handlers_internal.h"

#include "cv/service/inspection.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "operator_status_internal.h"
#include "problem_internal.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define AFTER_SIZE 160

struct list_query {
	int limit;
	char after[AFTER_SIZE];
	char device[CV_DEVICE_ID_MAX + 1];
};

static bool
read_limit(const char *query, int *ret_limit)
{
	char text[8];
	uint64_t limit;

	switch (cv_query_find(query, "limit", text, sizeof(text))) {
	case CV_QUERY_ABSENT:
		*ret_limit = LIMIT_DEFAULT;
		return true;
	case CV_QUERY_FOUND:
		if (!cv_text_parse_unsigned(text, LIMIT_MAX, &limit) || limit == 0)
			return false;
		*ret_limit = (int)limit;
		return true;
	case CV_QUERY_BAD:
		break;
	}
	return false;
}

/* False: answered. */
static bool
read_query(struct cv_request *request, struct list_query *ret_query)
{
	const char *query = request->path.query;

	*ret_query = (struct list_query){.limit = LIMIT_DEFAULT};
	if (read_limit(query, &ret_query->limit) &&
	    cv_query_find(query, "after", ret_query->after, sizeof(ret_query->after)) !=
		CV_QUERY_BAD &&
	    cv_query_find(query, "device", ret_query->device, sizeof(ret_query->device)) !=
		CV_QUERY_BAD)
		return true;
	cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST,
	    "Query members: factory, device, after, limit 1 to 1000.");
	return false;
}

static void
answer_list(struct cv_request *request, bool is_read, const struct cv_error *err)
{
	if (is_read)
		cv_operator_answer_json(request, 200);
	else
		cv_problem_answer_error(request, err);
}

static void
answer_one(struct cv_request *request, bool is_read, bool exists, const struct cv_error *err)
{
	if (is_read && !exists)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else
		answer_list(request, is_read, err);
}

void
cv_operator_list_devices(struct cv_request *request)
{
	struct cv_operator_call call;
	struct list_query query;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call) || !read_query(request, &query))
		return;
	bool is_read = cv_inspect_devices(request->http->service, call.factory, query.after,
	    query.limit, &request->answer.body, &err);
	answer_list(request, is_read, &err);
}

void
cv_operator_list_certificates(struct cv_request *request)
{
	struct cv_operator_call call;
	struct list_query query;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call) || !read_query(request, &query))
		return;
	bool is_read = cv_inspect_certificates(request->http->service, call.factory, query.device,
	    query.after, query.limit, &request->answer.body, &err);
	answer_list(request, is_read, &err);
}

void
cv_operator_list_authorities(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call))
		return;
	bool is_read = cv_inspect_authorities(
	    request->http->service, call.factory, &request->answer.body, &err);
	answer_list(request, is_read, &err);
}

void
cv_operator_show_device(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call))
		return;
	bool is_read = cv_inspect_device(request->http->service, call.factory,
	    request->match.parameters[0], &exists, &request->answer.body, &err);
	answer_one(request, is_read, exists, &err);
}

void
cv_operator_show_certificate(struct cv_request *request)
{
	struct cv_operator_call call;
	struct cv_digest fingerprint;
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call))
		return;
	if (!cv_digest_parse(request->match.parameters[0], &fingerprint)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	bool is_read = cv_inspect_certificate(request->http->service, call.factory, &fingerprint,
	    &exists, &request->answer.body, &err);
	answer_one(request, is_read, exists, &err);
}

void
cv_operator_show_status(struct cv_request *request)
{
	struct cv_operator_call call;

	if (!cv_operator_admit(request, CV_ROLE_VIEWER, &call))
		return;
	cv_operator_append_status(&request->answer.body, request->http, call.factory);
	cv_operator_answer_json(request, 200);
}
