/*
 * JSON Web Tokens in compact form (RFC 7515 section 7.1, RFC 7519), signed with RS256 elsewhere: a
 * library that signs wants the private key in its own hands, and ours does not leave the signer.
 * Any thread.
 */
#ifndef CV_CODEC_JWS_H
#define CV_CODEC_JWS_H

#include <stdint.h>

#include "cv/util/bytes.h"

/* As push queues of Google Pub/Sub carry them. */
struct cv_jwt_claims {
	const char *audience; /* aud: the URL that is pushed to */
	const char *issuer;   /* iss, and the same as sub and email */
	int64_t issued_at_utc;
	int64_t lifetime_seconds;
};

/* Appends what is to be signed: header and claims. */
void cv_jws_append_input(
    struct cv_buffer *buffer, const char *kid, const struct cv_jwt_claims *claims);
/* Appends the dot and the signature: the token is complete. */
void cv_jws_append_signature(struct cv_buffer *buffer, struct cv_bytes signature);

#endif
