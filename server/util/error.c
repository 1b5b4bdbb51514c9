#include "cv/util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line, whatever a library or a peer put into it. */
static void
flatten(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte == 0x7f)
			*text = ' ';
	}
}

/* Appends what fits: the end of a long text is the part to lose. */
static void
append_cut(char *text, size_t size, const char *more)
{
	size_t len = strlen(text);
	size_t part = strnlen(more, size - 1 - len);

	memcpy(text + len, more, part);
	text[len + part] = '\0';
}

/*
 * Formats beside the destination first, because an argument may be the old text itself. Callers
 * read errno after cv_fail() for the cause, so it is kept.
 */
static void __attribute__((format(printf, 3, 0)))
format_line(char *ret_text, size_t size, const char *format, va_list arguments)
{
	int saved_errno = errno;
	char formatted[sizeof(((struct cv_error *)NULL)->cause)] = "";

	if (vsnprintf(formatted, sizeof(formatted), format, arguments) < 0)
		formatted[0] = '\0';
	flatten(formatted);

	ret_text[0] = '\0';
	append_cut(ret_text, size, formatted);
	errno = saved_errno;
}

bool
cv_error_fill(struct cv_error *err, enum cv_error_code code, const char *file, int line,
    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_line(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	err->code = code;
	err->cause[0] = '\0';
	err->file = file;
	err->line = line;
	return false;
}

bool
cv_error_cause(struct cv_error *err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_line(err->cause, sizeof(err->cause), format, arguments);
	va_end(arguments);
	return false;
}

bool
cv_error_context(struct cv_error *err, const char *format, ...)
{
	char joined[sizeof(err->text)];
	va_list arguments;

	va_start(arguments, format);
	format_line(joined, sizeof(joined), format, arguments);
	va_end(arguments);

	append_cut(joined, sizeof(joined), ": ");
	append_cut(joined, sizeof(joined), err->text);
	memcpy(err->text, joined, sizeof(joined));
	return false;
}

const char *
cv_error_name(enum cv_error_code code)
{
	switch (code) {
	case CV_E_NONE:
		return "none";
	case CV_E_INTERNAL:
		return "internal";
	case CV_E_MEMORY:
		return "memory";
	case CV_E_INPUT:
		return "input";
	case CV_E_LIMIT:
		return "limit";
	case CV_E_CONFIG:
		return "config";
	case CV_E_IO:
		return "io";
	case CV_E_DATABASE:
		return "database";
	case CV_E_CONFLICT:
		return "conflict";
	case CV_E_CONSTRAINT:
		return "constraint";
	case CV_E_SCHEMA:
		return "schema";
	case CV_E_SIGNER:
		return "signer";
	case CV_E_CRYPTO:
		return "crypto";
	case CV_E_NOT_FOUND:
		return "not-found";
	case CV_E_BUSY:
		return "busy";
	}
	return "unknown";
}
