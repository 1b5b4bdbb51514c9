/* Certificates: what we accept OpenSSL reads too, and sees the same facts in it; only what one
 * authority signed is ever accepted as its leaf. */
#include <openssl/x509v3.h>
#include <time.h>

#include "cv/pki/certificate.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/profile.h"
#include "fuzz.h"
#include "mutate_der.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_signed_der(data, size, max_size, seed);
}

static const struct cv_certificate *
authority(void)
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

/* NULL where it refuses the alphabet of a name, which we judge later. */
static X509 *
read_by_openssl(struct cv_bytes der)
{
	const unsigned char *at = der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)der.len);

	FUZZ_REQUIRE(x509 == NULL || at == der.data + der.len);
	return x509;
}

static void
compare_time(const ASN1_TIME *time, int64_t seconds)
{
	struct tm tm;

	FUZZ_REQUIRE(ASN1_TIME_to_tm(time, &tm) == 1 && timegm(&tm) == seconds);
}

static unsigned
count_entries(const X509_NAME *name, int nid)
{
	unsigned count = 0;

	for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;)
		count++;
	return count;
}

static void
compare_name(const X509_NAME *name, struct cv_bytes element)
{
	const unsigned char *der = NULL;
	size_t len = 0;

	FUZZ_REQUIRE(X509_NAME_get0_der(name, &der, &len) == 1 &&
		     cv_bytes_equal(cv_bytes(der, len), element));
}

static void
compare_fields(X509 *x509, const struct cv_certificate *certificate)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);

	FUZZ_REQUIRE(cv_bytes_equal(certificate->serial,
	    cv_bytes(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial))));
	FUZZ_REQUIRE(certificate->serial.len <= CV_SERIAL_MAX);
	compare_time(X509_get0_notBefore(x509), certificate->not_before_utc);
	compare_time(X509_get0_notAfter(x509), certificate->not_after_utc);
	compare_name(X509_get_issuer_name(x509), certificate->issuer);
	compare_name(X509_get_subject_name(x509), certificate->subject);
	FUZZ_REQUIRE(count_entries(X509_get_subject_name(x509), NID_commonName) ==
		     certificate->common_name_count);
	FUZZ_REQUIRE(count_entries(X509_get_subject_name(x509), NID_organizationalUnitName) ==
		     certificate->organizational_unit_count);
}

/* What OpenSSL calls invalid it does not judge. */
static void
compare_powers(X509 *x509, const struct cv_certificate *certificate)
{
	const uint32_t flags = X509_get_extension_flags(x509);
	const uint32_t usage = X509_get_key_usage(x509);
	const uint32_t extended = X509_get_extended_key_usage(x509);

	if ((flags & EXFLAG_INVALID) != 0)
		return;
	FUZZ_REQUIRE(((flags & EXFLAG_CA) != 0) == certificate->is_ca);
	FUZZ_REQUIRE(certificate->may_sign_certificates ==
		     (certificate->is_ca && (usage & KU_KEY_CERT_SIGN) != 0));
	FUZZ_REQUIRE(
	    certificate->allows_client == ((usage & KU_DIGITAL_SIGNATURE) != 0 &&
					      (extended & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0));
}

/* The three parts put together again. */
static void
check_parts(const struct cv_certificate *certificate)
{
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;

	cv_profile_append_certificate(
	    certificate->tbs, certificate->algorithm, certificate->signature, &again);
	FUZZ_REQUIRE(cv_bytes_equal(cv_buffer_bytes(&again), certificate->der));
}

static void
check_chain(X509 *x509, const struct cv_certificate *certificate)
{
	CV_AUTO_OPENSSL(X509) X509 *issuer = read_by_openssl(authority()->der);
	struct cv_error err = CV_ERROR_INIT;
	enum cv_chain_outcome outcome = CV_CHAIN_REFUSED;

	FUZZ_REQUIRE(cv_certificate_verify(certificate, certificate, &outcome, NULL, &err));
	FUZZ_REQUIRE(outcome != CV_CHAIN_GOOD); /* nothing is both a leaf and its own authority */
	FUZZ_REQUIRE(cv_certificate_verify(certificate, authority(), &outcome, NULL, &err));
	if (outcome != CV_CHAIN_GOOD)
		return;
	FUZZ_REQUIRE(x509 != NULL && issuer != NULL);
	FUZZ_REQUIRE(!certificate->is_ca && certificate->allows_client);
	FUZZ_REQUIRE(cv_bytes_equal(certificate->issuer, authority()->subject));
	FUZZ_REQUIRE(X509_verify(x509, X509_get0_pubkey(issuer)) == 1);
	FUZZ_REQUIRE((X509_get_extension_flags(x509) & (EXFLAG_CRITICAL | EXFLAG_INVALID)) == 0);
}

/* Judged alike, whether it may be an issuer or not. */
static void
check_leaf(struct cv_bytes der, const struct cv_certificate *whole)
{
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = NULL;
	struct cv_error err = CV_ERROR_INIT;

	FUZZ_REQUIRE(cv_certificate_parse_leaf(der, &leaf, &err) == (whole != NULL));
	FUZZ_REQUIRE(whole == NULL || cv_digest_equal(&leaf->key_id, &whole->key_id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error err = CV_ERROR_INIT;
	bool is_parsed = cv_certificate_parse(cv_bytes(data, size), &certificate, &err);

	check_leaf(cv_bytes(data, size), certificate);
	if (!is_parsed) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT || err.code == CV_E_LIMIT);
		return 0;
	}
	FUZZ_REQUIRE(cv_bytes_equal(certificate->der, cv_bytes(data, size)));
	CV_AUTO_OPENSSL(X509) X509 *x509 = read_by_openssl(certificate->der);
	if (x509 != NULL) {
		compare_fields(x509, certificate);
		compare_powers(x509, certificate);
	}
	check_parts(certificate);
	check_chain(x509, certificate);
	return 0;
}
