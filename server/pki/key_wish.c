#include "cv/pki/key_wish.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"

static const struct cipher_row {
	struct cv_bytes oid;
	enum cv_content_cipher cipher;
} cipher_rows[] = {
    /* Strongest first. */
    {CV_OID_INIT(CV_OID_AES_256_CBC), CV_CONTENT_CIPHER_AES_256_CBC},
    {CV_OID_INIT(CV_OID_AES_128_CBC), CV_CONTENT_CIPHER_AES_128_CBC},
};
#define CIPHERS (sizeof(cipher_rows) / sizeof(cipher_rows[0]))

static bool
refuse(const char **ret_detail, const char *detail)
{
	*ret_detail = detail;
	return false;
}

/* The only value of the only attribute of this type. */
static bool
read_only_value(const struct cv_csr *csr, struct cv_bytes oid, uint8_t tag, struct cv_bytes *ret)
{
	struct cv_bytes values = {NULL, 0};
	if (cv_csr_attribute(csr, oid, &values) != 1)
		return false;
	struct cv_der_reader reader = cv_der_reader(values);
	return cv_der_read(&reader, tag, ret) && cv_der_at_end(&reader);
}

static bool
read_capability(struct cv_der_reader *list, struct cv_bytes *ret_oid)
{
	struct cv_der_reader inner;
	return cv_der_enter(list, CV_DER_SEQUENCE, &inner) &&
	       cv_der_read(&inner, CV_DER_OID, ret_oid);
}

/* RFC 8551 section 2.5.2; which comes first does not matter. False: it does not decode. */
static bool
choose_cipher(struct cv_bytes capabilities, const struct cipher_row **ret_row)
{
	struct cv_der_reader list = cv_der_reader(capabilities);
	size_t best = CIPHERS;
	while (!cv_der_at_end(&list)) {
		struct cv_bytes oid;
		if (!read_capability(&list, &oid))
			return false;
		for (size_t i = 0; i < best; i++) {
			if (cv_bytes_equal(cipher_rows[i].oid, oid))
				best = i;
		}
	}
	*ret_row = best < CIPHERS ? &cipher_rows[best] : NULL;
	return true;
}

bool
cv_key_wish_read(const struct cv_csr *csr, struct cv_key_wish *ret_wish, const char **ret_detail)
{
	const struct cv_bytes identifier = CV_OID(CV_OID_ASYMMETRIC_DECRYPT_KEY);
	const struct cv_bytes capabilities = CV_OID(CV_OID_SMIME_CAPABILITIES);
	struct cv_key_wish wish = {.is_there = true};
	const struct cipher_row *row = NULL;
	struct cv_bytes list = {NULL, 0};
	/* Also where it stands as an extension: whoever meant it must not get the key in the clear.
	 */
	if (cv_csr_names(csr, CV_OID(CV_OID_DECRYPT_KEY)))
		return refuse(
		    ret_detail, "there is no symmetric key that DecryptKeyIdentifier could name");
	if (!cv_csr_names(csr, identifier) && !cv_csr_names(csr, capabilities)) {
		*ret_wish = (struct cv_key_wish){.is_there = false};
		return true;
	}
	if (!read_only_value(csr, identifier, CV_DER_OCTET_STRING, &wish.recipient) ||
	    wish.recipient.len == 0)
		return refuse(ret_detail,
		    "AsymmetricDecryptKeyIdentifier is not there once, as one OCTET STRING");
	if (!read_only_value(csr, capabilities, CV_DER_SEQUENCE, &list) ||
	    !choose_cipher(list, &row))
		return refuse(ret_detail, "SMIMECapabilities is not there once, as one list");
	if (row == NULL)
		return refuse(
		    ret_detail, "SMIMECapabilities has neither AES-256-CBC nor AES-128-CBC");
	wish.cipher = row->cipher;
	*ret_wish = wish;
	return true;
}

bool
cv_key_wish_names(const struct cv_key_wish *wish, const struct cv_certificate *certificate)
{
	uint8_t computed[CV_SHA1_LEN];
	return cv_bytes_equal(wish->recipient, certificate->subject_key) ||
	       (cv_profile_key_identifier(certificate->spki, computed) &&
		   cv_bytes_equal(wish->recipient, CV_BYTES(computed)));
}
