#include "cv/pki/key_package.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/openssl_error.h"
#include "signature_internal.h"

/* RFC 5652 section 5.1: 3 for any content but id-data; section 5.3: 1 with issuer and serial. */
#define SIGNED_DATA_VERSION 3
#define SIGNER_INFO_VERSION 1

static void
append_raw(struct cv_buffer *buffer, struct cv_bytes bytes)
{
	cv_buffer_append(buffer, bytes.data, bytes.len);
}

void
cv_key_package_append(struct cv_buffer *buffer, struct cv_bytes info)
{
	cv_der_append(buffer, CV_DER_SEQUENCE, info);
}

static struct cv_bytes
oid_of(enum cv_hash hash)
{
	switch (hash) {
	case CV_HASH_SHA256:
		return CV_OID(CV_OID_SHA256);
	case CV_HASH_SHA384:
		return CV_OID(CV_OID_SHA384);
	case CV_HASH_SHA512:
		return CV_OID(CV_OID_SHA512);
	case CV_HASH_NONE:
	case CV_HASH_SHA1:
		break;
	}
	return cv_bytes(NULL, 0);
}

bool
cv_package_digest_make(struct cv_bytes package, struct cv_bytes signature_algorithm,
    struct cv_package_digest *ret_digest, struct cv_error *err)
{
	struct cv_signature_scheme scheme;
	unsigned len = 0;
	if (!cv_signature_scheme_read(signature_algorithm, &scheme))
		return cv_fail(err, CV_E_CRYPTO, "no digest belongs to this signature algorithm");
	if (scheme.kind == CV_KEY_KIND_ED25519)
		scheme.hash = CV_HASH_SHA512;
	if (EVP_Digest(package.data, package.len, ret_digest->octets, &len,
		cv_openssl_hash(scheme.hash), NULL) != 1)
		return cv_openssl_fail(err, CV_E_CRYPTO, "a key package cannot be digested");
	ret_digest->oid = oid_of(scheme.hash);
	ret_digest->len = len;
	return true;
}

static void
append_attribute(struct cv_buffer *buffer, struct cv_bytes type, uint8_t tag, struct cv_bytes value)
{
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, type);
	const size_t values = cv_der_open(buffer, CV_DER_SET);
	cv_der_append(buffer, tag, value);
	cv_der_close(buffer, values);
	cv_der_close(buffer, attribute);
}

/* In the order of their encodings, as DER wants a SET OF: contentType is the shorter. */
static void
append_attributes(struct cv_buffer *buffer, uint8_t tag, struct cv_bytes digest)
{
	const size_t set = cv_der_open(buffer, tag);
	append_attribute(
	    buffer, CV_OID(CV_OID_CONTENT_TYPE), CV_DER_OID, CV_OID(CV_OID_KEY_PACKAGE));
	append_attribute(buffer, CV_OID(CV_OID_MESSAGE_DIGEST), CV_DER_OCTET_STRING, digest);
	cv_der_close(buffer, set);
}

void
cv_package_append_attributes(struct cv_buffer *buffer, struct cv_bytes digest)
{
	append_attributes(buffer, CV_DER_SET, digest);
}

/* RFC 5754 section 2: without parameters. */
static void
append_digest_algorithm(struct cv_buffer *buffer, const struct cv_package_digest *digest)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, digest->oid);
	cv_der_close(buffer, algorithm);
}

static void
append_content(struct cv_buffer *buffer, struct cv_bytes package)
{
	const size_t content_info = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_KEY_PACKAGE));
	const size_t content = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	cv_der_append(buffer, CV_DER_OCTET_STRING, package);
	cv_der_close(buffer, content);
	cv_der_close(buffer, content_info);
}

static void
append_signer(struct cv_buffer *buffer, const struct cv_signed_package *parts)
{
	const size_t signer = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, SIGNER_INFO_VERSION);
	const size_t identifier = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_raw(buffer, parts->signer->issuer);
	cv_der_append_unsigned(buffer, parts->signer->serial);
	cv_der_close(buffer, identifier);
	append_digest_algorithm(buffer, parts->digest);
	append_attributes(buffer, CV_DER_CONTEXT_CONSTRUCTED(0),
	    cv_bytes(parts->digest->octets, parts->digest->len));
	append_raw(buffer, parts->algorithm);
	cv_der_append(buffer, CV_DER_OCTET_STRING, parts->signature);
	cv_der_close(buffer, signer);
}

void
cv_signed_package_append(struct cv_buffer *buffer, const struct cv_signed_package *parts)
{
	const size_t signed_data = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, SIGNED_DATA_VERSION);
	const size_t digests = cv_der_open(buffer, CV_DER_SET);
	append_digest_algorithm(buffer, parts->digest);
	cv_der_close(buffer, digests);
	append_content(buffer, parts->package);
	cv_der_append(buffer, CV_DER_CONTEXT_CONSTRUCTED(0), parts->signer->der);
	const size_t signers = cv_der_open(buffer, CV_DER_SET);
	append_signer(buffer, parts);
	cv_der_close(buffer, signers);
	cv_der_close(buffer, signed_data);
}
