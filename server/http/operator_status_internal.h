/* What this instance and a factory's fleet are doing, for people. In a worker. */
#ifndef CV_HTTP_OPERATOR_STATUS_INTERNAL_H
#define CV_HTTP_OPERATOR_STATUS_INTERNAL_H

#include "cv/util/bytes.h"

struct cv_http;

/* Appends one JSON object. What the database does not say in time is left out. */
void cv_operator_append_status(struct cv_buffer *body, struct cv_http *http, const char *factory);

#endif
