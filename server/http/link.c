#include "link_internal.h"

#include <string.h>

#include "cv/util/bytes.h"
#include "cv/util/text.h"

static bool
is_named(const char *member, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	return len >= name_len && memcmp(member, name, name_len) == 0 &&
	       (len == name_len || member[name_len] == '=');
}

/* RFC 3986 section 3.4: clients also send what has no place in a query. */
static void
append_query_text(struct cv_buffer *link, const char *text, size_t len)
{
	static const char others[] = "-._~!$&'()*+,;=:@/?%";

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				(byte >= '0' && byte <= '9') ||
				(byte != '\0' && strchr(others, byte) != NULL);
		if (is_plain)
			cv_buffer_append_byte(link, byte);
		else
			cv_buffer_printf(link, "%%%02X", (unsigned)byte);
	}
}

bool
cv_link_next(const char *query, const char *cursor, char ret_link[CV_LINK_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer link = CV_BUFFER_INIT;

	cv_buffer_append_text(&link, "<?");
	for (const char *at = query; *at != '\0';) {
		size_t len = strcspn(at, "&");

		if (len > 0 && !is_named(at, len, "cursor") && !is_named(at, len, "after")) {
			append_query_text(&link, at, len);
			cv_buffer_append_text(&link, "&");
		}
		at += len;
		if (*at == '&')
			at++;
	}
	cv_buffer_printf(&link, "cursor=%s>; rel=\"next\"", cursor);
	return !link.has_failed && cv_text_copy(ret_link, CV_LINK_SIZE, cv_buffer_text(&link));
}
