#include "cv/codec/broker_json.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "json_reader_internal.h"

/* NULL for a member that is absent or null, or a text with nothing in it; false for what is no
 * text. */
static bool
read_text(const json_t *object, const char *name, const char **ret_text, struct cv_error *err)
{
	const json_t *member = json_object_get(object, name);
	const char *text = json_string_value(member);

	if (member != NULL && text == NULL && !json_is_null(member))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a text", name);
	*ret_text =
	    text == NULL || text[0] == '\0' || cv_text_equal(text, "undefined") ? NULL : text;
	return true;
}

static bool
take_name(const json_t *object, const char *name, struct cv_broker_client *ret_client,
    struct cv_error *err)
{
	const char *text = NULL;

	if (!read_text(object, name, &text, err))
		return false;
	if (text != NULL && !cv_text_copy(ret_client->name, sizeof(ret_client->name), text))
		return cv_fail(err, CV_E_INPUT, "the name is longer than any device id");
	return true;
}

static bool
take_certificate(const char *text, struct cv_buffer *ret_der, struct cv_error *err)
{
	struct cv_bytes bytes = cv_bytes(text, strlen(text));

	if (text[0] == '-')
		return cv_armour_decode(
		    bytes, CV_ARMOUR_ALONE, CV_ARMOUR_CERTIFICATE, NULL, ret_der, err);
	return cv_base64_decode(text, bytes.len, CV_BASE64_STRICT, ret_der, err);
}

bool
cv_json_decode_emqx(struct cv_bytes body, struct cv_buffer *ret_der,
    struct cv_broker_client *ret_client, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_broker_client client = {.name = ""};
	const char *certificate = NULL;

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !take_name(object, "cert_common_name", &client, err) ||
	    !read_text(object, "cert_pem", &certificate, err))
		return false;
	client.has_certificate = certificate != NULL;
	if (client.has_certificate && !take_certificate(certificate, ret_der, err))
		return false;
	*ret_client = client;
	return true;
}

bool
cv_json_decode_vernemq(
    struct cv_bytes body, struct cv_broker_client *ret_client, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_broker_client client = {.name = ""};

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !take_name(object, "username", &client, err))
		return false;
	*ret_client = client;
	return true;
}

void
cv_json_append_emqx_answer(struct cv_buffer *body, bool is_allowed, const char *device,
    const char *factory, int64_t expires_utc)
{
	if (!is_allowed) {
		cv_buffer_append_text(body, "{\"result\":\"deny\"}\n");
		return;
	}
	cv_buffer_append_text(body, "{\"result\":\"allow\",\"client_attrs\":{\"device\":");
	cv_json_append_string(body, device);
	cv_buffer_append_text(body, ",\"factory\":");
	cv_json_append_string(body, factory);
	cv_buffer_append_text(body, "}");
	if (expires_utc > 0)
		cv_buffer_printf(body, ",\"expire_at\":%lld", (long long)expires_utc);
	cv_buffer_append_text(body, "}\n");
}

void
cv_json_append_vernemq_answer(struct cv_buffer *body, bool is_allowed)
{
	cv_buffer_append_text(body,
	    is_allowed ? "{\"result\":\"ok\"}\n" : "{\"result\":{\"error\":\"not_allowed\"}}\n");
}
