/* What every target shares: entry point, a property that must hold, and text with an exact end. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/auto.h"
#include "cv/util/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert() it is never compiled away, and it says what did not hold. */
#define FUZZ_REQUIRE(property)                                                                     \
	do {                                                                                       \
		if (!(property)) {                                                                 \
			fprintf(                                                                   \
			    stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #property);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The input as a string that ends where its memory ends, so that reading on is noticed. The caller
 * frees it. */
static inline char *
fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_REQUIRE(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
