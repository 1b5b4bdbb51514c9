/* EST request bodies: base64 decodes to what encodes to the same text, and the decoded form in any
 * dress decodes to itself. */
#include "cv/codec/armour.h"
#include "cv/codec/est.h"
#include "cv/util/base64.h"
#include "cv/util/pem.h"
#include "fuzz.h"

static void
check_decodes_to(const struct cv_buffer *text, struct cv_bytes der)
{
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (text->len > CV_EST_BODY_MAX)
		return;
	FUZZ_REQUIRE(cv_est_decode_request(cv_buffer_bytes(text), &again, &err));
	FUZZ_REQUIRE(cv_bytes_equal(der, cv_buffer_bytes(&again)));
}

/* RFC 4648 has one text for some bytes; only white space may come on top. */
static void
check_text(struct cv_bytes body, const struct cv_buffer *canonical)
{
	size_t at = 0;

	for (size_t i = 0; i < body.len; i++) {
		if (strchr(" \t\r\n\v\f", body.data[i]) != NULL && body.data[i] != '\0')
			continue;
		FUZZ_REQUIRE(at < canonical->len && body.data[i] == canonical->data[at]);
		at++;
	}
	FUZZ_REQUIRE(at == canonical->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer line = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer wrapped = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	const struct cv_bytes body = cv_bytes(data, size);
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_est_decode_request(body, &der, &err)) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT || err.code == CV_E_LIMIT);
		return 0;
	}
	FUZZ_REQUIRE(der.len > 0 && der.len < size);
	cv_base64_append(&line, cv_buffer_bytes(&der));
	cv_base64_append_wrapped(&wrapped, cv_buffer_bytes(&der), 64);
	cv_pem_append(&pem, CV_ARMOUR_REQUEST, cv_buffer_bytes(&der));
	check_decodes_to(&line, cv_buffer_bytes(&der));
	check_decodes_to(&wrapped, cv_buffer_bytes(&der));
	check_decodes_to(&pem, cv_buffer_bytes(&der));
	if (memchr(data, '-', size) == NULL)
		check_text(body, &line);
	return 0;
}
