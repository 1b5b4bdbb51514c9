/* HTTP credentials: the secret of an Authorization header, and what wrong ones cost. */
#ifndef CV_HTTP_CREDENTIALS_INTERNAL_H
#define CV_HTTP_CREDENTIALS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "request_internal.h"

#define CV_CREDENTIAL_SIZE 256

enum cv_credentials_outcome {
	CV_CREDENTIALS_ABSENT,
	CV_CREDENTIALS_GIVEN,
	CV_CREDENTIALS_UNUSABLE, /* another scheme, not decodable, or too long */
};

enum cv_credentials_of {
	CV_CREDENTIALS_OF_DEVICE,   /* Bearer and Basic */
	CV_CREDENTIALS_OF_OPERATOR, /* Bearer and OSF-TOKEN: browsers repeat Basic unasked */
};

/*
 * Bearer (RFC 6750 section 2.1): the token as sent, or base64 of it, as libest sends it. Basic (RFC
 * 7617): the password; the user name does not matter. Pure. The caller wipes the secret.
 */
enum cv_credentials_outcome cv_credentials_parse(
    const char *authorization, enum cv_credentials_of of, char ret_secret[CV_CREDENTIAL_SIZE]);

/* From OSF-TOKEN where that is read, else Authorization. Headers that came twice are unusable. */
enum cv_credentials_outcome cv_credentials_read(const struct cv_request *request,
    enum cv_credentials_of of, char ret_secret[CV_CREDENTIAL_SIZE]);

/* True, with 429 answered, when this source failed too often lately. */
bool cv_credentials_must_wait(struct cv_request *request);
void cv_credentials_note_failure(struct cv_request *request);

#endif
