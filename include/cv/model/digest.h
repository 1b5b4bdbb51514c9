/* A SHA-256 value. What it is of is said by the field that holds it. */
#ifndef CV_MODEL_DIGEST_H
#define CV_MODEL_DIGEST_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CV_SHA1_LEN 20
#define CV_DIGEST_LEN 32
#define CV_DIGEST_HEX_SIZE 65

struct cv_digest {
	uint8_t bytes[CV_DIGEST_LEN];
};

static inline bool
cv_digest_equal(const struct cv_digest *a, const struct cv_digest *b)
{
	return memcmp(a->bytes, b->bytes, CV_DIGEST_LEN) == 0;
}

/* Lower-case hex, 64 characters. */
void cv_digest_format(const struct cv_digest *digest, char ret_text[CV_DIGEST_HEX_SIZE]);
/* 64 hex digits, both cases, or the same with a colon between every two bytes. */
bool cv_digest_parse(const char *text, struct cv_digest *ret_digest);

#endif
