/* SHA-256 and SHA-1 of bytes. Any thread. */
#ifndef CV_PKI_DIGEST_H
#define CV_PKI_DIGEST_H

#include "cv/model/digest.h"
#include "cv/util/bytes.h"

void cv_digest_sha256(struct cv_bytes data, struct cv_digest *ret_digest);

void cv_digest_sha1(struct cv_bytes data, uint8_t ret_digest[CV_SHA1_LEN]);

#endif
