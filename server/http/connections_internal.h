/*
 * The open connections and their deadlines. libmicrohttpd's own time-out starts again with every
 * byte, so a thread of ours cuts connections whose handshake or request takes too long.
 */
#ifndef CV_HTTP_CONNECTIONS_INTERNAL_H
#define CV_HTTP_CONNECTIONS_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/util/auto.h"
#include "cv/util/clock.h"
#include "cv/util/error.h"
#include "cv/util/pulse.h"
#include "failure_limit_internal.h"
#include "handshakes_internal.h"
#include "request_internal.h"
#include "tls_pair_internal.h"
#include "tls_peer_internal.h"

struct cv_listener;
struct cv_connections;
struct cv_kept_response;

/* One connection serves one request after the other, so the request lives in it. */
struct cv_http_connection {
	struct cv_listener *listener;
	struct cv_http_connection *previous; /* list of the reaper, under its mutex */
	struct cv_http_connection *next;
	uint64_t cut; /* the how manieth that was cut; 0: it was not. Under the mutex too */
	int descriptor;
	_Atomic int64_t deadline_ms; /* boot time; 0: none */
	char remote[64];             /* address as text, for the log */
	struct cv_source source;
	struct cv_tls_pair *pair; /* reference; NULL without TLS */
	struct cv_handshake handshake;
	struct cv_tls_name_query name_query;
	char named_factory[CV_FACTORY_NAME_MAX +
			   1]; /* whose server the client means; "": nobody's */
	struct cv_tls_peer peer;
	struct cv_kept_response *kept; /* NULL: none yet */
	struct cv_request request;
};

bool cv_connections_start(
    const struct cv_clock *clock, struct cv_connections **ret_connections, struct cv_error *err);
/* Every connection must be gone. */
void cv_connections_free(struct cv_connections *connections);
CV_DEFINE_CLEANUP(cv_connections);

void cv_connections_add(struct cv_connections *connections, struct cv_http_connection *connection);
/* Must be called before the descriptor is closed. */
void cv_connections_remove(
    struct cv_connections *connections, struct cv_http_connection *connection);

/* A connection that was cut is closed by its event loop; the oldest that is not yet is the work. */
void cv_connections_read_pulse(struct cv_connections *connections, struct cv_pulse *ret_pulse);

static inline void
cv_connection_set_deadline(struct cv_http_connection *connection, int64_t deadline_ms)
{
	atomic_store_explicit(&connection->deadline_ms, deadline_ms, memory_order_relaxed);
}

#endif
