/*
 * All HTTP listeners of the process: device, gateway (mTLS and UNIX socket), operator, public,
 * monitoring. Event loops (libmicrohttpd, epoll) answer what memory can answer; everything else is
 * suspended and finished on workers.
 */
#ifndef CV_HTTP_SERVER_H
#define CV_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/label.h"
#include "cv/service/service.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "cv/util/pulse.h"

/* Where to listen: "host:port", "[v6]:port", ":port" (all), port 0: any free one. "": this listener
 * is off. */
struct cv_http_address {
	const char *bind;
	int descriptor;      /* listens already, in place of bind; 0: none. Taken over */
	uint16_t bound_port; /* set when it listens */
};

struct cv_http_options {
	struct cv_service *service;
	const struct cv_certificate
	    *service_ca; /* signs gateway certificates; NULL: gateways cannot be added here */
	struct cv_http_address device;
	struct cv_http_address gateway;
	struct cv_http_address operator_;
	struct cv_http_address public_;
	struct cv_http_address monitoring;
	const char *gateway_socket;    /* path of a UNIX socket; "": none; mode 0660 */
	int gateway_socket_descriptor; /* as above */
	/* PEM texts of server certificate chain and key, per TLS listener. */
	const char *device_certificate, *device_key;
	const char *gateway_certificate, *gateway_key;
	const char *operator_certificate, *operator_key;
	unsigned threads; /* event loops per device and gateway listener; the others have one */
	unsigned workers;
	unsigned queue_max;             /* requests waiting for a worker; more are answered 503 */
	unsigned connections_max;       /* per listener; less where descriptors are few */
	unsigned other_descriptors;     /* that the rest of the process needs */
	unsigned request_seconds;       /* from first byte to last of a request; 30 */
	unsigned idle_seconds;          /* keep-alive; 60 */
	int64_t check_max_age_seconds;  /* Cache-Control of an allow; 0: no-store */
	int64_t broker_session_seconds; /* EMQX ends a session then; 0: never */
	const struct cv_label *labels;  /* that of requests without label first; at least this */
	size_t label_count;
	const char
	    *foundries_gateway_url; /* in sota.toml; "": name and port of the device listener */
	const char *foundries_ostree_url; /* "": the same */
	int64_t foundries_lifetime_days;  /* of the certificates that /ota/devices/ gives */
	const char *version;
};

struct cv_http;

/*
 * Starts threads and the monitoring listener, which can tell from then on why the instance is not
 * ready. The options' strings must outlive the server.
 */
bool cv_http_start(
    struct cv_http_options *options, struct cv_http **ret_http, struct cv_error *err);
/* How far the index is loaded: what readiness says until cv_http_open. Any thread. */
void cv_http_note_load(struct cv_http *http, int64_t done, int64_t total);
/* Opens the other listeners; ready after that. */
bool cv_http_open(struct cv_http *http, struct cv_error *err);
/*
 * Takes from fresh what may change while serving: the key pairs of the listeners that there are,
 * request_seconds and check_max_age_seconds. All or nothing; handshakes that have begun keep their
 * pair. CV_E_CONFIG: a pair does not fit. Nothing of fresh need outlive the call.
 */
bool cv_http_reload(
    struct cv_http *http, const struct cv_http_options *fresh, struct cv_error *err);
/*
 * Takes the server certificates that the realm has for factories, when it is another realm than the
 * last time: new handshakes with the device listener see them. Any thread; blocking.
 */
void cv_http_take_servers(struct cv_http *http);
/* Whether certificate and key, PEM texts, fit together; when the certificate ends. CV_E_CONFIG. */
bool cv_http_check_pair(const char *certificate_pem, const char *key_pem,
    int64_t *ret_not_after_utc, struct cv_error *err);
/* What metrics say about the last configuration that was tried. */
void cv_http_note_reload(struct cv_http *http, bool was_taken);
/* One log line for each listener, and one for what they share. */
void cv_http_log_state(struct cv_http *http);
#define CV_HTTP_PULSES_MAX 8
/* What every event loop and the workers do. How many; in the same order each time. */
size_t cv_http_read_pulses(struct cv_http *http, struct cv_pulse ret_pulses[CV_HTTP_PULSES_MAX]);
/* Fails readiness, stops accepting, waits up to drain_ms for requests in flight. */
void cv_http_drain(struct cv_http *http, unsigned drain_ms);
void cv_http_free(struct cv_http *http);
CV_DEFINE_CLEANUP(cv_http);

#endif
