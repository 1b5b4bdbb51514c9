/* What a query may say to the operator API. Pure. */
#ifndef CV_HTTP_OPERATOR_VIEWS_INTERNAL_H
#define CV_HTTP_OPERATOR_VIEWS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "route_internal.h"

/* Of a row below /v1: the names of query members that it takes, by number. NULL: there are no more.
 */
const char *cv_operator_query_name(const struct cv_route *route, size_t number);
/* Are all names in the query among them? */
bool cv_operator_knows_query(const struct cv_route *route, const char *query);

#endif
