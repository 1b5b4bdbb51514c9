#include "cv/signer/event_signer.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/util/base64.h"
#include "../support/openssl_fixture.h"

#define NOW 1790000000 /* 2026-09-21 */

static struct cv_event_signer *
make_signer(const char *passphrase)
{
	struct cv_event_signer *signer = NULL;
	struct cv_error err = CV_ERROR_INIT;
	cr_assert(cv_event_signer_new(passphrase, &signer, &err), "%s", err.text);
	return signer;
}

struct made {
	char kid[CV_KID_SIZE];
	struct cv_buffer certificate, sealed;
};

static void
make(struct cv_event_signer *signer, struct made *ret_made)
{
	struct cv_error err = CV_ERROR_INIT;
	*ret_made = (struct made){.kid = ""};
	cr_assert(cv_event_signer_make(
		      signer, NOW, ret_made->kid, &ret_made->certificate, &ret_made->sealed, &err),
	    "%s %s", err.text, err.cause);
}

static void
made_deinit(struct made *made)
{
	cv_buffer_deinit(&made->certificate);
	cv_buffer_deinit(&made->sealed);
}
#define AUTO_MADE __attribute__((cleanup(made_deinit)))

static bool
load(struct cv_event_signer *signer, const struct made *made, const struct made *key)
{
	struct cv_error err = CV_ERROR_INIT;
	const bool is_good = cv_event_signer_load(signer, made->kid,
	    cv_buffer_bytes(&made->certificate), cv_buffer_bytes(&key->sealed), &err);
	cr_expect(is_good || err.code == CV_E_SIGNER);
	return is_good;
}

static bool
sign(struct cv_event_signer *signer, const char *input, uint8_t ret_signature[CV_SIGNATURE_MAX],
    size_t *ret_len)
{
	struct cv_error err = CV_ERROR_INIT;
	const bool is_good = cv_event_signer_sign(
	    signer, cv_bytes(input, strlen(input)), ret_signature, ret_len, &err);
	cr_expect(is_good || err.code == CV_E_SIGNER);
	return is_good;
}

/* As a receiver verifies: RSASSA-PKCS1-v1_5 with SHA-256 by the key of the certificate. */
static bool
verifies(const struct made *made, const char *input, const uint8_t *signature, size_t len)
{
	const unsigned char *der = made->certificate.data;
	CV_AUTO_OPENSSL(X509) X509 *certificate = d2i_X509(NULL, &der, (long)made->certificate.len);
	CV_AUTO_OPENSSL(EVP_MD_CTX) EVP_MD_CTX *context = EVP_MD_CTX_new();
	cr_assert_not_null(certificate);
	cr_expect_eq(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
	cr_assert_eq(
	    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, X509_get0_pubkey(certificate)),
	    1);
	return EVP_DigestVerify(
		   context, signature, len, (const unsigned char *)input, strlen(input)) == 1;
}

Test(event_signer, signs_what_its_certificate_verifies)
{
	CV_AUTO(cv_event_signer) struct cv_event_signer *signer = make_signer("correct horse");
	AUTO_MADE struct made made;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	/* {"alg":"RS256","typ":"JWT"} and {} */
	static const char input[] = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30";
	make(signer, &made);
	cr_expect_not(sign(signer, input, signature, &len), "no key is loaded yet");
	cr_expect_not(cv_event_signer_has(signer, made.kid));
	cr_assert(load(signer, &made, &made));
	cr_expect(cv_event_signer_has(signer, made.kid));
	cr_assert(sign(signer, input, signature, &len));
	cr_expect_eq(len, 256);
	cr_expect(verifies(&made, input, signature, len));
	cr_expect_not(verifies(&made, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e31", signature, len));
}

Test(event_signer, signs_nothing_but_jwts)
{
	CV_AUTO(cv_event_signer) struct cv_event_signer *signer = make_signer("correct horse");
	AUTO_MADE struct made made;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	/* Another algorithm, no claims, three parts, another alphabet, a certificate. */
	static const char *const others[] = {"", "e30.e30", "eyJhbGciOiJSUzI1NiIs",
	    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.e30", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9",
	    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.e30",
	    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e3+", "\x30\x82\x01\x02.e30"};
	make(signer, &made);
	cr_assert(load(signer, &made, &made));
	cr_expect(sign(signer, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30", signature, &len));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(sign(signer, others[i], signature, &len), "%s", others[i]);
}

Test(event_signer, a_key_opens_with_its_passphrase_and_fits_its_certificate)
{
	CV_AUTO(cv_event_signer) struct cv_event_signer *signer = make_signer("correct horse");
	CV_AUTO(cv_event_signer) struct cv_event_signer *thief = make_signer("battery staple");
	AUTO_MADE struct made made, other;
	make(signer, &made);
	make(signer, &other);
	cr_expect(load(signer, &made, &made));
	cr_expect_not(load(thief, &made, &made));
	cr_expect_not(load(signer, &made, &other));
	cr_expect(strstr(cv_buffer_text(&made.sealed), "BEGIN ENCRYPTED PRIVATE KEY"));
	other.kid[0] = other.kid[0] == 'a' ? 'b' : 'a';
	cr_expect_not(load(signer, &other, &other), "it is not the kid of this certificate");
	cr_expect(cv_event_signer_has(signer, made.kid), "what failed changed nothing");
}

Test(event_signer, seals_for_its_passphrase)
{
	CV_AUTO(cv_event_signer) struct cv_event_signer *one = make_signer("correct horse");
	CV_AUTO(cv_event_signer) struct cv_event_signer *same = make_signer("correct horse");
	CV_AUTO(cv_event_signer) struct cv_event_signer *thief = make_signer("battery staple");
	CV_AUTO_BUFFER struct cv_buffer sealed = CV_BUFFER_INIT, again = CV_BUFFER_INIT,
					text = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;
	cr_assert(cv_event_signer_seal(one, cv_bytes("cvw_1", 5), &sealed, &err));
	cr_assert(cv_event_signer_seal(one, cv_bytes("cvw_1", 5), &again, &err));
	cr_expect_not(cv_bytes_equal(cv_buffer_bytes(&sealed), cv_buffer_bytes(&again)));
	cr_assert(cv_event_signer_unseal(same, cv_buffer_bytes(&sealed), &text, &err));
	cr_expect_str_eq(cv_buffer_text(&text), "cvw_1");
	cr_expect_not(cv_event_signer_unseal(thief, cv_buffer_bytes(&sealed), &text, &err));
	cr_expect_eq(err.code, CV_E_CRYPTO);
	cr_expect_not(cv_event_signer_unseal(one, cv_bytes(sealed.data, 16), &text, &err));
}
