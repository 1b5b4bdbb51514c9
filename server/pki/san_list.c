#include <arpa/inet.h>
#include <fnmatch.h>
#include <string.h>

#include "cv/pki/csr.h"
#include "cv/pki/der.h"
#include "cv/util/text.h"

#define NAME_SIZE 512
#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */
#define HOST_LABEL_MAX 63
#define LOCAL_PART_MAX 64 /* RFC 5321 section 4.5.3.1.1 */

/* Content as text; false on what a text cannot say, and on wildcards. */
static bool
take_text(struct cv_bytes content, char *ret_text)
{
	for (size_t i = 0; i < content.len; i++) {
		if (content.data[i] <= 0x20 || content.data[i] >= 0x7f || content.data[i] == '*')
			return false;
	}
	return content.len > 0 &&
	       cv_text_copy_bytes(ret_text, NAME_SIZE, content.data, content.len);
}

/* RFC 1034 section 3.5 with RFC 1123 section 2.1, and the underscores of the field. */
static bool
is_host_label(const char *text, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";
	return len > 0 && len <= HOST_LABEL_MAX && strspn(text, allowed) >= len && text[0] != '-' &&
	       text[len - 1] != '-';
}

static bool
is_host(const char *text)
{
	if (strlen(text) > HOST_MAX)
		return false;
	for (;;) {
		const size_t len = strcspn(text, ".");
		if (!is_host_label(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static bool
take_host(struct cv_bytes content, char *ret_text)
{
	return take_text(content, ret_text) && is_host(ret_text);
}

/* RFC 5280 section 4.2.1.6: Local-part@Domain, nothing around it. No quoted local parts. */
static bool
take_mailbox(struct cv_bytes content, char *ret_text)
{
	if (!take_text(content, ret_text))
		return false;
	const size_t len = strcspn(ret_text, "@\"(),:;<>[\\]");
	return len > 0 && len <= LOCAL_PART_MAX && ret_text[0] != '.' && ret_text[len - 1] != '.' &&
	       ret_text[len] == '@' && strstr(ret_text, "..") == NULL &&
	       is_host(ret_text + len + 1);
}

static bool
take_address(struct cv_bytes content, char *ret_text)
{
	if (content.len == sizeof(struct in_addr))
		return inet_ntop(AF_INET, content.data, ret_text, NAME_SIZE) != NULL;
	return content.len == sizeof(struct in6_addr) &&
	       inet_ntop(AF_INET6, content.data, ret_text, NAME_SIZE) != NULL;
}

/* "dns:gw-1.example.org" */
static bool
describe(uint8_t tag, struct cv_bytes content, char ret_name[NAME_SIZE + 8])
{
	static const struct {
		uint8_t tag;
		const char *kind;
		bool (*take)(struct cv_bytes content, char *ret_text);
	} rows[] = {
	    {CV_DER_CONTEXT(1), "email:", take_mailbox},
	    {CV_DER_CONTEXT(2), "dns:", take_host},
	    {CV_DER_CONTEXT(6), "uri:", take_text},
	    {CV_DER_CONTEXT(7), "ip:", take_address},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].tag != tag)
			continue;
		(void)cv_text_copy(ret_name, NAME_SIZE, rows[i].kind);
		return rows[i].take(content, ret_name + strlen(rows[i].kind));
	}
	return false;
}

/* Of a host name case is not looked at (RFC 4343); elsewhere it may tell two apart. */
static bool
is_listed(const char *name, const char *list)
{
	const int flags =
	    cv_text_has_prefix(name, "dns:") ? FNM_NOESCAPE | FNM_CASEFOLD : FNM_NOESCAPE;
	char pattern[NAME_SIZE];
	while (*list != '\0') {
		list += strspn(list, " ");
		const size_t len = strcspn(list, ", ");
		if (cv_text_copy_bytes(pattern, sizeof(pattern), list, len) && len > 0 &&
		    fnmatch(pattern, name, flags) == 0)
			return true;
		list += len;
		list += strspn(list, " ,");
	}
	return false;
}

bool
cv_san_is_listed(struct cv_bytes san, const char *list)
{
	struct cv_der_reader reader = cv_der_reader(san);
	struct cv_der_reader names;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &names) || !cv_der_at_end(&reader))
		return false;
	while (!cv_der_at_end(&names)) {
		char name[NAME_SIZE + 8];
		struct cv_bytes content;
		struct cv_bytes element;
		uint8_t tag = 0;
		if (!cv_der_read_any(&names, &tag, &content, &element) ||
		    !describe(tag, content, name) || !is_listed(name, list))
			return false;
	}
	return true;
}
