/* PEM (RFC 7468): finding the one block of a label, and writing one. Any thread. */
#ifndef CV_PKI_PEM_INTERNAL_H
#define CV_PKI_PEM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"

enum cv_pem_outcome {
	CV_PEM_FOUND,
	CV_PEM_ABSENT,
	CV_PEM_SEVERAL,
	CV_PEM_MALFORMED, /* no end, not base64, too large */
};

/* One block, with what stands before and after it. */
struct cv_pem_block {
	struct cv_bytes before;
	struct cv_bytes after;
};

/* Appends the decoded bytes, of which there are at most ret_der->max_bytes, which must be set. */
enum cv_pem_outcome cv_pem_decode(const char *pem, size_t len, const char *label,
    struct cv_pem_block *ret_block, struct cv_buffer *ret_der);
/* 64 columns, line feeds, final newline. */
void cv_pem_append(struct cv_buffer *buffer, const char *label, struct cv_bytes der);

#endif
