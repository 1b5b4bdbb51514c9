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

#define OTHER PEM_BEGIN "YmFy" PEM_END

/* A load balancer forwards the chain, and leaves '+', '=' and '/' as they are. */
static const struct row chain_rows[] = {
    {"leaf alone", PEM_BEGIN "Zm9v" PEM_END, "foo"},
    {"leaf and issuer", PEM_BEGIN "Zm9v" PEM_END OTHER, "foo"},
    {"padding and slash literal", PEM_BEGIN "/w==" PEM_END OTHER, "\xff"},
    {"text in front", "x" PEM_BEGIN "Zm9v" PEM_END, NULL},
    {"a key in front", "-----BEGIN%20PRIVATE%20KEY-----%0AZm9v" PEM_END, NULL},
    {"no end", PEM_BEGIN "Zm9v", NULL},
    {"empty", "", NULL},
};

static const struct row traefik_rows[] = {
    {"version 3", "Zm9v", "foo"},
    {"version 3 with its chain", "Zm9v,YmFy,YmF6", "foo"},
    {"version 3, plus and padding literal", "+w==", "\xfb"},
    {"version 2", "%2Bw%3D%3D", "\xfb"},
    {"version 2 with its chain", "Zm9v%2CYmFy", "foo"},
    {"PEM, percent-encoded", PEM_BEGIN "Zm9v" PEM_END, "foo"},
    {"a blank for a plus", " w==", NULL},
    {"nothing before the comma", ",Zm9v", NULL},
    {"RFC 9440", ":Zm9v:", NULL},
    {"no padding", "Zm9vYg", NULL},
    {"bad escape", "Zm9v%2", NULL},
    {"empty", "", NULL},
};

Test(forwarded_certificate, reads_the_leaf_of_a_chain)
{
	expect_rows(chain_rows, sizeof(chain_rows) / sizeof(chain_rows[0]), cv_forwarded_pem_chain);
	expect_rows(
	    traefik_rows, sizeof(traefik_rows) / sizeof(traefik_rows[0]), cv_forwarded_traefik);
}

#define SHA1 "00112233445566778899aabbccddeeff0011223"

Test(forwarded_certificate, reads_sha1_of_40_digits)
{
	static const char *const refused[] = {SHA1, (SHA1 "33"), (SHA1 "g"), "", (":" SHA1)};
	struct cv_certificate_name name = {.has_sha1 = false};
	struct cv_error err = CV_ERROR_INIT;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		cr_expect_not(cv_forwarded_sha1(refused[i], &name, &err), "%s", refused[i]);
	cr_expect_not(name.has_sha1);
	cr_assert(cv_forwarded_sha1(SHA1 "F", &name, &err));
	cr_expect(name.has_sha1);
	cr_expect_eq(name.sha1[19], 0x3f);
}

#define TWENTY "00112233445566778899aabbccddeeff00112233"

Test(forwarded_certificate, reads_serial_numbers_in_any_spelling)
{
	static const struct {
		const char *text;
		const char *octets;
		size_t len;
	} good[] = {
	    {"1", "\x01", 1},
	    {"a1B", "\x0a\x1b", 2},
	    {"0A1B", "\x0a\x1b", 2},
	    {"00:00:0a:1b", "\x0a\x1b", 2},
	    {"0", "\0", 1},
	    {"ff" TWENTY, NULL, 0},
	    {"00" TWENTY, "\x11\x22", 19},
	    {"0x1b", NULL, 0},
	    {"-1b", NULL, 0},
	    {"1b ", NULL, 0},
	    {":", NULL, 0},
	    {"", NULL, 0},
	    {TWENTY TWENTY TWENTY TWENTY, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct cv_certificate_name name = {.issuer = ""};
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_forwarded_issuer_serial("CN=ca", good[i].text, &name, &err);

		cr_expect_eq(is_read, good[i].octets != NULL, "%s", good[i].text);
		cr_expect_eq(name.serial_len, good[i].len, "%s", good[i].text);
		if (is_read)
			cr_expect_arr_eq(name.serial, good[i].octets,
			    good[i].len < 2 ? good[i].len : 2, "%s", good[i].text);
	}
}

Test(forwarded_certificate, bounds_the_issuer)
{
	struct cv_certificate_name name = {.issuer = ""};
	struct cv_error err = CV_ERROR_INIT;
	char issuer[CV_ISSUER_TEXT_SIZE + 1];

	memset(issuer, 'x', sizeof(issuer));
	issuer[CV_ISSUER_TEXT_SIZE] = '\0';
	cr_expect_not(cv_forwarded_issuer_serial(issuer, "1", &name, &err));
	issuer[CV_ISSUER_TEXT_SIZE - 1] = '\0';
	cr_expect(cv_forwarded_issuer_serial(issuer, "1", &name, &err));
	cr_expect_str_eq(name.issuer, issuer);
	cr_expect_not(cv_forwarded_issuer_serial("", "1", &name, &err));
}
