#include <criterion/criterion.h>
#include <string.h>

#include "cv/codec/forwarded_certificate.h"

#define PEM "-----BEGIN%20CERTIFICATE-----%0AZm9v%0A-----END%20CERTIFICATE-----%0A"
#define CERT "Cert=\"" PEM "\""
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH "Hash=" DIGEST
#define SUBJECT "Subject=\"CN=a\\\",Hash=0;Cert=x\\\\\""

/* Envoy, http_conn_man/headers: x-forwarded-client-cert. */
Test(forwarded_pairs, reads_what_envoy_says)
{
	static const struct {
		const char *what;
		const char *value;
		enum cv_error_code code;
		bool has_certificate, has_fingerprint;
	} rows[] = {
	    {"hash", "By=spiffe://mesh/gateway;" HASH, CV_E_NONE, false, true},
	    {"certificate", HASH ";" CERT, CV_E_NONE, true, true},
	    {"certificate alone", CERT, CV_E_NONE, true, false},
	    {"all keys",
		"By=a;" HASH ";" CERT ";Chain=\"" PEM PEM "\";" SUBJECT
		";URI=spiffe://x;URI=spiffe://y?a=b;DNS=d;DNS=e",
		CV_E_NONE, true, true},
	    {"keys in any case", "hash=" DIGEST ";cERT=\"" PEM "\"", CV_E_NONE, true, true},
	    {"hash in quotes", "Hash=\"" DIGEST "\"", CV_E_NONE, false, true},
	    {"empty values", "URI=;" HASH, CV_E_NONE, false, true},
	    {"subject only", SUBJECT, CV_E_NONE, false, false},
	    {"two elements", HASH "," HASH, CV_E_CONFLICT, false, false},
	    {"an alternative name with a comma", HASH ";URI=x," HASH, CV_E_CONFLICT, false, false},
	    {"an alternative name with a semicolon", HASH ";URI=x;" HASH, CV_E_INPUT, false, false},
	    {"two certificates", CERT ";" CERT, CV_E_INPUT, false, false},
	    {"hash too short", "Hash=00", CV_E_INPUT, false, false},
	    {"certificate malformed", "Cert=\"Zm9v\"", CV_E_INPUT, false, false},
	    {"quote never closed", "Subject=\"x;" HASH, CV_E_INPUT, false, false},
	    {"backslash at the end", "Subject=\"x\\", CV_E_INPUT, false, false},
	    {"quote inside a value", "URI=a\"b\";" HASH, CV_E_INPUT, false, false},
	    {"text behind a quote", "Subject=\"x\"y;" HASH, CV_E_INPUT, false, false},
	    {"no value", "Hash;" HASH, CV_E_INPUT, false, false},
	    {"no key", "=" DIGEST, CV_E_INPUT, false, false},
	    {"nothing behind a separator", HASH ";", CV_E_INPUT, false, false},
	    {"nothing behind a comma", HASH ",", CV_E_INPUT, false, false},
	    {"empty", "", CV_E_INPUT, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_forwarded_xfcc xfcc = {.has_certificate = false};
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_forwarded_xfcc(rows[i].value, &der, &xfcc, &err);

		cr_expect_eq(is_read, rows[i].code == CV_E_NONE, "%s: %s", rows[i].what, err.text);
		cr_expect_eq(err.code, rows[i].code, "%s: %s", rows[i].what, err.text);
		cr_expect_eq(xfcc.has_certificate, rows[i].has_certificate, "%s", rows[i].what);
		cr_expect_eq(xfcc.has_fingerprint, rows[i].has_fingerprint, "%s", rows[i].what);
		cr_expect_str_eq(
		    cv_buffer_text(&der), rows[i].has_certificate ? "foo" : "", "%s", rows[i].what);
		if (rows[i].has_fingerprint)
			cr_expect_eq(xfcc.fingerprint.bytes[31], 0xff);
	}
}

#define ISSUER "Issuer%3D%22O%3DAcme%2CCN%3DLeaf+CA+%2B1%22"
#define SERIAL "SerialNumber%3D%22258%22"
#define TOO_LARGE                                                                                  \
	"SerialNumber%3D%221461501637330902918203684832716283019655932542976%22" /* 2^160 */
#define LARGEST "SerialNumber%3D%221461501637330902918203684832716283019655932542975%22"
#define SUBJECT_INFO "Subject%3D%22CN%3Dx%22"

Test(forwarded_pairs, reads_what_traefik_says)
{
	static const struct {
		const char *what;
		const char *value;
		enum cv_error_code code;
		size_t serial_len;
	} rows[] = {
	    {"issuer and serial number", ISSUER "%3B" SERIAL, CV_E_NONE, 2},
	    {"with the rest",
		SUBJECT_INFO "%3B" ISSUER "%3B" SERIAL "%3BNB%3D%221%22%3BNA%3D%222%22"
			     "%3BSAN%3D%22a%2Cb%22",
		CV_E_NONE, 2},
	    {"with its chain", ISSUER "%3B" SERIAL "%2C" ISSUER "%3BSerialNumber%3D%229%22",
		CV_E_NONE, 2},
	    {"the largest", ISSUER "%3B" LARGEST, CV_E_NONE, 20},
	    {"too large", ISSUER "%3B" TOO_LARGE, CV_E_INPUT, 0},
	    {"a subject and a chain", SUBJECT_INFO "%3B" ISSUER "%3B" SERIAL "%2C" ISSUER,
		CV_E_CONFLICT, 0},
	    {"a subject with quotes", "Subject%3D%22x%22%3B" ISSUER "%3B" SERIAL "%3B" ISSUER,
		CV_E_INPUT, 0},
	    {"serial number twice", ISSUER "%3B" SERIAL "%3B" SERIAL, CV_E_INPUT, 0},
	    {"hex", ISSUER "%3BSerialNumber%3D%22a1%22", CV_E_INPUT, 0},
	    {"negative", ISSUER "%3BSerialNumber%3D%22-1%22", CV_E_INPUT, 0},
	    {"no serial number", ISSUER, CV_E_INPUT, 0},
	    {"no issuer", SERIAL, CV_E_INPUT, 0},
	    {"a NUL", ISSUER "%00%3B" SERIAL, CV_E_INPUT, 0},
	    {"bad escape", ISSUER "%3" SERIAL, CV_E_INPUT, 0},
	    {"empty", "", CV_E_INPUT, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_certificate_name name = {.issuer = ""};
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_forwarded_traefik_info(rows[i].value, &name, &err);

		cr_expect_eq(is_read, rows[i].code == CV_E_NONE, "%s: %s", rows[i].what, err.text);
		cr_expect_eq(err.code, rows[i].code, "%s: %s", rows[i].what, err.text);
		if (!is_read)
			continue;
		cr_expect_str_eq(name.issuer, "O=Acme,CN=Leaf CA +1", "%s", rows[i].what);
		cr_expect_eq(name.serial_len, rows[i].serial_len, "%s", rows[i].what);
		cr_expect_eq(
		    name.serial[0], rows[i].serial_len == 2 ? 1 : 0xff, "%s", rows[i].what);
		cr_expect_eq(name.serial[rows[i].serial_len - 1],
		    rows[i].serial_len == 2 ? 2 : 0xff, "%s", rows[i].what);
	}
}
