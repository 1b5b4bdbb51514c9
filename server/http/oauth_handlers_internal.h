/*
 * /oauth/: tokens for devices that have none (RFC 8628), and short-lived ones for operators (RFC
 * 6749), in the words of FoundriesFactory clients. In workers only.
 */
#ifndef CV_HTTP_OAUTH_HANDLERS_INTERNAL_H
#define CV_HTTP_OAUTH_HANDLERS_INTERNAL_H

struct cv_request;

/* POST /oauth/authorization/device/ */
void cv_oauth_ask(struct cv_request *request);
/* GET /oauth/device/: what to do with the code that the device shows. */
void cv_oauth_explain(struct cv_request *request);
/* POST /oauth/token/ */
void cv_oauth_give(struct cv_request *request);

/* POST /v1/device-grants/{user_code}/approve and .../refuse */
void cv_operator_approve_device(struct cv_request *request);
void cv_operator_refuse_device(struct cv_request *request);

#endif
