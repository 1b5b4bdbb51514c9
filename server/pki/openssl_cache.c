#include "openssl_cache_internal.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

#include "cv/pki/openssl_auto.h"
#include "cv/util/log.h"

static const char *const hash_names[CV_HASH_COUNT] = {
    [CV_HASH_SHA1] = "SHA1",
    [CV_HASH_SHA256] = "SHA256",
    [CV_HASH_SHA384] = "SHA384",
    [CV_HASH_SHA512] = "SHA512",
};

static const char *const curve_names[CV_CURVE_COUNT] = {
    [CV_CURVE_P256] = "P-256",
    [CV_CURVE_P384] = "P-384",
    [CV_CURVE_P521] = "P-521",
};

/* Written under `once` and never again. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *hashes[CV_HASH_COUNT];
static EVP_PKEY *curves[CV_CURVE_COUNT];
static EC_GROUP *p256;

static EVP_PKEY *
make_curve(const char *name)
{
	char group[sizeof("P-256")];
	for (size_t i = 0; i < sizeof(group); i++)
		group[i] = name[i];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_end(),
	};
	CV_AUTO_OPENSSL(EVP_PKEY_CTX)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;
	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEY_PARAMETERS, params) != 1)
		return NULL;
	return pkey;
}

/* An OpenSSL without SHA-256 or P-256 can do nothing of what this program is for. */
static void
require(const void *object, const char *name)
{
	if (object != NULL)
		return;
	cv_log(CV_LOG_ERROR, "openssl-unusable",
	    "OpenSSL lacks an algorithm that every request needs", CV_LOG_TEXT("algorithm", name));
	abort();
}

static void
fill(void)
{
	for (size_t i = CV_HASH_SHA1; i < CV_HASH_COUNT; i++) {
		hashes[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
		require(hashes[i], hash_names[i]);
	}
	for (size_t i = 0; i < CV_CURVE_COUNT; i++) {
		curves[i] = make_curve(curve_names[i]);
		require(curves[i], curve_names[i]);
	}
	p256 = EC_GROUP_new_by_curve_name_ex(NULL, NULL, NID_X9_62_prime256v1);
	require(p256, curve_names[CV_CURVE_P256]);
}

const EVP_MD *
cv_openssl_hash(enum cv_hash hash)
{
	pthread_once(&once, fill);
	return hashes[hash];
}

const EVP_PKEY *
cv_openssl_curve(enum cv_curve curve)
{
	pthread_once(&once, fill);
	return curves[curve];
}

const EC_GROUP *
cv_openssl_p256(void)
{
	pthread_once(&once, fill);
	return p256;
}
