#include "operator_handlers_internal.h"

#include "cv/codec/event_json.h"
#include "cv/codec/operator_json.h"
#include "cv/service/delivery.h"
#include "cv/service/inspection.h"
#include "cv/service/subscription.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

/* A factory has fewer. */
#define QUEUES_MAX 1000

/* Adds a webhook or an event queue. False: the refusal is answered. */
static bool
subscribe(struct cv_request *request, struct cv_operator_call *call,
    const struct cv_subscription_body *body, bool is_push,
    struct cv_configuration_result *ret_result, char ret_secret[CV_SECRET_SIZE])
{
	const struct cv_subscription_order subscription = {
	    .is_push = is_push, .url = body->url, .events = body->events};
	struct cv_configuration_order order;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_order(request, call, CV_ADD_SUBSCRIPTION, body->label, &order))
		return false;
	if (cv_subscription_add(request->http->service, &call->operator_, &subscription, &order,
		ret_result, ret_secret, &err))
		return cv_operator_accept(request, ret_result);
	cv_problem_answer_error(request, &err);
	return false;
}

void
cv_operator_add_webhook(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_subscription_body body;
	struct cv_operator_call call;
	char secret[CV_SECRET_SIZE] = "";
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_webhook(cv_buffer_bytes(&request->body), &body, &err))
		cv_operator_answer_bad_json(request, &err);
	else if (subscribe(request, &call, &body, false, &result, secret))
		cv_operator_answer_created(request, &result, "secret", secret);
	cv_wipe(secret, sizeof(secret));
}

void
cv_operator_remove_webhook(struct cv_request *request)
{
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call))
		cv_operator_act_on(
		    request, &call, CV_REMOVE_SUBSCRIPTION, request->match.parameters[0]);
}

void
cv_operator_replay_webhook(struct cv_request *request)
{
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call))
		cv_operator_act_on(
		    request, &call, CV_REPLAY_SUBSCRIPTION, request->match.parameters[0]);
}

/* ---- keys ---- */

struct key_list {
	struct cv_buffer *body;
	bool has_one;
};

static void
append_key(void *context, const char *kid, struct cv_bytes certificate)
{
	struct key_list *list = context;

	cv_event_append_key(list->body, kid, certificate, &list->has_one);
}

/* No token: receivers have none, and these certificates are for everybody. */
void
cv_operator_list_event_keys(struct cv_request *request)
{
	struct key_list list = {.body = &request->answer.body};
	struct cv_error err = CV_ERROR_INIT;

	cv_buffer_append_text(list.body, "{");
	if (!cv_event_key_list(request->http->service, append_key, &list, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	cv_buffer_append_text(list.body, "}\n");
	cv_operator_answer_json(request, 200);
}

void
cv_operator_replace_event_key(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	struct cv_operator_call call;
	char remark[CV_REMARK_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	/* It signs for every factory. */
	if (!call.operator_.has_every_factory) {
		cv_problem_answer(
		    request, CV_PROBLEM_MISSING_ROLE, "This takes a token of every factory.");
		return;
	}
	if (!cv_operator_read_remark(request, remark) ||
	    !cv_operator_order(request, &call, CV_REPLACE_EVENT_KEY, NULL, &order))
		return;
	order.reason = remark[0] == '\0' ? NULL : remark;
	if (!cv_event_key_replace(request->http->service, &order, &result, &err))
		cv_problem_answer_error(request, &err);
	else if (cv_operator_accept(request, &result))
		cv_operator_answer_created(request, &result, "outcome", "replaced");
}

/* ---- event queues, in the words of FoundriesFactory clients ---- */

void
cv_ota_list_event_queues(struct cv_request *request)
{
	struct cv_buffer *body = &request->answer.body;
	struct cv_operator_call call;
	char next[CV_VIEW_KEY_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	const struct cv_view_query query = {
	    .view = CV_VIEW_EVENT_QUEUES, .scope = call.factory, .limit = QUEUES_MAX};
	cv_buffer_append_text(body, "[");
	if (!cv_inspect_list(request->http->service, &query, body, next, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	cv_buffer_append_text(body, "]\n");
	cv_operator_answer_json(request, 200);
}

static void
answer_queue(struct cv_request *request, const struct cv_subscription_body *queue)
{
	struct cv_buffer *body = &request->answer.body;

	cv_buffer_append_text(body, "{\"label\":");
	cv_json_append_string(body, queue->label);
	cv_buffer_append_text(body, ",\"type\":\"push\",\"push-url\":");
	cv_json_append_string(body, queue->url);
	cv_buffer_append_text(body, "}\n");
	cv_operator_answer_json(request, 201);
}

void
cv_ota_add_event_queue(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_subscription_body queue;
	struct cv_operator_call call;
	char none[CV_SECRET_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_event_queue(cv_buffer_bytes(&request->body), &queue, &err))
		cv_operator_answer_bad_json(request, &err);
	else if (subscribe(request, &call, &queue, true, &result, none))
		answer_queue(request, &queue);
}

void
cv_ota_remove_event_queue(struct cv_request *request)
{
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call))
		cv_operator_act_on(
		    request, &call, CV_REMOVE_EVENT_QUEUE, request->match.parameters[1]);
}
