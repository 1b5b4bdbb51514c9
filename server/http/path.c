#include "path_internal.h"

#include <stdint.h>
#include <string.h>

#include "cv/util/text.h"

/* The path of "https://host/path" (RFC 9112 section 3.2.2: servers must accept it), or target
 * itself. */
static const char *
skip_authority(const char *target)
{
	const char *authority = NULL;

	if (cv_text_has_prefix(target, "http://"))
		authority = target + strlen("http://");
	else if (cv_text_has_prefix(target, "https://"))
		authority = target + strlen("https://");
	if (authority == NULL)
		return target;
	return authority + strcspn(authority, "/?");
}

/* Decodes len bytes into ret_text, which holds len + 1; false on bad encoding, NUL and control
 * characters. */
static bool
decode(const char *text, size_t len, char *ret_text)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];
		size_t decoded;

		if (byte == '%') {
			if (len - i < 3 || !cv_hex_decode(text + i + 1, 2, &byte, 1, &decoded))
				return false;
			i += 2;
		}
		if (byte < 0x20 || byte == 0x7f)
			return false;
		ret_text[out++] = (char)byte;
	}
	ret_text[out] = '\0';
	return true;
}

static bool
decode_segment(const char *text, size_t len, char *ret_text)
{
	/* After decoding, "a%2Fb" would look like two segments. */
	return decode(text, len, ret_text) && strchr(ret_text, '/') == NULL &&
	       strcmp(ret_text, ".") != 0 && strcmp(ret_text, "..") != 0;
}

bool
cv_path_parse(const char *target, struct cv_path *ret_path)
{
	const char *at = skip_authority(target);
	char *text = ret_path->text;

	if (strlen(at) > CV_TARGET_MAX || at[0] != '/')
		return false;
	ret_path->count = 0;
	while (*at == '/') {
		at++;
		size_t len = strcspn(at, "/?");
		if (ret_path->count == CV_SEGMENTS_MAX || !decode_segment(at, len, text))
			return false;
		ret_path->segments[ret_path->count++] = text;
		text += strlen(text) + 1;
		at += len;
	}
	ret_path->query = *at == '?' ? at + 1 : at;
	return true;
}

void
cv_path_join(const struct cv_path *path, const char *first, char ret_text[CV_TARGET_MAX + 1])
{
	size_t i = 0, out = 0;

	while (i < path->count && path->segments[i] != first)
		i++;
	for (; i < path->count && path->segments[i][0] != '\0'; i++) {
		size_t len = strlen(path->segments[i]);

		if (out > 0)
			ret_text[out++] = '/';
		memcpy(ret_text + out, path->segments[i], len);
		out += len;
	}
	ret_text[out] = '\0';
}

void
cv_path_move_label(struct cv_path *path)
{
	const char **segments = path->segments;
	const char *label = segments[0];

	if (path->count < 4 || label[0] == '\0' || strcmp(segments[1], ".well-known") != 0 ||
	    strcmp(segments[2], "est") != 0)
		return;
	segments[0] = segments[1];
	segments[1] = segments[2];
	segments[2] = label;
}

bool
cv_path_is_below(const char *target, const char *path)
{
	const char *at = skip_authority(target);

	if (!cv_text_has_prefix(at, path))
		return false;
	at += strlen(path);
	return *at == '\0' || *at == '/' || *at == '?';
}

/* The value of the member that starts at `at`, or NULL when it has another name. */
static const char *
match_name(const char *at, size_t len, const char *name, size_t *ret_len)
{
	size_t name_len = strlen(name);

	if (len < name_len || memcmp(at, name, name_len) != 0)
		return NULL;
	if (len == name_len) {
		*ret_len = 0;
		return at + len;
	}
	if (at[name_len] != '=')
		return NULL;
	*ret_len = len - name_len - 1;
	return at + name_len + 1;
}

enum cv_query_outcome
cv_query_find(const char *query, const char *name, char *ret_value, size_t size)
{
	enum cv_query_outcome outcome = CV_QUERY_ABSENT;
	char decoded[CV_TARGET_MAX + 1];

	for (const char *at = query; *at != '\0';) {
		size_t len = strcspn(at, "&");
		size_t value_len = 0;
		const char *value = match_name(at, len, name, &value_len);

		if (value != NULL) {
			if (outcome != CV_QUERY_ABSENT || value_len > CV_TARGET_MAX ||
			    !decode(value, value_len, decoded) ||
			    !cv_text_copy(ret_value, size, decoded))
				return CV_QUERY_BAD;
			outcome = CV_QUERY_FOUND;
		}
		at += len;
		if (*at == '&')
			at++;
	}
	return outcome;
}

bool
cv_query_has(const char *query, const char *name)
{
	for (const char *at = query; *at != '\0';) {
		size_t len = strcspn(at, "&");
		size_t value_len;

		if (match_name(at, len, name, &value_len) != NULL)
			return true;
		at += len;
		if (*at == '&')
			at++;
	}
	return false;
}
