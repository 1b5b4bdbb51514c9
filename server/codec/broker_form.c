#include "cv/codec/broker_form.h"

#include <string.h>

#include "cv/util/text.h"
#include "form_internal.h"
#include "forwarded_internal.h"

bool
cv_form_decode(struct cv_bytes encoded, struct cv_buffer *ret_text, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer blanks = {.is_secret = ret_text->is_secret};

	cv_buffer_append(&blanks, encoded.data, encoded.len);
	for (size_t i = 0; i < blanks.len; i++) {
		if (blanks.data[i] == '+')
			blanks.data[i] = ' ';
	}
	return cv_forwarded_percent_decode(cv_buffer_text(&blanks), blanks.len, ret_text, err);
}

struct parameters {
	char names[CV_BROKER_PARAMETERS_MAX][CV_BROKER_PARAMETER_NAME_MAX + 1];
	size_t count;
};

/* Decoded first: "user%6eame" is the same name. */
static bool
take_name(struct parameters *parameters, struct cv_bytes encoded, const char **ret_name,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	char *name = parameters->names[parameters->count];

	if (parameters->count == CV_BROKER_PARAMETERS_MAX)
		return cv_fail(
		    err, CV_E_LIMIT, "more than %d parameters", CV_BROKER_PARAMETERS_MAX);
	if (!cv_form_decode(encoded, &text, err))
		return false;
	if (text.len == 0 ||
	    !cv_text_copy_bytes(name, CV_BROKER_PARAMETER_NAME_MAX + 1, text.data, text.len))
		return cv_fail(err, CV_E_LIMIT, "a parameter's name is not of 1 to %d bytes",
		    CV_BROKER_PARAMETER_NAME_MAX);
	for (size_t i = 0; i < parameters->count; i++) {
		if (cv_text_equal(parameters->names[i], name))
			return cv_fail(err, CV_E_INPUT, "a parameter came twice");
	}
	parameters->count++;
	*ret_name = name;
	return true;
}

struct rabbitmq_client {
	char username[CV_DEVICE_ID_MAX + 1];
	bool has_password;
};

static bool
take_parameter(struct rabbitmq_client *client, const char *name, const struct cv_buffer *value,
    struct cv_error *err)
{
	if (cv_text_equal(name, "password"))
		client->has_password = true;
	if (cv_text_equal(name, "username") && value->len > 0 &&
	    !cv_text_copy_bytes(
		client->username, sizeof(client->username), value->data, value->len))
		return cv_fail(err, CV_E_INPUT, "the name is longer than any device id");
	return true;
}

/* "name=value". */
static bool
read_parameter(struct parameters *parameters, struct rabbitmq_client *client, const uint8_t *text,
    size_t len, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer value = {.is_secret = true};
	const uint8_t *equals = len == 0 ? NULL : memchr(text, '=', len);
	const char *name = "";

	if (equals == NULL)
		return cv_fail(err, CV_E_INPUT, "a parameter has no value");
	size_t name_len = (size_t)(equals - text);
	return take_name(parameters, cv_bytes(text, name_len), &name, err) &&
	       cv_form_decode(cv_bytes(equals + 1, len - name_len - 1), &value, err) &&
	       take_parameter(client, name, &value, err);
}

bool
cv_form_decode_rabbitmq(
    struct cv_bytes form, struct cv_broker_client *ret_client, struct cv_error *err)
{
	struct rabbitmq_client client = {.username = ""};
	struct parameters parameters = {.count = 0};
	const uint8_t *at = form.data;
	size_t left = form.len;

	for (;;) {
		const uint8_t *end = left == 0 ? NULL : memchr(at, '&', left);
		size_t len = end == NULL ? left : (size_t)(end - at);

		if (!read_parameter(&parameters, &client, at, len, err))
			return false;
		if (end == NULL)
			break;
		at = end + 1;
		left -= len + 1;
	}
	*ret_client = (struct cv_broker_client){.has_certificate = false};
	if (!client.has_password)
		(void)cv_text_copy(ret_client->name, sizeof(ret_client->name), client.username);
	return true;
}
