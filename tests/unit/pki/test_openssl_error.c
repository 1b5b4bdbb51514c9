#include "cv/pki/openssl_error.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

Test(openssl_error, oldest_entry_is_the_cause_and_the_queue_is_empty)
{
	struct cv_error err = CV_ERROR_INIT;
	ERR_raise(ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH);
	ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
	cr_expect_not(cv_openssl_fail(&err, CV_E_CRYPTO, "it failed for %s", "a test"));
	cr_expect_eq(err.code, CV_E_CRYPTO);
	cr_expect_str_eq(err.text, "it failed for a test");
	cr_expect_not_null(strstr(err.cause, "key values mismatch"), "%s", err.cause);
	cr_expect_eq(ERR_peek_error(), 0);
}

Test(openssl_error, empty_queue_is_said)
{
	struct cv_error err = CV_ERROR_INIT;
	cr_expect_not(cv_openssl_fail(&err, CV_E_CRYPTO, "it failed"));
	cr_expect_str_eq(err.cause, "OpenSSL gave no reason");
}

Test(openssl_error, forgetting_empties_the_queue)
{
	ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
	cv_openssl_forget();
	cr_expect_eq(ERR_peek_error(), 0);
}

Test(openssl_error, out_of_memory_is_told_apart)
{
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	cr_expect(cv_openssl_is_out_of_memory());
	cv_openssl_forget();
	ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
	cr_expect_not(cv_openssl_is_out_of_memory());
	cv_openssl_forget();
}
