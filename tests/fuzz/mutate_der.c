#include "mutate_der.h"

#include <openssl/evp.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/openssl_auto.h"
#include "fuzz.h"

#define CONSTRUCTED 0x20
#define GROWTH 64 /* bytes that one element may gain */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static const uint8_t algorithm[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
const struct cv_bytes mutate_der_algorithm = {algorithm, sizeof(algorithm)};

enum change {
	CHANGE_CONTENT,
	CHANGE_MORE_CONTENT,
	CHANGE_TAG,
	CHANGE_DROP,
	CHANGE_DOUBLE,
	CHANGES
};

struct mutation {
	struct cv_buffer *out;
	unsigned chosen; /* number of the element that changes */
	unsigned passed;
	enum change change;
};

/* Values of extensions are DER inside an OCTET STRING. */
static bool
has_inside(uint8_t tag, struct cv_bytes content)
{
	return (tag & CONSTRUCTED) != 0 ||
	       (tag == CV_DER_OCTET_STRING && cv_der_is_strict(content));
}

static unsigned
count_elements(struct cv_bytes bytes)
{
	struct cv_der_reader reader = cv_der_reader(bytes);
	struct cv_bytes content;
	struct cv_bytes element;
	unsigned count = 0;
	uint8_t tag = 0;

	while (cv_der_read_any(&reader, &tag, &content, &element))
		count += 1 + (has_inside(tag, content) ? count_elements(content) : 0);
	return count;
}

static void
append_mutated_content(struct cv_buffer *out, uint8_t tag, struct cv_bytes content)
{
	uint8_t *copy = malloc(content.len + GROWTH);

	FUZZ_REQUIRE(copy != NULL);
	if (content.len > 0)
		memcpy(copy, content.data, content.len);
	size_t len = LLVMFuzzerMutate(copy, content.len, content.len + GROWTH);
	cv_der_append(out, tag, cv_bytes(copy, len));
	free(copy);
}

static void
append_changed(
    const struct mutation *mutation, uint8_t tag, struct cv_bytes content, struct cv_bytes element)
{
	uint8_t other = tag;

	switch (mutation->change) {
	case CHANGE_TAG:
		(void)LLVMFuzzerMutate(&other, 1, 1);
		cv_der_append(mutation->out, other, content);
		return;
	case CHANGE_DROP:
		return;
	case CHANGE_DOUBLE:
		cv_buffer_append(mutation->out, element.data, element.len);
		cv_buffer_append(mutation->out, element.data, element.len);
		return;
	case CHANGE_CONTENT:
	case CHANGE_MORE_CONTENT:
	case CHANGES:
		append_mutated_content(mutation->out, tag, content);
		return;
	}
}

static void
append_all(struct mutation *mutation, struct cv_bytes bytes)
{
	struct cv_der_reader reader = cv_der_reader(bytes);
	struct cv_bytes content;
	struct cv_bytes element;
	uint8_t tag = 0;

	while (cv_der_read_any(&reader, &tag, &content, &element)) {
		if (mutation->passed++ == mutation->chosen) {
			append_changed(mutation, tag, content, element);
		} else if (has_inside(tag, content)) {
			size_t opened = cv_der_open(mutation->out, tag);
			append_all(mutation, content);
			cv_der_close(mutation->out, opened);
		} else {
			cv_buffer_append(mutation->out, element.data, element.len);
		}
	}
}

/* Copies the result back when it fits. */
static size_t
take(const struct cv_buffer *result, uint8_t *data, size_t size, size_t max_size)
{
	if (result->has_failed || result->len == 0 || result->len > max_size)
		return size;
	memcpy(data, result->data, result->len);
	return result->len;
}

size_t
mutate_der(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	CV_AUTO_BUFFER struct cv_buffer out = CV_BUFFER_INIT;
	struct cv_bytes bytes = cv_bytes(data, size);

	if (seed % 8 == 0 || !cv_der_is_strict(bytes))
		return LLVMFuzzerMutate(data, size, max_size);
	struct mutation mutation = {.out = &out,
	    .chosen = seed / 64 % count_elements(bytes),
	    .change = (enum change)(seed / 8 % CHANGES)};
	append_all(&mutation, bytes);
	return take(&out, data, size, max_size);
}

static EVP_PKEY *
private_key(void)
{
	static EVP_PKEY *key;
	uint8_t secret[32];

	memset(secret, 1, sizeof(secret));
	if (key == NULL)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	FUZZ_REQUIRE(key != NULL);
	return key;
}

void
mutate_der_append_spki(struct cv_buffer *buffer)
{
	uint8_t bits[1 + 32] = {0};
	size_t len = sizeof(bits) - 1;

	FUZZ_REQUIRE(EVP_PKEY_get_raw_public_key(private_key(), bits + 1, &len) == 1);
	size_t opened = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_buffer_append(buffer, algorithm, sizeof(algorithm));
	cv_der_append(buffer, CV_DER_BIT_STRING, CV_BYTES(bits));
	cv_der_close(buffer, opened);
}

void
mutate_der_append_signature(struct cv_buffer *buffer, struct cv_bytes data)
{
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t len = sizeof(signature);

	FUZZ_REQUIRE(context != NULL &&
		     EVP_DigestSignInit(context, NULL, NULL, NULL, private_key()) == 1 &&
		     EVP_DigestSign(context, signature, &len, data.data, data.len) == 1);
	cv_buffer_append(buffer, signature, len);
}

static void
append_signed(struct cv_buffer *out, struct cv_bytes to_be_signed)
{
	size_t outer = cv_der_open(out, CV_DER_SEQUENCE);

	cv_buffer_append(out, to_be_signed.data, to_be_signed.len);
	cv_buffer_append(out, algorithm, sizeof(algorithm));
	size_t bits = cv_der_open(out, CV_DER_BIT_STRING);
	cv_buffer_append_byte(out, 0);
	mutate_der_append_signature(out, to_be_signed);
	cv_der_close(out, bits);
	cv_der_close(out, outer);
}

size_t
mutate_signed_der(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	CV_AUTO_BUFFER struct cv_buffer out = CV_BUFFER_INIT;

	size = mutate_der(data, size, max_size, seed);
	struct cv_der_reader reader = cv_der_reader(cv_bytes(data, size));
	struct cv_der_reader inner;
	struct cv_bytes to_be_signed;
	/* Some keep a signature that does not fit. */
	if (seed / 2048 % 8 == 0 || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &to_be_signed))
		return size;
	append_signed(&out, to_be_signed);
	return take(&out, data, size, max_size);
}
