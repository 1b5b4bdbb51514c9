#include "cv/codec/est.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/pki/certs_only.h"
#include "cv/util/base64.h"

struct row {
	const char *what;
	const char *body;
	size_t len;           /* 0: of the text */
	const char *expected; /* NULL: refused */
};

#define PEM(label) "-----BEGIN " label "-----\nZm9vYmE=\n-----END " label "-----\n"

/* RFC 8951 section 3.1: white space anywhere; what clients of the field send besides. */
static const struct row rows[] = {
    {"one line", "Zm9vYmE=", 0, "fooba"},
    {"CRLF inside and after", "Zm9v\r\nYmE=\r\n\r\n", 0, "fooba"},
    {"one character per line", "Z\nm\n9\nv\n", 0, "foo"},
    {"blanks and tabs", " Z\tm9 v", 0, "foo"},
    {"CR only", "Zm\r9v\r", 0, "foo"},
    {"leading blank line", "\r\nZm9v", 0, "foo"},
    {"PEM", PEM("CERTIFICATE REQUEST"), 0, "fooba"},
    {"PEM, older label", PEM("NEW CERTIFICATE REQUEST"), 0, "fooba"},
    {"PEM after blank lines", "\n\n" PEM("CERTIFICATE REQUEST"), 0, "fooba"},
    {"PEM of something else", PEM("CERTIFICATE"), 0, NULL},
    {"PEM and more", PEM("CERTIFICATE REQUEST") "Zm9v", 0, NULL},
    {"missing padding", "Zm9vYmE", 0, NULL},
    {"URL-safe alphabet", "Zm9vYm_-", 0, NULL},
    {"the standard alphabet", "Zm9vYm/+", 0, "foobo\xfe"},
    {"data after padding", "Zm9vYmE=Zm9v", 0, NULL},
    {"NUL", "Zm9v\0", 5, NULL},
    {"binary DER", "\x30\x03\x02\x01\x01", 5, NULL},
    {"empty", "", 0, NULL},
    {"blank", " \r\n", 0, NULL},
};

Test(est, decodes_request_bodies)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		size_t len = rows[i].len == 0 ? strlen(rows[i].body) : rows[i].len;
		bool is_read = cv_est_decode_request(cv_bytes(rows[i].body, len), &der, &err);

		cr_expect_eq(is_read, rows[i].expected != NULL, "%s: %s", rows[i].what, err.text);
		if (rows[i].expected == NULL)
			cr_expect_eq(err.code, CV_E_INPUT, "%s", rows[i].what);
		else if (strcmp(rows[i].what, "the standard alphabet") != 0)
			cr_expect_str_eq(
			    cv_buffer_text(&der), rows[i].expected, "%s", rows[i].what);
		else
			cr_expect_eq(der.len, 6, "%s", rows[i].what);
	}
}

Test(est, bounds_the_body)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	while (body.len < CV_EST_BODY_MAX)
		cv_buffer_append_byte(&body, 'A');
	cr_expect(cv_est_decode_request(cv_buffer_bytes(&body), &der, &err));
	cv_buffer_append_byte(&body, '\n');
	cr_expect_not(cv_est_decode_request(cv_buffer_bytes(&body), &der, &err));
	cr_expect_eq(err.code, CV_E_LIMIT);
}

/* Any DER element stands for a certificate here. */
static const uint8_t element[] = {0x30, 0x03, 0x02, 0x01, 0x07};

static void
append_answer(struct cv_buffer *text, size_t count, size_t columns)
{
	struct cv_bytes certificates[40];

	for (size_t i = 0; i < count; i++)
		certificates[i] = CV_BYTES(element);
	cv_est_append_certs(text, certificates, count, columns);
}

Test(est, answers_in_one_line_with_one_crlf)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	append_answer(&text, 30, 0);
	cr_assert_gt(text.len, 100);
	cr_expect_eq(strcspn(cv_buffer_text(&text), "\r\n"), text.len - 2);
	cr_expect_str_eq(cv_buffer_text(&text) + text.len - 2, "\r\n");
}

Test(est, wraps_when_asked)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	append_answer(&text, 30, 64);
	cr_expect_eq(strcspn(cv_buffer_text(&text), "\r\n"), 64);
	cr_expect_str_eq(cv_buffer_text(&text) + text.len - 2, "\r\n");
	cr_expect_neq(cv_buffer_text(&text)[text.len - 3], '\n', "exactly one CRLF at the end");
}

Test(est, answers_hold_the_certs_only_message)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer expected = CV_BUFFER_INIT;
	const struct cv_bytes certificate = CV_BYTES(element);
	struct cv_error err = CV_ERROR_INIT;

	append_answer(&text, 1, 64);
	cr_assert(
	    cv_base64_decode(cv_buffer_text(&text), text.len, CV_BASE64_WHITESPACE, &der, &err));
	cv_certs_only_append(&expected, &certificate, 1);
	cr_expect(cv_bytes_equal(cv_buffer_bytes(&der), cv_buffer_bytes(&expected)));
}

/* RFC 7030 section 4.4.2, RFC 2046 section 5.1.1. */
Test(est, a_new_key_comes_before_its_certificate)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer certs = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer expected = CV_BUFFER_INIT;
	const struct cv_bytes certificate = CV_BYTES(element);
	const char *boundary = strstr(CV_EST_KEY_ANSWER, "boundary=") + strlen("boundary=");

	cv_est_append_certs(&certs, &certificate, 1, 64);
	cv_buffer_printf(&expected,
	    "--%s\r\nContent-Type: application/pkcs8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	    "Zm9vYmE=\r\n--%s\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n%s--%s--\r\n",
	    boundary, boundary, cv_buffer_text(&certs), boundary);
	cv_est_append_key_answer(&text, CV_EST_KEY_PLAIN, cv_bytes("fooba", 5), certificate, 64);
	cr_expect_str_eq(cv_buffer_text(&text), cv_buffer_text(&expected));
}

Test(est, an_encrypted_key_says_so)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	static const char head[] =
	    "\r\nContent-Type: application/pkcs7-mime; smime-type=server-generated-key\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nZm9vYmE=\r\n--";

	cv_est_append_key_answer(
	    &text, CV_EST_KEY_ENVELOPED, cv_bytes("fooba", 5), CV_BYTES(element), 64);
	cr_expect_not_null(strstr(cv_buffer_text(&text), head));
	cr_expect_null(strstr(cv_buffer_text(&text), "application/pkcs8"));
}
