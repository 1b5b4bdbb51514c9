#include "cv/app/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cv/util/auto.h"
#include "cv/util/text.h"

void
cv_notify(const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || !cv_text_copy(address.sun_path, sizeof(address.sun_path), path))
		return;
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	/* "@name" is a socket in the abstract name space. */
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';

	CV_AUTO_DESCRIPTOR int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return;
	/* A notice that is lost shows in the unit's state; the service goes on. */
	(void)sendto(descriptor, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)(const void *)&address, len);
}
