#include "cv/model/secret.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Test(secret, is_base64url_behind_its_prefix)
{
	static const char *const prefixes[] = {CV_SECRET_OPERATOR, CV_SECRET_ENROLMENT};

	for (size_t i = 0; i < 2; i++) {
		char text[CV_SECRET_SIZE];
		cv_secret_generate(prefixes[i], text);
		cr_assert_eq(strncmp(text, prefixes[i], 4), 0);
		cr_assert_eq(strlen(text), 4 + 43);
		cr_assert_eq(strspn(text + 4, alphabet), 43, "%s", text);
	}
}

/* 256 bits fill 42 characters and four bits of the last: its two low bits are zero. */
Test(secret, carries_all_bits_in_every_character)
{
	unsigned seen_ones[43] = {0};
	unsigned seen_zeros[43] = {0};

	for (int draw = 0; draw < 200; draw++) {
		char text[CV_SECRET_SIZE];
		cv_secret_generate(CV_SECRET_OPERATOR, text);
		for (size_t i = 0; i < 43; i++) {
			unsigned value = (unsigned)(strchr(alphabet, text[4 + i]) - alphabet);
			seen_ones[i] |= value;
			seen_zeros[i] |= ~value & 63;
		}
	}
	for (size_t i = 0; i < 42; i++) {
		cr_assert_eq(seen_ones[i], 63, "character %zu", i);
		cr_assert_eq(seen_zeros[i], 63, "character %zu", i);
	}
	cr_assert_eq(seen_ones[42], 60);
	cr_assert_eq(seen_zeros[42], 63);
}

Test(secret, never_repeats)
{
	char a[CV_SECRET_SIZE];
	char b[CV_SECRET_SIZE];

	cv_secret_generate(CV_SECRET_OPERATOR, a);
	cv_secret_generate(CV_SECRET_OPERATOR, b);
	cr_assert_str_neq(a, b);
}
