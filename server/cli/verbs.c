#include "invocation_internal.h"

#include "cv/codec/operator_json.h"
#include "cv/util/file.h"
#include "cv/util/text.h"

#define PEM_MAX_BYTES 65536

/* Writes the members of one object; nothing for what was not given. */
struct members {
	struct cv_buffer *body;
	bool has_one;
};

static void
begin_member(struct members *members, const char *name)
{
	cv_buffer_append_text(members->body, members->has_one ? "," : "{");
	members->has_one = true;
	cv_json_append_string(members->body, name);
	cv_buffer_append_text(members->body, ":");
}

static void
add_text(struct members *members, const char *name, const char *value)
{
	if (value == NULL)
		return;
	begin_member(members, name);
	cv_json_append_string(members->body, value);
}

static bool
add_number(struct members *members, const char *name, const char *option, const char *value,
    struct cv_error *err)
{
	uint64_t number;

	if (value == NULL)
		return true;
	if (!cv_text_parse_unsigned(value, INT64_MAX, &number))
		return cv_fail(
		    err, CV_E_INPUT, "--%s: \"%s\" is not a whole number", option, value);
	begin_member(members, name);
	cv_buffer_append_text(members->body, value);
	return true;
}

static bool
add_file(struct members *members, const char *name, const char *path, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	if (!cv_file_read(path, PEM_MAX_BYTES, &pem, err))
		return false;
	add_text(members, name, cv_buffer_text(&pem));
	return true;
}

static bool
end_members(struct members *members, struct cv_error *err)
{
	cv_buffer_append_text(members->body, members->has_one ? "}" : "{}");
	return !members->body->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a request");
}

static bool
require(const struct cv_cli_invocation *invocation, enum cv_cli_option option, const char *name,
    struct cv_error *err)
{
	return cv_cli_value(invocation, option) != NULL ||
	       cv_fail(err, CV_E_INPUT, "--%s is needed", name);
}

static bool
make_reason(
    const struct cv_cli_invocation *invocation, struct cv_buffer *body, struct cv_error *err)
{
	struct members members = {.body = body};

	add_text(&members, "reason", cv_cli_value(invocation, CV_CLI_REASON));
	return end_members(&members, err);
}

static bool
make_token(const struct cv_cli_invocation *invocation, struct cv_buffer *body, struct cv_error *err)
{
	struct members members = {.body = body};

	add_text(&members, "device", cv_cli_value(invocation, CV_CLI_DEVICE));
	return add_number(&members, "uses", "uses", cv_cli_value(invocation, CV_CLI_USES), err) &&
	       add_number(&members, "expires_in", "expires-in",
		   cv_cli_value(invocation, CV_CLI_EXPIRES), err) &&
	       end_members(&members, err);
}

static bool
make_authority(
    const struct cv_cli_invocation *invocation, struct cv_buffer *body, struct cv_error *err)
{
	struct members members = {.body = body};

	if (!require(invocation, CV_CLI_NAME, "name", err) ||
	    !require(invocation, CV_CLI_KIND, "kind", err))
		return false;
	add_text(&members, "name", cv_cli_value(invocation, CV_CLI_NAME));
	add_text(&members, "kind", cv_cli_value(invocation, CV_CLI_KIND));
	add_text(&members, "owner", cv_cli_value(invocation, CV_CLI_OWNER));
	return add_file(&members, "certificate", invocation->argument, err) &&
	       end_members(&members, err);
}

/* "a,b" as a list of texts. */
static void
add_words(struct members *members, const char *name, const char *words)
{
	CV_AUTO_BUFFER struct cv_buffer word = CV_BUFFER_INIT;

	if (words == NULL)
		return;
	begin_member(members, name);
	cv_buffer_append_text(members->body, "[");
	for (const char *at = words;; at++) {
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
add_sources(struct members *members, const struct cv_cli_invocation *invocation)
{
	begin_member(members, "sources");
	for (size_t i = 0; i < invocation->source_count; i++) {
		cv_buffer_append_text(members->body, i == 0 ? "[" : ",");
		cv_json_append_string(members->body, invocation->sources[i]);
	}
	cv_buffer_append_text(members->body, "]");
}

static bool
make_gateway(
    const struct cv_cli_invocation *invocation, struct cv_buffer *body, struct cv_error *err)
{
	struct members members = {.body = body};

	if (!require(invocation, CV_CLI_CSR, "csr", err) ||
	    !require(invocation, CV_CLI_SOURCE, "source", err))
		return false;
	add_text(&members, "name", invocation->argument);
	add_sources(&members, invocation);
	add_words(&members, "factories", cv_cli_value(invocation, CV_CLI_FACTORIES));
	if (cv_cli_value(invocation, CV_CLI_NO_ACTIVATE) != NULL) {
		begin_member(&members, "may_activate");
		cv_buffer_append_text(body, "false");
	}
	return add_number(&members, "lifetime_days", "lifetime-days",
		   cv_cli_value(invocation, CV_CLI_LIFETIME), err) &&
	       add_file(&members, "csr", cv_cli_value(invocation, CV_CLI_CSR), err) &&
	       end_members(&members, err);
}

#define PAGE (CV_CLI_AFTER | CV_CLI_LIMIT)
#define DEVICE_ACT(act_, help_)                                                                    \
	{                                                                                          \
		"device", act_, "ID", 0, "POST", "/v1/devices/", "/" act_, NULL,                   \
		    CV_CLI_VIEW_OUTCOME, help_                                                     \
	}
#define AUTHORITY_ACT(act_, help_)                                                                 \
	{                                                                                          \
		"authority", act_, "NAME", 0, "POST", "/v1/authorities/", "/" act_, NULL,          \
		    CV_CLI_VIEW_OUTCOME, help_                                                     \
	}

/* clang-format off */
static const struct cv_cli_verb verbs[] = {
	{"device", "list", "", PAGE, "GET", "/v1/devices", "", NULL, CV_CLI_VIEW_LIST,
	    "list the devices of the factory"},
	{"device", "show", "ID", 0, "GET", "/v1/devices/", "", NULL, CV_CLI_VIEW_OBJECT,
	    "show one device"},
	{"device", "revoke", "ID", CV_CLI_REASON, "POST", "/v1/devices/", "/revoke", make_reason,
	    CV_CLI_VIEW_OUTCOME, "end all its keys and refuse its id"},
	DEVICE_ACT("hold", "refuse its id, change nothing else"),
	DEVICE_ACT("release", "end a hold"),
	{"device", "delete", "ID", 0, "DELETE", "/v1/devices/", "", NULL, CV_CLI_VIEW_OUTCOME,
	    "refuse its id; nothing is forgotten"},
	DEVICE_ACT("allow", "clear a deleted or revoked id"),
	DEVICE_ACT("cancel", "withdraw the keys it announced"),
	DEVICE_ACT("approve", "announce the key it asked for last"),
	{"certificate", "list", "", PAGE | CV_CLI_DEVICE, "GET", "/v1/certificates", "", NULL,
	    CV_CLI_VIEW_LIST, "list certificates"},
	{"certificate", "show", "SHA256", 0, "GET", "/v1/certificates/", "", NULL,
	    CV_CLI_VIEW_OBJECT, "show one certificate"},
	{"certificate", "revoke", "SHA256", CV_CLI_REASON, "POST", "/v1/certificates/", "/revoke",
	    make_reason, CV_CLI_VIEW_OUTCOME, "deny one certificate"},
	{"token", "enrol", "", CV_CLI_DEVICE | CV_CLI_USES | CV_CLI_EXPIRES, "POST",
	    "/v1/enrolment-tokens", "", make_token, CV_CLI_VIEW_TOKEN,
	    "make a token with which devices enrol, and print it"},
	{"authority", "list", "", 0, "GET", "/v1/authorities", "", NULL, CV_CLI_VIEW_LIST,
	    "list the authorities"},
	{"authority", "import", "FILE", CV_CLI_NAME | CV_CLI_KIND | CV_CLI_OWNER, "POST",
	    "/v1/authorities", "", make_authority, CV_CLI_VIEW_OBJECT,
	    "trust the CA certificate in a PEM file"},
	AUTHORITY_ACT("enable", "trust it again"),
	AUTHORITY_ACT("disable", "sign nothing and admit no new device; known ones go on"),
	AUTHORITY_ACT("revoke", "refuse everybody who has a certificate of it"),
	{"gateway", "add", "NAME", CV_CLI_CSR | CV_CLI_SOURCE | CV_CLI_FACTORIES |
	    CV_CLI_NO_ACTIVATE | CV_CLI_LIFETIME | CV_CLI_OUT, "POST", "/v1/gateways", "",
	    make_gateway, CV_CLI_VIEW_CERTIFICATE,
	    "issue the client certificate of a gateway for the key of its CSR"},
	{"status", "", "", 0, "GET", "/v1/status", "", NULL, CV_CLI_VIEW_SCREEN,
	    "show what the server is doing"},
};
/* clang-format on */

const struct cv_cli_verb *
cv_cli_verbs(size_t *ret_count)
{
	*ret_count = sizeof(verbs) / sizeof(verbs[0]);
	return verbs;
}
