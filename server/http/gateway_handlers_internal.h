/* "May this certificate talk?", asked by gateways and over the UNIX socket. */
#ifndef CV_HTTP_GATEWAY_HANDLERS_INTERNAL_H
#define CV_HTTP_GATEWAY_HANDLERS_INTERNAL_H

#include "cv/model/source.h"
#include "cv/model/verdict.h"
#include "request_internal.h"
#include "route_internal.h"

/* Any method, any suffix: matched by hand, not in a table. Called on the loop, and again in a
 * worker. */
extern const struct cv_route cv_gateway_check_route;

/* Who forwards, and what we believe of it. */
struct cv_forwarder {
	const char *name;
	const struct cv_sources *sources; /* lent like the realm */
	const char *factories;            /* NULL: all */
	bool may_activate;
};

/* How a kind of gateway asks, and how it is answered. */
struct cv_gateway_door {
	/* Completes the evidence with what is said of the certificate; anything but CV_VERDICT_OK
	 * is the answer. */
	enum cv_verdict (*read)(struct cv_request *request, const struct cv_forwarder *forwarder);
	/* Answers what is in request->sight. */
	void (*answer)(struct cv_request *request);
};

/* Answers from memory, or, called again in a worker, from the database. */
void cv_gateway_ask(struct cv_request *request, const struct cv_gateway_door *door);
/* Whoever asked, or what it said, is enough to refuse: memory was not asked. */
void cv_gateway_settle(struct cv_request *request, enum cv_verdict verdict);
/* Trouble on the way to the check: 403 or 503 like its own answers, because gateways make 500 of
 * anything else. */
void cv_gateway_refuse(struct cv_request *request, enum cv_verdict verdict);
void cv_gateway_add_facts(struct cv_request *request);
/* Seconds to the end of the certificate, or as many as are given. */
int64_t cv_gateway_seconds_left(const struct cv_request *request, int64_t most);
/* Seconds for which the answer may be kept: only a plain "ok", as anything else can change with the
 * next sight; never beyond the end of the certificate. */
int64_t cv_gateway_max_age(const struct cv_request *request);

#endif
