/*
 * X.509 certificates: strict parsing into plain facts, and verification of a leaf against the
 * certificate of one authority. Not here: whose it is and whether it may talk (service/). Any
 * thread.
 */
#ifndef CV_PKI_CERTIFICATE_H
#define CV_PKI_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/pki/public_key.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_CERTIFICATE_MAX_BYTES 16384
#define CV_SERIAL_MAX 21

/* Facts of one certificate. All cv_bytes point into the copy that the object owns. */
struct cv_certificate {
	uint8_t *der_copy; /* owned */
	struct cv_bytes der;
	struct cv_bytes tbs;     /* whole TBSCertificate element */
	struct cv_bytes serial;  /* content octets without a leading zero */
	struct cv_bytes issuer;  /* whole Name element */
	struct cv_bytes subject; /* whole Name element */
	struct cv_bytes spki;    /* whole SubjectPublicKeyInfo element */
	struct cv_bytes
	    san; /* content of the subjectAltName extension's OCTET STRING; empty: absent */
	struct cv_bytes name_constraints; /* value of the extension; empty: absent */
	struct cv_bytes subject_key;      /* subjectKeyIdentifier octets; empty: absent */
	struct cv_bytes authority_key; /* keyIdentifier of authorityKeyIdentifier; empty: absent */
	struct cv_bytes algorithm;     /* outer AlgorithmIdentifier element */
	struct cv_bytes signature;     /* signature octets */
	struct cv_digest fingerprint;  /* SHA-256 of der */
	struct cv_digest tbs_digest;   /* SHA-256 of tbs */
	struct cv_digest key_id;       /* of the canonical key */
	struct cv_public_key *key;     /* owned; NULL: parsed as a leaf */
	int64_t not_before_utc;
	int64_t not_after_utc;
	char common_name[CV_DEVICE_ID_MAX + 1]; /* "" unless there is exactly one CN of 1..64
						   characters without NUL or controls */
	unsigned common_name_count;
	char organizational_unit[CV_FACTORY_NAME_MAX + 1]; /* "" unless exactly one OU that fits */
	unsigned organizational_unit_count;
	bool is_ca;         /* basicConstraints CA:TRUE */
	bool allows_client; /* EKU absent, clientAuth or anyExtendedKeyUsage; keyUsage absent or
			       with digitalSignature */
	bool allows_server; /* the same with serverAuth, which must be there by name */
	bool may_sign_certificates; /* is_ca, and keyUsage absent or with keyCertSign */
	bool allows_key_transport;  /* keyUsage absent or with keyEncipherment */
	bool allows_key_agreement;  /* keyUsage absent or with keyAgreement */
};

/*
 * Parses DER. Fails with CV_E_INPUT (text says which field and the RFC 5280 section) on anything
 * that is not strict DER, not v1..v3, has a repeated extension, an unequal inner and outer
 * algorithm, or a key that cannot be read; with CV_E_LIMIT above CV_CERTIFICATE_MAX_BYTES.
 */
bool cv_certificate_parse(
    struct cv_bytes der, struct cv_certificate **ret_certificate, struct cv_error *err);
/* The same judgement, of what is nobody's issuer: its key is identified and not kept. */
bool cv_certificate_parse_leaf(
    struct cv_bytes der, struct cv_certificate **ret_certificate, struct cv_error *err);
/* One PEM "CERTIFICATE" block; text around it is ignored, a second block is refused. */
bool cv_certificate_parse_pem(
    const char *pem, size_t len, struct cv_certificate **ret_certificate, struct cv_error *err);
void cv_certificate_free(struct cv_certificate *certificate);
CV_DEFINE_CLEANUP(cv_certificate);

/* Is the name one of the DNS names of a certificate? ASCII without case, no wildcards. */
bool cv_certificate_has_dns_name(const struct cv_certificate *certificate, const char *name);

/* The first of them; false: there is none, or it does not fit. */
bool cv_certificate_first_dns_name(
    const struct cv_certificate *certificate, char *ret_name, size_t size);

/* A serial number as a decimal number; room for 21 octets. */
#define CV_SERIAL_DECIMAL_SIZE 52
void cv_serial_write_decimal(struct cv_bytes serial, char ret_text[CV_SERIAL_DECIMAL_SIZE]);

/* PEM "CERTIFICATE" of DER bytes, 64 columns, appended. */
void cv_certificate_append_pem(struct cv_buffer *buffer, struct cv_bytes der);

enum cv_chain_outcome {
	CV_CHAIN_GOOD,
	CV_CHAIN_NOT_ISSUED, /* names or key identifiers do not match, or the signature is not the
				authority's */
	CV_CHAIN_REFUSED,    /* a CA as leaf, wrong key usage, unknown critical extension, name
				constraints */
};

/*
 * Is leaf an end-entity client certificate signed by authority? Names are compared as DER, the key
 * by signature (RFC 5280 section 6.1); critical extensions and name constraints by X509_verify_cert
 * with the authority as the only (partial-chain) trust anchor. An authority that did not sign it is
 * no reason to refuse it: CV_CHAIN_NOT_ISSUED. Dates of leaf and authority are NOT judged here.
 * ret_reason (may be NULL) gets a static text.
 */
bool cv_certificate_verify(const struct cv_certificate *leaf,
    const struct cv_certificate *authority, enum cv_chain_outcome *ret_outcome,
    const char **ret_reason, struct cv_error *err);

/*
 * Is it what the holder of the issuer's key signed: names as DER, key identifiers, signature? Says
 * nothing of purposes, dates and constraints; for certificates of our own making. Without OpenSSL's
 * decoder. ret_reason (may be NULL) gets a static text.
 */
bool cv_certificate_is_signed_by(const struct cv_certificate *certificate,
    const struct cv_certificate *issuer, const char **ret_reason);

/* Does OpenSSL handle each of its critical extensions? If not, cv_certificate_verify() refuses
 * whatever it signs. Without memory it does not. */
bool cv_certificate_is_understood(const struct cv_certificate *certificate);

/* Do the name constraints of the authority (RFC 5280 section 4.2.1.10) allow the names of this
 * certificate? Its signature is not looked at. Fails on CV_E_CRYPTO and CV_E_MEMORY. */
bool cv_certificate_may_name(const struct cv_certificate *authority, struct cv_bytes certificate,
    bool *ret_may, struct cv_error *err);

#endif
