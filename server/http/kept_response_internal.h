/*
 * Answers without body to a gateway that asks on and on over one connection. Most of their headers
 * are the same, and the library makes three allocations for each: so the response is kept with the
 * connection, and only what differs is made anew. Used by the connection's event loop alone, after
 * the answer before was sent.
 */
#ifndef CV_HTTP_KEPT_RESPONSE_INTERNAL_H
#define CV_HTTP_KEPT_RESPONSE_INTERNAL_H

#include "request_internal.h"

struct MHD_Response;
struct cv_kept_response;

/* Lent by *kept, which is made where there is none; NULL: out of memory, or a value is too long to
 * be kept. */
struct MHD_Response *cv_kept_response_for(
    struct cv_kept_response **kept, const struct cv_answer *answer);
void cv_kept_response_free(struct cv_kept_response *kept);

#endif
