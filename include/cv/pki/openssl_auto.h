/* Scope-bound cleanup of OpenSSL objects: CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = NULL; */
#ifndef CV_PKI_OPENSSL_AUTO_H
#define CV_PKI_OPENSSL_AUTO_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#define CV_AUTO_OPENSSL(type) __attribute__((cleanup(cv_##type##_cleanup)))

#define CV_DEFINE_OPENSSL_CLEANUP(type)                                                            \
	static inline void cv_##type##_cleanup(type **object)                                      \
	{                                                                                          \
		type##_free(*object);                                                              \
	}

static inline void
cv_BIGNUM_cleanup(BIGNUM **number)
{
	BN_free(*number);
}

CV_DEFINE_OPENSSL_CLEANUP(BIO)
CV_DEFINE_OPENSSL_CLEANUP(BN_CTX)
CV_DEFINE_OPENSSL_CLEANUP(EC_POINT)
CV_DEFINE_OPENSSL_CLEANUP(EVP_MD_CTX)
CV_DEFINE_OPENSSL_CLEANUP(EVP_PKEY)
CV_DEFINE_OPENSSL_CLEANUP(EVP_PKEY_CTX)
CV_DEFINE_OPENSSL_CLEANUP(PKCS8_PRIV_KEY_INFO)
CV_DEFINE_OPENSSL_CLEANUP(X509)
CV_DEFINE_OPENSSL_CLEANUP(X509_ALGOR)
CV_DEFINE_OPENSSL_CLEANUP(X509_NAME)
CV_DEFINE_OPENSSL_CLEANUP(X509_SIG)
CV_DEFINE_OPENSSL_CLEANUP(X509_STORE)
CV_DEFINE_OPENSSL_CLEANUP(X509_STORE_CTX)

#endif
