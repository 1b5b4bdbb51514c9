#include "cv/model/digest.h"

#include <stddef.h>

#include "cv/util/text.h"

#define PLAIN_LEN ((size_t)2 * CV_DIGEST_LEN)
#define COLON_LEN ((size_t)3 * CV_DIGEST_LEN - 1)

void
cv_digest_format(const struct cv_digest *digest, char ret_text[CV_DIGEST_HEX_SIZE])
{
	cv_hex_encode(digest->bytes, CV_DIGEST_LEN, ret_text);
}

bool
cv_digest_parse(const char *text, struct cv_digest *ret_digest)
{
	size_t text_len = strnlen(text, COLON_LEN + 1);
	size_t step = text_len == COLON_LEN ? 3 : 2;
	struct cv_digest digest;

	if (text_len != PLAIN_LEN && text_len != COLON_LEN)
		return false;
	for (size_t i = 0; i < CV_DIGEST_LEN; i++) {
		const char *pair = text + i * step;
		size_t len;
		if (!cv_hex_decode(pair, 2, &digest.bytes[i], 1, &len))
			return false;
		if (step == 3 && i + 1 < CV_DIGEST_LEN && pair[2] != ':')
			return false;
	}
	*ret_digest = digest;
	return true;
}
