/*
 * Headers of gateways. The first byte names the source, the rest is the value. What is accepted is
 * the certificate that is in the header, found there by other means.
 */
#include <ctype.h>
#include <openssl/pem.h>

#include "cv/codec/forwarded_certificate.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "fuzz.h"

/* The bytes of the only certificate in a PEM text, as OpenSSL reads them; false when it does not.
 */
static bool
read_by_openssl(const struct cv_buffer *pem, struct cv_buffer *ret_der)
{
	BIO *bio = BIO_new_mem_buf(cv_buffer_text(pem), (int)pem->len);
	char *name = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	long len = 0;

	FUZZ_REQUIRE(bio != NULL);
	/* What stands before a blank line OpenSSL takes for a header; RFC 7468 has none. */
	const bool is_read =
	    PEM_read_bio(bio, &name, &header, &der, &len) == 1 && header[0] == '\0';
	if (is_read) {
		FUZZ_REQUIRE(strcmp(name, "CERTIFICATE") == 0);
		cv_buffer_append(ret_der, der, (size_t)len);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return is_read;
}

static void
percent_decode(const char *value, struct cv_buffer *ret_text)
{
	for (const char *at = value; *at != '\0'; at++) {
		unsigned byte = (unsigned char)*at;
		if (byte == '%') {
			FUZZ_REQUIRE(isxdigit((unsigned char)at[1]) &&
				     isxdigit((unsigned char)at[2]) &&
				     sscanf(at + 1, "%2x", &byte) == 1);
			at += 2;
		}
		cv_buffer_append_byte(ret_text, (uint8_t)byte);
	}
}

static void
check_pem(const char *value, struct cv_bytes der)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer other = CV_BUFFER_INIT;

	percent_decode(value, &pem);
	if (read_by_openssl(&pem, &other))
		FUZZ_REQUIRE(cv_bytes_equal(der, cv_buffer_bytes(&other)));
}

static void
check_rfc9440(const char *value, struct cv_bytes der)
{
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;

	if (value[0] == '-') {
		check_pem(value, der);
		return;
	}
	cv_buffer_append_byte(&again, ':');
	cv_base64_append(&again, der);
	cv_buffer_append_byte(&again, ':');
	FUZZ_REQUIRE(strcmp(value, cv_buffer_text(&again)) == 0);
}

static void
check_sha256(const char *value)
{
	char hex[CV_DIGEST_HEX_SIZE];
	struct cv_digest fingerprint;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_forwarded_sha256(value, &fingerprint, &err)) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT);
		return;
	}
	cv_hex_encode(fingerprint.bytes, sizeof(fingerprint.bytes), hex);
	FUZZ_REQUIRE(cv_text_equal_ignoring_case(value, hex));
}

static void
check_nothing(const char *value, struct cv_bytes der)
{
	(void)value;
	(void)der;
}

/* Sources that forward the whole certificate. */
static const struct {
	bool (*decode)(const char *value, struct cv_buffer *ret_der, struct cv_error *err);
	void (*check)(const char *value, struct cv_bytes der);
} sources[] = {
    {cv_forwarded_rfc9440, check_rfc9440},
    {cv_forwarded_pem, check_pem},
    {cv_forwarded_pem_chain, check_nothing},
    {cv_forwarded_traefik, check_nothing},
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

static void
read_pairs(const char *text, size_t len)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_certificate_name name = {.issuer = ""};
	struct cv_forwarded_xfcc xfcc;
	struct cv_error err = CV_ERROR_INIT;

	if (cv_forwarded_xfcc(text, &der, &xfcc, &err) &&
	    (xfcc.has_certificate != (der.len > 0) || der.len > len))
		FUZZ_REQUIRE(false);
	if (cv_forwarded_traefik_info(text, &name, &err) &&
	    (name.issuer[0] == '\0' || name.serial_len == 0))
		FUZZ_REQUIRE(false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (size == 0)
		return 0;
	CV_AUTO_MEMORY char *value = fuzz_text(data + 1, size - 1);
	const size_t source = data[0] % (SOURCES + 2);
	if (source == SOURCES) {
		check_sha256(value);
	} else if (source == SOURCES + 1) {
		read_pairs(value, strlen(value));
	} else if (sources[source].decode(value, &der, &err)) {
		FUZZ_REQUIRE(der.len > 0 && der.len < strlen(value) && !der.has_failed);
		sources[source].check(value, cv_buffer_bytes(&der));
	} else {
		FUZZ_REQUIRE(err.code == CV_E_INPUT || err.code == CV_E_LIMIT);
	}
	return 0;
}
