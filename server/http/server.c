#include "cv/http/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "cv/util/log.h"
#include "connection_share_internal.h"
#include "dispatch_internal.h"
#include "http_internal.h"
#include "listen_socket_internal.h"
#include "route_table_internal.h"

#define DRAIN_POLL_MS 20
/* It opens first, and whatever the others do some are left for it. */
#define MONITORING_CONNECTIONS 64

static bool
is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* What a kind of listener needs from the options. */
struct listener_plan {
	enum cv_listener_kind kind;
	struct cv_http_address *address; /* NULL: the UNIX socket */
	const char *certificate;
	const char *key;
	bool is_tls;
	bool has_pool;
	unsigned connections_max;
};

static const char *
address_of(const struct cv_http *http, const struct listener_plan *plan)
{
	return plan->address == NULL ? http->options->gateway_socket : plan->address->bind;
}

/* Listeners that are off need nothing. */
static bool
share_descriptors(
    const struct cv_http *http, struct listener_plan *plans, size_t count, struct cv_error *err)
{
	const struct cv_http_options *options = http->options;
	struct rlimit limit = {.rlim_cur = 0};
	struct cv_connection_share share;
	unsigned others = 0;

	for (size_t i = 0; i < count; i++)
		others +=
		    plans[i].kind != CV_LISTENER_DEVICE && is_set(address_of(http, &plans[i]));
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	uint64_t used = options->other_descriptors + MONITORING_CONNECTIONS;
	uint64_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
	if (!cv_connection_share_make(options->connections_max, others, left, &share))
		return cv_fail(err, CV_E_CONFIG, "%ju open files are too few (RLIMIT_NOFILE)",
		    (uintmax_t)limit.rlim_cur);
	if (share.each_other < options->connections_max || share.device < options->connections_max)
		cv_log(CV_LOG_WARNING, "connections-limited",
		    "fewer open files are allowed than [server] connections asks for",
		    CV_LOG_NUMBER("open_files", (int64_t)limit.rlim_cur),
		    CV_LOG_NUMBER("device_connections", share.device),
		    CV_LOG_NUMBER("other_connections", share.each_other));
	for (size_t i = 0; i < count; i++)
		plans[i].connections_max =
		    plans[i].kind == CV_LISTENER_DEVICE ? share.device : share.each_other;
	return true;
}

static struct cv_listener *
make_listener(struct cv_http *http, const struct listener_plan *plan)
{
	struct cv_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	listener->http = http;
	listener->kind = plan->kind;
	listener->routes = cv_route_table_of(plan->kind);
	listener->is_tls = plan->is_tls;
	listener->asks_for_certificate = plan->is_tls;
	listener->certificate_pem = plan->certificate;
	listener->key_pem = plan->key;
	listener->by_route = calloc(cv_listener_route_count(listener), sizeof(*listener->by_route));
	if (listener->by_route == NULL) {
		free(listener);
		return NULL;
	}
	pthread_mutex_init(&listener->mutex, NULL);
	listener->threads = plan->has_pool ? http->options->threads : 1;
	listener->connections_max = plan->connections_max;
	listener->socket = -1;
	return listener;
}

/* address NULL: the UNIX socket. */
static bool
open_socket(struct cv_listener *listener, struct cv_http_address *address, struct cv_error *err)
{
	const struct cv_http_options *options = listener->http->options;
	int given = address == NULL ? options->gateway_socket_descriptor : address->descriptor;
	uint16_t no_port;

	if (given > 0) {
		listener->socket = given;
		listener->is_lent = true;
		return cv_listen_adopt(
		    given, address == NULL ? &no_port : &address->bound_port, err);
	}
	if (address != NULL)
		return cv_listen_tcp(address->bind, &listener->socket, &address->bound_port, err);
	if (!cv_listen_unix(options->gateway_socket, &listener->socket, err))
		return false;
	listener->unix_path = options->gateway_socket;
	return true;
}

static bool
open_listener(struct cv_http *http, const struct listener_plan *plan, struct cv_error *err)
{
	struct cv_listener *listener = make_listener(http, plan);

	if (listener == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	http->listeners[plan->kind] = listener;
	if (!open_socket(listener, plan->address, err))
		return cv_error_context(err, "%s listener", cv_listener_name(plan->kind));
	cv_listen_name(listener->socket, listener->address, sizeof(listener->address));
	if (plan->is_tls && (!is_set(plan->certificate) || !is_set(plan->key)))
		return cv_fail(err, CV_E_CONFIG, "%s listener: no server certificate or key",
		    cv_listener_name(plan->kind));
	return cv_listener_start(listener, err);
}

static bool
open_monitoring(struct cv_http *http, struct cv_error *err)
{
	const struct listener_plan plan = {.kind = CV_LISTENER_MONITORING,
	    .address = &http->options->monitoring,
	    .connections_max = MONITORING_CONNECTIONS};

	return !is_set(plan.address->bind) || open_listener(http, &plan, err);
}

bool
cv_http_open(struct cv_http *http, struct cv_error *err)
{
	struct cv_http_options *options = http->options;
	struct listener_plan plans[] = {
	    {CV_LISTENER_DEVICE, &options->device, options->device_certificate, options->device_key,
		true, true, 0},
	    {CV_LISTENER_GATEWAY, &options->gateway, options->gateway_certificate,
		options->gateway_key, true, true, 0},
	    {CV_LISTENER_GATEWAY_SOCKET, NULL, NULL, NULL, false, true, 0},
	    {CV_LISTENER_OPERATOR, &options->operator_, options->operator_certificate,
		options->operator_key, true, false, 0},
	    {CV_LISTENER_PUBLIC, &options->public_, NULL, NULL, false, false, 0},
	};

	const size_t count = sizeof(plans) / sizeof(plans[0]);

	if (!share_descriptors(http, plans, count, err))
		return false;
	cv_http_take_servers(http);
	for (size_t i = 0; i < count; i++) {
		if (is_set(address_of(http, &plans[i])) && !open_listener(http, &plans[i], err))
			return false;
	}
	atomic_store(&http->is_open, true);
	return true;
}

void
cv_http_note_load(struct cv_http *http, int64_t done, int64_t total)
{
	atomic_store(&http->load_done, done);
	atomic_store(&http->load_total, total);
}

static struct cv_server_names *
present_names(struct cv_http *http)
{
	struct cv_server_names *names;

	pthread_mutex_lock(&http->names_mutex);
	names = http->server_names == NULL ? NULL : cv_server_names_ref(http->server_names);
	pthread_mutex_unlock(&http->names_mutex);
	return names;
}

struct cv_tls_pair *
cv_http_find_server(
    struct cv_http *http, const char *name, char ret_factory[CV_FACTORY_NAME_MAX + 1])
{
	CV_AUTO(cv_server_names) struct cv_server_names *names = present_names(http);

	return names == NULL ? NULL : cv_server_names_find(names, name, ret_factory);
}

void
cv_http_each_server(struct cv_http *http, cv_server_sink *sink, void *context)
{
	CV_AUTO(cv_server_names) struct cv_server_names *names = present_names(http);

	if (names != NULL)
		cv_server_names_each(names, sink, context);
}

static void
take_servers(struct cv_http *http)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(http->service);
	CV_AUTO(cv_server_names) struct cv_server_names *before = present_names(http);
	CV_AUTO(cv_server_names) struct cv_server_names *old = NULL;
	struct cv_server_names *fresh;

	if (before != NULL && cv_server_names_version(before) >= realm->version)
		return;
	fresh = cv_server_names_make(http->service, realm, before);
	if (fresh == NULL)
		return; /* the next look tries again */
	pthread_mutex_lock(&http->names_mutex);
	old = http->server_names;
	http->server_names = fresh;
	pthread_mutex_unlock(&http->names_mutex);
}

void
cv_http_take_servers(struct cv_http *http)
{
	pthread_mutex_lock(&http->take_mutex);
	take_servers(http);
	pthread_mutex_unlock(&http->take_mutex);
}

/* The new pairs of the listeners, all of them before the first is taken. */
struct pair_set {
	struct cv_tls_pair *pairs[CV_LISTENER_COUNT];
};

static void
pair_set_deinit(struct pair_set *set)
{
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++)
		cv_tls_pair_free(set->pairs[i]);
}

static bool
load_pair(const struct cv_http *http, enum cv_listener_kind kind, const char *certificate,
    const char *key, struct pair_set *set, struct cv_error *err)
{
	if (http->listeners[kind] == NULL)
		return true;
	return cv_tls_pair_load(certificate, key, &set->pairs[kind], err) ||
	       cv_error_context(err, "%s listener", cv_listener_name(kind));
}

bool
cv_http_reload(struct cv_http *http, const struct cv_http_options *fresh, struct cv_error *err)
{
	__attribute__((cleanup(pair_set_deinit))) struct pair_set set = {.pairs = {NULL}};

	if (!load_pair(http, CV_LISTENER_DEVICE, fresh->device_certificate, fresh->device_key, &set,
		err) ||
	    !load_pair(http, CV_LISTENER_GATEWAY, fresh->gateway_certificate, fresh->gateway_key,
		&set, err) ||
	    !load_pair(http, CV_LISTENER_OPERATOR, fresh->operator_certificate, fresh->operator_key,
		&set, err))
		return false;
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (set.pairs[i] != NULL)
			cv_listener_set_pair(http->listeners[i], CV_TAKE(set.pairs[i]));
	}
	atomic_store(&http->request_seconds, fresh->request_seconds);
	atomic_store(&http->check_max_age_seconds, fresh->check_max_age_seconds);
	return true;
}

bool
cv_http_check_pair(const char *certificate_pem, const char *key_pem, int64_t *ret_not_after_utc,
    struct cv_error *err)
{
	CV_AUTO(cv_tls_pair) struct cv_tls_pair *pair = NULL;

	if (!cv_tls_pair_load(certificate_pem, key_pem, &pair, err))
		return false;
	*ret_not_after_utc = cv_tls_pair_not_after_utc(pair);
	return true;
}

void
cv_http_note_reload(struct cv_http *http, bool was_taken)
{
	atomic_store(&http->reload_has_failed, !was_taken);
	if (was_taken)
		atomic_store(
		    &http->reloaded_utc, cv_clock_wall_seconds(cv_service_clock(http->service)));
}

bool
cv_http_start(struct cv_http_options *options, struct cv_http **ret_http, struct cv_error *err)
{
	CV_AUTO(cv_http) struct cv_http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	cv_listener_take_panics();
	http->options = options;
	http->factory_label = options->labels[0];
	http->factory_label.authority[0] = '\0';
	http->service = options->service;
	pthread_mutex_init(&http->refusals.mutex, NULL);
	pthread_mutex_init(&http->names_mutex, NULL);
	pthread_mutex_init(&http->take_mutex, NULL);
	http->started_wall_ms = cv_clock_wall_ms(cv_service_clock(http->service));
	atomic_store(&http->request_seconds, options->request_seconds);
	atomic_store(&http->check_max_age_seconds, options->check_max_age_seconds);
	cv_http_note_reload(http, true);
	http->failures = cv_failure_limit_new();
	http->device_bodies =
	    cv_places_new(CV_LARGE_BODIES_MAX, CV_LARGE_OF_DEVICE_MAX, CV_LARGE_OF_STRANGERS_MAX);
	http->operator_bodies = cv_places_new(CV_LARGE_BODIES_MAX, 0, CV_LARGE_BODIES_MAX);
	http->device_answers = cv_places_new(CV_LARGE_ANSWERS_MAX, CV_LARGE_OF_DEVICE_MAX, 0);
	if (http->failures == NULL || http->device_bodies == NULL ||
	    http->operator_bodies == NULL || http->device_answers == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_connections_start(cv_service_clock(http->service), &http->connections, err) ||
	    !cv_handshakes_start(&http->handshakes, err) ||
	    !cv_workers_start(
		options->workers, options->queue_max, cv_dispatch_work, &http->workers, err) ||
	    !open_monitoring(http, err))
		return false;
	*ret_http = CV_TAKE(http);
	return true;
}

size_t
cv_http_read_pulses(struct cv_http *http, struct cv_pulse ret_pulses[CV_HTTP_PULSES_MAX])
{
	size_t count = 0;

	cv_workers_read_pulse(http->workers, &ret_pulses[count++]);
	cv_connections_read_pulse(http->connections, &ret_pulses[count++]);
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (http->listeners[i] != NULL)
			cv_listener_read_pulse(http->listeners[i], &ret_pulses[count++]);
	}
	return count;
}

void
cv_http_log_state(struct cv_http *http)
{
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		const struct cv_listener *listener = http->listeners[i];

		if (listener == NULL)
			continue;
		cv_log(CV_LOG_INFO, "state-of-listener", "as asked for by SIGUSR2",
		    CV_LOG_TEXT("listener", cv_listener_name(listener->kind)),
		    CV_LOG_TEXT("address", listener->address),
		    CV_LOG_NUMBER("connections", atomic_load(&listener->counters.connections_open)),
		    CV_LOG_NUMBER("connections_max", listener->connections_max));
	}
	cv_log(CV_LOG_INFO, "state-of-requests", "as asked for by SIGUSR2",
	    CV_LOG_NUMBER("in_flight", atomic_load(&http->in_flight)),
	    CV_LOG_NUMBER("waiting_for_a_worker", cv_workers_waiting(http->workers)),
	    CV_LOG_TEXT("draining", atomic_load(&http->is_draining) ? "yes" : "no"));
}

static void
sleep_ms(unsigned ms)
{
	const struct timespec pause = {.tv_nsec = (long)ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* Monitoring goes on to the end, so that it can be seen why the instance is not ready. */
static void
quiesce(struct cv_http *http)
{
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (i != CV_LISTENER_MONITORING && http->listeners[i] != NULL)
			cv_listener_quiesce(http->listeners[i]);
	}
}

void
cv_http_drain(struct cv_http *http, unsigned drain_ms)
{
	atomic_store(&http->is_draining, true);
	quiesce(http);
	int64_t until_ms = cv_http_now_ms(http) + drain_ms;
	while (atomic_load(&http->in_flight) > 0 && cv_http_now_ms(http) < until_ms)
		sleep_ms(DRAIN_POLL_MS);

	unsigned left = atomic_load(&http->in_flight);
	if (left > 0)
		cv_log(CV_LOG_WARNING, "drain-incomplete", "requests are cut off",
		    CV_LOG_NUMBER("requests", left));
}

/* The library must never be stopped with a suspended connection: first every worker and every
 * waiting handshake ends, then the listeners. */
void
cv_http_free(struct cv_http *http)
{
	if (http == NULL)
		return;
	atomic_store(&http->is_draining, true);
	atomic_store(&http->is_stopping, true);
	quiesce(http);
	if (http->workers != NULL)
		cv_workers_finish(http->workers);
	if (http->handshakes != NULL)
		cv_handshakes_finish(http->handshakes);
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++)
		cv_listener_free(http->listeners[i]);
	cv_workers_free(http->workers);
	cv_connections_free(http->connections);
	cv_handshakes_free(http->handshakes);
	cv_failure_limit_free(http->failures);
	cv_places_free(http->device_bodies);
	cv_places_free(http->operator_bodies);
	cv_places_free(http->device_answers);
	cv_server_names_free(http->server_names);
	pthread_mutex_destroy(&http->refusals.mutex);
	pthread_mutex_destroy(&http->names_mutex);
	pthread_mutex_destroy(&http->take_mutex);
	free(http);
}
