/* The DER reader: what is strict is walked to its end, OpenSSL sees the same in it, and writing it
 * again gives the same bytes. */
#include <openssl/asn1.h>
#include <time.h>

#include "cv/pki/der.h"
#include "fuzz.h"
#include "mutate_der.h"

#define CONSTRUCTED 0x20

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return mutate_der(data, size, max_size, seed);
}

static void
compare_header(uint8_t tag, struct cv_bytes content, struct cv_bytes element)
{
	const unsigned char *at = element.data;
	long len = 0;
	int number = 0;
	int class = 0;
	const int form = ASN1_get_object(&at, &len, &number, &class, (long)element.len);

	FUZZ_REQUIRE((form & 0x80) == 0);
	FUZZ_REQUIRE(at == content.data && (size_t)len == content.len);
	FUZZ_REQUIRE(number == (tag & 0x1f) && class == (tag & 0xc0));
	FUZZ_REQUIRE(((form & V_ASN1_CONSTRUCTED) != 0) == ((tag & CONSTRUCTED) != 0));
}

/* OpenSSL reads it and writes it as it was. */
#define COMPARE_PRIMITIVE(type, element)                                                           \
	do {                                                                                       \
		const unsigned char *at = (element).data;                                          \
		unsigned char *written = NULL;                                                     \
		type *value = d2i_##type(NULL, &at, (long)(element).len);                          \
		FUZZ_REQUIRE(value != NULL);                                                       \
		const int len = i2d_##type(value, &written);                                       \
		FUZZ_REQUIRE(len > 0 && cv_bytes_equal(cv_bytes(written, (size_t)len), element));  \
		OPENSSL_free(written);                                                             \
		type##_free(value);                                                                \
	} while (0)

static void
compare_primitive(uint8_t tag, struct cv_bytes element)
{
	if (tag == CV_DER_INTEGER)
		COMPARE_PRIMITIVE(ASN1_INTEGER, element);
	else if (tag == CV_DER_OID)
		COMPARE_PRIMITIVE(ASN1_OBJECT, element);
	else if (tag == CV_DER_BIT_STRING)
		COMPARE_PRIMITIVE(ASN1_BIT_STRING, element);
}

static void
check_small(struct cv_der_reader reader)
{
	CV_AUTO_BUFFER struct cv_buffer written = CV_BUFFER_INIT;
	const uint8_t *start = reader.at;
	uint64_t value = 0;

	if (!cv_der_read_small(&reader, &value))
		return;
	cv_der_append_small(&written, value);
	FUZZ_REQUIRE(cv_bytes_equal(
	    cv_buffer_bytes(&written), cv_bytes(start, (size_t)(reader.at - start))));
}

static void
check_time(struct cv_der_reader reader)
{
	CV_AUTO_BUFFER struct cv_buffer written = CV_BUFFER_INIT;
	const unsigned char *at = reader.at;
	const long left = reader.end - reader.at;
	int64_t seconds = 0;
	int64_t again = 0;
	struct tm tm;

	if (!cv_der_read_time(&reader, &seconds))
		return;
	ASN1_TIME *time = d2i_ASN1_TIME(NULL, &at, left);
	FUZZ_REQUIRE(time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 && timegm(&tm) == seconds);
	ASN1_TIME_free(time);
	/* The writer serves dates of certificates: UTCTime begins in 1950. */
	if (seconds < timegm(&(struct tm){.tm_year = 50, .tm_mday = 1}))
		return;
	cv_der_append_time(&written, seconds);
	reader = cv_der_reader(cv_buffer_bytes(&written));
	FUZZ_REQUIRE(cv_der_read_time(&reader, &again) && again == seconds);
}

/* Walks everything, writes it again, and says how many bytes could be walked. */
static size_t
walk(struct cv_bytes bytes, struct cv_buffer *again)
{
	struct cv_der_reader reader = cv_der_reader(bytes);
	struct cv_bytes content;
	struct cv_bytes element;
	uint8_t tag = 0;
	size_t walked = 0;

	while (!cv_der_at_end(&reader)) {
		check_small(reader);
		check_time(reader);
		if (!cv_der_read_any(&reader, &tag, &content, &element))
			break;
		walked += element.len;
		compare_header(tag, content, element);
		if ((tag & CONSTRUCTED) == 0 || !cv_der_is_strict(element)) {
			cv_der_append(again, tag, content);
			continue;
		}
		size_t opened = cv_der_open(again, tag);
		FUZZ_REQUIRE(walk(content, again) == content.len);
		cv_der_close(again, opened);
	}
	return walked;
}

/* Only what is strict all around promises strict primitives. */
static void
compare_primitives(struct cv_bytes bytes)
{
	struct cv_der_reader reader = cv_der_reader(bytes);
	struct cv_bytes content;
	struct cv_bytes element;
	uint8_t tag = 0;

	while (cv_der_read_any(&reader, &tag, &content, &element)) {
		if ((tag & CONSTRUCTED) != 0)
			compare_primitives(content);
		else
			compare_primitive(tag, element);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	const struct cv_bytes bytes = cv_bytes(data, size);
	const size_t walked = walk(bytes, &again);

	FUZZ_REQUIRE(cv_bytes_equal(cv_buffer_bytes(&again), cv_bytes(data, walked)));
	if (!cv_der_is_strict(bytes))
		return 0;
	FUZZ_REQUIRE(walked == size);
	compare_primitives(bytes);
	return 0;
}
