#include "operator_handlers_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "cv/codec/device_json.h"
#include "cv/codec/operator_json.h"
#include "cv/service/device_layers.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

/* What is written: the file that makes fioconfig change its key. */
struct rotation {
	struct cv_operator_call call;
	struct cv_rotation_body body;
	char id[32];
	struct cv_configuration_body files;
};

static void
rotation_deinit(struct rotation *rotation)
{
	cv_configuration_body_deinit(&rotation->files);
}
#define AUTO_ROTATION __attribute__((cleanup(rotation_deinit)))

/* False: answered. */
static bool
begin(struct cv_request *request, struct rotation *rotation)
{
	const struct cv_clock *clock = cv_service_clock(request->http->service);
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &rotation->call))
		return false;
	(void)snprintf(
	    rotation->id, sizeof(rotation->id), "certs-%" PRId64, cv_clock_wall_seconds(clock));
	request->reason = "rotate";
	if (cv_json_decode_rotation(cv_buffer_bytes(&request->body), &rotation->body, &err) &&
	    cv_json_make_rotation_file(
		rotation->body.est_url, rotation->id, &rotation->files, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

static struct cv_layer_write
write_of(const struct rotation *rotation)
{
	return (struct cv_layer_write){
	    .how = CV_LAYER_MERGE,
	    .files = cv_buffer_text(&rotation->files.files),
	    .reason = rotation->body.reason,
	    .created_by = rotation->call.operator_.name,
	};
}

static void
answer(struct cv_request *request, const struct rotation *rotation, enum cv_layer_outcome outcome)
{
	if (outcome != CV_LAYER_DONE) {
		cv_problem_answer(request, cv_problem_of_layer(outcome), NULL);
		return;
	}
	cv_buffer_printf(
	    &request->answer.body, "{\"outcome\":\"done\",\"rotation_id\":\"%s\"}\n", rotation->id);
	cv_operator_answer_json(request, 200);
}

void
cv_operator_rotate_device(struct cv_request *request)
{
	AUTO_ROTATION struct rotation rotation = {.id = ""};
	enum cv_layer_outcome outcome = CV_LAYER_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;

	if (!begin(request, &rotation))
		return;
	const struct cv_layer_order order = {
	    .factory = rotation.call.factory,
	    .device = request->match.parameters[0],
	    .write = write_of(&rotation),
	    .summary = cv_buffer_text(&rotation.files.summary),
	    .actor = rotation.call.operator_.actor,
	    .request_id = request->id,
	};
	(void)cv_party_set(&request->sight.party, order.factory, order.device, NULL);
	if (cv_write_device_layer(request->http->service, &order, &outcome, &err))
		answer(request, &rotation, outcome);
	else
		cv_problem_answer_error(request, &err);
}

void
cv_operator_rotate_group(struct cv_request *request)
{
	AUTO_ROTATION struct rotation rotation = {.id = ""};
	enum cv_layer_outcome outcome = CV_LAYER_NOT_FOUND;
	struct cv_error err = CV_ERROR_INIT;

	if (!begin(request, &rotation))
		return;
	const struct cv_shared_layer_order order = {
	    .factory = rotation.call.factory,
	    .group = request->match.parameters[0],
	    .write = write_of(&rotation),
	    .actor = rotation.call.operator_.actor,
	    .request_id = request->id,
	    .summary = cv_buffer_text(&rotation.files.summary),
	};
	if (cv_write_shared_layer(request->http->service, &order, &outcome, &err))
		answer(request, &rotation, outcome);
	else
		cv_problem_answer_error(request, &err);
}
