#include "dispatch_internal.h"

#include <string.h>

#include "cv/util/text.h"
#include "device_configuration_internal.h"
#include "gateway_handlers_internal.h"
#include "http_internal.h"
#include "kept_response_internal.h"
#include "operator_views_internal.h"
#include "problem_internal.h"

#define EST_ROOT "/.well-known/est"

static struct cv_http_connection *
connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static void
allow_seconds(struct cv_request *request, int64_t now_us, unsigned seconds)
{
	cv_connection_set_deadline(request->connection, now_us / 1000 + (int64_t)seconds * 1000);
}

void *
cv_dispatch_open(void *context, const char *target, struct MHD_Connection *mhd)
{
	struct cv_listener *listener = context;
	struct cv_http_connection *connection = connection_of(mhd);

	if (connection == NULL)
		return NULL;
	struct cv_request *request = &connection->request;
	request->http = listener->http;
	request->listener = listener;
	request->connection = connection;
	request->mhd = mhd;
	cv_request_begin(request, target == NULL ? "" : target);
	atomic_fetch_add(&listener->http->in_flight, 1);
	allow_seconds(request, request->started_us, atomic_load(&listener->http->request_seconds));
	return request;
}

void
cv_dispatch_complete(void *context, struct MHD_Connection *mhd, void **connection_context,
    enum MHD_RequestTerminationCode code)
{
	struct cv_request *request = *connection_context;
	int64_t now_us = cv_histogram_now_us();

	(void)context;
	(void)mhd;
	(void)code;
	if (request == NULL)
		return;
	*connection_context = NULL;
	cv_request_log(request, now_us);
	cv_request_end(request);
	cv_place_give(&request->body_place);
	cv_place_give(&request->answer_place);
	/* The library ends idle connections; ours is for a next request that comes byte by byte. */
	allow_seconds(request, now_us,
	    request->http->options->idle_seconds + atomic_load(&request->http->request_seconds));
	atomic_fetch_sub(&request->http->in_flight, 1);
}

static bool
is_check(const struct cv_request *request)
{
	return request->match.route == &cv_gateway_check_route;
}

static bool
is_of_gateway(const struct cv_request *request)
{
	return request->listener->kind == CV_LISTENER_GATEWAY ||
	       request->listener->kind == CV_LISTENER_GATEWAY_SOCKET;
}

/* The caller's own. */
static struct MHD_Response *
make_response(struct cv_request *request, bool must_close)
{
	struct cv_answer *answer = &request->answer;
	/* The body lives in the request, and that until the answer is sent. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    answer->body.len, answer->body.data, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_YES;

	if (response == NULL)
		return NULL;
	if (answer->content_type != NULL)
		result &= MHD_add_response_header(response, "Content-Type", answer->content_type);
	for (size_t i = 0; i < answer->header_count; i++)
		result &= MHD_add_response_header(
		    response, answer->headers[i].name, answer->headers[i].value);
	if (must_close)
		result &= MHD_add_response_header(response, "Connection", "close");
	if (result == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

/* Their lines are the library's alone, and it may take one without a name for the last of them. */
static bool
has_trailers(const struct cv_request *request)
{
	return request->headers[CV_HEADER_TRANSFER_ENCODING].count > 0 &&
	       MHD_get_connection_values(request->mhd, MHD_FOOTER_KIND, NULL, NULL) > 0;
}

static enum MHD_Result
send_answer(struct cv_request *request)
{
	struct cv_answer *answer = &request->answer;
	bool must_close =
	    answer->must_close || atomic_load(&request->http->is_draining) || has_trailers(request);
	bool is_plain = is_check(request) && answer->body.len == 0 &&
			answer->content_type == NULL && !must_close;
	struct MHD_Response *kept = NULL, *response = NULL;
	enum MHD_Result result = MHD_NO;

	cv_device_note_report(request);
	cv_answer_add_header(request, "X-Request-Id", request->id);
	if (is_plain)
		kept = cv_kept_response_for(&request->connection->kept, answer);
	if (kept == NULL)
		response = make_response(request, must_close);
	/* A kept answer is short: what is left of the time for the request is enough. */
	if (kept == NULL || request->stage == CV_STAGE_WORKING)
		allow_seconds(
		    request, cv_histogram_now_us(), atomic_load(&request->http->request_seconds));
	request->stage = CV_STAGE_ANSWERED;
	if (kept != NULL || response != NULL)
		result = MHD_queue_response(
		    request->mhd, answer->status, kept != NULL ? kept : response);
	if (response != NULL)
		MHD_destroy_response(response);
	return result;
}

static bool
is_answered(const struct cv_request *request)
{
	return request->answer.status != 0;
}

static bool
has_flag(const struct cv_request *request, enum cv_route_flag flag)
{
	return request->match.route != NULL && (request->match.route->flags & flag) != 0;
}

static void
answer_without_route(struct cv_request *request)
{
	cv_problem_answer(request,
	    request->match.allow[0] == '\0' ? CV_PROBLEM_NOT_FOUND : CV_PROBLEM_METHOD, NULL);
}

static void
take_label(struct cv_request *request, const struct cv_label *label)
{
	request->label = label;
	request->factory = label->factory[0] == '\0' ? NULL : label->factory;
}

/* A label of the configuration, else the name of a factory. */
static bool
find_label(struct cv_request *request, const char *name)
{
	const struct cv_http_options *options = request->http->options;

	for (size_t i = 1; i < options->label_count; i++) {
		if (cv_text_equal(options->labels[i].name, name)) {
			take_label(request, &options->labels[i]);
			return true;
		}
	}
	if (request->realm == NULL)
		request->realm = cv_service_realm(request->http->service);
	request->label = &request->http->factory_label;
	request->factory = name;
	return cv_realm_factory(request->realm, name) != NULL;
}

/* An unknown label and an operation that is switched off are unknown paths, whoever asks. */
static void
check_label(struct cv_request *request)
{
	const struct cv_path *path = &request->path;
	bool is_known = true;

	if ((request->match.path_flags & CV_ROUTE_EST) == 0)
		return;
	take_label(request, &request->http->options->labels[0]);
	if ((request->match.path_flags & CV_ROUTE_LABEL) != 0)
		is_known = find_label(request, request->match.parameters[0]);
	if (!is_known ||
	    (request->label->operations & cv_label_operation(path->segments[path->count - 1])) == 0)
		request->match = (struct cv_route_match){.route = NULL};
}

/* A broker with a long query is answered in its words, too. */
static void
find_broker_of_cut_target(struct cv_request *request)
{
	size_t path_len = strcspn(request->target, "?");
	struct cv_route_match *match = &request->match;

	if (!is_of_gateway(request) || request->target[path_len] == '\0')
		return;
	request->target[path_len] = '\0';
	if (cv_path_parse(request->target, &request->path))
		cv_route_find(request->listener->routes, request->method, &request->path, match);
}

static void
find_route(struct cv_request *request)
{
	/* The check takes any suffix, as long and as strange as clients of a gateway make them. */
	if (is_of_gateway(request) && cv_path_is_below(request->target, "/v1/check")) {
		request->match.route = &cv_gateway_check_route;
		return;
	}
	if (request->target_is_cut) {
		find_broker_of_cut_target(request);
		request->answer.must_close = true;
		cv_problem_answer(request, CV_PROBLEM_TARGET_TOO_LONG, NULL);
		return;
	}
	if (!cv_path_parse(request->target, &request->path)) {
		request->path.count = 0;
		request->path.query = "";
		return;
	}
	if (request->listener->kind == CV_LISTENER_DEVICE)
		cv_path_move_label(&request->path);
	cv_route_find(request->listener->routes, request->method, &request->path, &request->match);
	check_label(request);
}

/* With the label in front, too; a path that was not understood has no segments. */
static bool
is_below_est(const struct cv_request *request)
{
	const struct cv_path *path = &request->path;

	return cv_path_is_below(request->target, EST_ROOT) ||
	       (path->count > 2 && cv_text_equal(path->segments[0], ".well-known") &&
		   cv_text_equal(path->segments[1], "est"));
}

/*
 * Everything on the device listener looks at the certificate, so that its first sight counts
 * wherever the device goes first; only cacerts, csrattrs and unknown EST paths do not.
 */
static bool
looks_at_certificate(const struct cv_request *request)
{
	if (request->listener->kind != CV_LISTENER_DEVICE ||
	    request->connection->peer.certificate.len == 0)
		return false;
	if (request->match.allow[0] == '\0')
		return !is_below_est(request);
	return (request->match.path_flags & CV_ROUTE_BLIND) == 0;
}

static void
fill_evidence(struct cv_request *request)
{
	const struct cv_tls_peer *peer = &request->connection->peer;

	(void)cv_text_copy(request->actor, sizeof(request->actor), "device");
	request->has_evidence = true;
	request->evidence = (struct cv_evidence){
	    .evidence = CV_EVIDENCE_HANDSHAKE,
	    .certificate = peer->certificate,
	    .fingerprint = peer->fingerprint,
	    .may_activate = true,
	    .accepts_every_slot = true,
	    .honours_expired_grace = has_flag(request, CV_ROUTE_GRACE),
	    .actor = request->actor,
	    .request_id = request->id,
	};
}

static bool
only_reads(const struct cv_request *request)
{
	return request->match.route == NULL || cv_text_equal(request->match.route->method, "GET");
}

/* Answers a refused certificate. Whether a bootstrap authority issued an unknown one is decided by
 * enrolment. */
static void
apply_sight(struct cv_request *request)
{
	enum cv_verdict verdict = request->sight.verdict;

	if (cv_verdict_may_change(verdict) ||
	    (cv_verdict_is_allowed(verdict) && only_reads(request)))
		return;
	if (verdict == CV_VERDICT_UNKNOWN && has_flag(request, CV_ROUTE_BOOTSTRAP))
		return;
	cv_problem_answer_verdict(request, verdict);
}

static void
judge_from_memory(struct cv_request *request)
{
	if (looks_at_certificate(request)) {
		fill_evidence(request);
		cv_sight_recall(request->http->service, &request->evidence, &request->sight);
		if (request->sight.is_decided)
			apply_sight(request);
	} else if (has_flag(request, CV_ROUTE_CERTIFICATE)) {
		cv_problem_answer(request, CV_PROBLEM_NO_CLIENT_CERT, NULL);
	}
}

static bool
is_undecided(const struct cv_request *request)
{
	return request->has_evidence && !request->sight.is_decided;
}

static bool
is_of_operator_api(const struct cv_request *request)
{
	return request->listener->kind == CV_LISTENER_OPERATOR && request->match.route != NULL &&
	       !has_flag(request, CV_ROUTE_OTA);
}

/* What says nothing of its type is taken for what it should be. */
static void
check_media_type(struct cv_request *request)
{
	unsigned count = request->headers[CV_HEADER_CONTENT_TYPE].count;

	if (is_of_operator_api(request) && request->declares_body && count > 0 &&
	    (count > 1 || !cv_request_has_media_type(request, "application/json")))
		cv_problem_answer(request, CV_PROBLEM_NOT_JSON, NULL);
}

/* A name that is misspelt must not act in another factory, nor show everything instead of a part.
 */
static void
check_query(struct cv_request *request)
{
	if (!is_of_operator_api(request) ||
	    cv_operator_knows_query(request->match.route, request->path.query))
		return;
	cv_problem_answer(
	    request, CV_PROBLEM_BAD_REQUEST, "There is a query member that is not known here.");
}

static size_t
body_max(const struct cv_request *request)
{
	return request->match.route == NULL ? 0 : request->match.route->body_max;
}

/* All that can be refused before the body is read; true when it was. */
static bool
refuse_early(struct cv_request *request, enum cv_framing framing, uint64_t length)
{
	if (framing != CV_FRAMING_GOOD) {
		/* Gateways are answered in the words of their route. */
		if (is_of_gateway(request))
			find_route(request);
		/* Where the request ends is not known, so nothing after it can be trusted. */
		request->answer.must_close = true;
		cv_problem_answer(request,
		    framing == CV_FRAMING_HEADERS ? CV_PROBLEM_HEADERS : CV_PROBLEM_BAD_REQUEST,
		    NULL);
		return true;
	}
	find_route(request);
	if (!is_answered(request))
		check_query(request);
	if (!is_answered(request))
		check_media_type(request);
	if (is_answered(request))
		return true;
	if (request->match.route != NULL && !is_check(request) && length > body_max(request)) {
		request->answer.must_close =
		    length > CV_REQUEST_DROP_MAX || request->headers[CV_HEADER_EXPECT].count > 0;
		cv_problem_answer(request, CV_PROBLEM_TOO_LARGE, NULL);
		return true;
	}
	judge_from_memory(request);
	if (!is_answered(request) && request->match.route == NULL && !is_undecided(request))
		answer_without_route(request);
	return is_answered(request);
}

/* NULL: nobody that is known yet. */
static const struct cv_party *
known_device(const struct cv_request *request)
{
	return request->has_evidence && request->sight.is_decided ? &request->sight.party : NULL;
}

/* Bodies of this size are few, because whoever sends them may not be known yet. */
static bool
has_no_room(struct cv_request *request, uint64_t length)
{
	bool has_length = request->headers[CV_HEADER_CONTENT_LENGTH].count > 0;

	if (body_max(request) <= CV_REQUEST_DROP_MAX || !request->declares_body ||
	    (has_length && length <= CV_REQUEST_DROP_MAX))
		return false;
	if (cv_place_take(request->listener->kind == CV_LISTENER_DEVICE
			      ? request->http->device_bodies
			      : request->http->operator_bodies,
		known_device(request), &request->body_place))
		return false;
	request->answer.must_close = true;
	cv_problem_answer(request, CV_PROBLEM_UNAVAILABLE, NULL);
	return true;
}

/* Suspends the connection and hands the request to a worker. */
static void
hand_over(struct cv_request *request)
{
	struct MHD_Connection *mhd = request->mhd;

	request->stage = CV_STAGE_WORKING;
	cv_connection_set_deadline(request->connection, 0); /* the database's waits are bounded */
	MHD_suspend_connection(mhd);
	if (cv_workers_submit(request->http->workers, request))
		return;
	(void)cv_fail(&request->error, CV_E_BUSY, "the queue for workers is full");
	cv_problem_answer(request, CV_PROBLEM_UNAVAILABLE, NULL);
	MHD_resume_connection(mhd);
}

/* What was judged with the headers may be over when the body is in. */
static void
judge_after_body(struct cv_request *request)
{
	if (!request->declares_body || !request->has_evidence || is_check(request))
		return;
	cv_sight_recall(request->http->service, &request->evidence, &request->sight);
	if (request->sight.is_decided)
		apply_sight(request);
}

/* Runs the handler, here or in a worker. */
static enum MHD_Result
run(struct cv_request *request)
{
	judge_after_body(request);
	if (request->body_is_too_large) {
		request->answer.must_close = true;
		cv_problem_answer(request, CV_PROBLEM_TOO_LARGE, NULL);
		return send_answer(request);
	}
	if (!is_answered(request) && !is_undecided(request) && !has_flag(request, CV_ROUTE_WORKER))
		request->match.route->handle(request);
	if (is_answered(request))
		return send_answer(request);
	hand_over(request);
	return MHD_YES;
}

void
cv_dispatch_work(void *item)
{
	struct cv_request *request = item;
	struct MHD_Connection *mhd = request->mhd;

	if (atomic_load(&request->http->is_stopping)) {
		cv_problem_answer(request, CV_PROBLEM_UNAVAILABLE, NULL);
		MHD_resume_connection(mhd);
		return;
	}
	/* Gateways are answered by their handlers, because their refusals look different. */
	if (is_undecided(request) && !is_of_gateway(request)) {
		cv_sight_judge(
		    request->http->service, &request->evidence, &request->sight, &request->error);
		request->sight.is_decided = true;
		apply_sight(request);
		if (!is_answered(request) && request->match.route == NULL)
			answer_without_route(request);
	}
	if (!is_answered(request))
		request->match.route->handle(request);
	if (!is_answered(request))
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
	MHD_resume_connection(mhd);
}

/*
 * An answer before the body ends the connection, and a client that is still sending may then never
 * see it. So a refused body is read and dropped, unless the client waits for leave to send it or
 * has nowhere to send it to.
 */
static bool
is_to_be_sent_now(const struct cv_request *request)
{
	if (request->answer.must_close)
		return true;
	return request->declares_body &&
	       (request->match.route == NULL || request->headers[CV_HEADER_EXPECT].count > 0);
}

/* The first call: headers only. */
static enum MHD_Result
take_headers(struct cv_request *request, const char *method, const char *version)
{
	uint64_t length;
	enum cv_framing framing = cv_request_read_headers(request, method, version, &length);

	request->stage = CV_STAGE_BODY;
	if (request->listener->asks_for_certificate)
		cv_tls_peer_read(request->mhd, &request->connection->peer);
	if (refuse_early(request, framing, length) || has_no_room(request, length))
		return is_to_be_sent_now(request) ? send_answer(request) : MHD_YES;
	/* A careless gateway passes on the length of a body that it does not send: never wait for
	 * it. */
	if (is_check(request) && request->declares_body)
		return run(request);
	request->body.max_bytes = body_max(request) == 0 ? 1 : body_max(request);
	request->body.is_secret = true; /* some bodies are */
	return MHD_YES;
}

/* So much of a body is read, be it to be dropped. */
static size_t
read_max(const struct cv_request *request)
{
	size_t max = body_max(request);

	return max <= CV_REQUEST_DROP_MAX ? CV_REQUEST_DROP_MAX : max + CV_REQUEST_DROP_MAX;
}

static enum MHD_Result
take_body(struct cv_request *request, const char *data, size_t *size)
{
	request->body_received += *size;
	if (request->body_received > read_max(request))
		return MHD_NO;
	if (request->body_received > body_max(request)) {
		request->body_is_too_large = request->match.route != NULL;
		cv_buffer_deinit(&request->body);
	} else if (!is_answered(request)) {
		cv_buffer_append(&request->body, data, *size);
	}
	*size = 0;
	return MHD_YES;
}

enum MHD_Result
cv_dispatch_handle(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *data_size, void **connection_context)
{
	struct cv_request *request = *connection_context;

	(void)context;
	(void)mhd;
	(void)url;
	if (request == NULL)
		return MHD_NO;
	switch (request->stage) {
	case CV_STAGE_HEADERS:
		return take_headers(request, method, version);
	case CV_STAGE_BODY:
		if (*data_size > 0)
			return take_body(request, data, data_size);
		return is_answered(request) ? send_answer(request) : run(request);
	case CV_STAGE_WORKING:
		return send_answer(request);
	case CV_STAGE_ANSWERED:
		return MHD_YES;
	}
	return MHD_NO;
}
