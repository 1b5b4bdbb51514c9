#include <criterion/criterion.h>
#include <string.h>

#include "../../../server/http/cursor_internal.h"

/* The cursor without its quotes. */
static void
make(const char *list, const char *key, char ret_cursor[CV_CURSOR_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	cv_cursor_append(&text, list, key);
	cr_assert_lt(text.len, CV_CURSOR_SIZE);
	memcpy(ret_cursor, text.data + 1, text.len - 2);
	ret_cursor[text.len - 2] = '\0';
}

Test(cursor, comes_back_as_it_was)
{
	char longest[CV_VIEW_KEY_SIZE];
	const char *const keys[] = {"a", "device:1", longest};
	char cursor[CV_CURSOR_SIZE], key[CV_VIEW_KEY_SIZE];

	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		make("/v1/devices", keys[i], cursor);
		cr_assert(cv_cursor_decode(cursor, "/v1/devices", key), "%s", keys[i]);
		cr_expect_str_eq(key, keys[i]);
		cr_expect(!cv_cursor_decode(cursor, "/v1/groups", key), "of another list");
	}
}

Test(cursor, what_was_not_given_is_refused)
{
	static const char *const bad[] = {
	    "", "x", "device:1", "00", "0000000061", "6465766963653a31"};
	char cursor[CV_CURSOR_SIZE], key[CV_VIEW_KEY_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(!cv_cursor_decode(bad[i], "/v1/devices", key), "%s", bad[i]);
	make("/v1/devices", "device:1", cursor);
	for (size_t i = 0; cursor[i]; i++) {
		char saved = cursor[i];

		cursor[i] = saved == '0' ? '1' : '0';
		cr_expect(!cv_cursor_decode(cursor, "/v1/devices", key), "changed at %zu", i);
		cursor[i] = saved;
	}
	cursor[strlen(cursor) - 2] = '\0';
	cr_expect(!cv_cursor_decode(cursor, "/v1/devices", key), "cut");
}
