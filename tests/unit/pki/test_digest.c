#include "cv/pki/digest.h"

#include <criterion/criterion.h>

#include "cv/util/text.h"

/* FIPS 180-4 examples. */
Test(digest, known_answers)
{
	struct cv_digest sha256;
	char text[CV_DIGEST_HEX_SIZE];
	cv_digest_sha256(cv_bytes("abc", 3), &sha256);
	cv_digest_format(&sha256, text);
	cr_expect_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cv_digest_sha256(cv_bytes(NULL, 0), &sha256);
	cv_digest_format(&sha256, text);
	cr_expect_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

	uint8_t sha1[CV_SHA1_LEN];
	cv_digest_sha1(cv_bytes("abc", 3), sha1);
	cv_hex_encode(sha1, sizeof(sha1), text);
	cr_expect_str_eq(text, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
