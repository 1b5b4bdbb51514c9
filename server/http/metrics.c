#include "metrics_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "cv/model/verdict.h"
#include "cv/service/enrolment.h"
#include "http_internal.h"

void
cv_metrics_append_head(
    struct cv_buffer *buffer, const char *name, const char *kind, const char *help)
{
	cv_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void
append_gauge(struct cv_buffer *buffer, const char *name, const char *help, int64_t value)
{
	cv_metrics_append_head(buffer, name, "gauge", help);
	cv_buffer_printf(buffer, "%s %" PRId64 "\n", name, value);
}

static void
append_counter(struct cv_buffer *buffer, const char *name, const char *help, uint64_t value)
{
	cv_metrics_append_head(buffer, name, "counter", help);
	cv_buffer_printf(buffer, "%s %" PRIu64 "\n", name, value);
}

static void
append_failures(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	cv_metrics_append_head(buffer, "certvendor_issue_failures_total", "counter",
	    "Certificate requests that were refused, by reason.");
	for (unsigned outcome = 0; outcome < CV_ENROLMENT_OUTCOMES; outcome++) {
		if (cv_enrolment_is_refusal((enum cv_enrolment_outcome)outcome))
			cv_buffer_printf(buffer,
			    "certvendor_issue_failures_total{reason=\"%s\"} %" PRIu64 "\n",
			    cv_enrolment_outcome_name((enum cv_enrolment_outcome)outcome),
			    atomic_load(&counters->issue_refusals[outcome]));
	}
}

static void
append_limits(struct cv_buffer *buffer, struct cv_http *http)
{
	struct cv_service_counters *counters = cv_service_counters(http->service);

	cv_metrics_append_head(buffer, "certvendor_ratelimit_rejected_total", "counter",
	    "Requests beyond a limit: of certificates for a device, of its changes of itself, of "
	    "what "
	    "it fetches and tells, of bad credentials.");
	cv_buffer_printf(buffer,
	    "certvendor_ratelimit_rejected_total{limit=\"device\"} %" PRIu64 "\n",
	    atomic_load(&counters->rate_limited));
	cv_buffer_printf(buffer,
	    "certvendor_ratelimit_rejected_total{limit=\"changes\"} %" PRIu64 "\n",
	    atomic_load(&counters->changes_refused));
	cv_buffer_printf(buffer,
	    "certvendor_ratelimit_rejected_total{limit=\"requests\"} %" PRIu64 "\n",
	    atomic_load(&counters->requests_refused));
	cv_buffer_printf(buffer,
	    "certvendor_ratelimit_rejected_total{limit=\"credentials\"} %" PRIu64 "\n",
	    atomic_load(&http->credentials_delayed));
}

static void
append_rules(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	append_counter(buffer, "certvendor_certificates_issued_total", "Certificates issued.",
	    atomic_load(&counters->issued));
	append_counter(buffer, "certvendor_certificates_repeated_total",
	    "Answers that repeated an issued certificate.", atomic_load(&counters->repeated));
	append_failures(buffer, counters);
	append_counter(buffer, "certvendor_announcements_total", "Next keys announced.",
	    atomic_load(&counters->announced));
	append_counter(buffer, "certvendor_activations_total",
	    "Rotations completed: pending keys that became current.",
	    atomic_load(&counters->activated));
	append_counter(buffer, "certvendor_registrations_total", "Devices registered.",
	    atomic_load(&counters->registered));
	append_counter(buffer, "certvendor_revocations_total",
	    "Revocations and deletions by operators.", atomic_load(&counters->denied_changes));
	append_counter(buffer, "certvendor_security_events_total",
	    "Uses of third keys and of denied certificates.",
	    atomic_load(&counters->security_events));
	append_counter(buffer, "certvendor_security_events_dropped_total",
	    "Security events that were not counted per device.",
	    atomic_load(&counters->security_events_dropped));
}

static void
append_events(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	int64_t pending = atomic_load(&counters->outbox_pending);

	/* An instance that sends nothing does not look. */
	if (pending >= 0)
		append_gauge(buffer, "certvendor_outbox_pending",
		    "Deliveries of events that wait, of all instances.", pending);
	cv_metrics_append_head(buffer, "certvendor_webhook_deliveries_total", "counter",
	    "Attempts to deliver an event to a webhook or an event queue, by result.");
	cv_buffer_printf(buffer,
	    "certvendor_webhook_deliveries_total{result=\"delivered\"} %" PRIu64 "\n",
	    atomic_load(&counters->deliveries_done));
	cv_buffer_printf(buffer,
	    "certvendor_webhook_deliveries_total{result=\"failed\"} %" PRIu64 "\n",
	    atomic_load(&counters->deliveries_failed));
	cv_buffer_printf(buffer,
	    "certvendor_webhook_deliveries_total{result=\"dead\"} %" PRIu64 "\n",
	    atomic_load(&counters->deliveries_dead));
}

static void
append_lookups(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	cv_metrics_append_head(buffer, "certvendor_lookups_total", "counter",
	    "Judgements of certificates, by where they were decided.");
	cv_buffer_printf(buffer, "certvendor_lookups_total{source=\"memory\"} %" PRIu64 "\n",
	    atomic_load(&counters->judged_in_memory));
	cv_buffer_printf(buffer, "certvendor_lookups_total{source=\"database\"} %" PRIu64 "\n",
	    atomic_load(&counters->judged_in_database));
	cv_metrics_append_head(
	    buffer, "certvendor_verdicts_total", "counter", "Judgements, by verdict.");
	for (unsigned verdict = CV_VERDICT_OK; verdict <= CV_VERDICT_UNAVAILABLE; verdict++) {
		/* Its word is "ok" too, and one series must not come twice. */
		const char *word = verdict == CV_VERDICT_TALKS
				       ? "talks"
				       : cv_verdict_name((enum cv_verdict)verdict);
		cv_buffer_printf(buffer, "certvendor_verdicts_total{verdict=\"%s\"} %" PRIu64 "\n",
		    word, atomic_load(&counters->verdicts[verdict]));
	}
}

static void
append_cache(struct cv_buffer *buffer, struct cv_service *service)
{
	const struct cv_index *index = cv_service_index(service);
	int64_t age_ms = cv_index_age_ms(index);

	append_gauge(buffer, "certvendor_cache_entries", "Certificates in memory.",
	    (int64_t)cv_index_count(index));
	append_gauge(buffer, "certvendor_cache_up",
	    "1 when memory is loaded and young enough to answer.", cv_service_is_fresh(service));
	cv_metrics_append_head(buffer, "certvendor_cache_age_seconds", "gauge",
	    "Age of the last read that saw every change.");
	if (age_ms == INT64_MAX)
		cv_buffer_append_text(buffer, "certvendor_cache_age_seconds +Inf\n");
	else
		cv_buffer_printf(buffer, "certvendor_cache_age_seconds %" PRId64 ".%03d\n",
		    age_ms / 1000, (int)(age_ms % 1000));
}

static void
append_database(struct cv_buffer *buffer, struct cv_service *service)
{
	struct cv_pool *pool = cv_service_pool(service);
	size_t open = 0;
	size_t borrowed = 0;

	cv_pool_count(pool, &open, &borrowed);
	append_gauge(buffer, "certvendor_db_up", "1 when the last use of a connection succeeded.",
	    cv_pool_is_up(pool));
	cv_metrics_append_head(
	    buffer, "certvendor_db_pool_connections", "gauge", "Connections, by state.");
	cv_buffer_printf(buffer, "certvendor_db_pool_connections{state=\"open\"} %zu\n", open);
	cv_buffer_printf(
	    buffer, "certvendor_db_pool_connections{state=\"borrowed\"} %zu\n", borrowed);
}

/* A series begins with the first answer: most routes of a listener are never asked for. */
static void
append_route(struct cv_buffer *buffer, const struct cv_listener *listener, size_t number)
{
	const struct cv_route *route = cv_listener_route(listener, number);

	for (unsigned class = 2; class <= 5; class ++) {
		uint64_t count = atomic_load(&listener->by_route[number].by_class[class]);

		if (count == 0)
			continue;
		cv_buffer_printf(buffer,
		    "certvendor_http_requests_total{listener=\"%s\",route=\"%s\",method=\"%s\","
		    "code=\"%uxx\"} %" PRIu64 "\n",
		    cv_listener_name(listener->kind), route == NULL ? "none" : route->pattern,
		    route == NULL || route->method == NULL ? "any" : route->method, class, count);
	}
}

static void
append_requests(struct cv_buffer *buffer, struct cv_http *http)
{
	cv_metrics_append_head(buffer, "certvendor_http_requests_total", "counter",
	    "Requests, by listener, route and class of the status.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		const struct cv_listener *listener = http->listeners[i];

		for (size_t n = 0; listener != NULL && n < cv_listener_route_count(listener); n++)
			append_route(buffer, listener, n);
	}
}

static void
append_histogram(struct cv_buffer *buffer, struct cv_listener *listener)
{
	const char *name = cv_listener_name(listener->kind);
	struct cv_listener_counters *counters = &listener->counters;
	uint64_t count = 0;

	for (size_t i = 0; i <= CV_DURATION_BUCKETS; i++) {
		char bound[24] = "+Inf";

		if (i < CV_DURATION_BUCKETS)
			(void)snprintf(
			    bound, sizeof(bound), "%g", (double)cv_duration_bounds_us[i] / 1e6);
		count += atomic_load(&counters->durations[i]);
		cv_buffer_printf(buffer,
		    "certvendor_http_request_duration_seconds_bucket{listener=\"%s\",le=\"%s\"} "
		    "%" PRIu64 "\n",
		    name, bound, count);
	}
	cv_buffer_printf(buffer,
	    "certvendor_http_request_duration_seconds_sum{listener=\"%s\"} %.6f\n", name,
	    (double)atomic_load(&counters->duration_sum_us) / 1e6);
	cv_buffer_printf(buffer,
	    "certvendor_http_request_duration_seconds_count{listener=\"%s\"} %" PRIu64 "\n", name,
	    count);
}

static void
append_listeners(struct cv_buffer *buffer, struct cv_http *http)
{
	append_requests(buffer, http);
	cv_metrics_append_head(buffer, "certvendor_http_request_duration_seconds", "histogram",
	    "From the first line of a request to the end of its answer.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (http->listeners[i] != NULL)
			append_histogram(buffer, http->listeners[i]);
	}
	cv_metrics_append_head(
	    buffer, "certvendor_http_connections", "gauge", "Open connections, by listener.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (http->listeners[i] != NULL)
			cv_buffer_printf(buffer,
			    "certvendor_http_connections{listener=\"%s\"} %" PRIu64 "\n",
			    cv_listener_name(http->listeners[i]->kind),
			    atomic_load(&http->listeners[i]->counters.connections_open));
	}
	append_gauge(buffer, "certvendor_http_requests_in_flight",
	    "Requests whose answer is not complete.", atomic_load(&http->in_flight));
	append_gauge(buffer, "certvendor_http_queue_waiting", "Requests waiting for a worker.",
	    (int64_t)cv_workers_waiting(http->workers));
}

static void
append_expiry(struct cv_buffer *buffer, struct cv_http *http)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(http->service);

	cv_metrics_append_head(buffer, "certvendor_ca_not_after_timestamp_seconds", "gauge",
	    "When the certificate of an authority expires.");
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];
		cv_buffer_printf(buffer,
		    "certvendor_ca_not_after_timestamp_seconds{factory=\"%s\",ca=\"%s\"} %" PRId64
		    "\n",
		    each->row.factory, each->row.name, each->certificate->not_after_utc);
	}
	cv_metrics_append_head(buffer, "certvendor_tls_not_after_timestamp_seconds", "gauge",
	    "When the server certificate of a listener expires.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		CV_AUTO(cv_tls_pair)
		struct cv_tls_pair *pair =
		    http->listeners[i] == NULL ? NULL : cv_listener_pair(http->listeners[i]);
		if (pair != NULL)
			cv_buffer_printf(buffer,
			    "certvendor_tls_not_after_timestamp_seconds{listener=\"%s\"} %" PRId64
			    "\n",
			    cv_listener_name(http->listeners[i]->kind),
			    cv_tls_pair_not_after_utc(pair));
	}
}

static void
append_server(void *context, const char *factory, const char *names, int64_t not_after_utc)
{
	struct cv_buffer *buffer = context;

	cv_buffer_printf(buffer,
	    "certvendor_factory_tls_not_after_timestamp_seconds{factory=\"%s\",names=\"%s\"} "
	    "%" PRId64 "\n",
	    factory, names, not_after_utc);
}

static void
append_servers(struct cv_buffer *buffer, struct cv_http *http)
{
	cv_metrics_append_head(buffer, "certvendor_factory_tls_not_after_timestamp_seconds",
	    "gauge", "When the server certificate of a factory expires.");
	cv_http_each_server(http, append_server, buffer);
}

static void
append_reload(struct cv_buffer *buffer, struct cv_http *http)
{
	append_gauge(buffer, "certvendor_config_last_reload_successful",
	    "0 when the last configuration was refused and the one before it is in force.",
	    !atomic_load(&http->reload_has_failed));
	append_gauge(buffer, "certvendor_config_last_reload_success_timestamp_seconds",
	    "When the configuration in force was read.", atomic_load(&http->reloaded_utc));
}

void
cv_metrics_append(struct cv_buffer *buffer, struct cv_http *http)
{
	struct cv_service_counters *counters = cv_service_counters(http->service);

	append_rules(buffer, counters);
	append_limits(buffer, http);
	append_events(buffer, counters);
	append_lookups(buffer, counters);
	append_cache(buffer, http->service);
	append_database(buffer, http->service);
	append_listeners(buffer, http);
	append_expiry(buffer, http);
	append_servers(buffer, http);
	append_reload(buffer, http);
	cv_metrics_append_head(
	    buffer, "certvendor_build_info", "gauge", "Always 1; the version is a label.");
	cv_buffer_printf(
	    buffer, "certvendor_build_info{version=\"%s\"} 1\n", http->options->version);
	cv_metrics_append_process(buffer, http);
}
