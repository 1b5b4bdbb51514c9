#include "cv/util/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX / 2];
static char path[PATH_MAX];

static void
make_folder(void)
{
	const char *parent = getenv("TMPDIR");

	(void)snprintf(folder, sizeof(folder), "%s/test_file.XXXXXX", parent ? parent : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/file", folder);
}

/* Number of entries in the test's folder. */
static size_t
count_entries(void)
{
	size_t count = 0;
	DIR *stream = opendir(folder);

	cr_assert_not_null(stream);
	for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

static void
remove_folder(void)
{
	(void)unlink(path);
	(void)rmdir(path);
	cr_assert_eq(rmdir(folder), 0, "something was left in %s", folder);
}

static void
assert_content(const char *expected)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_read(path, 1000, &content, &err), "%s", err.text);
	cr_assert_str_eq(cv_buffer_text(&content), expected);
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

Test(file, writes_and_reads_back)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes("hello", 5), 0640, &err), "%s", err.text);
	assert_content("hello");
	cr_assert_eq(count_entries(), 1);
}

/* Nobody writes into the FIFO: whoever opens it waits for ever. */
Test(file, only_regular_files_are_read, .timeout = 10)
{
	static const char *const others[] = {"/dev/null", "/dev/zero"};
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_not(cv_file_read(path, 1000, &content, &err));
	cr_expect_eq(err.code, CV_E_IO);
	cr_expect_str_eq(err.cause, "not a regular file");
	cr_expect_not(cv_file_read(folder, 1000, &content, &err));
	cr_expect_str_eq(err.cause, "Is a directory");
	for (size_t i = 0; i < 2; i++)
		cr_expect_not(cv_file_read(others[i], 1000, &content, &err), "%s", others[i]);
	cr_expect_eq(content.len, 0);
}

Test(file, a_pipe_is_read_where_it_may_be_one)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	char name[64];
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "hello", 5), 5);
	(void)close(ends[1]);
	(void)snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	cr_expect_not(cv_file_read(name, 1000, &content, &err));
	cr_assert(cv_file_read_any(name, 1000, &content, &err), "%s", err.text);
	cr_expect_str_eq(cv_buffer_text(&content), "hello");
	(void)close(ends[0]);
}

Test(file, mode_is_exact_whatever_the_umask)
{
	struct cv_error err = CV_ERROR_INIT;
	struct stat status;

	umask(0777);
	cr_assert(cv_file_write(path, cv_bytes("k", 1), 0600, &err));
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0600);
	cr_assert(cv_file_write(path, cv_bytes("k", 1), 0644, &err));
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0644);
}

Test(file, replaces_by_a_new_file)
{
	struct cv_error err = CV_ERROR_INIT;
	char text[16] = "";

	cr_assert(cv_file_write(path, cv_bytes("old", 3), 0600, &err));
	FILE *reader = fopen(path, "r");
	cr_assert_not_null(reader);
	cr_assert(cv_file_write(path, cv_bytes("new content", 11), 0600, &err));
	assert_content("new content");
	/* Who has the old file open still sees the old content, whole. */
	cr_assert_eq(fread(text, 1, sizeof(text), reader), 3);
	cr_assert_str_eq(text, "old");
	fclose(reader);
	cr_assert_eq(count_entries(), 1);
}

Test(file, a_failed_write_keeps_the_old_and_leaves_nothing)
{
	struct cv_file_draft draft = CV_FILE_DRAFT_INIT;
	struct cv_error err = CV_ERROR_INIT;

	/* A folder of that name cannot be replaced by a file: rename(2) fails after all was
	 * written. */
	cr_assert(cv_file_draft_begin(&draft, path, 0600, &err));
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_not(cv_file_draft_commit(&draft, cv_bytes("x", 1), &err));
	cr_assert_eq(err.code, CV_E_IO);
	cr_assert_str_neq(err.cause, "");
	cv_file_draft_deinit(&draft);
	cr_assert_eq(count_entries(), 1);
}

Test(file, write_needs_the_folder)
{
	struct cv_error err = CV_ERROR_INIT;
	char missing[PATH_MAX];

	(void)snprintf(missing, sizeof(missing), "%s/none/file", folder);
	cr_assert_not(cv_file_write(missing, cv_bytes("x", 1), 0600, &err));
	cr_assert_eq(err.code, CV_E_IO);
	cr_assert_str_eq(err.cause, "No such file or directory");
}

Test(file, writes_into_the_working_folder)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert_eq(chdir(folder), 0);
	cr_assert(cv_file_write("file", cv_bytes("here", 4), 0600, &err), "%s", err.text);
	assert_content("here");
}

Test(file, too_long_a_path_is_refused)
{
	struct cv_error err = CV_ERROR_INIT;
	char longest[PATH_MAX + 1];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[PATH_MAX] = '\0';
	cr_assert_not(cv_file_write(longest, cv_bytes("x", 1), 0600, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
}

Test(file, reads_up_to_the_ceiling)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	uint8_t data[10000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 251);
	cr_assert(cv_file_write(path, CV_BYTES(data), 0600, &err));
	cr_assert(cv_file_read(path, sizeof(data), &content, &err), "%s", err.text);
	cr_assert(cv_bytes_equal(cv_buffer_bytes(&content), CV_BYTES(data)));

	cv_buffer_reset(&content);
	cr_assert_not(cv_file_read(path, sizeof(data) - 1, &content, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
	cr_assert_eq(content.len, 0);
}

Test(file, reads_an_empty_file)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes(NULL, 0), 0600, &err));
	cr_assert(cv_file_read(path, 10, &content, &err));
	cr_assert_str_eq(cv_buffer_text(&content), "");
	cr_assert(cv_file_read(path, 0, &content, &err));
}

Test(file, zero_bytes_allowed_means_none)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes("x", 1), 0600, &err));
	cr_assert_not(cv_file_read(path, 0, &content, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
}

Test(file, reading_appends_and_fails_without_a_trace)
{
	CV_AUTO_BUFFER struct cv_buffer content = {.max_bytes = 6};
	struct cv_error err = CV_ERROR_INIT;

	cv_buffer_append_text(&content, "<");
	cr_assert(cv_file_write(path, cv_bytes("12345", 5), 0600, &err));
	cr_assert(cv_file_read(path, 10, &content, &err));
	cr_assert_str_eq(cv_buffer_text(&content), "<12345");
	cr_assert_not(cv_file_read(path, 10, &content, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
	cr_assert_str_eq(cv_buffer_text(&content), "<12345");
}

Test(file, reading_what_is_no_file_fails)
{
	CV_AUTO_BUFFER struct cv_buffer content = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert_not(cv_file_read(path, 10, &content, &err));
	cr_assert_eq(err.code, CV_E_IO);
	cr_assert_str_eq(err.cause, "No such file or directory");
	cr_assert_not_null(strstr(err.text, path));
	cr_assert_not(cv_file_read(folder, 10, &content, &err));
	cr_assert_str_eq(err.cause, "Is a directory");
}

Test(file, makes_a_folder_once)
{
	struct cv_error err = CV_ERROR_INIT;
	struct stat status;

	cr_assert_not(cv_file_exists(path));
	cr_assert(cv_file_make_folder(path, 0700, &err));
	cr_assert(cv_file_exists(path));
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0700);
	cr_assert(cv_file_make_folder(path, 0700, &err));
}

Test(file, a_file_is_no_folder)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes("x", 1), 0600, &err));
	cr_assert(cv_file_exists(path));
	cr_assert_not(cv_file_make_folder(path, 0700, &err));
	cr_assert_eq(err.code, CV_E_IO);
}

Test(file, folder_makes_one_level_only)
{
	struct cv_error err = CV_ERROR_INIT;
	char deep[PATH_MAX];

	(void)snprintf(deep, sizeof(deep), "%s/one/two", folder);
	cr_assert_not(cv_file_make_folder(deep, 0700, &err));
	cr_assert_eq(err.code, CV_E_IO);
}

Test(file, every_path_is_in_a_folder)
{
	static const char *const pairs[][2] = {
	    {"file", "."}, {"/file", "/"}, {"a/file", "a"}, {"/a/b/file", "/a/b"}};
	char parent[PATH_MAX], too_long[PATH_MAX + 8];
	struct cv_error err = CV_ERROR_INIT;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cr_assert(cv_file_copy_parent(pairs[i][0], parent, &err));
		cr_expect_str_eq(parent, pairs[i][1]);
	}
	memset(too_long, 'x', sizeof(too_long));
	memcpy(too_long + sizeof(too_long) - 3, "/x", 3);
	cr_assert_not(cv_file_copy_parent(too_long, parent, &err));
	cr_assert_eq(err.code, CV_E_LIMIT);
}

Test(file, a_folder_is_synced_and_nothing_else)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes("x", 1), 0600, &err));
	cr_assert(cv_file_sync_folder(folder, &err));
	cr_assert_not(cv_file_sync_folder(path, &err));
	cr_assert_eq(err.code, CV_E_IO);
}

Test(file, a_draft_is_there_when_it_is_committed_and_not_before)
{
	CV_AUTO_FILE_DRAFT struct cv_file_draft draft = CV_FILE_DRAFT_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_draft_begin(&draft, path, 0640, &err), "%s", err.text);
	cr_assert_not(cv_file_exists(path));
	cr_assert(cv_file_draft_commit(&draft, cv_bytes("made", 4), &err), "%s", err.text);
	assert_content("made");
	cr_assert_eq(count_entries(), 1);
}

Test(file, a_draft_that_is_given_up_leaves_the_old_file)
{
	struct cv_file_draft draft = CV_FILE_DRAFT_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes("old", 3), 0600, &err));
	cr_assert(cv_file_draft_begin(&draft, path, 0600, &err), "%s", err.text);
	cr_assert_eq(count_entries(), 2);
	cv_file_draft_deinit(&draft);
	assert_content("old");
	cr_assert_eq(count_entries(), 1);
}

/* What would fail in the end fails at the beginning. */
Test(file, a_draft_needs_a_place_for_its_file)
{
	static const int types[] = {S_IFDIR, S_IFIFO};
	CV_AUTO_FILE_DRAFT struct cv_file_draft draft = CV_FILE_DRAFT_INIT;
	char missing[PATH_MAX + 8];
	struct cv_error err = CV_ERROR_INIT;

	(void)snprintf(missing, sizeof(missing), "%s/none", path);
	cr_assert_not(cv_file_draft_begin(&draft, missing, 0600, &err));
	cr_assert_eq(err.code, CV_E_IO);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cr_assert_eq(types[i] == S_IFDIR ? mkdir(path, 0700) : mkfifo(path, 0600), 0);
		cr_assert_not(cv_file_draft_begin(&draft, path, 0600, &err));
		cr_assert_eq(err.code, CV_E_IO);
		cr_assert_eq(remove(path), 0);
	}
}
