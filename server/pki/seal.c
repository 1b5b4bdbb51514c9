#include "cv/pki/seal.h"

#include <openssl/evp.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "cv/util/random.h"

#define NONCE_LEN 12
#define TAG_LEN 16
#define TEXT_MAX 65536

CV_DEFINE_OPENSSL_CLEANUP(EVP_CIPHER_CTX)

bool
cv_seal(const struct cv_digest *key, struct cv_bytes text, struct cv_buffer *ret_sealed,
    struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_CIPHER_CTX) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	CV_AUTO_MEMORY uint8_t *sealed = malloc(NONCE_LEN + text.len + TAG_LEN);
	int len = 0;

	if (text.len > TEXT_MAX)
		return cv_fail(err, CV_E_LIMIT, "text to seal is longer than %d", TEXT_MAX);
	if (!context || !sealed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	cv_random_bytes(sealed, NONCE_LEN);
	if (EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed) != 1 ||
	    EVP_EncryptUpdate(context, sealed + NONCE_LEN, &len, text.data, (int)text.len) != 1 ||
	    EVP_EncryptFinal_ex(context, sealed + NONCE_LEN + len, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		context, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + NONCE_LEN + text.len) != 1)
		return cv_openssl_fail(err, CV_E_CRYPTO, "sealing failed");
	cv_buffer_append(ret_sealed, sealed, NONCE_LEN + text.len + TAG_LEN);
	return !ret_sealed->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

static bool
open_sealed(EVP_CIPHER_CTX *context, const struct cv_digest *key, struct cv_bytes sealed,
    uint8_t *text, int text_len)
{
	uint8_t tag[TAG_LEN];
	int len = 0;

	memcpy(tag, sealed.data + NONCE_LEN + text_len, TAG_LEN);
	return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed.data) == 1 &&
	       EVP_DecryptUpdate(context, text, &len, sealed.data + NONCE_LEN, text_len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
	       EVP_DecryptFinal_ex(context, text + len, &len) == 1;
}

bool
cv_unseal(const struct cv_digest *key, struct cv_bytes sealed, struct cv_buffer *ret_text,
    struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_CIPHER_CTX) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};
	size_t len;

	if (sealed.len < NONCE_LEN + TAG_LEN || sealed.len > NONCE_LEN + TEXT_MAX + TAG_LEN)
		return cv_fail(err, CV_E_CRYPTO, "what was sealed has an impossible length");
	len = sealed.len - NONCE_LEN - TAG_LEN;
	/* Room for the text in a buffer that is wiped. */
	cv_buffer_append(&text, sealed.data + NONCE_LEN, len);
	if (!context || text.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!open_sealed(context, key, sealed, text.data, (int)len))
		return cv_openssl_fail(err, CV_E_CRYPTO, "what was sealed does not open");
	cv_buffer_append(ret_text, text.data, len);
	return !ret_text->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}
