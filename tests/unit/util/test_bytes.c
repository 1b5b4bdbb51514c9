#include "cv/util/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

Test(bytes, equality)
{
	static const struct {
		const char *a;
		size_t a_len;
		const char *b;
		size_t b_len;
		bool is_equal;
	} rows[] = {
	    {"abc", 3, "abc", 3, true},
	    {"abc", 3, "abd", 3, false},
	    {"xbc", 3, "abc", 3, false},
	    {"abc", 3, "abcd", 4, false},
	    {"a\0b", 3, "a\0c", 3, false},
	    {"a\0b", 3, "a\0b", 3, true},
	    {NULL, 0, "", 0, true},
	    {NULL, 0, NULL, 0, true},
	    {NULL, 0, "a", 1, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_bytes a = cv_bytes(rows[i].a, rows[i].a_len);
		struct cv_bytes b = cv_bytes(rows[i].b, rows[i].b_len);
		cr_expect_eq(cv_bytes_equal(a, b), rows[i].is_equal, "row %zu", i);
		cr_expect_eq(cv_bytes_equal(b, a), rows[i].is_equal, "row %zu swapped", i);
		cr_expect_eq(cv_bytes_equal_secret(a, b), rows[i].is_equal, "row %zu", i);
		cr_expect_eq(cv_bytes_equal_secret(b, a), rows[i].is_equal, "row %zu swapped", i);
	}
}

Test(bytes, secrets_differ_in_any_single_bit)
{
	uint8_t a[32] = {0};
	uint8_t b[32] = {0};

	for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
		b[bit / 8] = (uint8_t)(1U << (bit % 8));
		cr_assert_not(cv_bytes_equal_secret(CV_BYTES(a), CV_BYTES(b)), "bit %zu", bit);
		b[bit / 8] = 0;
	}
	cr_assert(cv_bytes_equal_secret(CV_BYTES(a), CV_BYTES(b)));
}

Test(bytes, appends_in_order_and_terminates)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;

	cr_assert_str_eq(cv_buffer_text(&buffer), "");
	cv_buffer_append(&buffer, NULL, 0);
	cr_assert_str_eq(cv_buffer_text(&buffer), "");
	cv_buffer_append_text(&buffer, "one");
	cv_buffer_append_byte(&buffer, ' ');
	cv_buffer_append(&buffer, "two!", 3);
	cv_buffer_printf(&buffer, " %s %d", "three", 4);
	cr_assert_str_eq(cv_buffer_text(&buffer), "one two three 4");
	cr_assert_eq(buffer.len, 15);
	cr_assert_not(buffer.has_failed);
	cr_assert_eq(cv_buffer_bytes(&buffer).len, 15);
}

Test(bytes, grows_over_many_capacities)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;

	for (size_t i = 0; i < 5000; i++) {
		cv_buffer_append_byte(&buffer, (uint8_t)(i % 251));
		cr_assert_eq(buffer.data[buffer.len], 0, "not terminated after %zu", i);
	}
	cr_assert_eq(buffer.len, 5000);
	for (size_t i = 0; i < 5000; i++)
		cr_assert_eq(buffer.data[i], i % 251);
}

Test(bytes, a_secret_survives_growth)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.is_secret = true};

	cv_buffer_append_text(&buffer, "secret");
	for (size_t i = 0; i < 1000; i++)
		cv_buffer_append_byte(&buffer, 'x');
	cr_assert_eq(memcmp(buffer.data, "secretxxx", 9), 0);
	cr_assert_eq(buffer.len, 1006);
}

Test(bytes, ceiling_is_reached_but_not_passed)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 4};

	cv_buffer_append_text(&buffer, "abcd");
	cr_assert_not(buffer.has_failed);
	cv_buffer_append(&buffer, NULL, 0);
	cr_assert_not(buffer.has_failed);
	cv_buffer_append_byte(&buffer, 'e');
	cr_assert(buffer.has_failed);
	cr_assert_str_eq(cv_buffer_text(&buffer), "abcd");
}

Test(bytes, printf_respects_the_ceiling)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 4};

	cv_buffer_printf(&buffer, "%d", 1234);
	cr_assert_not(buffer.has_failed);
	cr_assert_str_eq(cv_buffer_text(&buffer), "1234");
	cv_buffer_reset(&buffer);
	cv_buffer_printf(&buffer, "%d", 12345);
	cr_assert(buffer.has_failed);
	cr_assert_eq(buffer.len, 0);
}

Test(bytes, default_ceiling_is_16_mib)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
	CV_AUTO_MEMORY uint8_t *block = calloc(1, 16 << 20);

	cr_assert_not_null(block);
	cv_buffer_append(&buffer, block, 16 << 20);
	cr_assert_not(buffer.has_failed);
	cv_buffer_append_byte(&buffer, 0);
	cr_assert(buffer.has_failed);
}

Test(bytes, a_length_that_would_overflow_fails)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;

	cv_buffer_append_byte(&buffer, 'a');
	cv_buffer_append(&buffer, "b", SIZE_MAX);
	cr_assert(buffer.has_failed);
	cr_assert_str_eq(cv_buffer_text(&buffer), "a");
}

Test(bytes, failure_is_sticky_until_reset)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 4};

	cv_buffer_append_text(&buffer, "ab");
	cv_buffer_append_text(&buffer, "cde");
	cr_assert(buffer.has_failed);
	/* Would fit, and must not: the text would have a hole. */
	cv_buffer_append_text(&buffer, "f");
	cv_buffer_append_byte(&buffer, 'f');
	cv_buffer_printf(&buffer, "f");
	cr_assert(buffer.has_failed);
	cr_assert_str_eq(cv_buffer_text(&buffer), "ab");

	cv_buffer_reset(&buffer);
	cr_assert_not(buffer.has_failed);
	cr_assert_str_eq(cv_buffer_text(&buffer), "");
	cv_buffer_append_text(&buffer, "f");
	cr_assert_str_eq(cv_buffer_text(&buffer), "f");
}

Test(bytes, reset_wipes_a_secret)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.is_secret = true};
	static const uint8_t zeros[6] = {0};

	cv_buffer_append_text(&buffer, "secret");
	cv_buffer_reset(&buffer);
	cr_assert_not_null(buffer.data);
	cr_assert_eq(memcmp(buffer.data, zeros, sizeof(zeros)), 0);
}

Test(bytes, deinit_may_be_repeated_and_the_buffer_used_again)
{
	struct cv_buffer buffer = CV_BUFFER_INIT;

	cv_buffer_append_text(&buffer, "text");
	cv_buffer_deinit(&buffer);
	cr_assert_null(buffer.data);
	cr_assert_eq(buffer.len, 0);
	cv_buffer_deinit(&buffer);
	cv_buffer_append_text(&buffer, "more");
	cr_assert_str_eq(cv_buffer_text(&buffer), "more");
	cv_buffer_deinit(&buffer);
}

Test(bytes, wipe_clears_exactly_what_it_is_given)
{
	char memory[] = "abcdef";

	cv_wipe(memory + 1, 3);
	cr_assert_eq(memcmp(memory, "a\0\0\0ef", 6), 0);
	cv_wipe(NULL, 0);
}

Test(bytes, take_leaves_null)
{
	CV_AUTO_MEMORY char *first = strdup("text");
	CV_AUTO_MEMORY char *second = CV_TAKE(first);

	cr_assert_null(first);
	cr_assert_str_eq(second, "text");
}

Test(bytes, reserved_room_becomes_content)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 300};
	uint8_t *room;

	cv_buffer_append_text(&buffer, "ab");
	room = cv_buffer_reserve(&buffer, 298);
	cr_assert_not_null(room);
	memcpy(room, "cdef", 4);
	cv_buffer_take(&buffer, 3);
	cr_expect_str_eq(cv_buffer_text(&buffer), "abcde");
	/* Too much is no failure of the buffer, because nothing was appended. */
	cr_expect_null(cv_buffer_reserve(&buffer, 296));
	cr_expect_not(buffer.has_failed);
	cr_expect_not_null(cv_buffer_reserve(&buffer, 295));
	buffer.has_failed = true;
	cr_expect_null(cv_buffer_reserve(&buffer, 1));
}
