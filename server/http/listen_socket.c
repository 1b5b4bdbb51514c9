#include "listen_socket_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cv/util/address.h"
#include "cv/util/auto.h"
#include "cv/util/text.h"

#define BACKLOG 1024
#define UNIX_SOCKET_MODE 0660

static bool
fail_io(struct cv_error *err, const char *what, const char *where)
{
	int number = errno;

	(void)cv_fail(err, CV_E_IO, "%s %s failed", what, where);
	return cv_error_cause(err, "%s", strerror(number));
}

static int
open_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* With port 0 the system has chosen one. */
static bool
read_port(int descriptor, uint16_t *ret_port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(descriptor, (struct sockaddr *)&address, &len) != 0)
		return false;
	if (address.ss_family == AF_UNIX)
		*ret_port = 0;
	else if (address.ss_family == AF_INET6)
		*ret_port = ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
	else
		*ret_port = ntohs(((const struct sockaddr_in *)&address)->sin_port);
	return true;
}

static bool
bind_address(int descriptor, const struct sockaddr *address, socklen_t len)
{
	const int yes = 1;
	const int no = 0;

	if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0)
		return false;
	/* [::] serves IPv4 too, whatever the system's default is. */
	if (address->sa_family == AF_INET6 &&
	    setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) != 0)
		return false;
	return bind(descriptor, address, len) == 0 && listen(descriptor, BACKLOG) == 0;
}

/* -1 with errno set. */
static int
listen_everywhere(uint16_t port)
{
	const struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
	const struct sockaddr_in v4 = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
	CV_AUTO_DESCRIPTOR int descriptor = open_socket(AF_INET6);
	int taken;

	if (descriptor < 0 || !bind_address(descriptor, (const struct sockaddr *)&v6, sizeof(v6))) {
		/* Containers without IPv6: only then, so that a busy port is reported. */
		if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
			return -1;
		if (descriptor >= 0)
			close(descriptor);
		descriptor = open_socket(AF_INET);
		if (descriptor < 0 ||
		    !bind_address(descriptor, (const struct sockaddr *)&v4, sizeof(v4)))
			return -1;
	}
	taken = descriptor;
	descriptor = -1;
	return taken;
}

/* Of the addresses of a name the first IPv4 one, else the first. */
static const struct addrinfo *
choose(const struct addrinfo *found)
{
	for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
		if (each->ai_family == AF_INET)
			return each;
	}
	return found;
}

static bool
listen_at_host(const struct cv_address *address, const char *bind_text, int *ret_descriptor,
    struct cv_error *err)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char port[8];

	(void)snprintf(port, sizeof(port), "%u", (unsigned)address->port);
	int status = getaddrinfo(address->host, port, &hints, &found);
	if (status != 0) {
		(void)cv_fail(err, CV_E_CONFIG, "host \"%s\" has no address", address->host);
		return cv_error_cause(err, "%s", gai_strerror(status));
	}

	const struct addrinfo *chosen = choose(found);
	int descriptor = open_socket(chosen->ai_family);
	bool is_bound =
	    descriptor >= 0 && bind_address(descriptor, chosen->ai_addr, chosen->ai_addrlen);
	int number = errno;
	freeaddrinfo(found);
	if (!is_bound) {
		if (descriptor >= 0)
			close(descriptor);
		errno = number;
		return fail_io(err, "listening at", bind_text);
	}
	*ret_descriptor = descriptor;
	return true;
}

bool
cv_listen_tcp(const char *bind_text, int *ret_descriptor, uint16_t *ret_port, struct cv_error *err)
{
	struct cv_address address;
	int descriptor = -1;
	uint16_t port;

	if (!cv_address_parse(bind_text, &address, err))
		return false;
	if (address.host[0] == '\0') {
		descriptor = listen_everywhere(address.port);
		if (descriptor < 0)
			return fail_io(err, "listening at", bind_text);
	} else if (!listen_at_host(&address, bind_text, &descriptor, err)) {
		return false;
	}
	if (!read_port(descriptor, &port)) {
		close(descriptor);
		return fail_io(err, "reading the port of", bind_text);
	}
	*ret_descriptor = descriptor;
	*ret_port = port;
	return true;
}

bool
cv_listen_adopt(int descriptor, uint16_t *ret_port, struct cv_error *err)
{
	return read_port(descriptor, ret_port) || fail_io(err, "reading the port of", "a socket");
}

/* Only a socket that nobody listens on any more is removed: never a file, never a running
 * neighbour's. */
static bool
remove_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT;
	if (!S_ISSOCK(status.st_mode)) {
		errno = EEXIST;
		return false;
	}
	CV_AUTO_DESCRIPTOR int probe = open_socket(AF_UNIX);
	if (probe < 0)
		return false;
	if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno != ECONNREFUSED) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(address->sun_path) == 0;
}

bool
cv_listen_unix(const char *path, int *ret_descriptor, struct cv_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!cv_text_copy(address.sun_path, sizeof(address.sun_path), path))
		return cv_fail(err, CV_E_CONFIG, "path of the UNIX socket is longer than %zu",
		    sizeof(address.sun_path) - 1);
	if (!remove_stale(&address))
		return fail_io(err, "making the UNIX socket", path);

	CV_AUTO_DESCRIPTOR int descriptor = open_socket(AF_UNIX);
	/* Nobody can connect before listen(), so the mode is right when it matters. */
	if (descriptor < 0 ||
	    bind(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, UNIX_SOCKET_MODE) != 0 || listen(descriptor, BACKLOG) != 0)
		return fail_io(err, "making the UNIX socket", path);
	*ret_descriptor = descriptor;
	descriptor = -1;
	return true;
}

void
cv_listen_name(int descriptor, char *ret_text, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_un path;
		struct sockaddr_storage all;
	} address = {.all = {.ss_family = AF_UNSPEC}};
	socklen_t len = sizeof(address);
	char host[64];
	char port[8];

	(void)cv_text_copy(ret_text, size, "?");
	if (getsockname(descriptor, &address.any, &len) != 0)
		return;
	if (address.any.sa_family == AF_UNIX)
		(void)cv_text_copy(ret_text, size, address.path.sun_path);
	else if (getnameinfo(&address.any, len, host, sizeof(host), port, sizeof(port),
		     NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		(void)snprintf(
		    ret_text, size, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
}
