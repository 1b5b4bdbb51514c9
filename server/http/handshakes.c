#include "handshakes_internal.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cv/util/thread.h"
#include "tls_session_internal.h"

#define EVENTS_MAX 64

struct cv_handshakes {
	int epoll; /* of what waits, once each time, and of the stop */
	int stop;
	pthread_mutex_t mutex; /* guards the list and is_stopping */
	struct cv_handshake *first;
	bool is_stopping;
	pthread_t watcher;
	bool has_watcher;
};

static void
insert(struct cv_handshakes *handshakes, struct cv_handshake *handshake)
{
	handshake->is_waiting = true;
	handshake->previous = NULL;
	handshake->next = handshakes->first;
	if (handshakes->first != NULL)
		handshakes->first->previous = handshake;
	handshakes->first = handshake;
}

static void
take_out(struct cv_handshakes *handshakes, struct cv_handshake *handshake)
{
	handshake->is_waiting = false;
	if (handshake->previous != NULL)
		handshake->previous->next = handshake->next;
	else
		handshakes->first = handshake->next;
	if (handshake->next != NULL)
		handshake->next->previous = handshake->previous;
}

/* Called with the mutex held. Its connection may be gone after this. */
static void
resume(struct cv_handshakes *handshakes, struct cv_handshake *handshake)
{
	struct MHD_Connection *connection = handshake->connection;

	take_out(handshakes, handshake);
	MHD_resume_connection(connection);
}

static bool
watch(const struct cv_handshakes *handshakes, struct cv_handshake *handshake)
{
	struct epoll_event event = {
	    .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data = {.ptr = handshake}};
	int operation = handshake->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	bool is_good = epoll_ctl(handshakes->epoll, operation, handshake->descriptor, &event) == 0;

	handshake->is_watched = handshake->is_watched || is_good;
	return is_good;
}

/*
 * What can be read by now may resume it before it is suspended, which the library understands.
 * Whoever is not suspended, for want of memory or because of the stop, asks again at once.
 */
static void
wait_for_peer(struct cv_handshake *handshake)
{
	struct cv_handshakes *handshakes = handshake->all;
	bool is_waiting = false;

	pthread_mutex_lock(&handshakes->mutex);
	if (!handshakes->is_stopping && !handshake->is_waiting && watch(handshakes, handshake)) {
		insert(handshakes, handshake);
		is_waiting = true;
	}
	pthread_mutex_unlock(&handshakes->mutex);
	if (is_waiting)
		MHD_suspend_connection(handshake->connection);
}

/* As GnuTLS reads by itself, but for who waits. */
static ssize_t
pull(gnutls_transport_ptr_t transport, void *data, size_t size)
{
	struct cv_handshake *handshake = transport;
	ssize_t got = recv(handshake->descriptor, data, size, 0);

	if (got < 0 && errno == EAGAIN && !handshake->is_over) {
		wait_for_peer(handshake);
		errno = EAGAIN;
	}
	return got;
}

/* A hello begins with the newest version of TLS that its client has, later ones apart, which all
 * say 1.2 here (RFC 8446 section 4.1.2). */
static bool
is_too_old(const gnutls_datum_t *hello)
{
	return hello->size >= 2 && (hello->data[0] << 8 | hello->data[1]) < 0x0303;
}

/*
 * The Finished of the peer is the last that a handshake reads (RFC 8446 section 2, RFC 5246
 * section 7.3).
 *
 * Of a certificate that may not sign GnuTLS makes an alert; we make a refusal that says why, and
 * let its owner have what needs no certificate. What else is looser in this mode was negotiated
 * when the certificate comes, or is for keys and messages that our priorities do not allow.
 *
 * GnuTLS refuses an old hello by itself, but the HTTP library closes then without a word.
 */
static int
take_message(gnutls_session_t session, unsigned kind, unsigned when, unsigned incoming,
    const gnutls_datum_t *message)
{
	struct cv_handshake *handshake = gnutls_transport_get_ptr(session);

	if (when == GNUTLS_HOOK_PRE) {
		if (incoming && kind == GNUTLS_HANDSHAKE_CLIENT_HELLO && is_too_old(message))
			(void)gnutls_alert_send(
			    session, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION);
		return 0;
	}
	if (incoming && kind == GNUTLS_HANDSHAKE_CERTIFICATE_PKT)
		gnutls_session_enable_compatibility_mode(session);
	if (incoming && kind == GNUTLS_HANDSHAKE_FINISHED)
		handshake->is_over = true;
	return 0;
}

void
cv_handshake_begin(struct cv_handshakes *handshakes, struct MHD_Connection *connection,
    int descriptor, struct cv_handshake *ret_handshake)
{
	gnutls_session_t session = cv_tls_session_of(connection);

	*ret_handshake = (struct cv_handshake){
	    .all = handshakes, .connection = connection, .descriptor = descriptor};
	if (session == NULL)
		return;
	gnutls_transport_set_ptr2(session, ret_handshake, (void *)(intptr_t)descriptor);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_handshake_set_hook_function(
	    session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, take_message);
}

/* ---- the watcher ---- */

/* False: to stop. */
static bool
take_events(struct cv_handshakes *handshakes, const struct epoll_event *events, int count)
{
	bool goes_on = true;

	pthread_mutex_lock(&handshakes->mutex);
	for (int i = 0; i < count; i++) {
		struct cv_handshake *handshake = events[i].data.ptr;

		if (handshake == NULL)
			goes_on = false;
		else if (handshake->is_waiting)
			resume(handshakes, handshake);
	}
	pthread_mutex_unlock(&handshakes->mutex);
	return goes_on;
}

static void *
run(void *argument)
{
	struct cv_handshakes *handshakes = argument;
	struct epoll_event events[EVENTS_MAX];
	int count;

	(void)pthread_setname_np(pthread_self(), "cv-handshakes");
	do
		count = epoll_wait(handshakes->epoll, events, EVENTS_MAX, -1);
	while (take_events(handshakes, events, count));
	return NULL;
}

static bool
open_descriptors(struct cv_handshakes *handshakes, struct cv_error *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};

	handshakes->epoll = epoll_create1(EPOLL_CLOEXEC);
	handshakes->stop = eventfd(0, EFD_CLOEXEC);
	if (handshakes->epoll >= 0 && handshakes->stop >= 0 &&
	    epoll_ctl(handshakes->epoll, EPOLL_CTL_ADD, handshakes->stop, &event) == 0)
		return true;
	(void)cv_fail(err, CV_E_IO, "watching handshakes is not possible");
	return cv_error_cause(err, "%s", strerror(errno));
}

bool
cv_handshakes_start(struct cv_handshakes **ret_handshakes, struct cv_error *err)
{
	CV_AUTO(cv_handshakes) struct cv_handshakes *handshakes = calloc(1, sizeof(*handshakes));

	if (handshakes == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	pthread_mutex_init(&handshakes->mutex, NULL);
	if (!open_descriptors(handshakes, err) ||
	    !cv_thread_start(run, handshakes, "starting the thread for handshakes failed",
		&handshakes->watcher, err))
		return false;
	handshakes->has_watcher = true;
	*ret_handshakes = CV_TAKE(handshakes);
	return true;
}

void
cv_handshakes_finish(struct cv_handshakes *handshakes)
{
	pthread_mutex_lock(&handshakes->mutex);
	handshakes->is_stopping = true;
	pthread_mutex_unlock(&handshakes->mutex);
	if (handshakes->has_watcher) {
		(void)eventfd_write(handshakes->stop, 1);
		pthread_join(handshakes->watcher, NULL);
		handshakes->has_watcher = false;
	}
	/* Only now: the watcher may have held an event of one that is closed once it is resumed. */
	pthread_mutex_lock(&handshakes->mutex);
	while (handshakes->first != NULL)
		resume(handshakes, handshakes->first);
	pthread_mutex_unlock(&handshakes->mutex);
}

void
cv_handshakes_free(struct cv_handshakes *handshakes)
{
	if (handshakes == NULL)
		return;
	cv_handshakes_finish(handshakes);
	if (handshakes->epoll >= 0)
		close(handshakes->epoll);
	if (handshakes->stop >= 0)
		close(handshakes->stop);
	pthread_mutex_destroy(&handshakes->mutex);
	free(handshakes);
}
