#include "metrics_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "http_internal.h"

void
cv_metrics_append_head(
    struct cv_buffer *buffer, const char *name, const char *kind, const char *help)
{
	cv_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void
cv_metrics_append_gauge(struct cv_buffer *buffer, const char *name, const char *help, int64_t value)
{
	cv_metrics_append_head(buffer, name, "gauge", help);
	cv_buffer_printf(buffer, "%s %" PRId64 "\n", name, value);
}

void
cv_metrics_append_counter(
    struct cv_buffer *buffer, const char *name, const char *help, uint64_t value)
{
	cv_metrics_append_head(buffer, name, "counter", help);
	cv_buffer_printf(buffer, "%s %" PRIu64 "\n", name, value);
}

void
cv_metrics_append_series(struct cv_buffer *buffer, const char *name, const char *label,
    const char *value, uint64_t number)
{
	cv_buffer_printf(buffer, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, number);
}

void
cv_metrics_append_histogram(struct cv_buffer *buffer, const char *name, const char *label,
    const struct cv_histogram *histogram)
{
	const char *comma = label[0] == '\0' ? "" : ",";
	const char *open = label[0] == '\0' ? "" : "{", *close = label[0] == '\0' ? "" : "}";
	uint64_t count = 0;

	for (size_t i = 0; i <= CV_HISTOGRAM_BUCKETS; i++) {
		char bound[24] = "+Inf";

		if (i < CV_HISTOGRAM_BUCKETS)
			(void)snprintf(
			    bound, sizeof(bound), "%g", (double)cv_histogram_bounds_us[i] / 1e6);
		count += atomic_load(&histogram->counts[i]);
		cv_buffer_printf(buffer, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, label,
		    comma, bound, count);
	}
	cv_buffer_printf(buffer, "%s_sum%s%s%s %.6f\n", name, open, label, close,
	    (double)atomic_load(&histogram->sum_us) / 1e6);
	cv_buffer_printf(buffer, "%s_count%s%s%s %" PRIu64 "\n", name, open, label, close, count);
}

static void
append_cache(struct cv_buffer *buffer, struct cv_service *service)
{
	const struct cv_index *index = cv_service_index(service);
	int64_t age_ms = cv_index_age_ms(index);

	cv_metrics_append_gauge(buffer, "certvendor_cache_entries", "Certificates in memory.",
	    (int64_t)cv_index_count(index));
	cv_metrics_append_gauge(buffer, "certvendor_cache_epoch",
	    "Position in the change feed up to which memory has taken in every change.",
	    cv_index_position(index));
	cv_metrics_append_gauge(buffer, "certvendor_cache_up",
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
	cv_metrics_append_gauge(buffer, "certvendor_db_up",
	    "1 when the last use of a connection succeeded.", cv_pool_is_up(pool));
	cv_metrics_append_head(
	    buffer, "certvendor_db_pool_connections", "gauge", "Connections, by state.");
	cv_metrics_append_series(buffer, "certvendor_db_pool_connections", "state", "open", open);
	cv_metrics_append_series(
	    buffer, "certvendor_db_pool_connections", "state", "borrowed", borrowed);
	cv_metrics_append_head(buffer, "certvendor_db_query_duration_seconds", "histogram",
	    "How long statements that were sent together waited for the database.");
	cv_metrics_append_histogram(
	    buffer, "certvendor_db_query_duration_seconds", "", cv_pool_waits(pool));
}

static void
append_signer(struct cv_buffer *buffer, const struct cv_signer *signer)
{
	cv_metrics_append_gauge(buffer, "certvendor_signer_up",
	    "1 when the last signature succeeded.", cv_signer_is_up(signer));
	cv_metrics_append_head(buffer, "certvendor_signer_duration_seconds", "histogram",
	    "How long a signature of a CA took.");
	cv_metrics_append_histogram(
	    buffer, "certvendor_signer_duration_seconds", "", cv_signer_durations(signer));
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
append_listeners(struct cv_buffer *buffer, struct cv_http *http)
{
	append_requests(buffer, http);
	cv_metrics_append_head(buffer, "certvendor_http_request_duration_seconds", "histogram",
	    "From the first line of a request to the end of its answer.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		char label[48];

		if (http->listeners[i] == NULL)
			continue;
		(void)snprintf(label, sizeof(label), "listener=\"%s\"",
		    cv_listener_name(http->listeners[i]->kind));
		cv_metrics_append_histogram(buffer, "certvendor_http_request_duration_seconds",
		    label, &http->listeners[i]->counters.durations);
	}
	cv_metrics_append_head(
	    buffer, "certvendor_http_connections", "gauge", "Open connections, by listener.");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (http->listeners[i] != NULL)
			cv_metrics_append_series(buffer, "certvendor_http_connections", "listener",
			    cv_listener_name(http->listeners[i]->kind),
			    atomic_load(&http->listeners[i]->counters.connections_open));
	}
	cv_metrics_append_gauge(buffer, "certvendor_http_requests_in_flight",
	    "Requests whose answer is not complete.", atomic_load(&http->in_flight));
	cv_metrics_append_gauge(buffer, "certvendor_http_queue_waiting",
	    "Requests waiting for a worker.", (int64_t)cv_workers_waiting(http->workers));
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
	cv_metrics_append_gauge(buffer, "certvendor_config_last_reload_successful",
	    "0 when the last configuration was refused and the one before it is in force.",
	    !atomic_load(&http->reload_has_failed));
	cv_metrics_append_gauge(buffer, "certvendor_config_last_reload_success_timestamp_seconds",
	    "When the configuration in force was read.", atomic_load(&http->reloaded_utc));
}

void
cv_metrics_append(struct cv_buffer *buffer, struct cv_http *http)
{
	cv_metrics_append_rules(buffer, http);
	append_cache(buffer, http->service);
	append_database(buffer, http->service);
	append_signer(buffer, cv_service_signer(http->service));
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
