/* The endpoints of each listener. */
#ifndef CV_HTTP_ROUTE_TABLE_INTERNAL_H
#define CV_HTTP_ROUTE_TABLE_INTERNAL_H

#include "listener_internal.h"
#include "route_internal.h"

/* Lent for ever. The gateway listeners have a single endpoint of their own and an empty table. */
const struct cv_route_table *cv_route_table_of(enum cv_listener_kind kind);

#endif
