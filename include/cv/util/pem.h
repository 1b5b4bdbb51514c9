/* PEM (RFC 7468): finding the one block of a label, and writing one. Knows nothing of what is
 * inside. Any thread. */
#ifndef CV_UTIL_PEM_H
#define CV_UTIL_PEM_H

#include <stdbool.h>

#include "cv/util/bytes.h"

enum cv_pem_outcome {
	CV_PEM_FOUND,
	CV_PEM_ABSENT,
	CV_PEM_SEVERAL,
	CV_PEM_MALFORMED, /* no end, not base64, nothing inside, too large */
};

/* One block, with what stands before and after it. */
struct cv_pem_block {
	struct cv_bytes before;
	struct cv_bytes after;
};

/* Appends the decoded bytes, as far as the ceiling of ret_der allows. White space inside may be of
 * any kind. */
enum cv_pem_outcome cv_pem_decode(struct cv_bytes text, const char *label,
    struct cv_pem_block *ret_block, struct cv_buffer *ret_der);
/*
 * The next block of a text with several, however they are separated; *rest moves behind it.
 * ret_text: the block from BEGIN to END, lent. The decoded bytes are appended, as above.
 */
enum cv_pem_outcome cv_pem_next(
    struct cv_bytes *rest, const char *label, struct cv_bytes *ret_text, struct cv_buffer *ret_der);
/* 64 columns, line feeds, final newline. */
void cv_pem_append(struct cv_buffer *buffer, const char *label, struct cv_bytes der);

#endif
