#include "device_configuration_internal.h"

#include "cv/codec/device_json.h"
#include "cv/service/device_layers.h"
#include "cv/service/device_report.h"
#include "cv/service/device_request.h"
#include "cv/util/text.h"
#include "http_date_internal.h"
#include "http_internal.h"
#include "problem_internal.h"

/* False: it asks too often, which is answered. */
static bool
has_leave(struct cv_request *request)
{
	int64_t wait_seconds = cv_device_request_wait(request->http->service, &request->sight);

	if (wait_seconds == 0)
		return true;
	cv_problem_answer_later(request, CV_PROBLEM_BUSY, NULL, wait_seconds);
	return false;
}

/* ---- what a device fetches ---- */

/* What is no date is as if it were absent. */
static bool
read_modified_since(const struct cv_request *request, int64_t *ret_seconds)
{
	const struct cv_header_value *header = &request->headers[CV_HEADER_IF_MODIFIED_SINCE];

	return header->count == 1 && cv_http_date_parse(header->text, ret_seconds);
}

static void
answer_without_body(struct cv_request *request, unsigned status)
{
	cv_answer_set(request, status, NULL);
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

/* A client that reads slowly holds its answer in memory. */
static bool
has_room(struct cv_request *request)
{
	if (request->answer.body.len <= CV_REQUEST_DROP_MAX ||
	    cv_place_take(
		request->http->device_answers, &request->sight.party, &request->answer_place))
		return true;
	cv_buffer_deinit(&request->answer.body);
	cv_problem_answer(request, CV_PROBLEM_UNAVAILABLE, NULL);
	return false;
}

static void
answer_layers(struct cv_request *request, const struct cv_bytes *layers, size_t count)
{
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_append_layers(&request->answer.body, layers, count, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (!has_room(request))
		return;
	cv_answer_set(request, 200, "application/json");
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

/* The client takes Date for the time of the configuration, and asks with it the next time. */
static void
answer_served(struct cv_request *request, const struct cv_served_layers *served)
{
	struct cv_bytes layers[CV_LAYERS];
	char date[CV_HTTP_DATE_SIZE];

	for (size_t i = 0; i < CV_LAYERS; i++)
		layers[i] = cv_buffer_bytes(&served->files[i]);
	answer_layers(request, layers, CV_LAYERS);
	cv_http_date_format(served->modified_utc, date);
	if (request->answer.status == 200)
		cv_answer_add_header_text(request, "Date", date);
}

void
cv_device_show_configuration(struct cv_request *request)
{
	CV_AUTO_LAYERS struct cv_served_layers served = {.has_any = false};
	struct cv_error err = CV_ERROR_INIT;
	int64_t have_utc = 0;
	bool has_one = read_modified_since(request, &have_utc);
	bool counts =
	    cv_verdict_may_change(request->sight.verdict) && cv_text_equal(request->method, "GET");

	if (!has_leave(request))
		return;
	if (!cv_device_fetch_layers(request->http->service, &request->sight.party,
		has_one ? &have_utc : NULL, counts ? &request->evidence.fingerprint : NULL, &served,
		&err))
		cv_problem_answer_error(request, &err);
	else if (!served.has_any)
		answer_without_body(request, 204);
	else if (!served.is_new)
		answer_without_body(request, 304);
	else
		answer_served(request, &served);
}

void
cv_device_show_own_configuration(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer files = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_bytes layer;

	if (!has_leave(request))
		return;
	if (!cv_device_fetch_own_layer(
		request->http->service, &request->sight.party, &files, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	layer = cv_buffer_bytes(&files);
	/* For an empty object the client would send back a list that is null. */
	if (layer.len == 0 || cv_text_equal(cv_buffer_text(&files), "[]"))
		answer_without_body(request, 204);
	else
		answer_layers(request, &layer, 1);
}

/* ---- what it uploads ---- */

static void
answer_upload(struct cv_request *request, enum cv_upload_outcome outcome,
    enum cv_announcement_outcome naming, enum cv_verdict verdict)
{
	switch (outcome) {
	case CV_UPLOAD_DONE:
		/* 201 and nothing else, else fioconfig uploads again at each check-in. */
		request->reason = "configuration-taken";
		answer_without_body(request, 201);
		return;
	case CV_UPLOAD_LOCKED:
		cv_problem_answer(request, CV_PROBLEM_LOCKED, NULL);
		return;
	case CV_UPLOAD_BAD_KEY:
		cv_problem_answer_later(request, cv_problem_of_announcement(naming, verdict), NULL,
		    CV_DEVICE_WRITE_SECONDS);
		return;
	case CV_UPLOAD_REFUSED:
		cv_problem_answer_verdict(request, verdict);
		return;
	case CV_UPLOAD_BUSY:
		cv_problem_answer_later(request, CV_PROBLEM_BUSY, NULL, CV_DEVICE_WRITE_SECONDS);
		return;
	}
	cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

static void
answer_bad_body(struct cv_request *request, const struct cv_error *err)
{
	if (err->code == CV_E_INPUT)
		cv_problem_answer(request, CV_PROBLEM_BAD_JSON, err->text);
	else
		cv_problem_answer_error(request, err);
}

void
cv_device_change_configuration(struct cv_request *request)
{
	CV_AUTO_CONFIGURATION_BODY struct cv_configuration_body body = {.reason = ""};
	enum cv_upload_outcome outcome = CV_UPLOAD_REFUSED;
	enum cv_announcement_outcome naming = CV_ANNOUNCEMENT_DONE;
	enum cv_verdict verdict = request->sight.verdict;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_decode_configuration(cv_buffer_bytes(&request->body), &body, &err)) {
		answer_bad_body(request, &err);
		return;
	}
	const struct cv_upload upload = {
	    .files = cv_buffer_text(&body.files),
	    .reason = body.reason,
	    .summary = cv_buffer_text(&body.summary),
	    .key_pem = cv_buffer_bytes(&body.public_key),
	    .has_encrypted = body.has_encrypted,
	    .request_id = request->id,
	};
	if (cv_device_upload(request->http->service, &request->evidence, &request->sight, &upload,
		&outcome, &naming, &verdict, &err))
		answer_upload(request, outcome, naming, verdict);
	else
		cv_problem_answer_error(request, &err);
}

/* ---- what it tells ---- */

void
cv_device_take_events(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer events = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (!has_leave(request))
		return;
	if (!cv_json_decode_events(cv_buffer_bytes(&request->body), &events, &err))
		answer_bad_body(request, &err);
	else if (!cv_device_take_event_list(
		     request->http->service, &request->sight.party, cv_buffer_text(&events), &err))
		cv_problem_answer_error(request, &err);
	else
		answer_without_body(request, 200);
}

static const enum cv_header report_headers[CV_REPORT_PARTS] = {
    [CV_REPORT_TARGET] = CV_HEADER_X_ATS_TARGET,
    [CV_REPORT_OSTREE_HASH] = CV_HEADER_X_ATS_OSTREEHASH,
    [CV_REPORT_TAGS] = CV_HEADER_X_ATS_TAGS,
    [CV_REPORT_DOCKER_APPS] = CV_HEADER_X_ATS_DOCKERAPPS,
};

void
cv_device_note_report(const struct cv_request *request)
{
	const char *texts[CV_REPORT_PARTS];
	bool has_any = false;

	if (!request->has_evidence || !cv_verdict_may_change(request->sight.verdict) ||
	    request->listener->kind != CV_LISTENER_DEVICE)
		return;
	for (size_t i = 0; i < CV_REPORT_PARTS; i++) {
		texts[i] = cv_request_header(request, report_headers[i]);
		has_any = has_any || texts[i] != NULL;
	}
	if (has_any)
		cv_device_keep_report(request->http->service, &request->sight.party, texts);
}
