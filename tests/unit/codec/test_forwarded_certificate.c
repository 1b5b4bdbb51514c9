#include "cv/codec/forwarded_certificate.h"

#include <criterion/criterion.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN%20CERTIFICATE-----%0A"
#define PEM_END "%0A-----END%20CERTIFICATE-----%0A"

struct row {
	const char *what;
	const char *value;
	const char *expected; /* NULL: refused */
};

/* RFC 9440 section 2.2; nginx guides put percent-encoded PEM into the same header. */
static const struct row rfc9440_rows[] = {
    {"byte sequence", ":Zm9v:", "foo"},
    {"with padding", ":Zm9vYg==:", "foob"},
    {"percent-encoded PEM", PEM_BEGIN "Zm9v" PEM_END, "foo"},
    {"no colons", "Zm9v", NULL},
    {"no colon at the end", ":Zm9v", NULL},
    {"no colon in front", "Zm9v:", NULL},
    {"missing padding", ":Zm9vYg:", NULL},
    {"blank inside", ":Zm 9v:", NULL},
    {"parameter", ":Zm9v:;a=1", NULL},
    {"two items", ":Zm9v:, :Zm9v:", NULL},
    {"empty sequence", "::", NULL},
    {"one colon", ":", NULL},
    {"empty", "", NULL},
};

static const struct row pem_rows[] = {
    {"as nginx sends it", PEM_BEGIN "Zm9v" PEM_END, "foo"},
    {"nothing but blanks encoded", "-----BEGIN CERTIFICATE-----%0AZm9v%0A-----END CERTIFICATE-----",
	"foo"},
    {"plus encoded", PEM_BEGIN "%2B%2b%2Bv" PEM_END, "\xfb\xef\xaf"},
    {"plus literal", PEM_BEGIN "+++v" PEM_END, "\xfb\xef\xaf"},
    {"slash and padding encoded", PEM_BEGIN "%2Fw%3D%3D" PEM_END, "\xff"},
    {"lines folded with tabs", "-----BEGIN CERTIFICATE-----\tZm9v\t-----END CERTIFICATE-----\t",
	"foo"},
    {"two blocks", PEM_BEGIN "Zm9v" PEM_END PEM_BEGIN "Zm9v" PEM_END, NULL},
    {"bad escape", PEM_BEGIN "Zm9v%0" PEM_END "%", NULL},
    {"escape without digits", PEM_BEGIN "Zm9v%zz" PEM_END, NULL},
    {"another label", "-----BEGIN%20TRUSTED-----%0AZm9v%0A-----END%20TRUSTED-----", NULL},
    {"encoded twice", "-----BEGIN%2520CERTIFICATE-----%250AZm9v", NULL},
    {"no PEM", "Zm9v", NULL},
    {"empty", "", NULL},
};

static void
expect_rows(const struct row *rows, size_t count,
    bool (*decode)(const char *value, struct cv_buffer *ret_der, struct cv_error *err))
{
	for (size_t i = 0; i < count; i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = decode(rows[i].value, &der, &err);

		cr_expect_eq(is_read, rows[i].expected != NULL, "%s: %s", rows[i].what, err.text);
		if (rows[i].expected == NULL)
			cr_expect_eq(err.code, CV_E_INPUT, "%s", rows[i].what);
		else
			cr_expect_str_eq(
			    cv_buffer_text(&der), rows[i].expected, "%s", rows[i].what);
	}
}

Test(forwarded_certificate, reads_client_cert)
{
	expect_rows(
	    rfc9440_rows, sizeof(rfc9440_rows) / sizeof(rfc9440_rows[0]), cv_forwarded_rfc9440);
}

Test(forwarded_certificate, reads_percent_encoded_pem)
{
	expect_rows(pem_rows, sizeof(pem_rows) / sizeof(pem_rows[0]), cv_forwarded_pem);
}

Test(forwarded_certificate, bounds_the_value)
{
	CV_AUTO_BUFFER struct cv_buffer value = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	/* 32764 characters of base64 are a whole number of groups. */
	cv_buffer_append_byte(&value, ':');
	while (value.len < CV_FORWARDED_MAX_BYTES - 3)
		cv_buffer_append_byte(&value, 'A');
	cv_buffer_append_byte(&value, ':');
	cr_expect(cv_forwarded_rfc9440(cv_buffer_text(&value), &der, &err), "%s", err.text);
	while (value.len <= CV_FORWARDED_MAX_BYTES)
		cv_buffer_append_byte(&value, ':');
	cr_expect_not(cv_forwarded_rfc9440(cv_buffer_text(&value), &der, &err));
	cr_expect_eq(err.code, CV_E_LIMIT);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEF"

Test(forwarded_certificate, reads_fingerprints_of_64_digits)
{
	static const char *const refused[] = {
	    HEX, HEX "00", HEX "g", "", "00:" HEX, " " HEX "0", HEX "0 "};
	struct cv_error err = CV_ERROR_INIT;
	struct cv_digest digest;

	cr_assert(cv_forwarded_sha256(HEX "0", &digest, &err));
	cr_expect_eq(digest.bytes[1], 0x11);
	cr_expect_eq(digest.bytes[31], 0xf0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		cr_expect_not(cv_forwarded_sha256(refused[i], &digest, &err), "%s", refused[i]);
}
