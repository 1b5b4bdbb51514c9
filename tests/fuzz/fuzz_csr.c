/* Certification requests: an outcome for any bytes, and no failure. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cv/pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_csr_outcome outcome = CV_CSR_GOOD;
	const char *detail = NULL;
	if (!cv_csr_parse(cv_bytes(data, size), &outcome, &detail, &csr, &err))
		abort();
	if ((outcome == CV_CSR_GOOD) != (csr != NULL) || detail == NULL)
		abort();
	return 0;
}
