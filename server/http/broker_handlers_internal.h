/* Brokers that ask whether a client may connect. */
#ifndef CV_HTTP_BROKER_HANDLERS_INTERNAL_H
#define CV_HTTP_BROKER_HANDLERS_INTERNAL_H

#include "cv/model/verdict.h"
#include "request_internal.h"

/* Called on the loop, and again in a worker. */
void cv_broker_ask(struct cv_request *request);
/*
 * Trouble on the way. A broker takes anything but a 200 for "ask somebody else", so this is a 200
 * that denies.
 */
void cv_broker_refuse(struct cv_request *request, enum cv_verdict verdict);

#endif
