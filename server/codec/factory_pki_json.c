#include "cv/codec/factory_pki_json.h"

#include <string.h>

#include "json_reader_internal.h"

bool
cv_json_decode_factory_keys(
    struct cv_bytes body, struct cv_factory_keys_body *ret_keys, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_factory_keys_body keys = {.is_old = false};

	if (body.len > 0 && !cv_json_read_object(body, NULL, &object, err))
		return false;
	if (body.len == 0 || json_object_size(object) == 0) {
		*ret_keys = (struct cv_factory_keys_body){
		    .is_old = true, .is_first_time = true, .has_ca = true, .has_tls = true};
		return true;
	}
	if (!cv_json_read_boolean(object, "first-time-init", &keys.is_first_time, err) ||
	    !cv_json_read_boolean(object, "ca-csr", &keys.has_ca, err) ||
	    !cv_json_read_boolean(object, "tls-csr", &keys.has_tls, err) ||
	    !cv_json_read_boolean(object, "est-tls-csr", &keys.has_est_tls, err))
		return false;
	*ret_keys = keys;
	return true;
}

static bool
read_text(const json_t *object, const struct cv_json_text_member *member, struct cv_error *err)
{
	const json_t *value = json_object_get(object, member->name);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" must be a string", member->name);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" holds a NUL", member->name);
	cv_buffer_append(member->ret_text, json_string_value(value), json_string_length(value));
	return !member->ret_text->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_json_decode_texts(
    struct cv_bytes body, const struct cv_json_text_member *members, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, NULL, &object, err))
		return false;
	for (; members->name != NULL; members++) {
		if (!read_text(object, members, err))
			return false;
	}
	return true;
}
