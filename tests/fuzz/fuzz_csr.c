/* Certification requests: an outcome for any bytes; what is good OpenSSL reads too and finds signed
 * by the key inside. */
#include <openssl/x509.h>

#include "cv/pki/csr.h"
#include "cv/pki/key_wish.h"
#include "fuzz.h"
#include "mutate_der.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_signed_der(data, size, max_size, seed);
}

static void
check_good(const struct cv_csr *csr)
{
	const unsigned char *at = csr->der.data;
	const unsigned char *subject = NULL;
	size_t subject_len = 0;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr->der.len);

	FUZZ_REQUIRE(request != NULL && at == csr->der.data + csr->der.len);
	FUZZ_REQUIRE(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
	const X509_NAME *name = X509_REQ_get_subject_name(request);
	FUZZ_REQUIRE(X509_NAME_get0_der(name, &subject, &subject_len) == 1 &&
		     cv_bytes_equal(cv_bytes(subject, subject_len), csr->subject));
	const int first = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	FUZZ_REQUIRE(first >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, first) < 0);
	FUZZ_REQUIRE(cv_device_id_is_valid(csr->common_name, strlen(csr->common_name)));
	X509_REQ_free(request);
}

/* Either nothing, or a whole wish whose bytes are of the request, or a sentence. */
static void
check_wish(const struct cv_csr *csr)
{
	struct cv_key_wish wish = {.is_there = false};
	const char *detail = NULL;

	if (!cv_key_wish_read(csr, &wish, &detail)) {
		FUZZ_REQUIRE(detail != NULL);
		return;
	}
	if (!wish.is_there)
		return;
	FUZZ_REQUIRE(wish.recipient.len > 0 && wish.recipient.data >= csr->der.data &&
		     wish.recipient.data + wish.recipient.len <= csr->der.data + csr->der.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_csr_outcome outcome = CV_CSR_GOOD;
	const char *detail = NULL;

	FUZZ_REQUIRE(cv_csr_parse(cv_bytes(data, size), &outcome, &detail, &csr, &err));
	FUZZ_REQUIRE((outcome != CV_CSR_GOOD || csr != NULL) && detail != NULL);
	if (csr == NULL)
		return 0;
	FUZZ_REQUIRE(cv_bytes_equal(csr->der, cv_bytes(data, size)));
	FUZZ_REQUIRE(csr->common_name[0] != '\0');
	if (outcome != CV_CSR_GOOD)
		return 0;
	check_good(csr);
	check_wish(csr);
	return 0;
}
