/* Certificates as DER and as PEM; what parses is also verified, against itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cv/pki/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *from_pem = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_chain_outcome outcome = CV_CHAIN_REFUSED;
	(void)cv_certificate_parse_pem((const char *)data, size, &from_pem, &err);
	if (!cv_certificate_parse(cv_bytes(data, size), &certificate, &err))
		return 0;
	if (!cv_bytes_equal(certificate->der, cv_bytes(data, size)) ||
	    !cv_certificate_verify(certificate, certificate, &outcome, NULL, &err))
		abort();
	/* Nothing is both a leaf and its own authority. */
	if (outcome == CV_CHAIN_GOOD)
		abort();
	return 0;
}
