#include "operator_handlers_internal.h"

#include <stdio.h>

#include "cv/codec/device_json.h"
#include "cv/codec/operator_json.h"
#include "cv/service/configuration.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

#define ROTATION_ID_SIZE 96

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static void
add(struct cv_request *request, struct cv_operator_call *call,
    const struct cv_rotation_group_body *body, const struct cv_rotation_group_row *row)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_order(request, call, CV_ADD_ROTATION_GROUP, body->name, &order))
		return;
	order.reason = or_null(body->rotation.reason);
	order.value.rotation_group = row;
	if (!cv_configure(request->http->service, &order, &result, &err))
		cv_problem_answer_error(request, &err);
	else if (result.outcome == CV_CONFIGURATION_NOT_POSSIBLE)
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE,
		    "The group or one of the devices does not exist, no device fits or more than "
		    "100000 do, or 50 rotation groups are under way.");
	else if (cv_operator_accept(request, &result))
		cv_operator_answer_created(request, &result, "outcome", "added");
}

void
cv_operator_add_rotation_group(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body files = {.reason = ""};
	struct cv_rotation_group_body body;
	struct cv_operator_call call;
	char rotation_id[ROTATION_ID_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_rotation_group(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	/* The same for all its devices, and of no other group of the factory. */
	(void)snprintf(rotation_id, sizeof(rotation_id), CV_ROTATION_OF_GROUP "%s", body.name);
	if (!cv_json_make_rotation_file(body.rotation.est_url, rotation_id, &files, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	const struct cv_rotation_group_row row = {
	    .est_url = body.rotation.est_url,
	    .per_hour = body.per_hour,
	    .files = cv_buffer_text(&files.files),
	    .summary = cv_buffer_text(&files.summary),
	    .rotation_id = rotation_id,
	    .group = or_null(body.group),
	    .devices = or_null(body.devices),
	    .ends_before = or_null(body.expires_before),
	};
	add(request, &call, &body, &row);
}

/* The last segment of the path names the act. */
static enum cv_configuration_act
act_of(const struct cv_request *request)
{
	const char *act = request->path.segments[request->path.count - 1];

	if (cv_text_equal(act, "pause"))
		return CV_PAUSE_ROTATION_GROUP;
	return cv_text_equal(act, "resume") ? CV_RESUME_ROTATION_GROUP : CV_END_ROTATION_GROUP;
}

void
cv_operator_change_rotation_group(struct cv_request *request)
{
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call))
		cv_operator_act_on(request, &call, act_of(request), request->match.parameters[0]);
}
