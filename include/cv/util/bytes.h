/* A borrowed view of bytes, and a growing buffer. Not thread-safe; any thread. */
#ifndef CV_UTIL_BYTES_H
#define CV_UTIL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/auto.h"

/* Borrowed: valid as long as what it points into. data may be NULL when len is 0. */
struct cv_bytes {
	const uint8_t *data;
	size_t len;
};

#define CV_BYTES(array) ((struct cv_bytes){(array), sizeof(array)})

static inline struct cv_bytes
cv_bytes(const void *data, size_t len)
{
	return (struct cv_bytes){data, len};
}

bool cv_bytes_equal(struct cv_bytes a, struct cv_bytes b);

/* Compares secrets: time depends on the lengths only. */
bool cv_bytes_equal_secret(struct cv_bytes a, struct cv_bytes b);

/*
 * A growing buffer that fails once and stays failed, so that twenty appends need one check at the
 * end. max_bytes bounds it (0: 16 MiB). The content is always NUL-terminated beyond len. Freed
 * memory of a buffer marked is_secret is wiped.
 */
struct cv_buffer {
	uint8_t *data;
	size_t len;
	size_t capacity;
	size_t max_bytes;
	bool has_failed;
	bool is_secret;
};

#define CV_BUFFER_INIT                                                                             \
	{                                                                                          \
		.data = NULL                                                                       \
	}

void cv_buffer_append(struct cv_buffer *buffer, const void *data, size_t len);
/*
 * Room for len more bytes behind the content, to be written directly and then taken in with
 * cv_buffer_take. NULL, and the buffer has not failed: so much does not fit. Valid until the next
 * append.
 */
uint8_t *cv_buffer_reserve(struct cv_buffer *buffer, size_t len);
/* The first len bytes of the reserved room are content now. */
static inline void
cv_buffer_take(struct cv_buffer *buffer, size_t len)
{
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}
void cv_buffer_append_text(struct cv_buffer *buffer, const char *text);
/* Text from elsewhere for a terminal: each control character, those of U+0080 to U+009F in UTF-8
 * too, and whatever breaks a line or turns its direction, becomes a '?'. */
void cv_buffer_append_printable(struct cv_buffer *buffer, const char *text);
void cv_buffer_append_byte(struct cv_buffer *buffer, uint8_t byte);
void cv_buffer_printf(struct cv_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Removes the content, keeps the memory. Clears has_failed. */
void cv_buffer_reset(struct cv_buffer *buffer);
/* The content as a NUL-terminated string; "" when nothing was appended. Lent. */
const char *cv_buffer_text(const struct cv_buffer *buffer);
static inline struct cv_bytes
cv_buffer_bytes(const struct cv_buffer *buffer)
{
	return (struct cv_bytes){buffer->data, buffer->len};
}
void cv_buffer_deinit(struct cv_buffer *buffer);

#define CV_AUTO_BUFFER __attribute__((cleanup(cv_buffer_deinit)))

/* Wipes memory in a way that the compiler keeps. */
void cv_wipe(void *memory, size_t len);

#endif
