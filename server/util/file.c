#include "cv/util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/util/text.h"

#define READ_SIZE 4096

/* cv_fail() with the system's reason; reads errno. */
static bool
fail_io(struct cv_error *err, const char *act, const char *path)
{
	int number = errno;

	cv_fail(err, CV_E_IO, "%s %s failed", act, path);
	return cv_error_cause(err, "%s", strerror(number));
}

/* One read, repeated when a signal came first. */
static ssize_t
read_some(int descriptor, void *ret_data, size_t size)
{
	ssize_t count;

	do
		count = read(descriptor, ret_data, size);
	while (count < 0 && errno == EINTR);
	return count;
}

static bool
read_all(int descriptor, const char *path, size_t max_bytes, struct cv_buffer *ret_data,
    struct cv_error *err)
{
	uint8_t chunk[READ_SIZE];
	size_t total = 0;
	ssize_t count;

	while ((count = read_some(descriptor, chunk, sizeof(chunk))) > 0) {
		if ((size_t)count > max_bytes - total)
			break;
		total += (size_t)count;
		cv_buffer_append(ret_data, chunk, (size_t)count);
	}
	if (count < 0)
		fail_io(err, "reading", path);
	else if (count > 0)
		cv_fail(err, CV_E_LIMIT, "%s is larger than %zu bytes", path, max_bytes);
	else if (ret_data->has_failed)
		cv_fail(err, CV_E_MEMORY, "no memory for the content of %s", path);
	/* The file may have been a key or a passphrase. */
	cv_wipe(chunk, sizeof(chunk));
	return count == 0 && !ret_data->has_failed;
}

static bool
read_whole(int descriptor, const char *path, size_t max_bytes, struct cv_buffer *ret_data,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer content = {.max_bytes = max_bytes, .is_secret = true};

	if (!read_all(descriptor, path, max_bytes, &content, err))
		return false;

	cv_buffer_append(ret_data, content.data, content.len);
	if (ret_data->has_failed)
		return cv_fail(err, CV_E_LIMIT, "%s is larger than its buffer may be", path);
	return true;
}

bool
cv_file_open(const char *path, int *ret_descriptor, struct cv_error *err)
{
	struct stat status;

	/* Of a regular file O_NONBLOCK changes nothing. */
	CV_AUTO_DESCRIPTOR int descriptor =
	    open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0)
		return fail_io(err, "opening", path);
	if (fstat(descriptor, &status) != 0)
		return fail_io(err, "looking at", path);
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return fail_io(err, "opening", path);
	}
	if (!S_ISREG(status.st_mode)) {
		cv_fail(err, CV_E_IO, "opening %s failed", path);
		return cv_error_cause(err, "not a regular file");
	}
	*ret_descriptor = descriptor;
	descriptor = -1;
	return true;
}

bool
cv_file_read(const char *path, size_t max_bytes, struct cv_buffer *ret_data, struct cv_error *err)
{
	CV_AUTO_DESCRIPTOR int descriptor = -1;

	return cv_file_open(path, &descriptor, err) &&
	       read_whole(descriptor, path, max_bytes, ret_data, err);
}

bool
cv_file_read_any(
    const char *path, size_t max_bytes, struct cv_buffer *ret_data, struct cv_error *err)
{
	CV_AUTO_DESCRIPTOR int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (descriptor < 0)
		return fail_io(err, "opening", path);
	return read_whole(descriptor, path, max_bytes, ret_data, err);
}

static bool
write_all(int descriptor, struct cv_bytes data)
{
	while (data.len > 0) {
		ssize_t count = write(descriptor, data.data, data.len);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		data.data += count;
		data.len -= (size_t)count;
	}
	return true;
}

bool
cv_file_copy_parent(const char *path, char ret_parent[PATH_MAX], struct cv_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *parent = slash == NULL ? "." : slash == path ? "/" : path;
	size_t len = parent == path ? (size_t)(slash - path) : 1;

	return cv_text_copy_bytes(ret_parent, PATH_MAX, parent, len) ||
	       cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
}

bool
cv_file_sync_folder(const char *path, struct cv_error *err)
{
	CV_AUTO_DESCRIPTOR int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return (folder >= 0 && fsync(folder) == 0) || fail_io(err, "syncing folder", path);
}

/* It would be found out only when the content is there, and a FIFO would be replaced. */
static bool
check_replaceable(const char *path, struct cv_error *err)
{
	struct stat status;

	if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
		return true;
	cv_fail(err, CV_E_IO, "writing %s failed", path);
	return cv_error_cause(err, "not a regular file");
}

bool
cv_file_draft_begin(
    struct cv_file_draft *draft, const char *path, mode_t mode, struct cv_error *err)
{
	int len = snprintf(draft->temporary, sizeof(draft->temporary), "%s.XXXXXX", path);

	if (len < 0 || (size_t)len >= sizeof(draft->temporary))
		return cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
	if (!check_replaceable(path, err))
		return false;
	draft->descriptor = mkostemp(draft->temporary, O_CLOEXEC);
	if (draft->descriptor < 0)
		return fail_io(err, "creating a temporary file beside", path);
	/* The mode is set before the content arrives: a private key is never readable by others. */
	if (fchmod(draft->descriptor, mode) != 0)
		return fail_io(err, "writing", path);
	(void)cv_text_copy_bytes(
	    draft->path, sizeof(draft->path), path, (size_t)len - strlen(".XXXXXX"));
	return true;
}

bool
cv_file_draft_commit(struct cv_file_draft *draft, struct cv_bytes data, struct cv_error *err)
{
	char parent[PATH_MAX];

	if (!cv_file_copy_parent(draft->path, parent, err))
		return false;
	if (!write_all(draft->descriptor, data) || fsync(draft->descriptor) != 0 ||
	    rename(draft->temporary, draft->path) != 0)
		return fail_io(err, "writing", draft->path);
	close(draft->descriptor);
	draft->descriptor = -1;
	return cv_file_sync_folder(parent, err);
}

void
cv_file_draft_deinit(struct cv_file_draft *draft)
{
	if (draft->descriptor < 0)
		return;
	close(draft->descriptor);
	(void)unlink(draft->temporary);
	draft->descriptor = -1;
}

bool
cv_file_write(const char *path, struct cv_bytes data, mode_t mode, struct cv_error *err)
{
	CV_AUTO_FILE_DRAFT struct cv_file_draft draft = CV_FILE_DRAFT_INIT;

	return cv_file_draft_begin(&draft, path, mode, err) &&
	       cv_file_draft_commit(&draft, data, err);
}

bool
cv_file_make_folder(const char *path, mode_t mode, struct cv_error *err)
{
	struct stat status;

	if (mkdir(path, mode) == 0)
		return true;
	if (errno != EEXIST)
		return fail_io(err, "making folder", path);
	if (stat(path, &status) != 0)
		return fail_io(err, "looking at", path);
	if (!S_ISDIR(status.st_mode))
		return cv_fail(err, CV_E_IO, "%s exists and is no folder", path);
	return true;
}

bool
cv_file_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}
