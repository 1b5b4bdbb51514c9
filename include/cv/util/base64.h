/* Base64 (RFC 4648 section 4) as the wire formats need it. Any thread. */
#ifndef CV_UTIL_BASE64_H
#define CV_UTIL_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Standard alphabet, padded, one line. */
void cv_base64_append(struct cv_buffer *buffer, struct cv_bytes data);
/* The same, with CRLF after every `columns` characters and none at the end. */
void cv_base64_append_wrapped(struct cv_buffer *buffer, struct cv_bytes data, size_t columns);

/* The URL-safe alphabet without padding (RFC 4648 section 5), as RFC 7515 wants it. */
void cv_base64url_append(struct cv_buffer *buffer, struct cv_bytes data);

enum cv_base64_mode {
	CV_BASE64_STRICT,     /* no white space */
	CV_BASE64_WHITESPACE, /* blanks, tabs, CR, LF and VT/FF anywhere are ignored (RFC 8951
				 section 3.1) */
};

/*
 * Appends the decoded bytes to *ret_data. Fails with CV_E_INPUT on missing padding, the URL-safe
 * alphabet, data after padding, non-zero trailing bits, NUL or any other character.
 * Empty input decodes to nothing and is accepted.
 */
bool cv_base64_decode(const char *text, size_t len, enum cv_base64_mode mode,
    struct cv_buffer *ret_data, struct cv_error *err);

#endif
