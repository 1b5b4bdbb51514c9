/* What lists of the operator API are filtered by. Pure. */
#ifndef CV_HTTP_OPERATOR_VIEWS_INTERNAL_H
#define CV_HTTP_OPERATOR_VIEWS_INTERNAL_H

#include <stddef.h>

/* Name of the query member; some numbers below CV_VIEW_FILTERS_MAX have none. NULL: none. */
const char *cv_operator_filter(const char *pattern, size_t number);

#endif
