#include "activation_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cv/util/text.h"

#define FIRST_DESCRIPTOR 3
#define DESCRIPTORS_MAX 16
#define NAME_SIZE 32

/* False: nothing was handed to this process. */
static bool
read_count(uint64_t *ret_count)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	uint64_t number;

	return pid != NULL && count != NULL && cv_text_parse_unsigned(pid, INT32_MAX, &number) &&
	       (pid_t)number == getpid() &&
	       cv_text_parse_unsigned(count, DESCRIPTORS_MAX, ret_count) && *ret_count > 0;
}

/* Where a listener of this name takes its socket from; NULL: no such name. */
static int *
find_place(struct cv_http_options *options, const char *name, const char **ret_listen)
{
	const struct {
		const char *name;
		const char *listen;
		int *descriptor;
	} rows[] = {
	    {"device", options->device.bind, &options->device.descriptor},
	    {"gateway", options->gateway.bind, &options->gateway.descriptor},
	    {"gateway-socket", options->gateway_socket, &options->gateway_socket_descriptor},
	    {"operator", options->operator_.bind, &options->operator_.descriptor},
	    {"public", options->public_.bind, &options->public_.descriptor},
	    {"monitoring", options->monitoring.bind, &options->monitoring.descriptor},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!cv_text_equal(rows[i].name, name))
			continue;
		*ret_listen = rows[i].listen;
		return rows[i].descriptor;
	}
	return NULL;
}

/* Who reaches the UNIX socket is believed without a certificate; over a network nobody is. */
static bool
is_of_kind(int descriptor, bool is_unix)
{
	int family = AF_UNSPEC;
	socklen_t len = sizeof(family);

	return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
	       (is_unix ? family == AF_UNIX : family == AF_INET || family == AF_INET6);
}

static bool
prepare(int descriptor)
{
	int is_listening = 0;
	socklen_t len = sizeof(is_listening);
	int flags = fcntl(descriptor, F_GETFL);

	return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 &&
	       is_listening && flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

static bool
give(struct cv_http_options *options, const char *name, int descriptor, struct cv_error *err)
{
	const char *listen = NULL;
	int *place = find_place(options, name, &listen);

	if (place == NULL)
		return cv_fail(err, CV_E_CONFIG,
		    "socket \"%s\" from systemd is none of device, gateway, gateway-socket, "
		    "operator, public, monitoring (FileDescriptorName=)",
		    name);
	if (*place != 0)
		return cv_fail(err, CV_E_CONFIG, "two sockets \"%s\" from systemd", name);
	if (listen[0] == '\0')
		return cv_fail(err, CV_E_CONFIG,
		    "socket \"%s\" from systemd, but that listener is switched off", name);
	if (!prepare(descriptor))
		return cv_fail(
		    err, CV_E_CONFIG, "socket \"%s\" from systemd does not listen", name);
	bool is_unix = place == &options->gateway_socket_descriptor;
	if (!is_of_kind(descriptor, is_unix))
		return cv_fail(err, CV_E_CONFIG, "socket \"%s\" from systemd is not of the kind %s",
		    name, is_unix ? "UNIX" : "TCP");
	*place = descriptor;
	return true;
}

bool
cv_activation_take(struct cv_http_options *options, struct cv_error *err)
{
	const char *names = getenv("LISTEN_FDNAMES");
	char name[NAME_SIZE];
	uint64_t count;

	if (!read_count(&count))
		return true;
	for (uint64_t i = 0; i < count; i++) {
		size_t len = names == NULL ? 0 : strcspn(names, ":");
		if (!cv_text_copy_bytes(name, sizeof(name), names == NULL ? "" : names, len))
			return cv_fail(err, CV_E_CONFIG, "a name in LISTEN_FDNAMES is too long");
		if (!give(options, name, FIRST_DESCRIPTOR + (int)i, err))
			return false;
		names = names == NULL || names[len] == '\0' ? NULL : names + len + 1;
	}
	return true;
}
