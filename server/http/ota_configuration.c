#include "ota_configuration_internal.h"

#include <inttypes.h>

#include "cv/codec/device_json.h"
#include "cv/service/device_layers.h"
#include "cv/service/device_report.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "ota_devices_internal.h"
#include "ota_users_internal.h"
#include "problem_internal.h"

/* Ten versions of 2 MiB, and some more. */
#define LIST_MAX ((size_t)32 * 1024 * 1024)

/* What a path is about. */
struct layer_call {
	struct cv_operator_call call;
	char device[CV_DEVICE_ID_MAX + 1]; /* "": what devices share */
	const char *group;                 /* "": the factory's */
	const char *file; /* for DELETE: the first segment of its name; NULL: none is named */
};

/* ---- reading ---- */

static void
list_versions(struct cv_request *request, const struct layer_call *call)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;
	size_t count = 0;

	json->max_bytes = LIST_MAX;
	cv_buffer_append_text(json, "{\"config\":[");
	if (!cv_list_layers(request->http->service, call->call.factory,
		call->device[0] == '\0' ? NULL : call->device, call->group, &exists, json, &count,
		&err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (!exists) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	cv_buffer_printf(json, "],\"total\":%zu,\"next\":null}\n", count);
	cv_operator_answer_json(request, 200);
}

/* ---- writing ---- */

static void
answer_outcome(struct cv_request *request, enum cv_layer_outcome outcome)
{
	if (outcome != CV_LAYER_DONE) {
		cv_problem_answer(request, cv_problem_of_layer(outcome), NULL);
		return;
	}
	cv_buffer_append_text(&request->answer.body, "{}\n");
	cv_operator_answer_json(request, 200);
}

/* ?force=1 of an admin, whose token is not cut down. False: it is another's, which is answered. */
static bool
read_force(struct cv_request *request, const struct cv_operator_call *call, bool *ret_is_forced)
{
	char value[8] = "";

	*ret_is_forced =
	    cv_query_find(request->path.query, "force", value, sizeof(value)) == CV_QUERY_FOUND &&
	    cv_text_equal(value, "1");
	if (!*ret_is_forced)
		return true;
	if (!cv_access_has_role(&call->operator_, CV_ROLE_ADMIN))
		cv_problem_answer(request, CV_PROBLEM_MISSING_ROLE, "Only an admin may use force.");
	else if (!cv_access_has_scope(&call->operator_, 0))
		cv_problem_answer(request, CV_PROBLEM_MISSING_SCOPE, "No scope has force.");
	else
		return true;
	return false;
}

static void
write_device(struct cv_request *request, const struct layer_call *call,
    const struct cv_layer_write *write, const char *summary)
{
	enum cv_layer_outcome outcome = CV_LAYER_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_layer_order order = {
	    .factory = call->call.factory,
	    .device = call->device,
	    .write = *write,
	    .summary = summary,
	    .actor = call->call.operator_.actor,
	    .request_id = request->id,
	};

	if (!read_force(request, &call->call, &order.is_forced))
		return;
	if (cv_write_device_layer(request->http->service, &order, &outcome, &err))
		answer_outcome(request, outcome);
	else
		cv_problem_answer_error(request, &err);
}

static void
write_shared(struct cv_request *request, const struct layer_call *call,
    const struct cv_layer_write *write, const char *summary)
{
	enum cv_layer_outcome outcome = CV_LAYER_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;
	const struct cv_shared_layer_order order = {
	    .factory = call->call.factory,
	    .group = call->group,
	    .write = *write,
	    .actor = call->call.operator_.actor,
	    .request_id = request->id,
	    .summary = summary,
	};

	if (cv_write_shared_layer(request->http->service, &order, &outcome, &err))
		answer_outcome(request, outcome);
	else
		cv_problem_answer_error(request, &err);
}

static bool
read_body(struct cv_request *request, const struct layer_call *call,
    struct cv_configuration_body *ret_body)
{
	struct cv_error err = CV_ERROR_INIT;
	char name[CV_TARGET_MAX + 1] = "";

	if (call->file != NULL)
		cv_path_join(&request->path, call->file, name);
	if (call->file != NULL
		? cv_json_name_file(name, ret_body, &err)
		: cv_json_decode_configuration(cv_buffer_bytes(&request->body), ret_body, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

static enum cv_layer_how
how_of(const struct cv_request *request, const struct layer_call *call)
{
	if (call->file != NULL)
		return CV_LAYER_REMOVE;
	return cv_text_equal(request->method, "POST") ? CV_LAYER_REPLACE : CV_LAYER_MERGE;
}

static void
write_layer(struct cv_request *request, const struct layer_call *call)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};

	if (!read_body(request, call, &body))
		return;
	const struct cv_layer_write write = {
	    .how = how_of(request, call),
	    .files = cv_buffer_text(&body.files),
	    .reason = body.reason,
	    .created_by = call->call.operator_.name,
	};
	request->reason = "configure";
	if (call->device[0] != '\0')
		write_device(request, call, &write, cv_buffer_text(&body.summary));
	else
		write_shared(request, call, &write, cv_buffer_text(&body.summary));
}

static void
read_or_write(struct cv_request *request, const struct layer_call *call)
{
	if ((request->match.route->flags & CV_ROUTE_VIEWER) != 0)
		list_versions(request, call);
	else
		write_layer(request, call);
}

void
cv_ota_device_configuration(struct cv_request *request)
{
	struct layer_call call = {.group = "", .file = request->match.parameters[1]};

	if (cv_operator_admit(request, &call.call) &&
	    cv_ota_named_device(request, &call.call, call.device))
		read_or_write(request, &call);
}

void
cv_ota_group_configuration(struct cv_request *request)
{
	struct layer_call call = {
	    .group = request->match.parameters[1], .file = request->match.parameters[2]};

	if (cv_operator_admit(request, &call.call))
		read_or_write(request, &call);
}

void
cv_ota_factory_configuration(struct cv_request *request)
{
	struct layer_call call = {.group = "", .file = request->match.parameters[1]};

	if (cv_operator_admit(request, &call.call))
		read_or_write(request, &call);
}

/* ---- what devices did ---- */

void
cv_ota_list_updates(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_operator_call call;
	struct cv_ota_page page;
	char device[CV_DEVICE_ID_MAX + 1];
	int64_t total = 0;

	if (!cv_operator_admit(request, &call) || !cv_ota_read_page(request, &page) ||
	    !cv_ota_named_device(request, &call, device))
		return;
	cv_buffer_append_text(json, "{\"updates\":[");
	if (!cv_device_list_updates(request->http->service, call.factory, device, page.limit,
		(page.page - 1) * page.limit, json, &total, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	cv_buffer_append_text(json, "]");
	cv_ota_append_next(request, &page, total);
	cv_operator_answer_json(request, 200);
}

void
cv_ota_show_update(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_operator_call call;
	char device[CV_DEVICE_ID_MAX + 1];
	size_t count = 0;

	if (!cv_operator_admit(request, &call) || !cv_ota_named_device(request, &call, device))
		return;
	cv_buffer_append_text(json, "[");
	if (!cv_device_show_update(request->http->service, call.factory, device,
		request->match.parameters[1], json, &count, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (count == 0) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	cv_buffer_append_text(json, "]\n");
	cv_operator_answer_json(request, 200);
}
