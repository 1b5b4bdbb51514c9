/*
 * Bodies of FoundriesFactory clients: values within their bounds or an error, for any bytes; and
 * the sota.toml that comes of a registration has, line by line, nothing but headers, strings and
 * comments, whatever the device wanted in it.
 */
#include "cv/codec/ota_json.h"
#include "fuzz.h"

static void
check_refused(const struct cv_error *err)
{
	FUZZ_REQUIRE(err->code == CV_E_INPUT);
	for (const char *at = err->text; *at != '\0'; at++)
		FUZZ_REQUIRE((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static bool
is_word(const char *text, size_t len)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	return len > 0 && strspn(text, letters) >= len;
}

/* A TOML string: one that ends where the line ends, and not before. */
static bool
is_string(const char *text, size_t len)
{
	if (len < 2 || text[0] != text[len - 1])
		return false;
	if (text[0] == '\'')
		return memchr(text + 1, '\'', len - 2) == NULL;
	if (text[0] != '"')
		return false;
	for (size_t i = 1; i + 1 < len; i++) {
		if (text[i] == '"')
			return false;
		if (text[i] != '\\')
			continue;
		i++;
		if (i + 1 >= len || (text[i] != '"' && text[i] != '\\'))
			return false;
	}
	return true;
}

static bool
is_good_line(const char *line, size_t len)
{
	const char *equals;

	if (len == 0 || line[0] == '#')
		return true;
	if (line[0] == '[')
		return len > 2 && line[len - 1] == ']' && is_word(line + 1, len - 2);
	equals = memmem(line, len, " = ", 3);
	return equals != NULL && is_word(line, (size_t)(equals - line)) &&
	       is_string(equals + 3, len - (size_t)(equals - line) - 3);
}

static void
check_toml(const struct cv_ota_registration *registration)
{
	CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	const struct cv_sota_terms terms = {
	    .gateway_url = "https://gateway.example:8443",
	    .ostree_url = registration->uses_ostree_server ? "https://ostree.example" : "",
	    .hardware_id = registration->hardware_id,
	    .directory = registration->directory,
	    .overrides = registration->overrides,
	    .override_count = registration->override_count,
	};

	if (!cv_sota_append(&toml, &terms, &err)) {
		check_refused(&err);
		return;
	}
	for (const char *line = cv_buffer_text(&toml); *line != '\0';) {
		size_t len = strcspn(line, "\n");

		FUZZ_REQUIRE(line[len] == '\n' && is_good_line(line, len));
		line += len + 1;
	}
}

static void
check_registration(struct cv_bytes body)
{
	struct cv_ota_registration registration;
	struct cv_error err = CV_ERROR_INIT;

	if (cv_ota_decode_registration(body, &registration, &err)) {
		FUZZ_REQUIRE(registration.csr.len > 0 && registration.directory[0] != '\0');
		FUZZ_REQUIRE(cv_device_id_is_valid(registration.uuid, strlen(registration.uuid)));
		FUZZ_REQUIRE(registration.override_count <= CV_SOTA_OVERRIDES_MAX);
		check_toml(&registration);
	} else {
		check_refused(&err);
	}
	cv_ota_registration_deinit(&registration);
}

static void
check_others(struct cv_bytes body)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_ota_certificate certificate;
	struct cv_ota_device_change change;
	struct cv_ota_group group;
	struct cv_error err = CV_ERROR_INIT;

	if (cv_ota_decode_certificate(body, &certificate, &der, &err))
		FUZZ_REQUIRE(der.len > 0);
	else
		check_refused(&err);
	if (cv_ota_decode_device_change(body, &change, &err))
		FUZZ_REQUIRE(change.has_name || change.has_owner || change.has_group);
	else
		check_refused(&err);
	if (cv_ota_decode_group(body, true, &group, &err))
		FUZZ_REQUIRE(cv_factory_name_is_valid(group.name, strlen(group.name)));
	else
		check_refused(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cv_bytes body = cv_bytes(data, size);

	check_registration(body);
	check_others(body);
	return 0;
}
