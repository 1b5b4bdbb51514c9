#include "cv/model/name.h"

#include <criterion/criterion.h>
#include <string.h>

#define SIXTEEN "0123456789abcdef"
#define SIXTY_FOUR SIXTEEN SIXTEEN SIXTEEN SIXTEEN
#define THIRTY_TWO SIXTEEN SIXTEEN

Test(name, policies)
{
	cr_expect(cv_policy_name_is_valid("A.b_c-9", 7));
	cr_expect(cv_policy_name_is_valid(THIRTY_TWO, 32));
	cr_expect_not(cv_policy_name_is_valid(THIRTY_TWO "0", 33));
	cr_expect_not(cv_policy_name_is_valid("", 0));
	cr_expect_not(cv_policy_name_is_valid("a:b", 3));
	cr_expect_not(cv_policy_name_is_valid("a b", 3));
	cr_expect_not(cv_policy_name_is_valid("a,b", 3));
}

Test(name, device_and_factory_by_text)
{
	static const struct {
		const char *text;
		bool is_device_id;
		bool is_factory_name;
	} rows[] = {
	    {"a", true, true},
	    {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", true, true},
	    {"A.b_c-9", true, true},
	    {"urn:dev:mac:0024befffe804ff1", true, false},
	    {"...", true, true},
	    {".a", true, true},
	    {".", false, false},
	    {"..", false, false},
	    {SIXTY_FOUR, true, true},
	    {SIXTY_FOUR "0", false, false},
	    {"", false, false},
	    {"a b", false, false},
	    {"a/b", false, false},
	    {"a\nb", false, false},
	    {"a\"b", false, false},
	    {"a%b", false, false},
	    {"a*b", false, false},
	    {"a@b", false, false},
	    {"a[b", false, false},
	    {"a`b", false, false},
	    {"a{b", false, false},
	    {"a;b", false, false},
	    {"a,b", false, false},
	    {"ger\xc3\xa4t", false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = rows[i].text;
		size_t len = strlen(text);
		cr_expect_eq(cv_device_id_is_valid(text, len), rows[i].is_device_id, "%s", text);
		cr_expect_eq(
		    cv_factory_name_is_valid(text, len), rows[i].is_factory_name, "%s", text);
	}
}

/* The two sets of characters, byte by byte. */
Test(name, every_byte_is_decided)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (int byte = 0; byte < 256; byte++) {
		const char text[3] = {'x', (char)byte, 'x'};
		bool is_common = byte != 0 && strchr(letters, byte) != NULL;
		cr_expect_eq(cv_factory_name_is_valid(text, 3), is_common, "byte %d", byte);
		cr_expect_eq(
		    cv_device_id_is_valid(text, 3), is_common || byte == ':', "byte %d", byte);
	}
}

Test(name, length_counts_and_not_the_nul)
{
	cr_expect(cv_device_id_is_valid("ab/", 2));
	cr_expect_not(cv_device_id_is_valid("ab\0", 3));
}

Test(name, party_is_set)
{
	struct cv_party party;

	cr_assert(cv_party_set(&party, "f1", "d:1", NULL));
	cr_assert_str_eq(party.factory, "f1");
	cr_assert_str_eq(party.device, "d:1");
	cr_assert_str_eq(party.slot, "client");
	cr_assert(cv_party_set(&party, SIXTY_FOUR, SIXTY_FOUR, "main/online"));
	cr_assert_str_eq(party.factory, SIXTY_FOUR);
	cr_assert_str_eq(party.device, SIXTY_FOUR);
	cr_assert_str_eq(party.slot, "main/online");
}

Test(name, party_refuses_each_bad_name)
{
	static const struct {
		const char *factory;
		const char *device;
		const char *slot;
		bool is_good;
	} rows[] = {
	    {"f", "d", THIRTY_TWO, true},
	    {"f", "d", THIRTY_TWO "0", false},
	    {"f", "d", "", false},
	    {"f", "d", "a b", false},
	    {"f", "", "client", false},
	    {"f", "d/1", "client", false},
	    {"", "d", "client", false},
	    {"f:1", "d", "client", false},
	    {SIXTY_FOUR "0", "d", NULL, false},
	    {"f", SIXTY_FOUR "0", NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_party party = {.device = "before"};
		cr_expect_eq(cv_party_set(&party, rows[i].factory, rows[i].device, rows[i].slot),
		    rows[i].is_good, "row %zu", i);
		cr_expect_eq(strcmp(party.device, "before") == 0, !rows[i].is_good, "row %zu", i);
	}
}

/* Rows of before a rule are read all the same: a server must not fail to start because of one. */
Test(name, party_is_restored_as_it_was_recorded)
{
	struct cv_party party = {.device = "before"};

	cr_expect_not(cv_party_set(&party, "f", "..", NULL));
	cr_expect_not(cv_party_restore(&party, "f", SIXTY_FOUR "0", "client"));
	cr_expect_str_eq(party.device, "before");
	cr_assert(cv_party_restore(&party, "f", "..", "client"));
	cr_expect_str_eq(party.device, "..");
}

Test(name, equal_parties_are_equal_as_bytes)
{
	struct cv_party a;
	struct cv_party b;

	memset(&a, 1, sizeof(a));
	memset(&b, 2, sizeof(b));
	cr_assert(cv_party_set(&a, "f", "d", NULL));
	cr_assert(cv_party_set(&b, "f", "d", "client"));
	cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0);
}

Test(name, uuids)
{
	static const char *const bad[] = {"", "x", "01a2071b-b3e6-7762-acdf-b50db4b19e1",
	    "01a2071b-b3e6-7762-acdf-b50db4b19e1c0", "01a2071b-b3e6-7762-acdf-b50db4b19e1g",
	    "01a2071bb-3e6-7762-acdf-b50db4b19e1c", "{01a2071b-b3e6-7762-acdf-b50db4b19e1"};

	cr_expect(cv_uuid_is_valid("01a2071b-b3e6-7762-acdf-b50db4b19e1c"));
	cr_expect(cv_uuid_is_valid("01A2071B-B3E6-7762-ACDF-B50DB4B19E1C"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(!cv_uuid_is_valid(bad[i]), "%s", bad[i]);
}
