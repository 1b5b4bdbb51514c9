/*
 * How a client of serverkeygen wants its new private key to be protected beyond TLS: the attributes
 * of RFC 7030 section 4.4.1 in its certificate request. Any thread.
 */
#ifndef CV_PKI_KEY_WISH_H
#define CV_PKI_KEY_WISH_H

#include <stdbool.h>

#include "cv/pki/certificate.h"
#include "cv/pki/csr.h"
#include "cv/util/bytes.h"

enum cv_content_cipher { CV_CONTENT_CIPHER_AES_128_CBC, CV_CONTENT_CIPHER_AES_256_CBC };

struct cv_key_wish {
	bool is_there; /* false: TLS is enough, and the rest means nothing */
	struct cv_bytes
	    recipient; /* the value of AsymmetricDecryptKeyIdentifier; lent by the CSR */
	enum cv_content_cipher cipher; /* the strongest of SMIMECapabilities that we have */
};

/*
 * False: the client asks for something that we cannot do, so no key may be made; ret_detail is a
 * static text for it. That is so for DecryptKeyIdentifier, because no symmetric key is agreed with
 * any device; for AsymmetricDecryptKeyIdentifier and SMIMECapabilities without each other, more
 * than once, or as something else than an attribute; and for capabilities without AES-CBC of 128 or
 * 256 bits. Parameters of capabilities are not looked at.
 */
bool cv_key_wish_read(
    const struct cv_csr *csr, struct cv_key_wish *ret_wish, const char **ret_detail);

/* Is the key of this certificate the one that is to decrypt? It is named by the SHA-1 of its bits
 * (RFC 5280 section 4.2.1.2, method 1), or by the certificate's subjectKeyIdentifier. */
bool cv_key_wish_names(const struct cv_key_wish *wish, const struct cv_certificate *certificate);

#endif
