/* One listener: its socket, its HTTP daemon with TLS settings, its limits and its counters. */
#ifndef CV_HTTP_LISTENER_INTERNAL_H
#define CV_HTTP_LISTENER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/util/error.h"
#include "cv/util/histogram.h"
#include "cv/util/pulse.h"
#include "route_internal.h"
#include "tls_pair_internal.h"

struct MHD_Daemon;
struct cv_http;

enum cv_listener_kind {
	CV_LISTENER_DEVICE,
	CV_LISTENER_GATEWAY,
	CV_LISTENER_GATEWAY_SOCKET,
	CV_LISTENER_OPERATOR,
	CV_LISTENER_PUBLIC,
	CV_LISTENER_MONITORING,
	CV_LISTENER_COUNT,
};

#define CV_LISTENER_ADDRESS_SIZE 128 /* longest: path of a UNIX socket */

/* Of one route: answers by class of the status. */
struct cv_route_counters {
	_Atomic uint64_t by_class[6]; /* [2]: 2xx; [0]: no answer was sent */
};

struct cv_listener_counters {
	struct cv_histogram durations;
	_Atomic uint64_t connections_open;
	_Atomic uint64_t connections_accepted;
};

struct cv_listener {
	struct cv_http *http;
	enum cv_listener_kind kind;
	const struct cv_route_table *routes;
	bool is_tls;
	bool asks_for_certificate;
	const char *certificate_pem; /* of the server; NULL without TLS */
	const char *key_pem;
	unsigned threads;
	unsigned connections_max;
	struct MHD_Daemon *daemon;
	char address[CV_LISTENER_ADDRESS_SIZE]; /* that it listens at, for people */
	int socket;                             /* ours; -1: closed */
	bool is_lent;                           /* systemd's: it goes on listening without us */
	const char *unix_path;                  /* removed at the end; NULL: TCP, or not ours */
	pthread_mutex_t mutex;                  /* guards pair */
	struct cv_tls_pair *pair;               /* of the next handshakes; NULL without TLS */
	struct cv_listener_counters counters;
	struct cv_route_counters *by_route; /* as cv_listener_route_number has it */
};

/* Starts accepting on listener->socket. CV_E_CONFIG: certificate and key; CV_E_IO: anything else.
 */
bool cv_listener_start(struct cv_listener *listener, struct cv_error *err);
/* A reference to the pair of the next handshakes; NULL without TLS. */
struct cv_tls_pair *cv_listener_pair(struct cv_listener *listener);
/* The next handshakes use this pair; takes the reference. */
void cv_listener_set_pair(struct cv_listener *listener, struct cv_tls_pair *pair);
/* Connections that wait to be accepted, while there is room for more. */
void cv_listener_read_pulse(const struct cv_listener *listener, struct cv_pulse *ret_pulse);
/* Once, before the first listener starts: what the library takes for a fatal error. */
void cv_listener_take_panics(void);
/* Accepts nothing more, and unless the socket is lent newcomers are refused; open connections go
 * on. */
void cv_listener_quiesce(struct cv_listener *listener);
/* No request may be suspended. Closes everything. NULL allowed. */
void cv_listener_free(struct cv_listener *listener);

/* The place of a route among the counters: the rows of the table, then the gateway check, then
 * whatever has no route (NULL). */
size_t cv_listener_route_number(const struct cv_listener *listener, const struct cv_route *route);
/* The opposite; NULL: no route. number < cv_listener_route_count. */
const struct cv_route *cv_listener_route(const struct cv_listener *listener, size_t number);
size_t cv_listener_route_count(const struct cv_listener *listener);

const char *cv_listener_name(enum cv_listener_kind kind);

#endif
