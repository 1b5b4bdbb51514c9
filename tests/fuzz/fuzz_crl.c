/* CRLs of a root: what we accept OpenSSL reads too, with the same entries, and the root has signed.
 */
#include <openssl/x509v3.h>

#include "cv/pki/crl.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/profile.h"
#include "fuzz.h"
#include "mutate_der.h"

CV_DEFINE_OPENSSL_CLEANUP(X509_CRL)

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_signed_der(data, size, max_size, seed);
}

static const struct cv_certificate *
root(void)
{
	static struct cv_certificate *made;
	CV_AUTO_BUFFER struct cv_buffer name = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer signature = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (made != NULL)
		return made;
	cv_profile_append_name(&name, NULL, "Fuzz CA");
	mutate_der_append_spki(&spki);
	const struct cv_certificate_request request = {.profile = CV_PROFILE_ROOT,
	    .issuer = cv_buffer_bytes(&name),
	    .algorithm = mutate_der_algorithm,
	    .subject = cv_buffer_bytes(&name),
	    .spki = cv_buffer_bytes(&spki),
	    .serial = {1},
	    .not_before_utc = 1577836800,
	    .not_after_utc = 4102444800};
	FUZZ_REQUIRE(cv_profile_append_tbs(&request, &tbs, &err));
	mutate_der_append_signature(&signature, cv_buffer_bytes(&tbs));
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), mutate_der_algorithm, cv_buffer_bytes(&signature), &der);
	FUZZ_REQUIRE(cv_certificate_parse(cv_buffer_bytes(&der), &made, &err));
	return made;
}

static void
compare_entry(const X509_REVOKED *theirs, const struct cv_crl_entry *ours)
{
	const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(theirs);
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(theirs, NID_crl_reason, NULL, NULL);

	FUZZ_REQUIRE(cv_bytes_equal(cv_bytes(ours->serial, ours->serial_len),
	    cv_bytes(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial))));
	FUZZ_REQUIRE(ours->reason == (reason == NULL ? 0 : (unsigned)ASN1_ENUMERATED_get(reason)));
	ASN1_ENUMERATED_free(reason);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_MEMORY struct cv_crl *crl = NULL;
	enum cv_crl_outcome outcome = CV_CRL_MALFORMED;
	const char *detail = NULL;
	const unsigned char *at = data;
	struct cv_error err = CV_ERROR_INIT;

	FUZZ_REQUIRE(cv_crl_parse(cv_bytes(data, size), root(), &outcome, &detail, &crl, &err));
	FUZZ_REQUIRE((outcome == CV_CRL_GOOD) == (crl != NULL));
	FUZZ_REQUIRE((outcome == CV_CRL_GOOD) == (detail == NULL));
	if (crl == NULL)
		return 0;
	CV_AUTO_OPENSSL(X509_CRL) X509_CRL *theirs = d2i_X509_CRL(NULL, &at, (long)size);
	if (theirs == NULL)
		return 0; /* it refuses the alphabet of some extension that we do not look at */
	CV_AUTO_OPENSSL(X509) X509 *issuer = NULL;
	const unsigned char *der = root()->der.data;
	issuer = d2i_X509(NULL, &der, (long)root()->der.len);
	FUZZ_REQUIRE(issuer != NULL && X509_CRL_verify(theirs, X509_get0_pubkey(issuer)) == 1);
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(theirs);
	FUZZ_REQUIRE((size_t)(entries == NULL ? 0 : sk_X509_REVOKED_num(entries)) == crl->count);
	for (size_t i = 0; i < crl->count; i++)
		compare_entry(sk_X509_REVOKED_value(entries, (int)i), &crl->entries[i]);
	return 0;
}
