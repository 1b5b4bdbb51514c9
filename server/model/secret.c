#include "cv/model/secret.h"

#include <assert.h>
#include <string.h>

#include "cv/util/bytes.h"
#include "cv/util/random.h"

#define SECRET_BYTES 32
#define SECRET_CHARACTERS 43 /* base64url of 32 bytes without padding (RFC 4648 section 5) */

/* The six bits from bit number `first`, counted from the top; behind the end they are zero. */
static uint8_t
six_bits(const uint8_t *bytes, size_t len, size_t first)
{
	size_t index = first / 8;
	unsigned pair = (unsigned)bytes[index] << 8;

	if (index + 1 < len)
		pair |= bytes[index + 1];
	return (uint8_t)((pair >> (10 - first % 8)) & 63);
}

void
cv_secret_of(const char *prefix, const uint8_t bytes[SECRET_BYTES], char ret_text[CV_SECRET_SIZE])
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t prefix_len = strlen(prefix);

	assert(prefix_len + SECRET_CHARACTERS < CV_SECRET_SIZE);
	memcpy(ret_text, prefix, prefix_len);
	ret_text += prefix_len;

	/* In place, without a heap buffer: making a secret cannot fail and leaves no copy. */
	for (size_t i = 0; i < SECRET_CHARACTERS; i++)
		ret_text[i] = alphabet[six_bits(bytes, SECRET_BYTES, 6 * i)];
	ret_text[SECRET_CHARACTERS] = '\0';
}

void
cv_secret_generate(const char *prefix, char ret_text[CV_SECRET_SIZE])
{
	uint8_t bytes[SECRET_BYTES];

	cv_random_bytes(bytes, sizeof(bytes));
	cv_secret_of(prefix, bytes, ret_text);
	cv_wipe(bytes, sizeof(bytes));
}
