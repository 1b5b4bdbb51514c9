/* HMAC-SHA-256 (RFC 2104, FIPS 198-1) of a text in two pieces. Any thread. */
#ifndef CV_PKI_MAC_H
#define CV_PKI_MAC_H

#include <stdbool.h>

#include "cv/model/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

bool cv_mac_sha256(struct cv_bytes key, struct cv_bytes first, struct cv_bytes rest,
    struct cv_digest *ret_mac, struct cv_error *err);

#endif
