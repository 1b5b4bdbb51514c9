/* EST (RFC 7030, RFC 8951) on the device listener. */
#ifndef CV_HTTP_EST_HANDLERS_INTERNAL_H
#define CV_HTTP_EST_HANDLERS_INTERNAL_H

struct cv_request;

void cv_est_cacerts(struct cv_request *request);
void cv_est_csrattrs(struct cv_request *request);
void cv_est_simpleenroll(struct cv_request *request);
void cv_est_serverkeygen(struct cv_request *request);
void cv_est_simplereenroll(struct cv_request *request);

#endif
