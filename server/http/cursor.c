#include "cursor_internal.h"

#include <string.h>

#include "cv/pki/digest.h"
#include "cv/util/text.h"

#define CHECK_LEN 4
#define BYTES_MAX (CV_CURSOR_SIZE / 2)

/* Not a secret: it tells a cursor of another list, or a damaged one, from ours. */
static void
make_check(const char *list, const char *key, uint8_t ret_check[CHECK_LEN])
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	struct cv_digest digest;

	cv_buffer_printf(&text, "%s\n%s", list, key);
	cv_digest_sha256(cv_buffer_bytes(&text), &digest);
	memcpy(ret_check, digest.bytes, CHECK_LEN);
}

_Static_assert(2 * (CHECK_LEN + CV_VIEW_KEY_SIZE - 1) < CV_CURSOR_SIZE, "cursors are too short");

void
cv_cursor_encode(const char *list, const char *key, char ret_cursor[CV_CURSOR_SIZE])
{
	uint8_t bytes[BYTES_MAX];
	size_t len = strlen(key);

	make_check(list, key, bytes);
	memcpy(bytes + CHECK_LEN, key, len);
	cv_hex_encode(bytes, CHECK_LEN + len, ret_cursor);
}

bool
cv_cursor_decode(const char *cursor, const char *list, char ret_key[CV_VIEW_KEY_SIZE])
{
	uint8_t bytes[BYTES_MAX];
	uint8_t check[CHECK_LEN];
	size_t len;

	if (!cv_hex_decode(cursor, strlen(cursor), bytes, sizeof(bytes), &len) ||
	    len <= CHECK_LEN ||
	    !cv_text_copy_bytes(ret_key, CV_VIEW_KEY_SIZE, bytes + CHECK_LEN, len - CHECK_LEN))
		return false;
	make_check(list, ret_key, check);
	return memcmp(check, bytes, CHECK_LEN) == 0;
}
