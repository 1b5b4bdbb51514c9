#include "cv/service/key_block_list.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/util/file.h"
#include "../support/openssl_fixture.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

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
static void
write_list(const char *text)
{
	static time_t second = 1000000;
	struct cv_error err = CV_ERROR_INIT;
	struct timespec times[2] = {{.tv_sec = second}, {.tv_sec = second}};

	second++;
	cr_assert(cv_file_write(path, cv_bytes(text, strlen(text)), 0600, &err), "%s", err.text);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool
has(struct cv_key_block_list *list, const char *hex)
{
	struct cv_digest digest;

	cr_assert(cv_digest_parse(hex, &digest));
	return cv_key_block_list_has(list, &digest);
}

Test(key_block_list, is_read_again_when_it_changed)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	struct cv_error err = CV_ERROR_INIT;

	write_list("# a comment\n\n" B " why\n");
	cr_assert(cv_key_block_list_new(path, &list, &err), "%s", err.text);
	cr_expect(has(list, B));
	cr_expect_not(has(list, A));
	write_list(B "\n" A);
	cr_assert(cv_key_block_list_refresh(list, &err), "%s", err.text);
	cr_expect(has(list, A));
	cr_expect(has(list, B));
}

Test(key_block_list, stays_as_it_was_when_the_new_one_is_bad)
{
	static const char *const bad[] = {A "\n" A "0\n", "nonsense\n", "0011\n"};
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	struct cv_error err = CV_ERROR_INIT;

	write_list(A "\n");
	cr_assert(cv_key_block_list_new(path, &list, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_list(bad[i]);
		err = (struct cv_error)CV_ERROR_INIT;
		cr_expect_not(cv_key_block_list_refresh(list, &err), "row %zu", i);
		cr_expect_eq(err.code, CV_E_CONFIG);
		cr_expect(has(list, A));
	}
}

Test(key_block_list, none_is_empty_and_a_missing_one_is_an_error)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *missing = NULL;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_key_block_list_new("", &list, &err), "%s", err.text);
	cr_expect_not(has(list, A));
	cr_expect_not(cv_key_block_list_new("/nonexistent/keys", &missing, &err));
	cr_expect_eq(err.code, CV_E_IO);
}
