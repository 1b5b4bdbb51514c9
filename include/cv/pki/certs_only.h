/*
 * The certs-only SignedData of EST answers (RFC 7030 section 4.1.3, RFC 5272 section 4.1): version
 * 1, no digest algorithms, no content, no signers, no CRLs; DER, certificates in the order given.
 * Any thread.
 */
#ifndef CV_PKI_CERTS_ONLY_H
#define CV_PKI_CERTS_ONLY_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"

void cv_certs_only_append(
    struct cv_buffer *buffer, const struct cv_bytes *certificates, size_t count);

/* The first certificate of such a message, whole and lent. False: it is none, or holds none. */
bool cv_certs_only_first(struct cv_bytes message, struct cv_bytes *ret_certificate);

#endif
