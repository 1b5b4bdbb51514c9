#include "cv/service/key_block_list.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/pki/openssl_key.h"
#include "cv/util/file.h"
#include "../support/openssl_fixture.h"

#define MARK_SIZE 21

static char folder[256];
static char path[300];

static void
make_folder(void)
{
	fixture_make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/keys", folder);
}

static void
remove_folder(void)
{
	fixture_remove_folder(folder);
}

TestSuite(key_block_list, .init = make_folder, .fini = remove_folder);

/* Each time as if a second had passed. */
__attribute__((format(printf, 1, 2))) static void
write_list(const char *format, ...)
{
	va_list arguments;
	char line[512];

	static time_t second = 1000000;
	struct cv_error err = CV_ERROR_INIT;
	struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	second++;
	cr_assert(cv_file_write(path, cv_bytes(line, strlen(line)), 0600, &err), "%s", err.text);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A key, and what a list says of it. */
struct listed {
	struct cv_public_key *key;
	char digest[CV_DIGEST_HEX_SIZE];
	char mark[MARK_SIZE]; /* of RSA: what Debian's lists have */
};

/* By other means than the program's. */
static void
write_mark(EVP_PKEY *pkey, char ret_mark[MARK_SIZE])
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *modulus = NULL;
	char text[2048];
	uint8_t sha1[EVP_MAX_MD_SIZE];
	char *hex;

	cr_assert_eq(EVP_PKEY_get_bn_param(pkey, "n", &modulus), 1);
	hex = BN_bn2hex(modulus);
	(void)snprintf(text, sizeof(text), "Modulus=%s\n", hex);
	OPENSSL_free(hex);
	cr_assert_eq(EVP_Digest(text, strlen(text), sha1, NULL, EVP_sha1(), NULL), 1);
	for (size_t i = 0; i < 10; i++)
		(void)snprintf(ret_mark + 2 * i, 3, "%02x", sha1[10 + i]);
}

static void
make_key(const char *kind, struct listed *ret_listed)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *pkey = fixture_key(kind);
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	struct cv_error err = CV_ERROR_INIT;

	memset(ret_listed, 0, sizeof(*ret_listed));
	cr_assert(cv_public_key_of(pkey, &outcome, &ret_listed->key, &err), "%s", err.text);
	cv_digest_format(cv_public_key_id(ret_listed->key), ret_listed->digest);
	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
		write_mark(pkey, ret_listed->mark);
}

static void
listed_deinit(struct listed *listed)
{
	cv_public_key_free(listed->key);
}
#define AUTO_LISTED __attribute__((cleanup(listed_deinit)))

Test(key_block_list, is_read_again_when_it_changed)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	AUTO_LISTED struct listed a, b;
	struct cv_error err = CV_ERROR_INIT;

	make_key("P-256", &a);
	make_key("P-256", &b);
	write_list("# a comment\n\n%s why\n", b.digest);
	cr_assert(cv_key_block_list_new(path, &list, &err), "%s", err.text);
	cr_expect(cv_key_block_list_has(list, b.key));
	cr_expect_not(cv_key_block_list_has(list, a.key));
	write_list("%s\n%s", b.digest, a.digest);
	cr_assert(cv_key_block_list_refresh(list, &err), "%s", err.text);
	cr_expect(cv_key_block_list_has(list, a.key));
	cr_expect(cv_key_block_list_has(list, b.key));
}

Test(key_block_list, reads_lists_of_weak_rsa_keys)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	AUTO_LISTED struct listed a, b, c;
	struct cv_error err = CV_ERROR_INIT;

	make_key("RSA-2048", &a);
	make_key("RSA-3072", &b);
	make_key("P-256", &c);
	write_list("# RSA-2048\nffffffffffffffffffff\n%s\n%s\n", a.mark, c.digest);
	cr_assert(cv_key_block_list_new(path, &list, &err), "%s", err.text);
	cr_expect(cv_key_block_list_has(list, a.key));
	cr_expect_not(cv_key_block_list_has(list, b.key));
	cr_expect(cv_key_block_list_has(list, c.key));
	write_list("00000000000000000000\r\n%s comment\r\n", b.mark);
	cr_assert(cv_key_block_list_refresh(list, &err), "%s", err.text);
	cr_expect_not(cv_key_block_list_has(list, a.key));
	cr_expect(cv_key_block_list_has(list, b.key));
	cr_expect_not(cv_key_block_list_has(list, c.key));
}

Test(key_block_list, stays_as_it_was_when_the_new_one_is_bad)
{
	/* So many digits of a digest, and what follows. */
	static const struct {
		int digits;
		const char *end;
	} bad[] = {{63, ""}, {64, "0"}, {21, ""}, {19, ""}, {20, "x"}, {4, ""}, {0, "nonsense"}};
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	AUTO_LISTED struct listed a;
	struct cv_error err = CV_ERROR_INIT;

	make_key("P-256", &a);
	write_list("%s\n", a.digest);
	cr_assert(cv_key_block_list_new(path, &list, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_list("%s\n%.*s%s\n", a.digest, bad[i].digits, a.digest, bad[i].end);
		err = (struct cv_error)CV_ERROR_INIT;
		cr_expect_not(cv_key_block_list_refresh(list, &err), "row %zu", i);
		cr_expect_eq(err.code, CV_E_CONFIG);
		cr_expect(cv_key_block_list_has(list, a.key));
	}
}

Test(key_block_list, none_is_empty_and_a_missing_one_is_an_error)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *missing = NULL;
	AUTO_LISTED struct listed a;
	struct cv_error err = CV_ERROR_INIT;

	make_key("P-256", &a);
	cr_assert(cv_key_block_list_new("", &list, &err), "%s", err.text);
	cr_expect_not(cv_key_block_list_has(list, a.key));
	cr_expect_not(cv_key_block_list_new("/nonexistent/keys", &missing, &err));
	cr_expect_eq(err.code, CV_E_IO);
}
