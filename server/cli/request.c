#include <string.h>
#include <strings.h>

#include "cv/codec/operator_json.h"
#include "cv/util/file.h"
#include "cv/util/text.h"
#include "invocation_internal.h"

#define PEM_MAX_BYTES 65536
#define HTTPS "https://"

/* ---- which arguments belong to a request ---- */

static size_t
count_words(const char *words)
{
	char word[32];
	size_t count = 0;

	while (cv_cli_next_word(&words, word, sizeof(word)))
		count++;
	return count;
}

size_t
cv_cli_request_count(const struct cv_cli_invocation *invocation)
{
	size_t needed = count_words(invocation->verb->arguments);

	return needed == 0 ? 1 : invocation->argument_count - needed + 1;
}

/* The last argument is the one that may be several. */
static const char *
argument_of(const struct cv_cli_invocation *invocation, size_t request, size_t place)
{
	bool is_last = place + 1 == count_words(invocation->verb->arguments);

	return invocation->arguments[is_last ? place + request : place];
}

const char *
cv_cli_argument(const struct cv_cli_invocation *invocation, size_t request, size_t place)
{
	return place < count_words(invocation->verb->arguments)
		   ? argument_of(invocation, request, place)
		   : NULL;
}

const char *
cv_cli_subject(const struct cv_cli_invocation *invocation, size_t number)
{
	size_t needed = count_words(invocation->verb->arguments);

	return needed == 0 ? NULL : argument_of(invocation, number, needed - 1);
}

/* ---- address ---- */

/* RFC 3986 section 2.3: what is not unreserved is escaped, whatever an id holds. */
void
cv_cli_append_escaped(struct cv_buffer *url, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		bool is_unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				     (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL;
		if (is_unreserved)
			cv_buffer_append_byte(url, byte);
		else
			cv_buffer_printf(url, "%%%02X", (unsigned)byte);
	}
}

static void
append_path(const struct cv_cli_invocation *invocation, size_t number, struct cv_buffer *url)
{
	size_t place = 0;

	for (const char *at = invocation->verb->path; *at != '\0'; at++) {
		if (*at != '{') {
			cv_buffer_append_byte(url, (uint8_t)*at);
			continue;
		}
		cv_cli_append_escaped(url, argument_of(invocation, number, place++));
		at++;
	}
}

static void
append_query(struct cv_buffer *url, bool *has_query, const char *name, const char *value)
{
	if (value == NULL)
		return;
	cv_buffer_append_text(url, *has_query ? "&" : "?");
	for (; *name != '\0'; name++)
		cv_buffer_append_byte(url, *name == '-' ? '_' : (uint8_t)*name);
	cv_buffer_append_text(url, "=");
	cv_cli_append_escaped(url, value);
	*has_query = true;
}

bool
cv_cli_append_base(struct cv_buffer *url, const char *server, struct cv_error *err)
{
	size_t len = strlen(server);

	if (len == 0)
		return cv_fail(err, CV_E_INPUT, "--server is empty");
	/* libcurl would take it for http. */
	if (strstr(server, "://") == NULL)
		cv_buffer_append_text(url, HTTPS);
	else if (strncasecmp(server, HTTPS, strlen(HTTPS)) != 0)
		return cv_fail(err, CV_E_INPUT,
		    "\"%s\" does not begin with " HTTPS ": nothing is sent in clear text", server);
	while (len > 0 && server[len - 1] == '/')
		len--;
	cv_buffer_append(url, server, len);
	return !url->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for an address");
}

bool
cv_cli_make_url(const struct cv_cli_invocation *invocation, size_t number, const char *server,
    const char *cursor, struct cv_buffer *url, struct cv_error *err)
{
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);
	bool has_query = false;

	if (!cv_cli_append_base(url, server, err))
		return false;
	append_path(invocation, number, url);
	append_query(url, &has_query, "factory", invocation->global.factory);
	for (size_t i = 0; i < count && cv_text_equal(invocation->verb->method, "GET"); i++) {
		const char *value = invocation->values[i];
		if (cursor != NULL && cv_text_equal(options[i].name, "cursor"))
			value = cursor;
		if (options[i].kind != CV_CLI_LOCAL)
			append_query(url, &has_query, options[i].name, value);
	}
	return !url->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for an address");
}

/* ---- body ---- */

/* Writes the members of one object; nothing for what was not given. */
struct members {
	struct cv_buffer *body;
	bool has_one;
};

static void
begin_member(struct members *members, const char *name)
{
	cv_buffer_append_text(members->body, members->has_one ? ",\"" : "{\"");
	members->has_one = true;
	for (; *name != '\0'; name++)
		cv_buffer_append_byte(members->body, *name == '-' ? '_' : (uint8_t)*name);
	cv_buffer_append_text(members->body, "\":");
}

static void
add_text(struct members *members, const char *name, const char *value)
{
	begin_member(members, name);
	cv_json_append_string(members->body, value);
}

static bool
add_file(struct members *members, const char *name, const char *path, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	if (!cv_file_read_any(path, PEM_MAX_BYTES, &pem, err))
		return false;
	add_text(members, name, cv_buffer_text(&pem));
	return true;
}

/* "a,b" as a list of texts; "" is an empty one. */
static void
add_words(struct members *members, const char *name, const char *words)
{
	CV_AUTO_BUFFER struct cv_buffer word = CV_BUFFER_INIT;

	begin_member(members, name);
	cv_buffer_append_text(members->body, "[");
	for (const char *at = words; *words != '\0'; at++) {
		if (*at != ',' && *at != '\0') {
			cv_buffer_append_byte(&word, (uint8_t)*at);
			continue;
		}
		cv_json_append_string(members->body, cv_buffer_text(&word));
		cv_buffer_reset(&word);
		if (*at == '\0')
			break;
		cv_buffer_append_text(members->body, ",");
	}
	cv_buffer_append_text(members->body, "]");
}

static void
add_repeated(struct members *members, const char *name, const struct cv_cli_invocation *invocation)
{
	begin_member(members, name);
	for (size_t i = 0; i < invocation->repeated_count; i++) {
		cv_buffer_append_text(members->body, i == 0 ? "[" : ",");
		cv_json_append_string(members->body, invocation->repeated[i]);
	}
	cv_buffer_append_text(members->body, "]");
}

static void
add_literal(struct members *members, const char *name, const char *literal)
{
	begin_member(members, name);
	cv_buffer_append_text(members->body, literal);
}

static bool
add_option(struct members *members, const struct cv_cli_invocation *invocation,
    const struct cv_cli_option *option, const char *value, struct cv_error *err)
{
	const char *name = option->member == NULL ? option->name : option->member;

	switch (option->kind) {
	case CV_CLI_TEXT:
		add_text(members, name, value);
		return true;
	case CV_CLI_TEXT_OR_NULL:
		if (cv_text_equal(value, "factory"))
			add_literal(members, name, "null");
		else
			add_text(members, name, value);
		return true;
	case CV_CLI_NUMBER:
	case CV_CLI_COUNT:
		add_literal(members, name, value);
		return true;
	case CV_CLI_WORDS:
		add_words(members, name, value);
		return true;
	case CV_CLI_REPEATED:
		add_repeated(members, name, invocation);
		return true;
	case CV_CLI_FILE:
		return add_file(members, name, value, err);
	case CV_CLI_TRUE:
		add_literal(members, name, "true");
		return true;
	case CV_CLI_FALSE:
		add_literal(members, name, "false");
		return true;
	case CV_CLI_HEADER:
	case CV_CLI_LOCAL:
	case CV_CLI_GLOBAL:
		return true;
	}
	return true;
}

/* The argument that the path has no place for. */
static bool
add_argument(struct members *members, const struct cv_cli_invocation *invocation, size_t number,
    struct cv_error *err)
{
	const char *member = invocation->verb->member;

	if (member == NULL)
		return true;
	if (cv_text_equal(invocation->verb->arguments, "FILE"))
		return add_file(members, member, cv_cli_subject(invocation, number), err);
	add_text(members, member, cv_cli_subject(invocation, number));
	return true;
}

bool
cv_cli_make_body(const struct cv_cli_invocation *invocation, size_t number, struct cv_buffer *body,
    struct cv_error *err)
{
	struct members members = {.body = body};
	size_t count;
	const struct cv_cli_option *options = cv_cli_options(&count);

	if (cv_text_equal(invocation->verb->method, "GET"))
		return true;
	if (!add_argument(&members, invocation, number, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (invocation->values[i] != NULL &&
		    !add_option(&members, invocation, &options[i], invocation->values[i], err))
			return false;
	}
	cv_buffer_append_text(body, members.has_one ? "}" : "{}");
	return !body->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a request");
}
