/* Public keys: what is usable OpenSSL takes for the same key, and its canonical form is its own
 * canonical form. */
#include <openssl/x509.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/public_key.h"
#include "fuzz.h"
#include "mutate_der.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_der(data, size, max_size, seed);
}

static EVP_PKEY *
read_by_openssl(struct cv_bytes spki)
{
	const unsigned char *at = spki.data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.len);

	FUZZ_REQUIRE(key != NULL && at == spki.data + spki.len);
	return key;
}

static void
check_pem(const struct cv_public_key *key)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO(cv_public_key) struct cv_public_key *again = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;

	cv_public_key_append_pem(&pem, cv_public_key_spki(key));
	FUZZ_REQUIRE(
	    cv_public_key_parse_pem(cv_buffer_text(&pem), pem.len, &outcome, &again, &err));
	FUZZ_REQUIRE(outcome == CV_KEY_USABLE &&
		     cv_bytes_equal(cv_public_key_spki(again), cv_public_key_spki(key)) &&
		     cv_digest_equal(cv_public_key_id(again), cv_public_key_id(key)));
}

static void
check_identity(struct cv_bytes spki, enum cv_key_outcome expected, const struct cv_public_key *key)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	struct cv_digest id;

	FUZZ_REQUIRE(cv_public_key_identify(spki, &outcome, &id, &err) && outcome == expected);
	FUZZ_REQUIRE(key == NULL || cv_digest_equal(&id, cv_public_key_id(key)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome = CV_KEY_USABLE;

	FUZZ_REQUIRE(cv_public_key_parse(cv_bytes(data, size), &outcome, &key, &err));
	FUZZ_REQUIRE((outcome == CV_KEY_USABLE) == (key != NULL));
	check_identity(cv_bytes(data, size), outcome, key);
	if (key == NULL)
		return 0;
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *presented = read_by_openssl(cv_bytes(data, size));
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *canonical = read_by_openssl(cv_public_key_spki(key));
	FUZZ_REQUIRE(EVP_PKEY_eq(presented, canonical) == 1);
	check_pem(key);
	return 0;
}
