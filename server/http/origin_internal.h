/* What browsers say of the page that sent a request (RFC 6454, Fetch Metadata). Pure. */
#ifndef CV_HTTP_ORIGIN_INTERNAL_H
#define CV_HTTP_ORIGIN_INTERNAL_H

#include <stdbool.h>

#include "request_internal.h"

/*
 * Did a browser send this for a page of somebody else? By Sec-Fetch-Site and Origin, whichever is
 * there; whoever sends neither is no browser.
 */
bool cv_origin_is_foreign(const struct cv_request *request);

#endif
