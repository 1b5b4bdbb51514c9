/* Sockets that systemd made (sd_listen_fds(3)): they replace the addresses of listeners. Main
 * thread, before other threads. */
#ifndef CV_APP_ACTIVATION_INTERNAL_H
#define CV_APP_ACTIVATION_INTERNAL_H

#include <stdbool.h>

#include "cv/http/server.h"
#include "cv/util/error.h"

/*
 * Sets the descriptors of options from LISTEN_FDS and LISTEN_FDNAMES; does nothing when they are
 * not meant for this process. The names are device, gateway, gateway-socket, operator, public and
 * monitoring. CV_E_CONFIG: another name, a name twice, a listener that is switched off, or no
 * listening socket.
 */
bool cv_activation_take(struct cv_http_options *options, struct cv_error *err);

#endif
