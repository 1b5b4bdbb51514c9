#include "listener_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cv/util/log.h"
#include "cv/util/text.h"
#include "dispatch_internal.h"
#include "gateway_handlers_internal.h"
#include "http_internal.h"
#include "kept_response_internal.h"

/*
 * Room for 32 KiB of headers with a percent-encoded chain, for what the library keeps of each of
 * them, and for the answer. MHD clears all of it after each request.
 */
#define GATEWAY_MEMORY ((size_t)42 * 1024)
#define MEMORY ((size_t)32 * 1024)
#define OPTIONS_MAX 16
#define LOG_LINE_MAX 256
#define QUIESCE_ATTEMPTS_MAX 1000 /* a millisecond each */

const char *
cv_listener_name(enum cv_listener_kind kind)
{
	switch (kind) {
	case CV_LISTENER_DEVICE:
		return "device";
	case CV_LISTENER_GATEWAY:
		return "gateway";
	case CV_LISTENER_GATEWAY_SOCKET:
		return "gateway-socket";
	case CV_LISTENER_OPERATOR:
		return "operator";
	case CV_LISTENER_PUBLIC:
		return "public";
	case CV_LISTENER_MONITORING:
		return "monitoring";
	case CV_LISTENER_COUNT:
		break;
	}
	return "none";
}

size_t
cv_listener_route_number(const struct cv_listener *listener, const struct cv_route *route)
{
	size_t count = listener->routes->count;

	if (route == NULL)
		return count + 1;
	return route == &cv_gateway_check_route ? count : (size_t)(route - listener->routes->rows);
}

const struct cv_route *
cv_listener_route(const struct cv_listener *listener, size_t number)
{
	size_t count = listener->routes->count;

	if (number < count)
		return &listener->routes->rows[number];
	return number == count ? &cv_gateway_check_route : NULL;
}

size_t
cv_listener_route_count(const struct cv_listener *listener)
{
	return listener->routes->count + 2;
}

static void
name_ipv4(struct cv_http_connection *connection, const struct in_addr *address)
{
	/* The mapped form, so that one table holds both families. */
	connection->source.bytes[10] = 0xff;
	connection->source.bytes[11] = 0xff;
	memcpy(connection->source.bytes + 12, address, sizeof(*address));
	(void)inet_ntop(AF_INET, address, connection->remote, sizeof(connection->remote));
}

static void
name_ipv6(struct cv_http_connection *connection, const struct in6_addr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		struct in_addr mapped;
		memcpy(&mapped, address->s6_addr + 12, sizeof(mapped));
		name_ipv4(connection, &mapped);
		return;
	}
	memcpy(connection->source.bytes, address->s6_addr, 8);
	(void)inet_ntop(AF_INET6, address, connection->remote, sizeof(connection->remote));
}

static void
name_peer(struct cv_http_connection *connection, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address != NULL && address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		name_ipv4(connection, &v4.sin_addr);
	} else if (address != NULL && address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		name_ipv6(connection, &v6.sin6_addr);
	} else {
		(void)cv_text_copy(connection->remote, sizeof(connection->remote), "unix");
	}
}

/* Where the client names a factory's server, that one's certificate takes the place of ours. */
static void
choose_server(struct cv_tls_name_query *query, const char *name)
{
	struct cv_http_connection *connection =
	    (struct cv_http_connection *)((char *)query -
					  offsetof(struct cv_http_connection, name_query));
	struct cv_tls_pair *pair =
	    cv_http_find_server(connection->listener->http, name, connection->named_factory);

	if (pair == NULL)
		return;
	cv_tls_pair_use(pair, query->connection);
	cv_tls_pair_free(connection->pair);
	connection->pair = pair;
}

static void
open_connection(struct cv_listener *listener, struct MHD_Connection *mhd, void **socket_context)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct cv_http_connection *connection;
	struct cv_http *http = listener->http;

	*socket_context = NULL;
	connection = calloc(1, sizeof(*connection));
	if (connection == NULL || info == NULL) {
		/* Nobody would wait for its handshake, nor end it in time. */
		if (info != NULL)
			(void)shutdown(info->connect_fd, SHUT_RDWR);
		free(connection);
		return;
	}
	connection->listener = listener;
	connection->descriptor = info->connect_fd;
	name_peer(connection, mhd);
	connection->pair = cv_listener_pair(listener);
	if (connection->pair != NULL)
		cv_tls_pair_use(connection->pair, mhd);
	if (listener->kind == CV_LISTENER_DEVICE) {
		connection->name_query.sink = choose_server;
		cv_tls_ask_for_name(mhd, &connection->name_query);
	}
	if (listener->asks_for_certificate)
		cv_tls_ask_for_certificate(mhd);
	cv_handshake_begin(http->handshakes, mhd, connection->descriptor, &connection->handshake);
	cv_connection_set_deadline(
	    connection, cv_http_now_ms(http) + (int64_t)atomic_load(&http->request_seconds) * 1000);
	cv_connections_add(http->connections, connection);
	atomic_fetch_add(&listener->counters.connections_open, 1);
	atomic_fetch_add(&listener->counters.connections_accepted, 1);
	*socket_context = connection;
}

/* The descriptor is closed after this. */
static void
close_connection(struct cv_listener *listener, void **socket_context)
{
	struct cv_http_connection *connection = *socket_context;

	if (connection == NULL)
		return;
	*socket_context = NULL;
	cv_connections_remove(listener->http->connections, connection);
	atomic_fetch_sub(&listener->counters.connections_open, 1);
	cv_request_deinit(&connection->request);
	cv_kept_response_free(connection->kept);
	cv_tls_pair_free(connection->pair);
	free(connection);
}

static void
notify_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(context, mhd, socket_context);
	else
		close_connection(context, socket_context);
}

/* The library's own messages: refused handshakes and malformed requests mostly, so not for
 * everyday. */
static void __attribute__((format(printf, 2, 0)))
log_message(void *context, const char *format, va_list arguments)
{
	const struct cv_listener *listener = context;
	char text[LOG_LINE_MAX];

	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	cv_log(CV_LOG_DEBUG, "http-library", text,
	    CV_LOG_TEXT("listener", cv_listener_name(listener->kind)));
}

struct option_list {
	struct MHD_OptionItem items[OPTIONS_MAX];
	size_t count;
};

static void
add_option(struct option_list *list, enum MHD_OPTION option, intptr_t value, const void *pointer)
{
	union {
		const void *lent;
		void *pointer;
	} argument = {.lent = pointer}; /* the library only reads it */

	list->items[list->count++] = (struct MHD_OptionItem){
	    .option = option, .value = value, .ptr_value = argument.pointer};
}

static void
list_options(const struct cv_listener *listener, struct option_list *list)
{
	const struct cv_http_options *options = listener->http->options;
	bool is_gateway =
	    listener->kind == CV_LISTENER_GATEWAY || listener->kind == CV_LISTENER_GATEWAY_SOCKET;

	add_option(list, MHD_OPTION_LISTEN_SOCKET, listener->socket, NULL);
	add_option(list, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (intptr_t)(is_gateway ? GATEWAY_MEMORY : MEMORY), NULL);
	add_option(list, MHD_OPTION_CONNECTION_LIMIT, (intptr_t)listener->connections_max, NULL);
	add_option(list, MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)options->idle_seconds, NULL);
	/*
	 * Its strict level only asks for Host and refuses blanks in the target, and then answers
	 * with two header blocks; we look at both ourselves.
	 */
	add_option(list, MHD_OPTION_STRICT_FOR_CLIENT, 0, NULL);
	/* The library's documentation calls a pool of one thread an error. */
	if (listener->threads > 1)
		add_option(list, MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)listener->threads, NULL);
	if (listener->is_tls) {
		add_option(list, MHD_OPTION_HTTPS_MEM_CERT, 0, listener->certificate_pem);
		add_option(list, MHD_OPTION_HTTPS_MEM_KEY, 0, listener->key_pem);
		add_option(list, MHD_OPTION_HTTPS_PRIORITIES, 0, cv_tls_priorities);
	}
	add_option(list, MHD_OPTION_END, 0, NULL);
}

static unsigned
flags_of(const struct cv_listener *listener)
{
	/*
	 * With epoll the library asks to be told of room for sending, too, and a UNIX socket tells
	 * it whenever its peer reads: two wake-ups for one request. The few connections of a
	 * gateway on the same host are cheaper with poll.
	 */
	unsigned loop = listener->kind == CV_LISTENER_GATEWAY_SOCKET
			    ? (unsigned)MHD_USE_POLL_INTERNAL_THREAD
			    : (unsigned)MHD_USE_EPOLL_INTERNAL_THREAD;
	unsigned flags = loop | (unsigned)MHD_USE_ITC | (unsigned)MHD_ALLOW_SUSPEND_RESUME |
			 (unsigned)MHD_USE_ERROR_LOG;

	return listener->is_tls ? flags | (unsigned)MHD_USE_TLS : flags;
}

bool
cv_listener_start(struct cv_listener *listener, struct cv_error *err)
{
	struct option_list list = {.count = 0};

	if (listener->is_tls &&
	    !cv_tls_pair_load(listener->certificate_pem, listener->key_pem, &listener->pair, err))
		return cv_error_context(err, "%s listener", cv_listener_name(listener->kind));
	list_options(listener, &list);
	listener->daemon = MHD_start_daemon(flags_of(listener), 0, NULL, NULL, cv_dispatch_handle,
	    listener, MHD_OPTION_EXTERNAL_LOGGER, log_message, listener,
	    MHD_OPTION_URI_LOG_CALLBACK, cv_dispatch_open, listener, MHD_OPTION_NOTIFY_COMPLETED,
	    cv_dispatch_complete, listener, MHD_OPTION_NOTIFY_CONNECTION, notify_connection,
	    listener, MHD_OPTION_ARRAY, list.items, MHD_OPTION_END);
	if (listener->daemon == NULL)
		return cv_fail(err, CV_E_IO, "%s listener: the HTTP daemon does not start",
		    cv_listener_name(listener->kind));
	return true;
}

/* Of a listening socket the kernel tells the length of the queue (tcp(7), TCP_INFO); UNIX sockets
 * have none to tell. */
static bool
has_waiting(int socket)
{
	struct tcp_info info = {.tcpi_unacked = 0};
	socklen_t len = sizeof(info);

	return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_unacked > 0;
}

void
cv_listener_read_pulse(const struct cv_listener *listener, struct cv_pulse *ret_pulse)
{
	const struct cv_listener_counters *counters = &listener->counters;
	bool is_full =
	    atomic_load(&counters->connections_open) >= listener->http->options->connections_max;

	*ret_pulse = (struct cv_pulse){
	    .part = cv_listener_name(listener->kind),
	    .has_work = !is_full && has_waiting(listener->socket),
	    .count = atomic_load(&counters->connections_accepted),
	};
}

struct cv_tls_pair *
cv_listener_pair(struct cv_listener *listener)
{
	struct cv_tls_pair *pair;

	pthread_mutex_lock(&listener->mutex);
	pair = listener->pair == NULL ? NULL : cv_tls_pair_ref(listener->pair);
	pthread_mutex_unlock(&listener->mutex);
	return pair;
}

void
cv_listener_set_pair(struct cv_listener *listener, struct cv_tls_pair *pair)
{
	struct cv_tls_pair *old;

	pthread_mutex_lock(&listener->mutex);
	old = listener->pair;
	listener->pair = pair;
	pthread_mutex_unlock(&listener->mutex);
	cv_tls_pair_free(old);
}

/*
 * The library (0.9.75) calls it a fatal error when an event loop of a pool was quicker than
 * MHD_quiesce_daemon at taking the socket out of its own set, and would abort. At that place it
 * holds nothing, and beginning anew finds the loop done, so that is what we do.
 */
static _Thread_local jmp_buf *quiescing;

static void __attribute__((noreturn))
take_panic(void *context, const char *file, unsigned line, const char *reason)
{
	(void)context;
	if (quiescing != NULL && errno == ENOENT)
		longjmp(*quiescing, 1);
	cv_log(CV_LOG_ERROR, "http-library-failed", reason == NULL ? "fatal error" : reason,
	    CV_LOG_TEXT("file", file), CV_LOG_NUMBER("line", line));
	abort();
}

void
cv_listener_take_panics(void)
{
	MHD_set_panic_func(take_panic, NULL);
}

/* False: an event loop was quicker. */
static bool
try_to_quiesce(struct MHD_Daemon *daemon)
{
	jmp_buf start;

	if (setjmp(start) != 0) {
		quiescing = NULL;
		return false;
	}
	quiescing = &start;
	/* It gives the socket back, which must stay open until the daemon has stopped. */
	(void)MHD_quiesce_daemon(daemon);
	quiescing = NULL;
	return true;
}

static void
remove_path(struct cv_listener *listener)
{
	if (listener->unix_path != NULL)
		(void)unlink(listener->unix_path);
	listener->unix_path = NULL;
}

void
cv_listener_quiesce(struct cv_listener *listener)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (listener->daemon == NULL)
		return;
	for (int i = 0; i < QUIESCE_ATTEMPTS_MAX && !try_to_quiesce(listener->daemon); i++)
		(void)nanosleep(&pause, NULL);
	/* Not closed: its number must not be another file's before the daemon has stopped. The path
	 * first: one that nobody listens on is taken by the next process, and is not ours then. */
	remove_path(listener);
	if (!listener->is_lent)
		(void)shutdown(listener->socket, SHUT_RDWR);
}

void
cv_listener_free(struct cv_listener *listener)
{
	if (listener == NULL)
		return;
	if (listener->daemon != NULL) {
		cv_listener_quiesce(listener);
		MHD_stop_daemon(listener->daemon);
	}
	if (listener->socket >= 0)
		close(listener->socket);
	remove_path(listener);
	cv_tls_pair_free(listener->pair);
	free(listener->by_route);
	pthread_mutex_destroy(&listener->mutex);
	free(listener);
}
