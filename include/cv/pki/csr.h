/* PKCS#10 requests (RFC 2986): strict parsing, proof of possession, hygiene. Any thread. */
#ifndef CV_PKI_CSR_H
#define CV_PKI_CSR_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/pki/public_key.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* A request whose signature has been verified. Bytes point into the copy that the object owns. */
struct cv_csr {
	uint8_t *der_copy; /* owned */
	struct cv_bytes der;
	struct cv_bytes subject; /* whole Name element, copied unchanged into the certificate */
	/* What RFC 5280 or DER has against it, for the client; NULL: nothing. Whoever has a
	 * certificate with it from elsewhere may renew that. */
	const char *subject_flaw;
	struct cv_bytes
	    san; /* content of the requested subjectAltName OCTET STRING; empty: absent */
	struct cv_bytes attributes; /* content of the attributes; may be empty */
	bool has_link;              /* a value that ties it to its TLS connection */
	struct cv_bytes link;       /* empty when it is not one text of 1..255 octets, once */
	bool asks_for_ca;           /* for what only an authority or its responder has */
	bool exceeds_key_usage;     /* asks for more than digitalSignature */
	bool exceeds_purpose;       /* asks for more than clientAuth */
	struct cv_public_key *key;  /* owned */
	struct cv_digest digest;    /* SHA-256 of der */
	char common_name[CV_DEVICE_ID_MAX + 1]; /* as in struct cv_certificate */
	char organizational_unit[CV_FACTORY_NAME_MAX + 1];
	unsigned organizational_unit_count;
};

enum cv_csr_outcome {
	CV_CSR_GOOD,
	CV_CSR_MALFORMED,     /* bad-csr: not strict DER, version not 0, subject out of bounds,
				 algorithm refused */
	CV_CSR_BAD_SIGNATURE, /* bad-signature */
	CV_CSR_BAD_EXTENSION, /* bad-extension: repeated, undecodable, unknown critical, CA:TRUE,
				 keyCertSign, EKU beyond clientAuth, ... */
	CV_CSR_WEAK_KEY,      /* weak-key */
};

/*
 * Parses and verifies. Rules: version 0; subject as in RFC 5280 (at most 20 attributes, 1 KiB,
 * exactly one CN that is a device id, no NUL or control characters); one extensionRequest (or
 * Microsoft's 1.3.6.1.4.1.311.2.1.14, not both) with one value and no repeated extension; requested
 * SKI, AKI, basicConstraints CA:FALSE, CDP, AIA ignored; keyUsage bits other than keyCertSign and
 * cRLSign, EKU serverAuth and any, and SAN are noted; other EKU beyond clientAuth refused; unknown
 * critical refused, unknown non-critical ignored. The signature is verified before anything else
 * uses the content. ret_detail (may be NULL) gets a static text for the client. ret_csr: the good
 * request, and a refused one whose signature and subject are good: then to say whose it is, no
 * more. False only on CV_E_MEMORY and CV_E_CRYPTO.
 */
bool cv_csr_parse(struct cv_bytes der, enum cv_csr_outcome *ret_outcome, const char **ret_detail,
    struct cv_csr **ret_csr, struct cv_error *err);
/* Is every name of a GeneralNames element of a kind and pattern in the comma list
 * "dns:*.example.org, uri:urn:dev:*, ip:10.*, email:*"? "*" stands for any characters. Other kinds
 * never are, nor host names and mailboxes that RFC 5280 section 4.2.1.6 does not allow. */
bool cv_san_is_listed(struct cv_bytes san, const char *list);
/* Does the request have this attribute, or ask for this extension? */
bool cv_csr_names(const struct cv_csr *csr, struct cv_bytes oid);
/* How many attributes of this type the request has; ret_values: content of the SET of the first,
 * lent. */
size_t cv_csr_attribute(const struct cv_csr *csr, struct cv_bytes oid, struct cv_bytes *ret_values);
void cv_csr_free(struct cv_csr *csr);
CV_DEFINE_CLEANUP(cv_csr);

#endif
