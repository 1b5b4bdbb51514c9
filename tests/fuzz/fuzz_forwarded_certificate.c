/* Headers of gateways: bytes or an error for any text, and never more bytes than characters. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cv/codec/forwarded_certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode(const char *text, size_t len,
    bool (*decoder)(const char *value, struct cv_buffer *ret_der, struct cv_error *err))
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	if (!decoder(text, &der, &err)) {
		if (err.code != CV_E_INPUT && err.code != CV_E_LIMIT)
			abort();
		return;
	}
	if (der.len == 0 || der.len > len || der.has_failed)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_digest fingerprint;
	cv_buffer_append(&text, data, size);
	if (text.has_failed)
		return 0;
	decode(cv_buffer_text(&text), size, cv_forwarded_rfc9440);
	decode(cv_buffer_text(&text), size, cv_forwarded_pem);
	if (cv_forwarded_sha256(cv_buffer_text(&text), &fingerprint, &err) &&
	    strlen(cv_buffer_text(&text)) != 64)
		abort();
	return 0;
}
