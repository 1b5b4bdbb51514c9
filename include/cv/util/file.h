/* Whole files: read with a ceiling, written so that a power cut leaves the old or the new. */
#ifndef CV_UTIL_FILE_H
#define CV_UTIL_FILE_H

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
/* Temporary file in the same folder, fsync, rename, fsync of the folder. */
bool cv_file_write(const char *path, struct cv_bytes data, mode_t mode, struct cv_error *err);
/* mkdir for one level; an existing folder is fine. */
bool cv_file_make_folder(const char *path, mode_t mode, struct cv_error *err);
bool cv_file_exists(const char *path);

#endif
