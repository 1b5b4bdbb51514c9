/* Building PKCS#10 requests (RFC 2986) for keys of our own. Signs nothing. Any thread. */
#ifndef CV_PKI_REQUEST_H
#define CV_PKI_REQUEST_H

#include "cv/util/bytes.h"

/* Appends the CertificationRequestInfo. subject: Name element; spki: SubjectPublicKeyInfo; san:
 * GeneralNames element to ask for, empty: none. */
void cv_request_append_info(
    struct cv_buffer *buffer, struct cv_bytes subject, struct cv_bytes spki, struct cv_bytes san);
/* Appends the CertificationRequest made of it, an AlgorithmIdentifier element and a signature. */
void cv_request_append(struct cv_buffer *buffer, struct cv_bytes info, struct cv_bytes algorithm,
    struct cv_bytes signature);
/* PEM "CERTIFICATE REQUEST" of DER bytes: one block, one line end behind it; appended. */
void cv_request_append_pem(struct cv_buffer *buffer, struct cv_bytes der);

#endif
