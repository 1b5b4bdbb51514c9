#include <criterion/criterion.h>
#include <string.h>

#include "../../../server/http/cursor_internal.h"

Test(cursor, comes_back_as_it_was)
{
	char longest[CV_VIEW_KEY_SIZE];
	const char *const keys[] = {"a", "device:1", longest};
	char cursor[CV_CURSOR_SIZE], key[CV_VIEW_KEY_SIZE];

	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cv_cursor_encode("/v1/devices", keys[i], cursor);
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
	cv_cursor_encode("/v1/devices", "device:1", cursor);
	for (size_t i = 0; cursor[i]; i++) {
		char saved = cursor[i];

		cursor[i] = saved == '0' ? '1' : '0';
		cr_expect(!cv_cursor_decode(cursor, "/v1/devices", key), "changed at %zu", i);
		cursor[i] = saved;
	}
	cursor[strlen(cursor) - 2] = '\0';
	cr_expect(!cv_cursor_decode(cursor, "/v1/devices", key), "cut");
}
