/* Sockets that listeners accept from: made here, because a quiesced daemon gives its own one back.
 */
#ifndef CV_HTTP_LISTEN_SOCKET_INTERNAL_H
#define CV_HTTP_LISTEN_SOCKET_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/error.h"

/* Bound, listening and non-blocking. ret_port is the port in use. Errors: CV_E_CONFIG, CV_E_IO. */
bool cv_listen_tcp(
    const char *bind_text, int *ret_descriptor, uint16_t *ret_port, struct cv_error *err);
/* A socket that listens already; ret_port is 0 for a UNIX socket. CV_E_IO. */
bool cv_listen_adopt(int descriptor, uint16_t *ret_port, struct cv_error *err);
/* What a socket listens at: host:port, [host]:port, or a path. "?" when it cannot be said. */
void cv_listen_name(int descriptor, char *ret_text, size_t size);
/* A UNIX socket of mode 0660; a socket left behind by an earlier run is replaced. */
bool cv_listen_unix(const char *path, int *ret_descriptor, struct cv_error *err);

#endif
