/* The DER reader on any bytes: it stays inside them, and what is strict can be walked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "cv/pki/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cv_bytes bytes = cv_bytes(data, size);
	struct cv_der_reader reader = cv_der_reader(bytes);
	uint64_t value = 0;
	int64_t seconds_utc = 0;
	uint8_t tag = 0;
	struct cv_bytes content;
	struct cv_bytes element;
	size_t walked = 0;
	const bool is_strict = cv_der_is_strict(bytes);
	while (!cv_der_at_end(&reader)) {
		struct cv_der_reader number = reader;
		struct cv_der_reader time = reader;
		(void)cv_der_read_small(&number, &value);
		(void)cv_der_read_time(&time, &seconds_utc);
		if (!cv_der_read_any(&reader, &tag, &content, &element))
			break;
		walked += element.len;
	}
	if (is_strict && walked != size)
		abort();
	return 0;
}
