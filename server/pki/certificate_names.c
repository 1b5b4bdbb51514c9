#include <string.h>
#include <strings.h>

#include "cv/pki/certificate.h"
#include "cv/pki/der.h"
#include "cv/util/text.h"

/* Moves to the next DNS name; false: there is none. */
static bool
next_dns_name(struct cv_der_reader *names, struct cv_bytes *ret_name)
{
	struct cv_bytes element;
	uint8_t tag = 0;

	while (!cv_der_at_end(names) && cv_der_read_any(names, &tag, ret_name, &element)) {
		if (tag == CV_DER_CONTEXT(2))
			return true;
	}
	return false;
}

static bool
open_names(const struct cv_certificate *certificate, struct cv_der_reader *ret_names)
{
	struct cv_der_reader reader = cv_der_reader(certificate->san);

	return certificate->san.len > 0 && cv_der_enter(&reader, CV_DER_SEQUENCE, ret_names);
}

bool
cv_certificate_has_dns_name(const struct cv_certificate *certificate, const char *name)
{
	struct cv_der_reader names;
	struct cv_bytes each;
	const size_t len = strlen(name);

	if (!open_names(certificate, &names))
		return false;
	while (next_dns_name(&names, &each)) {
		if (each.len == len && strncasecmp((const char *)each.data, name, len) == 0)
			return true;
	}
	return false;
}

bool
cv_certificate_first_dns_name(const struct cv_certificate *certificate, char *ret_name, size_t size)
{
	struct cv_der_reader names;
	struct cv_bytes first;

	return open_names(certificate, &names) && next_dns_name(&names, &first) &&
	       cv_text_copy_bytes(ret_name, size, first.data, first.len);
}

/* Long division by ten, a digit each time. */
void
cv_serial_write_decimal(struct cv_bytes serial, char ret_text[CV_SERIAL_DECIMAL_SIZE])
{
	uint8_t number[CV_SERIAL_MAX] = {0};
	size_t at = CV_SERIAL_DECIMAL_SIZE - 1;
	const size_t len = serial.len < sizeof(number) ? serial.len : sizeof(number);
	bool is_zero;

	memcpy(number, serial.data, len);
	ret_text[at] = '\0';
	do {
		unsigned remainder = 0;

		is_zero = true;
		for (size_t i = 0; i < len; i++) {
			remainder = remainder << 8 | number[i];
			number[i] = (uint8_t)(remainder / 10);
			remainder %= 10;
			is_zero = is_zero && number[i] == 0;
		}
		ret_text[--at] = (char)('0' + remainder);
	} while (!is_zero);
	memmove(ret_text, ret_text + at, CV_SERIAL_DECIMAL_SIZE - at);
}
