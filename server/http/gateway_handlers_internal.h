/* "May this certificate talk?", asked by gateways and over the UNIX socket. */
#ifndef CV_HTTP_GATEWAY_HANDLERS_INTERNAL_H
#define CV_HTTP_GATEWAY_HANDLERS_INTERNAL_H

#include "route_internal.h"

/* Any method, any suffix: matched by hand, not in a table. Called on the loop, and again in a
 * worker. */
extern const struct cv_route cv_gateway_check_route;

#endif
