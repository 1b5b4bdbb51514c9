#include "ota_devices_internal.h"

#include "cv/codec/ota_json.h"
#include "cv/service/ota.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

/* The group of that name, or all of them for NULL; false: answered. */
static bool
read_groups(
    struct cv_request *request, const char *factory, const char *name, struct cv_buffer *ret_items)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_ota_list_groups(request->http->service, factory, name, ret_items, &err))
		return true;
	cv_problem_answer_error(request, &err);
	return false;
}

void
cv_ota_list_device_groups(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	cv_buffer_append_text(json, "{\"groups\":[");
	if (!read_groups(request, call.factory, NULL, json))
		return;
	cv_buffer_append_text(json, "]}\n");
	cv_operator_answer_json(request, 200);
}

static void
answer_group(struct cv_request *request, const char *factory, const char *name, unsigned status)
{
	struct cv_buffer *json = &request->answer.body;

	if (!read_groups(request, factory, name, json))
		return;
	if (json->len == 0) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such group.");
		return;
	}
	cv_buffer_append_text(json, "\n");
	cv_operator_answer_json(request, status);
}

void
cv_ota_show_device_group(struct cv_request *request)
{
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call))
		answer_group(request, call.factory, request->match.parameters[1], 200);
}

static bool
read_body(struct cv_request *request, bool is_new, struct cv_ota_group *ret_group)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_ota_decode_group(cv_buffer_bytes(&request->body), is_new, ret_group, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

static bool
configure(struct cv_request *request, struct cv_operator_call *call, enum cv_configuration_act act,
    const char *name, const char *description)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	const struct cv_group_settings settings = {.announce = NULL}; /* what the factory says */

	if (!cv_operator_order(request, call, act, name, &order))
		return false;
	order.description = description;
	order.value.group = &settings;
	return cv_operator_configure(request, &order, &result);
}

void
cv_ota_add_device_group(struct cv_request *request)
{
	struct cv_ota_group body;
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call) && read_body(request, true, &body) &&
	    configure(request, &call, CV_ADD_GROUP, body.name, body.description))
		answer_group(request, call.factory, body.name, 201);
}

/* What a device is told comes to it by the name of its group, so that keeps its name. Not with 409:
 * clients say then that another group has the new name, and drop our words. */
static bool
keeps_name(struct cv_request *request, const struct cv_ota_group *body)
{
	if (!body->has_name || cv_text_equal(body->name, request->match.parameters[1]))
		return true;
	cv_problem_answer(
	    request, CV_PROBLEM_BAD_REQUEST, "A group keeps its name: make another one.");
	return false;
}

void
cv_ota_describe_device_group(struct cv_request *request)
{
	const char *name = request->match.parameters[1];
	struct cv_ota_group body;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call) || !read_body(request, false, &body) ||
	    !keeps_name(request, &body))
		return;
	if (!body.has_description ||
	    configure(request, &call, CV_DESCRIBE_GROUP, name, body.description))
		answer_group(request, call.factory, name, 200);
}

void
cv_ota_delete_device_group(struct cv_request *request)
{
	const char *name = request->match.parameters[1];
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call) &&
	    configure(request, &call, CV_DELETE_GROUP, name, NULL))
		cv_operator_answer_outcome(request, "done");
}
