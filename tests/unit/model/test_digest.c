#include "cv/model/digest.h"

#include <criterion/criterion.h>
#include <string.h>

#define PLAIN "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"
#define COLONS                                                                                     \
	"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"                                         \
	"10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:fF"

static struct cv_digest
sample(void)
{
	struct cv_digest digest;

	for (size_t i = 0; i < CV_DIGEST_LEN; i++)
		digest.bytes[i] = (uint8_t)i;
	digest.bytes[31] = 0xff;
	return digest;
}

Test(digest, formats)
{
	struct cv_digest digest = sample();
	char text[CV_DIGEST_HEX_SIZE];

	cv_digest_format(&digest, text);
	cr_assert_str_eq(text, PLAIN);
}

Test(digest, equality_looks_at_every_byte)
{
	struct cv_digest a = sample();

	for (size_t i = 0; i < CV_DIGEST_LEN; i++) {
		struct cv_digest b = sample();
		cr_assert(cv_digest_equal(&a, &b));
		b.bytes[i] ^= 1;
		cr_assert_not(cv_digest_equal(&a, &b), "byte %zu", i);
	}
}

Test(digest, parses_what_it_should)
{
	static const struct {
		const char *what;
		const char *text;
		bool is_good;
	} rows[] = {
	    {"plain", PLAIN, true},
	    {"colons and both cases", COLONS, true},
	    {"upper case", "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1EFF",
		true},
	    {"empty", "", false},
	    {"one digit short", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef",
		false},
	    {"one digit more", PLAIN "0", false},
	    {"trailing colon", COLONS ":", false},
	    {"leading blank", " " PLAIN, false},
	    {"not hex", "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff", false},
	    {"not hex at the end",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1efg", false},
	    {"blanks for colons",
		"00 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
		"10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:fF",
		false},
	    {"colons of the wrong rhythm",
		"000:1:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
		"10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:fF",
		false},
	    {"one colon among plain digits",
		"00:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_digest digest = {{0}};
		struct cv_digest expected = sample();
		struct cv_digest untouched = {{0}};
		cr_expect_eq(
		    cv_digest_parse(rows[i].text, &digest), rows[i].is_good, "%s", rows[i].what);
		cr_expect(cv_digest_equal(&digest, rows[i].is_good ? &expected : &untouched), "%s",
		    rows[i].what);
	}
}
