#include "cv/util/address.h"

#include <string.h>

#include "cv/util/text.h"

/* The end of the host part: behind ']' or at the only colon. NULL: neither. */
static const char *
find_port(const char *text)
{
	if (text[0] == '[') {
		const char *bracket = strchr(text, ']');
		return bracket == NULL || bracket[1] != ':' ? NULL : bracket + 1;
	}
	const char *colon = strchr(text, ':');
	return colon == NULL || strchr(colon + 1, ':') != NULL ? NULL : colon;
}

static bool
is_host(const char *host, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)host[i] <= ' ' || host[i] == 0x7f ||
		    strchr("[]/%", host[i]) != NULL)
			return false;
	}
	return true;
}

bool
cv_address_parse(const char *text, struct cv_address *ret_address, struct cv_error *err)
{
	const char *colon = find_port(text);
	const char *host = text;
	struct cv_address address;
	uint64_t port;

	if (colon == NULL)
		return cv_fail(
		    err, CV_E_CONFIG, "\"%s\" is not host:port, [v6]:port or :port", text);
	size_t len = (size_t)(colon - host);
	if (text[0] == '[') {
		host++;
		len -= 2;
		if (len == 0)
			return cv_fail(err, CV_E_CONFIG, "\"%s\" names no address", text);
	}
	if (!cv_text_parse_unsigned(colon + 1, UINT16_MAX, &port))
		return cv_fail(err, CV_E_CONFIG, "\"%s\": the port is not 0 to 65535", text);
	if (!is_host(host, len) ||
	    !cv_text_copy_bytes(address.host, sizeof(address.host), host, len))
		return cv_fail(err, CV_E_CONFIG, "\"%s\": the host is not valid", text);
	address.port = (uint16_t)port;
	*ret_address = address;
	return true;
}
