#include "cv/util/random.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

Test(random, fills_every_byte_and_nothing_else)
{
	bool has_changed[1000] = {false};
	uint8_t bytes[1002];

	/* A byte that stays zero in twenty draws was not written (chance 256^-20). */
	for (int draw = 0; draw < 20; draw++) {
		memset(bytes, 0, sizeof(bytes));
		cv_random_bytes(bytes + 1, 1000);
		for (size_t i = 0; i < 1000; i++)
			has_changed[i] = has_changed[i] || bytes[i + 1] != 0;
		cr_assert_eq(bytes[0], 0);
		cr_assert_eq(bytes[1001], 0);
	}
	for (size_t i = 0; i < 1000; i++)
		cr_assert(has_changed[i], "byte %zu", i);
}

Test(random, two_draws_differ)
{
	uint8_t a[16];
	uint8_t b[16];

	cv_random_bytes(a, sizeof(a));
	cv_random_bytes(b, sizeof(b));
	cr_assert_neq(memcmp(a, b, sizeof(a)), 0);
}

Test(random, uuid7_has_its_shape)
{
	for (int draw = 0; draw < 100; draw++) {
		char text[CV_UUID_TEXT_SIZE];
		cv_uuid7(0x0123456789ab, text);
		cr_assert_eq(strlen(text), 36);
		cr_assert_eq(strncmp(text, "01234567-89ab-7", 15), 0, "%s", text);
		cr_assert_eq(text[18], '-');
		cr_assert_not_null(strchr("89ab", text[19]), "%s", text);
		cr_assert_eq(text[23], '-');
		for (size_t i = 0; i < 36; i++) {
			if (i != 8 && i != 13 && i != 18 && i != 23)
				cr_assert_not_null(strchr("0123456789abcdef", text[i]), "%s", text);
		}
	}
}

Test(random, uuid7_sorts_by_time)
{
	static const int64_t times[] = {
	    0, 1, 255, 256, 1795402872000, 1795402872001, 0xfffffffffffe, 0xffffffffffff};
	char earlier[CV_UUID_TEXT_SIZE] = "";

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[CV_UUID_TEXT_SIZE];
		cv_uuid7(times[i], text);
		cr_assert_lt(strcmp(earlier, text), 0, "%s before %s", earlier, text);
		memcpy(earlier, text, sizeof(earlier));
	}
}

Test(random, uuid7_of_one_millisecond_differ)
{
	char a[CV_UUID_TEXT_SIZE];
	char b[CV_UUID_TEXT_SIZE];

	cv_uuid7(1795402872000, a);
	cv_uuid7(1795402872000, b);
	cr_assert_str_neq(a, b);
	cr_assert_eq(strncmp(a, b, 14), 0);
}
