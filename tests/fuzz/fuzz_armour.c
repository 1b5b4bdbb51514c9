/*
 * PEM: the decoder takes whatever the stricter one takes, OpenSSL reads the same bytes wherever it
 * reads any, and what was read is read again from what we write.
 */
#include <openssl/pem.h>

#include "cv/codec/armour.h"
#include "cv/util/pem.h"
#include "fuzz.h"

#define DER_MAX ((size_t)1 << 20)

static void
compare_with_openssl(struct cv_bytes text, struct cv_bytes der)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
	char *name = NULL;
	char *header = NULL;
	unsigned char *found = NULL;
	long len = 0;

	FUZZ_REQUIRE(bio != NULL);
	/* What stands before a blank line OpenSSL takes for a header; RFC 7468 has none. */
	if (PEM_read_bio(bio, &name, &header, &found, &len) == 1 && header[0] == '\0') {
		FUZZ_REQUIRE(strcmp(name, CV_ARMOUR_CERTIFICATE) == 0);
		FUZZ_REQUIRE(cv_bytes_equal(cv_bytes(found, (size_t)len), der));
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(found);
	BIO_free(bio);
}

/* What stands alone by the rules for clients is one block by those for files, too. */
static void
compare_decoders(struct cv_bytes text, struct cv_bytes der)
{
	CV_AUTO_BUFFER struct cv_buffer other = {.max_bytes = DER_MAX};
	struct cv_pem_block block;

	FUZZ_REQUIRE(cv_pem_decode(text, CV_ARMOUR_CERTIFICATE, &block, &other) == CV_PEM_FOUND);
	FUZZ_REQUIRE(cv_bytes_equal(der, cv_buffer_bytes(&other)));
	FUZZ_REQUIRE(block.before.len + block.after.len < text.len);
}

static void
check_again(struct cv_bytes der)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cv_pem_append(&text, CV_ARMOUR_CERTIFICATE, der);
	FUZZ_REQUIRE(cv_armour_decode(
	    cv_buffer_bytes(&text), CV_ARMOUR_ALONE, CV_ARMOUR_CERTIFICATE, NULL, &again, &err));
	FUZZ_REQUIRE(cv_bytes_equal(der, cv_buffer_bytes(&again)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer alone = CV_BUFFER_INIT;
	const struct cv_bytes text = cv_bytes(data, size);
	struct cv_error err = CV_ERROR_INIT;
	const bool is_found =
	    cv_armour_decode(text, CV_ARMOUR_WITH_TEXT, CV_ARMOUR_CERTIFICATE, NULL, &der, &err);

	if (cv_armour_decode(text, CV_ARMOUR_ALONE, CV_ARMOUR_CERTIFICATE, NULL, &alone, &err))
		FUZZ_REQUIRE(
		    is_found && cv_bytes_equal(cv_buffer_bytes(&der), cv_buffer_bytes(&alone)));
	if (!is_found) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT);
		return 0;
	}
	FUZZ_REQUIRE(der.len > 0 && der.len < size);
	compare_with_openssl(text, cv_buffer_bytes(&der));
	compare_decoders(text, cv_buffer_bytes(&der));
	check_again(cv_buffer_bytes(&der));
	return 0;
}
