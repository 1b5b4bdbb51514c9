/*
 * The answers to "may this certificate talk?", in the words that gateways and operators see. Plain
 * values; any thread.
 */
#ifndef CV_MODEL_VERDICT_H
#define CV_MODEL_VERDICT_H

#include <stdbool.h>

enum cv_verdict {
	CV_VERDICT_OK,         /* the key is current */
	CV_VERDICT_ACTIVATED,  /* this sight made the key current */
	CV_VERDICT_REGISTERED, /* this sight registered the device */
	CV_VERDICT_TALKS,      /* a replaced key in its grace: may talk, may change nothing */
	CV_VERDICT_NO_CERTIFICATE,
	CV_VERDICT_BAD_CERTIFICATE,
	CV_VERDICT_AMBIGUOUS, /* two sources disagree, or a header came twice */
	CV_VERDICT_UNKNOWN, /* of no authority, or claims ours and is not recorded, or first contact
			       refused */
	CV_VERDICT_EXPIRED,
	CV_VERDICT_NOT_YET_VALID,
	CV_VERDICT_DENIED,
	CV_VERDICT_THIRD_KEY,
	CV_VERDICT_DEVICE_REFUSED, /* held, deleted or revoked */
	CV_VERDICT_AUTHORITY_REFUSED,
	CV_VERDICT_KEY_IN_USE, /* another device of the factory proved this key */
	CV_VERDICT_NOT_A_GATEWAY,
	CV_VERDICT_UNAVAILABLE, /* cannot be decided now: 503, never allowed */
};

/* ok, activated, registered, talks: may talk. */
bool cv_verdict_is_allowed(enum cv_verdict verdict);
/* ok, activated, registered: what it says and does counts. A key in its grace only talks. */
bool cv_verdict_may_change(enum cv_verdict verdict);
/* The stable word: ok activated registered ok(talks) no-certificate ... unavailable. Never NULL. */
const char *cv_verdict_name(enum cv_verdict verdict);

#endif
