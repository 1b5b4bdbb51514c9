#include "cv/pki/der.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/text.h"

/* Bytes on the heap in exactly their size, so that a sanitizer sees one read too far. */
static struct cv_bytes
from_hex(const char *hex)
{
	const size_t size = strlen(hex) / 2;
	size_t len = 0;
	uint8_t *data = malloc(size == 0 ? 1 : size);
	cr_assert(cv_hex_decode(hex, strlen(hex), data, size, &len));
	return cv_bytes(data, len);
}

static void
release(struct cv_bytes bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

static const struct {
	const char *name;
	const char *hex;
	bool is_strict;
} strict_rows[] = {
    {"null", "0500", true},
    {"null with content", "050100", false},
    {"nothing", "", false},
    {"tag without length", "05", false},
    {"trailing byte", "050000", false},
    {"two elements", "05000500", false},
    {"content too short", "0402ff", false},
    {"content exact", "0402ffff", true},
    {"length 127 would be short form", "30810500", false},
    {"indefinite length, closed", "308005000000", false},
    {"end of contents", "0000", false},
    {"end of contents inside", "30020000", false},
    {"constructed end of contents", "2000", false},
    {"high tag number", "1f810100", false},
    {"high tag number, context", "bf8101020500", false},
    {"reserved length octet", "04ff", false},
    {"five length octets", "0485000000000100", false},
    {"length with a leading zero octet", "04820001ff", false},
    {"length of SIZE_MAX", "0484ffffffff00", false},
    {"enumerated", "0a0101", true},
    {"enumerated without content", "0a00", false},
    {"enumerated with padding", "0a020001", false},
    {"two octets a character", "1e020041", true},
    {"one octet of two", "1e0141", false},
    {"four octets a character", "1c0400000041", true},
    {"three octets of four", "1c03000041", false},
    {"boolean true", "0101ff", true},
    {"boolean false", "010100", true},
    {"boolean of BER", "010101", false},
    {"boolean empty", "0100", false},
    {"boolean of two octets", "0102ffff", false},
    {"integer zero", "020100", true},
    {"integer empty", "0200", false},
    {"integer 127", "02017f", true},
    {"integer 127 padded", "0202007f", false},
    {"integer 128", "02020080", true},
    {"integer -1", "0201ff", true},
    {"integer -1 padded", "0202ffff", false},
    {"integer -129", "0202ff7f", true},
    {"bit string empty", "030100", true},
    {"bit string without count", "0300", false},
    {"bit string, 7 unused of nothing", "030107", false},
    {"bit string, 7 unused", "03020780", true},
    {"bit string, unused bit set", "03020781", false},
    {"bit string, 8 unused", "03020800", false},
    {"oid", "06032a0304", true},
    {"oid empty", "0600", false},
    {"oid incomplete", "06022a83", false},
    {"oid padded", "06032a8003", false},
    {"oid beginning with padding", "0602802a", false},
    {"sequence empty", "3000", true},
    {"sequence as primitive", "1000", false},
    {"set as primitive", "1100", false},
    {"octet string constructed", "24030401ff", false},
    {"utf8 string constructed", "2c030c0161", false},
    {"context, constructed", "a0020500", true},
    {"context, constructed, bad inside", "a0020501", false},
    {"context, primitive", "8002ffff", true},
    {"inner element longer than outer", "3003040500", false},
    {"inner trailing byte", "3003050005", false},
    {"deep defect", "300730053003010101", false},
    {"deep and good", "3007300530030101ff", true},
};

Test(der, strict)
{
	for (size_t i = 0; i < sizeof(strict_rows) / sizeof(strict_rows[0]); i++) {
		const struct cv_bytes bytes = from_hex(strict_rows[i].hex);
		cr_expect_eq(
		    cv_der_is_strict(bytes), strict_rows[i].is_strict, "%s", strict_rows[i].name);
		release(bytes);
	}
}

/* depth sequences, one inside the other. */
static bool
is_nesting_strict(size_t depth)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
	size_t opened[64];
	for (size_t i = 0; i < depth; i++)
		opened[i] = cv_der_open(&buffer, CV_DER_SEQUENCE);
	for (size_t i = depth; i > 0; i--)
		cv_der_close(&buffer, opened[i - 1]);
	cr_assert_not(buffer.has_failed);
	return cv_der_is_strict(cv_buffer_bytes(&buffer));
}

Test(der, depth_is_bounded)
{
	cr_expect(is_nesting_strict(CV_DER_DEPTH_MAX - 1));
	cr_expect_not(is_nesting_strict(CV_DER_DEPTH_MAX));
	cr_expect_not(is_nesting_strict(64));
}

Test(der, read_moves_only_on_success)
{
	const struct cv_bytes bytes = from_hex("020105040161");
	struct cv_der_reader reader = cv_der_reader(bytes);
	struct cv_bytes content = {NULL, 0};
	cr_expect_eq(cv_der_peek(&reader), CV_DER_INTEGER);
	cr_expect_not(cv_der_read(&reader, CV_DER_OCTET_STRING, &content));
	cr_expect(cv_der_read(&reader, CV_DER_INTEGER, &content));
	cr_expect_eq(content.len, 1);
	cr_expect_eq(content.data[0], 5);
	cr_expect(cv_der_read_whole(&reader, CV_DER_OCTET_STRING, &content));
	cr_expect_eq(content.len, 3);
	cr_expect(cv_der_at_end(&reader));
	cr_expect_eq(cv_der_peek(&reader), 0);
	cr_expect_not(cv_der_read(&reader, CV_DER_OCTET_STRING, &content));
	release(bytes);
}

Test(der, empty_bytes_are_at_end)
{
	struct cv_der_reader reader = cv_der_reader(cv_bytes(NULL, 0));
	struct cv_der_reader inner;
	cr_expect(cv_der_at_end(&reader));
	cr_expect_not(cv_der_enter(&reader, CV_DER_SEQUENCE, &inner));
}

static const struct {
	const char *hex;
	bool is_read;
	uint64_t value;
} small_rows[] = {
    {"020100", true, 0},
    {"02017f", true, 127},
    {"02020080", true, 128},
    {"0202007f", false, 0},
    {"020180", false, 0},
    {"02087fffffffffffffff", true, INT64_MAX},
    {"0209008000000000000000", false, 0},
    {"0200", false, 0},
    {"040105", false, 0},
};

Test(der, small_integers)
{
	for (size_t i = 0; i < sizeof(small_rows) / sizeof(small_rows[0]); i++) {
		const struct cv_bytes bytes = from_hex(small_rows[i].hex);
		struct cv_der_reader reader = cv_der_reader(bytes);
		uint64_t value = 0;
		cr_expect_eq(cv_der_read_small(&reader, &value), small_rows[i].is_read, "%s",
		    small_rows[i].hex);
		cr_expect_eq(value, small_rows[i].value, "%s", small_rows[i].hex);
		cr_expect_eq(cv_der_at_end(&reader), small_rows[i].is_read);
		release(bytes);
	}
}

static const struct {
	uint8_t tag;
	const char *text;
	bool is_read;
	int64_t seconds_utc;
} time_rows[] = {
    {CV_DER_UTC_TIME, "700101000000Z", true, 0},
    {CV_DER_UTC_TIME, "491231235959Z", true, 2524607999},
    {CV_DER_UTC_TIME, "500101000000Z", true, -631152000},
    {CV_DER_UTC_TIME, "240229000000Z", true, 1709164800},
    {CV_DER_UTC_TIME, "230229000000Z", false, 0},
    {CV_DER_UTC_TIME, "231301000000Z", false, 0},
    {CV_DER_UTC_TIME, "230001000000Z", false, 0},
    {CV_DER_UTC_TIME, "230100000000Z", false, 0},
    {CV_DER_UTC_TIME, "230132000000Z", false, 0},
    {CV_DER_UTC_TIME, "230101240000Z", false, 0},
    {CV_DER_UTC_TIME, "230101006000Z", false, 0},
    {CV_DER_UTC_TIME, "230101000060Z", false, 0},
    {CV_DER_UTC_TIME, "2301010000Z", false, 0},
    {CV_DER_UTC_TIME, "230101000000", false, 0},
    {CV_DER_UTC_TIME, "230101000000+0000", false, 0},
    {CV_DER_UTC_TIME, "23010100000 Z", false, 0},
    {CV_DER_UTC_TIME, "-30101000000Z", false, 0},
    {CV_DER_UTC_TIME, "20230101000000Z", false, 0},
    {CV_DER_UTC_TIME, "", false, 0},
    {CV_DER_GENERALIZED_TIME, "20500101000000Z", true, 2524608000},
    {CV_DER_GENERALIZED_TIME, "99991231235959Z", true, 253402300799},
    {CV_DER_GENERALIZED_TIME, "20500101000000.5Z", false, 0},
    {CV_DER_GENERALIZED_TIME, "500101000000Z", false, 0},
    {CV_DER_IA5_STRING, "700101000000Z", false, 0},
};

Test(der, times)
{
	for (size_t i = 0; i < sizeof(time_rows) / sizeof(time_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		int64_t seconds_utc = 0;
		cv_der_append(&buffer, time_rows[i].tag,
		    cv_bytes(time_rows[i].text, strlen(time_rows[i].text)));
		struct cv_der_reader reader = cv_der_reader(cv_buffer_bytes(&buffer));
		cr_expect_eq(cv_der_read_time(&reader, &seconds_utc), time_rows[i].is_read, "%s",
		    time_rows[i].text);
		cr_expect_eq(seconds_utc, time_rows[i].seconds_utc, "%s", time_rows[i].text);
	}
}

static void
expect_hex(const struct cv_buffer *buffer, const char *hex)
{
	char found[512];
	cr_assert_not(buffer->has_failed);
	cr_assert_lt(2 * buffer->len, sizeof(found));
	cv_hex_encode(buffer->data, buffer->len, found);
	cr_expect_str_eq(found, hex);
}

static const struct {
	int64_t seconds_utc;
	const char *hex; /* NULL: not possible */
} written_times[] = {
    {0, "170d3730303130313030303030305a"},
    {2524607999, "170d3439313233313233353935395a"},
    {2524608000, "180f32303530303130313030303030305a"},
    {-631152001, "180f31393439313233313233353935395a"},
    {253402300799, "180f39393939313233313233353935395a"},
    {253402300800, NULL},
};

Test(der, written_times_change_their_kind_in_2050)
{
	for (size_t i = 0; i < sizeof(written_times) / sizeof(written_times[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		cv_der_append_time(&buffer, written_times[i].seconds_utc);
		cr_expect_eq(buffer.has_failed, written_times[i].hex == NULL);
		if (written_times[i].hex != NULL)
			expect_hex(&buffer, written_times[i].hex);
	}
}

Test(der, written_integers_are_minimal)
{
	static const struct {
		const char *magnitude;
		const char *hex;
	} rows[] = {
	    {"", "020100"},
	    {"0000", "020100"},
	    {"007f", "02017f"},
	    {"80", "02020080"},
	    {"000080", "02020080"},
	    {"0100", "02020100"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
		const struct cv_bytes magnitude = from_hex(rows[i].magnitude);
		cv_der_append_unsigned(&buffer, magnitude);
		expect_hex(&buffer, rows[i].hex);
		release(magnitude);
	}
	CV_AUTO_BUFFER struct cv_buffer buffer = CV_BUFFER_INIT;
	cv_der_append_small(&buffer, 0);
	cv_der_append_small(&buffer, 255);
	cv_der_append_small(&buffer, UINT64_MAX);
	expect_hex(&buffer, "020100020200ff020900ffffffffffffffff");
}

static const struct {
	const char *name;
	const char *hex;
	bool is_ordered;
} order_rows[] = {
    {"empty", "", true},
    {"one", "020105", true},
    {"ascending", "020105020106", true},
    {"descending", "020106020105", false},
    {"the same twice", "020105020105", true},
    {"the shorter first", "02010602020500", true},
    {"the longer first", "02020500020106", false},
    {"octets have no sign", "04017f040180", true},
    {"cut off", "04017f040280", false},
};

/* X.690 section 11.6: of the encodings, whatever they mean. */
Test(der, order_of_a_set)
{
	for (size_t i = 0; i < sizeof(order_rows) / sizeof(order_rows[0]); i++) {
		const struct cv_bytes content = from_hex(order_rows[i].hex);
		cr_expect_eq(
		    cv_der_is_ordered(content), order_rows[i].is_ordered, "%s", order_rows[i].name);
		release(content);
	}
}

/* Lengths on both sides of every change of their own length. */
Test(der, written_lengths_are_read_back)
{
	static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
	static uint8_t zeros[65536];
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer closed = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer appended = CV_BUFFER_INIT;
		const size_t opened = cv_der_open(&closed, CV_DER_OCTET_STRING);
		cv_buffer_append(&closed, zeros, lengths[i]);
		cv_der_close(&closed, opened);
		cv_der_append(&appended, CV_DER_OCTET_STRING, cv_bytes(zeros, lengths[i]));
		cr_expect(cv_bytes_equal(cv_buffer_bytes(&closed), cv_buffer_bytes(&appended)));
		cr_expect(cv_der_is_strict(cv_buffer_bytes(&closed)), "%zu", lengths[i]);
		struct cv_der_reader reader = cv_der_reader(cv_buffer_bytes(&closed));
		struct cv_bytes content = {NULL, 0};
		cr_expect(cv_der_read(&reader, CV_DER_OCTET_STRING, &content));
		cr_expect_eq(content.len, lengths[i]);
	}
}

Test(der, writers_leave_a_failed_buffer_alone)
{
	CV_AUTO_BUFFER struct cv_buffer buffer = {.max_bytes = 130};
	uint8_t zeros[127] = {0};
	const size_t opened = cv_der_open(&buffer, CV_DER_SEQUENCE);
	cv_buffer_append(&buffer, zeros, sizeof(zeros));
	cv_buffer_append_byte(&buffer, 0);
	cr_assert_not(buffer.has_failed);
	cv_der_close(&buffer, opened); /* needs one more octet for the length */
	cr_expect(buffer.has_failed);
	cv_der_close(&buffer, opened);
	cr_expect(buffer.has_failed);
}
