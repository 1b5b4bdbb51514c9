#include "cv/pki/profile.h"

#include <arpa/inet.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/util/text.h"

#define NAME_MAX_LEN 253 /* RFC 1035 section 2.3.4, as text */
#define TAG_DNS CV_DER_CONTEXT(2)
#define TAG_ADDRESS CV_DER_CONTEXT(7)

static bool
is_dns_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-._*";
	return name[0] != '\0' && strspn(name, allowed) == strlen(name);
}

static bool
append_address(struct cv_buffer *buffer, const char *text)
{
	struct in6_addr six;
	struct in_addr four;
	if (inet_pton(AF_INET, text, &four) == 1) {
		cv_der_append(buffer, TAG_ADDRESS, cv_bytes(&four, sizeof(four)));
		return true;
	}
	if (inet_pton(AF_INET6, text, &six) == 1) {
		cv_der_append(buffer, TAG_ADDRESS, cv_bytes(&six, sizeof(six)));
		return true;
	}
	return false;
}

static bool
append_general_name(struct cv_buffer *buffer, const char *name, struct cv_error *err)
{
	static const char dns[] = "DNS:";
	static const char address[] = "IP:";
	if (cv_text_has_prefix(name, dns) && is_dns_name(name + strlen(dns))) {
		const char *text = name + strlen(dns);
		cv_der_append(buffer, TAG_DNS, cv_bytes(text, strlen(text)));
		return true;
	}
	if (cv_text_has_prefix(name, address) && append_address(buffer, name + strlen(address)))
		return true;
	return cv_fail(err, CV_E_INPUT, "\"%s\" is neither DNS:name nor IP:address", name);
}

static bool
append_each(struct cv_buffer *buffer, const char *names, struct cv_error *err)
{
	char name[NAME_MAX_LEN + sizeof("DNS:")];
	for (;;) {
		const size_t len = strcspn(names, ",");
		if (!cv_text_copy_bytes(name, sizeof(name), names, len))
			return cv_fail(err, CV_E_INPUT, "alternative name is longer than %d octets",
			    NAME_MAX_LEN);
		if (!append_general_name(buffer, name, err))
			return false;
		if (names[len] == '\0')
			return true;
		names += len + 1;
	}
}

bool
cv_profile_append_san(struct cv_buffer *buffer, const char *names, struct cv_error *err)
{
	const size_t san = cv_der_open(buffer, CV_DER_SEQUENCE);
	if (!append_each(buffer, names, err))
		return false;
	cv_der_close(buffer, san);
	if (buffer->has_failed)
		return cv_fail(err, CV_E_MEMORY, "alternative names do not fit their buffer");
	return true;
}
