#include "cv/util/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MAX_BYTES ((size_t)16 << 20)
#define SMALLEST_CAPACITY ((size_t)256)

bool
cv_bytes_equal(struct cv_bytes a, struct cv_bytes b)
{
	if (a.len != b.len)
		return false;
	return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

bool
cv_bytes_equal_secret(struct cv_bytes a, struct cv_bytes b)
{
	/* volatile: the compiler may not leave the loop at the first difference. */
	volatile uint8_t difference = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
	return difference == 0;
}

void
cv_wipe(void *memory, size_t len)
{
	if (len > 0)
		explicit_bzero(memory, len);
}

static void
release_memory(struct cv_buffer *buffer)
{
	if (buffer->is_secret)
		cv_wipe(buffer->data, buffer->capacity);
	free(buffer->data);
}

/* A power of two that holds needed bytes; the ceiling keeps this far from overflow. */
static size_t
choose_capacity(size_t needed)
{
	size_t capacity = SMALLEST_CAPACITY;

	while (capacity < needed && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	return capacity < needed ? needed : capacity;
}

/* Makes room for len more bytes and the NUL. Not realloc: that would leave a secret behind. */
static bool
reserve(struct cv_buffer *buffer, size_t len)
{
	size_t max = buffer->max_bytes == 0 ? DEFAULT_MAX_BYTES : buffer->max_bytes;

	if (buffer->has_failed)
		return false;
	if (buffer->len > max || len > max - buffer->len || max == SIZE_MAX) {
		buffer->has_failed = true;
		return false;
	}

	size_t needed = buffer->len + len + 1;
	if (needed <= buffer->capacity)
		return true;

	size_t capacity = choose_capacity(needed);
	uint8_t *data = malloc(capacity);
	if (data == NULL) {
		buffer->has_failed = true;
		return false;
	}
	if (buffer->len > 0)
		memcpy(data, buffer->data, buffer->len);
	release_memory(buffer);
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

uint8_t *
cv_buffer_reserve(struct cv_buffer *buffer, size_t len)
{
	if (buffer->has_failed)
		return NULL;
	if (reserve(buffer, len))
		return buffer->data + buffer->len;
	buffer->has_failed = false;
	return NULL;
}

void
cv_buffer_append(struct cv_buffer *buffer, const void *data, size_t len)
{
	if (!reserve(buffer, len))
		return;
	if (len > 0)
		memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

void
cv_buffer_append_text(struct cv_buffer *buffer, const char *text)
{
	cv_buffer_append(buffer, text, strlen(text));
}

void
cv_buffer_append_byte(struct cv_buffer *buffer, uint8_t byte)
{
	cv_buffer_append(buffer, &byte, 1);
}

/* U+200E, U+200F, U+2028 to U+202E, and U+2066 to U+2069. */
static bool
is_bidi_or_break(const unsigned char *at)
{
	if (at[0] != 0xe2)
		return false;
	if (at[1] == 0x80)
		return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae);
	return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

/* Of the control character at the beginning of a text; 0: it is another one. */
static size_t
control_len(const unsigned char *at)
{
	if (at[0] < 0x20 || at[0] == 0x7f)
		return 1;
	if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
		return 2;
	if (at[0] == 0xd8 && at[1] == 0x9c) /* U+061C */
		return 2;
	return is_bidi_or_break(at) ? 3 : 0;
}

void
cv_buffer_append_printable(struct cv_buffer *buffer, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		size_t len = control_len(at);

		cv_buffer_append_byte(buffer, len > 0 ? '?' : at[0]);
		if (len > 1)
			at += len - 1;
	}
}

void
cv_buffer_printf(struct cv_buffer *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0) {
		buffer->has_failed = true;
		return;
	}
	if (!reserve(buffer, (size_t)len))
		return;

	va_start(arguments, format);
	(void)vsnprintf((char *)buffer->data + buffer->len, (size_t)len + 1, format, arguments);
	va_end(arguments);
	buffer->len += (size_t)len;
}

void
cv_buffer_reset(struct cv_buffer *buffer)
{
	if (buffer->is_secret)
		cv_wipe(buffer->data, buffer->capacity);
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
	buffer->len = 0;
	buffer->has_failed = false;
}

const char *
cv_buffer_text(const struct cv_buffer *buffer)
{
	return buffer->data == NULL ? "" : (const char *)buffer->data;
}

void
cv_buffer_deinit(struct cv_buffer *buffer)
{
	release_memory(buffer);
	buffer->data = NULL;
	buffer->len = 0;
	buffer->capacity = 0;
	buffer->has_failed = false;
}
