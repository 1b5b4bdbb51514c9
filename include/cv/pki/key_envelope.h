/*
 * CMS EnvelopedData (RFC 5652 section 6) for the key of a certificate: what is inside can be read
 * by the holder of its private key alone. Any thread.
 */
#ifndef CV_PKI_KEY_ENVELOPE_H
#define CV_PKI_KEY_ENVELOPE_H

#include <stdbool.h>

#include "cv/pki/certificate.h"
#include "cv/pki/key_wish.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/*
 * Why nothing may be encrypted for the key of this certificate; static text, NULL: it may. RFC 7030
 * section 4.4.1.2: where keyUsage binds us, it must be absent, or allow key transport (RSA) or key
 * agreement (EC). Ed25519 can only sign.
 */
const char *cv_key_envelope_refusal(const struct cv_certificate *recipient, bool usage_binds);

/*
 * Appends ContentInfo with EnvelopedData around a SignedData (its element, without ContentInfo).
 * RSA: key transport by RSAES-PKCS1-v1_5. EC: ephemeral-static ECDH, X9.63 KDF with SHA-256, AES
 * key wrap. The recipient is named by its subjectKeyIdentifier, or by issuer and serial number when
 * it has none. No copy of signed_data is left in memory. Fails with CV_E_CRYPTO and CV_E_MEMORY.
 */
bool cv_key_envelope_append(struct cv_buffer *buffer, struct cv_bytes signed_data,
    const struct cv_certificate *recipient, enum cv_content_cipher cipher, struct cv_error *err);

#endif
