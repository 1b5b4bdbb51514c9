/* For monitoring: alive, ready, numbers. No authentication, no secrets. */
#ifndef CV_HTTP_HEALTH_HANDLERS_INTERNAL_H
#define CV_HTTP_HEALTH_HANDLERS_INTERNAL_H

struct cv_request;

void cv_health_live(struct cv_request *request);
/* ?verbose lists the checks; ?role=check leaves the database out, because checks go on without it.
 */
void cv_health_ready(struct cv_request *request);
void cv_health_metrics(struct cv_request *request);

#endif
