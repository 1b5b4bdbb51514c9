#include "cv/pki/key_envelope.h"

#include <openssl/cms.h>
#include <openssl/ec.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "openssl_cache_internal.h"

static inline void
cv_CMS_ContentInfo_cleanup(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

const char *
cv_key_envelope_refusal(const struct cv_certificate *recipient, bool usage_binds)
{
	switch (cv_public_key_type(recipient->key)) {
	case CV_KEY_TYPE_RSA:
		return recipient->allows_key_transport || !usage_binds
			   ? NULL
			   : "keyUsage of the client certificate lacks keyEncipherment";
	case CV_KEY_TYPE_P256:
	case CV_KEY_TYPE_P384:
	case CV_KEY_TYPE_P521:
		return recipient->allows_key_agreement || !usage_binds
			   ? NULL
			   : "keyUsage of the client certificate lacks keyAgreement";
	case CV_KEY_TYPE_ED25519:
	case CV_KEY_TYPE_COUNT:
		break;
	}
	return "nothing can be encrypted for the type of the client's key";
}

static const EVP_CIPHER *
cipher_of(enum cv_content_cipher cipher)
{
	switch (cipher) {
	case CV_CONTENT_CIPHER_AES_128_CBC:
		return EVP_aes_128_cbc();
	case CV_CONTENT_CIPHER_AES_256_CBC:
		return EVP_aes_256_cbc();
	}
	return NULL;
}

static bool
add_recipient(CMS_ContentInfo *cms, const struct cv_certificate *recipient)
{
	const unsigned char *at = recipient->der.data;
	CV_AUTO_OPENSSL(X509) X509 *x509 = d2i_X509(NULL, &at, (long)recipient->der.len);
	const unsigned flags = CMS_KEY_PARAM | (recipient->subject_key.len > 0 ? CMS_USE_KEYID : 0);
	CMS_RecipientInfo *info = x509 == NULL ? NULL : CMS_add1_recipient_cert(cms, x509, flags);
	if (info == NULL)
		return false;
	/* By default the KDF would be built on SHA-1. */
	return CMS_RecipientInfo_type(info) != CMS_RECIPINFO_AGREE ||
	       EVP_PKEY_CTX_set_ecdh_kdf_md(
		   CMS_RecipientInfo_get0_pkey_ctx(info), cv_openssl_hash(CV_HASH_SHA256)) == 1;
}

/* Not by CMS_encrypt(): it takes the text through a buffer that it does not wipe. */
static bool
encrypt(CMS_ContentInfo *cms, struct cv_bytes text)
{
	BIO *chain = CMS_dataInit(cms, NULL);
	const bool is_good = chain != NULL &&
			     BIO_write(chain, text.data, (int)text.len) == (int)text.len &&
			     BIO_flush(chain) == 1 && CMS_dataFinal(cms, chain) == 1;
	BIO_free_all(chain);
	return is_good;
}

static bool
append_der(struct cv_buffer *buffer, CMS_ContentInfo *cms)
{
	const int len = i2d_CMS_ContentInfo(cms, NULL);
	uint8_t *room = len <= 0 ? NULL : cv_buffer_reserve(buffer, (size_t)len);
	if (room == NULL || i2d_CMS_ContentInfo(cms, &room) != len)
		return false;
	cv_buffer_take(buffer, (size_t)len);
	return true;
}

bool
cv_key_envelope_append(struct cv_buffer *buffer, struct cv_bytes signed_data,
    const struct cv_certificate *recipient, enum cv_content_cipher cipher, struct cv_error *err)
{
	CV_AUTO_OPENSSL(CMS_ContentInfo)
	CMS_ContentInfo *cms = CMS_EnvelopedData_create(cipher_of(cipher));
	if (cms == NULL || CMS_set_detached(cms, 0) != 1 ||
	    CMS_set1_eContentType(cms, OBJ_nid2obj(NID_pkcs7_signed)) != 1 ||
	    !add_recipient(cms, recipient) || !encrypt(cms, signed_data) ||
	    !append_der(buffer, cms))
		return cv_openssl_fail(err, CV_E_CRYPTO, "a new key cannot be encrypted");
	return true;
}
