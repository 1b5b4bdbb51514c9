/*
 * OAuth 2.0 as far as FoundriesFactory clients use it: a device without a token asks for one and
 * shows its user a code, an operator approves that code (RFC 8628), and the device gets a token
 * that registers this one device, and soon ends; and whoever has an operator token can have a
 * short-lived one made of it (RFC 6749 sections 4.4 and 6). All state is in the database. Blocking.
 */
#ifndef CV_SERVICE_DEVICE_GRANT_H
#define CV_SERVICE_DEVICE_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/secret.h"
#include "cv/service/access.h"
#include "cv/service/service.h"
#include "cv/store/grant_store.h"
#include "cv/util/error.h"

#define CV_GRANT_SECONDS 900
#define CV_GRANT_INTERVAL_SECONDS 5
#define CV_GRANT_TOKEN_SECONDS 600 /* of the token that a device gets */
#define CV_SESSION_SECONDS 3600    /* of the token that an operator gets */
#define CV_USER_CODE_SIZE 10       /* "BCDF-GHJK" */

struct cv_device_codes {
	char device_code[CV_SECRET_SIZE];
	char user_code[CV_USER_CODE_SIZE];
};
/* ret_waits false: there are too many that wait. */
bool cv_device_grant_ask(struct cv_service *service, const char *factory, const char *device,
    struct cv_device_codes *ret_codes, bool *ret_waits, struct cv_error *err);
/* APPROVED: ret_token is good; the same one each time, so that a lost answer does no harm. */
bool cv_device_grant_take(struct cv_service *service, const char *device_code, const char *device,
    enum cv_grant_state *ret_state, char ret_token[CV_SECRET_SIZE], struct cv_error *err);
/* reason may be NULL. The code as people type it: letters of either case, with or without the dash.
 * ret_exists false: nothing of that code waits in this factory. */
bool cv_device_grant_decide(struct cv_service *service, const struct cv_operator *operator_,
    const char *factory, const char *user_code, bool is_approved, const char *reason,
    const char *request_id, bool *ret_exists, struct cv_error *err);

struct cv_session {
	char access_token[CV_SECRET_SIZE];
	char refresh_token[CV_SECRET_SIZE];
};
/* secret: an operator token, of that name. refresh_token NULL: the first session; else it must be
 * the one that came with another session of the same secret. ret_is_known false: one of them is
 * wrong. */
bool cv_session_begin(struct cv_service *service, const char *name, const char *secret,
    const char *refresh_token, bool *ret_is_known, struct cv_operator *ret_operator,
    struct cv_session *ret_session, struct cv_error *err);

#endif
