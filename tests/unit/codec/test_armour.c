#include "cv/codec/armour.h"
#include "cv/util/pem.h"

#include <criterion/criterion.h>
#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

struct row {
	const char *what;
	const char *text;
	enum cv_armour_surroundings surroundings;
	const char *expected; /* NULL: refused */
};

static const struct row rows[] = {
    {"plain", BEGIN "Zm9v\n" END, CV_ARMOUR_ALONE, "foo"},
    {"white space around", "\r\n " BEGIN "Zm\t9v\r\n" END "\n\n", CV_ARMOUR_ALONE, "foo"},
    {"no newline at the end", BEGIN "Zm9v\n-----END CERTIFICATE-----", CV_ARMOUR_ALONE, "foo"},
    {"in one line", "-----BEGIN CERTIFICATE-----Zm9v-----END CERTIFICATE-----", CV_ARMOUR_ALONE,
	"foo"},
    {"text before, allowed", "subject\n" BEGIN "Zm9v\n" END, CV_ARMOUR_WITH_TEXT, "foo"},
    {"text before", "subject\n" BEGIN "Zm9v\n" END, CV_ARMOUR_ALONE, NULL},
    {"text after, allowed", BEGIN "Zm9v\n" END "x", CV_ARMOUR_WITH_TEXT, "foo"},
    {"text after", BEGIN "Zm9v\n" END "x", CV_ARMOUR_ALONE, NULL},
    {"two blocks", BEGIN "Zm9v\n" END BEGIN "Zm9v\n" END, CV_ARMOUR_WITH_TEXT, NULL},
    {"the other label", "-----BEGIN TRUSTED-----\nZm9v\n-----END TRUSTED-----\n", CV_ARMOUR_ALONE,
	"foo"},
    {"a third label", "-----BEGIN CSR-----\nZm9v\n-----END CSR-----\n", CV_ARMOUR_ALONE, NULL},
    {"a longer label", "-----BEGIN CERTIFICATES-----\nZm9v\n-----END CERTIFICATES-----\n",
	CV_ARMOUR_ALONE, NULL},
    {"labels differ", BEGIN "Zm9v\n-----END TRUSTED-----\n", CV_ARMOUR_ALONE, NULL},
    {"no end", BEGIN "Zm9v\n", CV_ARMOUR_ALONE, NULL},
    {"end line cut", BEGIN "Zm9v\n-----END CERTIFICATE--", CV_ARMOUR_ALONE, NULL},
    {"empty", BEGIN END, CV_ARMOUR_ALONE, NULL},
    {"not base64", BEGIN "Zm9v!\n" END, CV_ARMOUR_ALONE, NULL},
    {"no block", "Zm9v", CV_ARMOUR_WITH_TEXT, NULL},
    {"nothing", "", CV_ARMOUR_WITH_TEXT, NULL},
};

Test(armour, decodes_one_block_or_refuses)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_armour_decode(cv_bytes(rows[i].text, strlen(rows[i].text)),
		    rows[i].surroundings, CV_ARMOUR_CERTIFICATE, "TRUSTED", &der, &err);

		cr_expect_eq(is_read, rows[i].expected != NULL, "%s: %s", rows[i].what, err.text);
		if (rows[i].expected == NULL)
			cr_expect_eq(err.code, CV_E_INPUT, "%s", rows[i].what);
		else
			cr_expect_str_eq(
			    cv_buffer_text(&der), rows[i].expected, "%s", rows[i].what);
	}
}

Test(armour, writes_lines_of_64_columns)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	uint8_t der[49];

	memset(der, 0, sizeof(der));
	cv_pem_append(&pem, CV_ARMOUR_PUBLIC_KEY, CV_BYTES(der));
	cr_expect_str_eq(cv_buffer_text(&pem),
	    "-----BEGIN PUBLIC KEY-----\n"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	    "AA==\n"
	    "-----END PUBLIC KEY-----\n");
}

Test(armour, reads_what_it_writes)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer back = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	uint8_t der[300];

	for (size_t i = 0; i < sizeof(der); i++)
		der[i] = (uint8_t)i;
	cv_pem_append(&pem, CV_ARMOUR_REQUEST, CV_BYTES(der));
	cr_assert(cv_armour_decode(
	    cv_buffer_bytes(&pem), CV_ARMOUR_ALONE, CV_ARMOUR_REQUEST, NULL, &back, &err));
	cr_expect(cv_bytes_equal(cv_buffer_bytes(&back), CV_BYTES(der)));
}
