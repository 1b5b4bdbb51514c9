/*
 * The error object: a plain value in the caller's frame, always the last parameter. A function that
 * fails returns false (or NULL) and fills it; on success it is untouched. Expected answers (a
 * refused device, a missing row) are outcomes and travel as enums, not as errors. No allocation, no
 * globals; any thread.
 */
#ifndef CV_UTIL_ERROR_H
#define CV_UTIL_ERROR_H

#include <stdbool.h>

enum cv_error_code {
	CV_E_NONE = 0,
	CV_E_INTERNAL,   /* a defect of ours */
	CV_E_MEMORY,     /* out of memory */
	CV_E_INPUT,      /* malformed input from outside */
	CV_E_LIMIT,      /* larger than a named ceiling */
	CV_E_CONFIG,     /* configuration or command line */
	CV_E_IO,         /* file or socket */
	CV_E_DATABASE,   /* database away, or outcome unknown: the caller answers "unavailable" */
	CV_E_CONFLICT,   /* serialisation failure or deadlock: repeat the whole operation */
	CV_E_CONSTRAINT, /* the database refused what a rule forbids */
	CV_E_SCHEMA,     /* database schema older or newer than this program */
	CV_E_SIGNER,     /* signer away, key missing, or refused to sign */
	CV_E_CRYPTO,     /* OpenSSL failed where it must not */
	CV_E_NOT_FOUND,  /* something that must exist does not */
	CV_E_BUSY,       /* a queue or pool is full */
};

struct cv_error {
	enum cv_error_code code;
	char text[320];  /* for operators: one line, impersonal, free of secrets */
	char cause[400]; /* foreign detail: SQLSTATE and message, drained OpenSSL queue, strerror */
	const char *file; /* where it was raised */
	int line;
};

#define CV_ERROR_INIT                                                                              \
	{                                                                                          \
		.code = CV_E_NONE                                                                  \
	}

/* Fills *err and is false: return cv_fail(err, CV_E_INPUT, "serial longer than 20 octets"); */
#define cv_fail(err, code, ...) cv_error_fill((err), (code), __FILE__, __LINE__, __VA_ARGS__)

bool cv_error_fill(struct cv_error *err, enum cv_error_code code, const char *file, int line,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Sets the foreign detail; control characters become spaces. Returns false, to be chained. */
bool cv_error_cause(struct cv_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the text, once per room on the way up. Returns false. */
bool cv_error_context(struct cv_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The stable name of a code, e.g. "database". Never NULL. */
const char *cv_error_name(enum cv_error_code code);

/* Whether it is about what came in, not about what we lacked: CV_E_INPUT or CV_E_LIMIT. */
static inline bool
cv_error_blames_input(const struct cv_error *err)
{
	return err->code == CV_E_INPUT || err->code == CV_E_LIMIT;
}

#endif
