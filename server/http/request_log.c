#include "request_log_internal.h"

#include <string.h>
#include <time.h>

#include "cv/util/log.h"
#include "http_internal.h"

#define REFUSED_CHECKS_PER_SECOND 50

static void
count(const struct cv_request *request, unsigned status, int64_t duration_us)
{
	struct cv_listener *listener = request->listener;
	size_t route = cv_listener_route_number(listener, request->match.route);

	atomic_fetch_add_explicit(
	    &listener->by_route[route].by_class[status / 100 % 6], 1, memory_order_relaxed);
	cv_histogram_add(&listener->counters.durations, duration_us);
}

static bool
is_check(const struct cv_request *request)
{
	return request->listener->kind == CV_LISTENER_GATEWAY ||
	       request->listener->kind == CV_LISTENER_GATEWAY_SOCKET;
}

/* A broker is refused with a 200. What cannot be decided is refused too: in an outage that is every
 * check. */
static bool
is_refused_check(const struct cv_request *request)
{
	unsigned status = request->answer.status;

	return is_check(request) &&
	       (status == 403 || status == 503 ||
		   (status == 200 && !cv_verdict_is_allowed(request->sight.verdict)));
}

/* False: this line is one too many in this second. */
static bool
may_write_refusal(struct cv_refusal_log *log, int64_t second)
{
	unsigned left_out = 0;
	bool may_write;

	pthread_mutex_lock(&log->mutex);
	if (log->second != second) {
		left_out = log->left_out;
		log->second = second;
		log->written = 0;
		log->left_out = 0;
	}
	may_write = log->written < REFUSED_CHECKS_PER_SECOND;
	if (may_write)
		log->written++;
	else
		log->left_out++;
	pthread_mutex_unlock(&log->mutex);
	if (left_out > 0)
		cv_log(CV_LOG_INFO, "refusals-left-out", "refused checks that were not logged",
		    CV_LOG_NUMBER("count", left_out));
	return may_write;
}

static enum cv_log_level
level_of(const struct cv_request *request)
{
	unsigned status = request->answer.status;

	if (status == 500)
		return CV_LOG_ERROR;
	if (request->listener->kind == CV_LISTENER_MONITORING ||
	    (is_check(request) && status == 200 && !is_refused_check(request)))
		return CV_LOG_DEBUG;
	return status == 503 ? CV_LOG_WARNING : CV_LOG_INFO;
}

/* The template, never the target: that may hold secrets, and as many values as a client likes. */
static const char *
route_of(const struct cv_request *request)
{
	return request->match.route == NULL ? NULL : request->match.route->pattern;
}

static const char *
if_set(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static const char *
label_of(const struct cv_request *request)
{
	return request->label == NULL ? NULL : if_set(request->label->name);
}

/* Of the certificate that was presented or forwarded; NULL: there is none, or a name stood for it.
 */
static const char *
fingerprint_of(const struct cv_request *request, char ret_text[CV_DIGEST_HEX_SIZE])
{
	static const struct cv_digest none;
	const struct cv_evidence *evidence = &request->evidence;

	if (!request->has_evidence || evidence->evidence < CV_EVIDENCE_FINGERPRINT ||
	    cv_digest_equal(&evidence->fingerprint, &none))
		return NULL;
	cv_digest_format(&evidence->fingerprint, ret_text);
	return ret_text;
}

static const char *
detail_of(const struct cv_request *request)
{
	return request->detail[0] == '\0' ? request->sight.detail : request->detail;
}

static void
write_line(const struct cv_request *request, int64_t duration_us)
{
	char fingerprint[CV_DIGEST_HEX_SIZE];
	const char *verdict =
	    request->has_evidence ? cv_verdict_name(request->sight.verdict) : NULL;
	const struct cv_error *error = &request->error;

	cv_log(level_of(request), "request", "answered", CV_LOG_TEXT("request_id", request->id),
	    CV_LOG_TEXT("trace_id", if_set(request->trace.trace_id)),
	    CV_LOG_TEXT("span_id", if_set(request->trace.span_id)),
	    CV_LOG_TEXT("listener", cv_listener_name(request->listener->kind)),
	    CV_LOG_TEXT("remote", request->connection->remote),
	    CV_LOG_TEXT("actor", if_set(request->actor)), CV_LOG_TEXT("method", request->method),
	    CV_LOG_TEXT("route", route_of(request)), CV_LOG_TEXT("label", label_of(request)),
	    CV_LOG_NUMBER("status", request->answer.status),
	    CV_LOG_NUMBER("dur_ms", duration_us / 1000),
	    CV_LOG_TEXT("factory", if_set(request->sight.party.factory)),
	    CV_LOG_TEXT("device", if_set(request->sight.party.device)),
	    CV_LOG_TEXT("fingerprint", fingerprint_of(request, fingerprint)),
	    CV_LOG_TEXT("serial", if_set(request->serial)), CV_LOG_TEXT("verdict", verdict),
	    CV_LOG_TEXT("reason", request->reason), CV_LOG_TEXT("detail", detail_of(request)),
	    CV_LOG_TEXT("err", if_set(error->text)), CV_LOG_TEXT("cause", if_set(error->cause)));
}

void
cv_request_log(struct cv_request *request, int64_t now_us)
{
	int64_t duration_us = now_us - request->started_us;
	unsigned status = request->answer.status;

	count(request, status, duration_us);
	if (status == 0) {
		/* The library refused it, or the client went away. */
		cv_log(CV_LOG_DEBUG, "request-aborted", "no answer of ours was sent",
		    CV_LOG_TEXT("remote", request->connection->remote),
		    CV_LOG_TEXT("listener", cv_listener_name(request->listener->kind)));
		return;
	}
	if (is_refused_check(request) &&
	    !may_write_refusal(&request->http->refusals, now_us / 1000000))
		return;
	if (cv_log_is_on(level_of(request)))
		write_line(request, duration_us);
}
