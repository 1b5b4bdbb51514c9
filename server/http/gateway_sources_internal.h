/* What a gateway says of its client's certificate, from the headers of its own sources. */
#ifndef CV_HTTP_GATEWAY_SOURCES_INTERNAL_H
#define CV_HTTP_GATEWAY_SOURCES_INTERNAL_H

#include "cv/model/source.h"
#include "cv/model/verdict.h"
#include "request_internal.h"

/*
 * Reads the sources of this gateway and no other: what it does not overwrite in every request, its
 * clients can forge. CV_VERDICT_OK: certificate, fingerprint, name and class of the request's
 * evidence are set. Anything else is the answer.
 */
enum cv_verdict cv_gateway_sources_read(
    struct cv_request *request, const struct cv_sources *sources);

#endif
