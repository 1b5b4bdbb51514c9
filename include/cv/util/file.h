/* Whole files: read with a ceiling, written so that a power cut leaves the old or the new. */
#ifndef CV_UTIL_FILE_H
#define CV_UTIL_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Opens a regular file to be read. Anything else, a FIFO that nobody writes to for one, is refused
 * at once. CV_E_IO. */
bool cv_file_open(const char *path, int *ret_descriptor, struct cv_error *err);
/* The whole of a regular file. CV_E_IO; CV_E_LIMIT: it is larger. */
bool cv_file_read(
    const char *path, size_t max_bytes, struct cv_buffer *ret_data, struct cv_error *err);
/* The same of whatever a person names, also a pipe (/dev/stdin, `<(...)`), which may block. */
bool cv_file_read_any(
    const char *path, size_t max_bytes, struct cv_buffer *ret_data, struct cv_error *err);
/* Temporary file in the same folder, fsync, rename, fsync of the folder. CV_E_IO: also when path is
 * there and no regular file. */
bool cv_file_write(const char *path, struct cv_bytes data, mode_t mode, struct cv_error *err);
/* The same in two steps, for content that comes only once: most of what can fail does so in the
 * first one. What is not committed leaves nothing behind. */
struct cv_file_draft {
	char path[PATH_MAX];
	char temporary[PATH_MAX];
	int descriptor; /* of the temporary file; -1: none */
};
#define CV_FILE_DRAFT_INIT                                                                         \
	{                                                                                          \
		.descriptor = -1                                                                   \
	}
#define CV_AUTO_FILE_DRAFT __attribute__((cleanup(cv_file_draft_deinit)))
bool cv_file_draft_begin(
    struct cv_file_draft *draft, const char *path, mode_t mode, struct cv_error *err);
bool cv_file_draft_commit(struct cv_file_draft *draft, struct cv_bytes data, struct cv_error *err);
void cv_file_draft_deinit(struct cv_file_draft *draft);
/* mkdir for one level; an existing folder is fine. */
bool cv_file_make_folder(const char *path, mode_t mode, struct cv_error *err);
/* The folder that path is in. CV_E_LIMIT. */
bool cv_file_copy_parent(const char *path, char ret_parent[PATH_MAX], struct cv_error *err);
/* A new name is safe only when the folder that has it is on disk, too. CV_E_IO. */
bool cv_file_sync_folder(const char *path, struct cv_error *err);
bool cv_file_exists(const char *path);

#endif
