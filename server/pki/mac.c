#include "cv/pki/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"

CV_DEFINE_OPENSSL_CLEANUP(EVP_MAC)
CV_DEFINE_OPENSSL_CLEANUP(EVP_MAC_CTX)

bool
cv_mac_sha256(struct cv_bytes key, struct cv_bytes first, struct cv_bytes rest,
    struct cv_digest *ret_mac, struct cv_error *err)
{
	CV_AUTO_OPENSSL(EVP_MAC) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	CV_AUTO_OPENSSL(EVP_MAC_CTX)
	EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	struct cv_digest made;
	size_t len = 0;

	if (context == NULL || EVP_MAC_init(context, key.data, key.len, parameters) != 1 ||
	    EVP_MAC_update(context, first.data, first.len) != 1 ||
	    EVP_MAC_update(context, rest.data, rest.len) != 1 ||
	    EVP_MAC_final(context, made.bytes, &len, sizeof(made.bytes)) != 1 ||
	    len != sizeof(made.bytes))
		return cv_openssl_fail(err, CV_E_CRYPTO, "HMAC failed");
	*ret_mac = made;
	return true;
}
