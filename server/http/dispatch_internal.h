/*
 * The way of a request: headers, routing, judgement, body, handler, answer. What memory can answer
 * is answered on the event loop; anything else suspends the connection and goes on in a worker.
 */
#ifndef CV_HTTP_DISPATCH_INTERNAL_H
#define CV_HTTP_DISPATCH_INTERNAL_H

#include <microhttpd.h>

/* Callbacks of the HTTP library; context is the struct cv_listener. */
void *cv_dispatch_open(void *context, const char *target, struct MHD_Connection *mhd);
enum MHD_Result cv_dispatch_handle(void *context, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size,
    void **connection_context);
void cv_dispatch_complete(void *context, struct MHD_Connection *mhd, void **connection_context,
    enum MHD_RequestTerminationCode code);

/* The part in a worker's thread; item is a suspended struct cv_request. */
void cv_dispatch_work(void *item);

#endif
