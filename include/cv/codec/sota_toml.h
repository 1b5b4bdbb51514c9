/*
 * sota.toml, the configuration with which a FoundriesFactory device starts: ours, with what the
 * device wants otherwise. Every value is a string: fioconfig reads no other. Any thread.
 */
#ifndef CV_CODEC_SOTA_TOML_H
#define CV_CODEC_SOTA_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_SOTA_OVERRIDES_MAX 128
#define CV_SOTA_WORD_MAX 64 /* of sections and keys */
#define CV_SOTA_VALUE_MAX 1024

/* Lent texts. value: a TOML string with its quotes, or text without any; "": leave it unset. */
struct cv_sota_override {
	const char *section;
	const char *key;
	const char *value;
};

struct cv_sota_terms {
	const char *gateway_url; /* without a slash at the end */
	const char *ostree_url;  /* likewise; "": no server for it */
	const char *hardware_id; /* "": unset */
	const char *directory;   /* where the device keeps its files */
	const struct cv_sota_override *overrides;
	size_t override_count;
};

/*
 * Appends the file. CV_E_INPUT, which names the place: a word that is not of A-Za-z0-9_-, with dots
 * inside; a value with a line break, another control character, a stray quote or an escape other
 * than \" and \\; something that would be a value and a table at once.
 */
bool cv_sota_append(
    struct cv_buffer *buffer, const struct cv_sota_terms *terms, struct cv_error *err);

#endif
