#include "cv/model/event.h"

#include <string.h>
#include <strings.h>

static bool
is_of_host(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

/* Length of the host at text, brackets included; 0: there is none. */
static size_t
host_length(const char *text)
{
	size_t len = 0;

	if (text[0] == '[') {
		len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		return len > 2 && text[len] == ']' ? len + 1 : 0;
	}
	while (is_of_host(text[len]))
		len++;
	return len;
}

/* ":1" to ":65535", or nothing. */
static bool
port_is_good(const char *text, size_t len)
{
	unsigned long port = 0;

	if (len == 0)
		return true;
	if (text[0] != ':' || len < 2 || len > 6 || strspn(text + 1, "0123456789") < len - 1)
		return false;
	for (size_t i = 1; i < len; i++)
		port = port * 10 + (unsigned long)(text[i] - '0');
	return port > 0 && port <= 65535;
}

static size_t
scheme_length(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return 8;
	return strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

static const char *
problem_of(const char *url, size_t len)
{
	size_t scheme, authority, host;

	if (len > CV_CALLBACK_URL_MAX)
		return "the URL is longer than 2048 characters";
	for (size_t i = 0; i < len; i++) {
		/* A backslash is a slash to some, and the host another one to them. */
		if (url[i] <= 0x20 || url[i] >= 0x7f || strchr("\\\"<>^`{|}", url[i]) != NULL)
			return "the URL holds a character that must be escaped";
	}
	scheme = scheme_length(url);
	if (scheme == 0)
		return "the URL does not begin with https:// or http://";
	authority = strcspn(url + scheme, "/?#");
	if (memchr(url + scheme, '@', authority) != NULL)
		return "the URL holds a user name or password";
	host = host_length(url + scheme);
	if (host == 0 || host > authority)
		return "the URL has no host";
	if (!port_is_good(url + scheme + host, authority - host))
		return "the URL has no valid host and port";
	return strchr(url, '#') != NULL ? "the URL has a fragment" : NULL;
}

bool
cv_callback_url_is_valid(const char *url, size_t len, const char **ret_problem)
{
	const char *problem = strlen(url) == len ? problem_of(url, len)
						 : "the URL holds a character that must be escaped";

	*ret_problem = problem;
	return problem == NULL;
}
