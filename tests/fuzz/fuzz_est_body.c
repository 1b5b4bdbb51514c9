/* EST request bodies: DER or an error for any bytes, and the decoded form decodes to itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cv/codec/est.h"
#include "cv/util/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	if (!cv_est_decode_request(cv_bytes(data, size), &der, &err)) {
		if (err.code != CV_E_INPUT && err.code != CV_E_LIMIT)
			abort();
		return 0;
	}
	cv_base64_append_wrapped(&text, cv_buffer_bytes(&der), 64);
	if (text.len <= CV_EST_BODY_MAX &&
	    (!cv_est_decode_request(cv_buffer_bytes(&text), &again, &err) ||
		!cv_bytes_equal(cv_buffer_bytes(&der), cv_buffer_bytes(&again))))
		abort();
	return 0;
}
