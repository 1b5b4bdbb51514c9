#include "../../../server/cli/demo_device_internal.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>

#include "../support/openssl_fixture.h"
#include "cv/codec/est.h"

/* An EST answer with a certificate for the key of `holder`. */
static void
answer(const struct cv_demo_identity *holder, const char *subject, struct cv_buffer *ret_answer)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	BIO *bio = BIO_new_mem_buf(holder->key_pem.data, (int)holder->key_pem.len);
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	cr_assert_not_null(key);
	fixture_certificate(&(struct fixture_certificate){.subject = subject, .key = key}, &der);
	const struct cv_bytes certificate = cv_buffer_bytes(&der);
	cv_est_append_certs(ret_answer, &certificate, 1, 64);
}

Test(demo_device, takes_the_certificate_of_its_own_key_and_name_only)
{
	struct cv_demo_identity own = {.key = NULL}, other = {.key = NULL};
	CV_AUTO_BUFFER struct cv_buffer good = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer of_other_key = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer of_other_name = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_demo_identity_make(&own, &err), "%s", err.text);
	cr_assert(cv_demo_identity_make(&other, &err), "%s", err.text);
	answer(&own, "/CN=d-1", &good);
	answer(&other, "/CN=d-1", &of_other_key);
	answer(&own, "/CN=d-2", &of_other_name);
	cr_expect_not(cv_demo_identity_certify(&own, "d-1", cv_buffer_bytes(&of_other_key), &err));
	cr_expect_not(cv_demo_identity_certify(&own, "d-1", cv_buffer_bytes(&of_other_name), &err));
	cr_expect_not(cv_demo_identity_certify(&own, "d-1", cv_bytes("MAA=", 4), &err));
	cr_expect_not(cv_demo_identity_certify(&own, "d-1", cv_bytes("<html>", 6), &err));
	cr_expect_eq(err.code, CV_E_INPUT);
	cr_expect_eq(own.certificate.len, 0);
	cr_expect(
	    cv_demo_identity_certify(&own, "d-1", cv_buffer_bytes(&good), &err), "%s", err.text);
	cr_expect(own.certificate.len > 0 && own.certificate_pem.len > 0);
	cv_demo_identity_deinit(&own);
	cv_demo_identity_deinit(&other);
}
