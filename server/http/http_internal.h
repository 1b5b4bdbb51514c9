/* What all listeners of the process share. Set up before the first listener starts; the atomics
 * change later. */
#ifndef CV_HTTP_HTTP_INTERNAL_H
#define CV_HTTP_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "connections_internal.h"
#include "cv/http/server.h"
#include "failure_limit_internal.h"
#include "listener_internal.h"
#include "places_internal.h"
#include "request_log_internal.h"
#include "server_names_internal.h"
#include "workers_internal.h"

struct cv_http {
	struct cv_http_options *options;
	struct cv_label
	    factory_label; /* of paths that name a factory: as without label, any authority */
	struct cv_service *service; /* lent */
	struct cv_workers *workers;
	struct cv_connections *connections;
	struct cv_handshakes *handshakes;
	struct cv_failure_limit *failures;
	struct cv_places *device_bodies;                  /* large ones, being read or worked on */
	struct cv_places *operator_bodies;                /* these too */
	struct cv_places *device_answers;                 /* large ones, being made or sent */
	struct cv_listener *listeners[CV_LISTENER_COUNT]; /* NULL: off */
	struct cv_refusal_log refusals;
	pthread_mutex_t names_mutex;          /* of server_names */
	struct cv_server_names *server_names; /* NULL: none were taken yet */
	pthread_mutex_t take_mutex;           /* of whoever makes new ones */
	int64_t started_wall_ms;
	_Atomic unsigned request_seconds; /* these two: a reload may change them */
	_Atomic int64_t check_max_age_seconds;
	_Atomic int64_t reloaded_utc;          /* last configuration that was taken */
	_Atomic bool reload_has_failed;        /* the last try */
	_Atomic int64_t load_done, load_total; /* certificates of the index, while it is loaded */
	_Atomic uint64_t credentials_delayed;  /* requests that wait after bad credentials */
	_Atomic unsigned in_flight;            /* requests whose answer is not complete */
	_Atomic bool is_open;                  /* every listener accepts */
	_Atomic bool is_draining; /* not ready; connections are closed after their answer */
	_Atomic bool is_stopping; /* what waits for a worker is answered 503 */
};

/* The pair and the factory of the server of that name, as cv_server_names_find has it. */
struct cv_tls_pair *cv_http_find_server(
    struct cv_http *http, const char *name, char ret_factory[CV_FACTORY_NAME_MAX + 1]);

/* Each server certificate of a factory that is in use. */
void cv_http_each_server(struct cv_http *http, cv_server_sink *sink, void *context);

static inline int64_t
cv_http_now_ms(const struct cv_http *http)
{
	return cv_clock_boot_ms(cv_service_clock(http->service));
}

#endif
