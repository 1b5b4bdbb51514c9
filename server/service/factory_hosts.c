#include "cv/service/factory_hosts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"

#define LABEL_MAX 63

static const char place[] = "{factory}";

/* No underscore: TLS libraries end a handshake that names such a server. */
static bool
is_label(const char *text, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return len > 0 && len <= LABEL_MAX && strspn(text, allowed) >= len && text[0] != '-' &&
	       text[len - 1] != '-';
}

static bool
is_host_name(const char *text)
{
	for (;;) {
		size_t len = strcspn(text, ".");

		if (!is_label(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

/* Lower case, as clients send names when they compare them. */
static bool
finish(const struct cv_buffer *text, char ret_name[CV_DNS_NAME_SIZE])
{
	if (text->has_failed || text->len == 0 ||
	    !cv_text_copy(ret_name, CV_DNS_NAME_SIZE, cv_buffer_text(text)))
		return false;
	for (char *c = ret_name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return is_host_name(ret_name);
}

static bool
make(const char *pattern, const char *factory, char ret_name[CV_DNS_NAME_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	const char *at;

	while ((at = strstr(pattern, place)) != NULL) {
		cv_buffer_append(&text, pattern, (size_t)(at - pattern));
		cv_buffer_append_text(&text, factory);
		pattern = at + strlen(place);
	}
	cv_buffer_append_text(&text, pattern);
	return finish(&text, ret_name);
}

bool
cv_factory_host_is_good(const char *pattern)
{
	char name[CV_DNS_NAME_SIZE];

	return make(pattern, "f", name);
}

static void
add_own(const char *pattern, const char *name, char own[3 * CV_DNS_NAME_SIZE])
{
	size_t len = strlen(own);

	if (strstr(pattern, place) != NULL)
		(void)snprintf(
		    own + len, 3 * CV_DNS_NAME_SIZE - len, "%s%s", len > 0 ? "," : "", name);
}

bool
cv_factory_hosts_make(const struct cv_service_settings *settings, const char *factory,
    struct cv_factory_hosts *ret_hosts)
{
	if (!make(settings->gateway_host, factory, ret_hosts->gateway) ||
	    !make(settings->ostree_host, factory, ret_hosts->ostree) ||
	    !make(settings->est_host, factory, ret_hosts->est))
		return false;
	ret_hosts->own[0] = '\0';
	add_own(settings->gateway_host, ret_hosts->gateway, ret_hosts->own);
	add_own(settings->ostree_host, ret_hosts->ostree, ret_hosts->own);
	add_own(settings->est_host, ret_hosts->est, ret_hosts->own);
	return true;
}
