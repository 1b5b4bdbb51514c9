#include "cv/codec/ota_json.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/util/text.h"
#include "json_reader_internal.h"

#define DIRECTORY_DEFAULT "/var/sota"
#define END_OF_CERTIFICATE "-----END CERTIFICATE-----"

/* ---- registration ---- */

/* true, "true"; false, "false". */
static bool
read_flag(const json_t *object, const char *name, bool *ret_value, struct cv_error *err)
{
	const json_t *member = json_object_get(object, name);
	const char *text = json_string_value(member);

	if (text == NULL)
		return cv_json_read_boolean(object, name, ret_value, err);
	if (!cv_text_equal(text, "true") && !cv_text_equal(text, "false"))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not true or false", name);
	*ret_value = cv_text_equal(text, "true");
	return true;
}

static bool
add_override(struct cv_ota_registration *registration, const char *section, const char *key,
    const json_t *value, struct cv_error *err)
{
	const char *text = json_is_null(value) ? "" : json_string_value(value);

	if (text == NULL)
		return cv_fail(
		    err, CV_E_INPUT, "member \"overrides\" holds a value that is not text");
	if (registration->override_count == CV_SOTA_OVERRIDES_MAX)
		return cv_fail(err, CV_E_INPUT, "member \"overrides\" has more than %d keys",
		    CV_SOTA_OVERRIDES_MAX);
	registration->overrides[registration->override_count++] =
	    (struct cv_sota_override){section, key, text};
	return true;
}

static bool
read_section(struct cv_ota_registration *registration, const char *section, json_t *keys,
    struct cv_error *err)
{
	if (!json_is_object(keys))
		return cv_fail(
		    err, CV_E_INPUT, "member \"overrides\" holds a section that is no object");
	for (void *at = json_object_iter(keys); at != NULL; at = json_object_iter_next(keys, at)) {
		if (!add_override(registration, section, json_object_iter_key(at),
			json_object_iter_value(at), err))
			return false;
	}
	return true;
}

static bool
read_overrides(json_t *object, struct cv_ota_registration *registration, struct cv_error *err)
{
	json_t *sections = json_object_get(object, "overrides");
	/* Boost writes an empty object as an empty text. */
	const char *text = json_string_value(sections);

	if (sections == NULL || json_is_null(sections) || (text != NULL && text[0] == '\0'))
		return true;
	if (!json_is_object(sections))
		return cv_fail(err, CV_E_INPUT, "member \"overrides\" is no object");
	for (void *at = json_object_iter(sections); at != NULL;
	     at = json_object_iter_next(sections, at)) {
		json_t *keys = json_object_iter_value(at);
		const char *empty = json_string_value(keys);

		if (empty != NULL && empty[0] == '\0')
			continue;
		if (!read_section(registration, json_object_iter_key(at), keys, err))
			return false;
	}
	return true;
}

static bool
read_directory(const json_t *object, char directory[CV_SOTA_DIRECTORY_SIZE], struct cv_error *err)
{
	size_t len;

	if (!cv_json_read_text(object, "sota-config-dir", CV_JSON_OPTIONAL, directory,
		CV_SOTA_DIRECTORY_SIZE, err))
		return false;
	len = strlen(directory);
	while (len > 1 && directory[len - 1] == '/')
		directory[--len] = '\0';
	return len > 0 || cv_text_copy(directory, CV_SOTA_DIRECTORY_SIZE, DIRECTORY_DEFAULT);
}

static bool
read_id(const json_t *object, char uuid[CV_DEVICE_ID_MAX + 1], struct cv_error *err)
{
	if (!cv_json_read_text(object, "uuid", CV_JSON_REQUIRED, uuid, CV_DEVICE_ID_MAX + 1, err))
		return false;
	return cv_device_id_is_valid(uuid, strlen(uuid)) ||
	       cv_fail(err, CV_E_INPUT, "member \"uuid\" is no device id");
}

static bool
read_csr(const json_t *object, struct cv_buffer *ret_der, struct cv_error *err)
{
	struct cv_bytes pem;

	if (!cv_json_read_long_text(object, "csr", &pem, err))
		return false;
	return cv_armour_decode(pem, CV_ARMOUR_WITH_TEXT, CV_ARMOUR_REQUEST, CV_ARMOUR_NEW_REQUEST,
		   ret_der, err) ||
	       cv_error_context(err, "member \"csr\"");
}

static bool
read_registration(json_t *object, struct cv_ota_registration *registration, struct cv_error *err)
{
	return read_id(object, registration->uuid, err) &&
	       cv_json_read_text(object, "name", CV_JSON_OPTIONAL, registration->name,
		   sizeof(registration->name), err) &&
	       cv_json_read_text(object, "group", CV_JSON_OPTIONAL, registration->group,
		   sizeof(registration->group), err) &&
	       cv_json_read_text(object, "hardware-id", CV_JSON_OPTIONAL, registration->hardware_id,
		   sizeof(registration->hardware_id), err) &&
	       read_flag(object, "use-ostree-server", &registration->uses_ostree_server, err) &&
	       read_directory(object, registration->directory, err) &&
	       read_overrides(object, registration, err) &&
	       read_csr(object, &registration->csr, err);
}

bool
cv_ota_decode_registration(
    struct cv_bytes body, struct cv_ota_registration *ret_registration, struct cv_error *err)
{
	json_t *object = NULL;

	*ret_registration = (struct cv_ota_registration){.uses_ostree_server = true};
	if (!cv_json_read_object(body, NULL, &object, err))
		return false;
	ret_registration->document = object;
	if (read_registration(object, ret_registration, err))
		return true;
	cv_ota_registration_deinit(ret_registration);
	return false;
}

void
cv_ota_registration_deinit(struct cv_ota_registration *registration)
{
	cv_buffer_deinit(&registration->csr);
	json_decref(registration->document);
	registration->document = NULL;
}

/* ---- a certificate from elsewhere ---- */

/* Registrars may send the chain behind the leaf. */
static struct cv_bytes
first_certificate(struct cv_bytes pem)
{
	const char *text = (const char *)pem.data;
	const char *end = strstr(text, END_OF_CERTIFICATE);

	if (end == NULL)
		return pem;
	return cv_bytes(text, (size_t)(end - text) + strlen(END_OF_CERTIFICATE));
}

bool
cv_ota_decode_certificate(struct cv_bytes body, struct cv_ota_certificate *ret_certificate,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_ota_certificate certificate = {.name = ""};
	struct cv_bytes pem;

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !cv_json_read_text(object, "name", CV_JSON_OPTIONAL, certificate.name,
		sizeof(certificate.name), err) ||
	    !cv_json_read_text(object, "group", CV_JSON_OPTIONAL, certificate.group,
		sizeof(certificate.group), err) ||
	    !cv_json_read_long_text(object, "client.pem", &pem, err))
		return false;
	if (!cv_armour_decode(first_certificate(pem), CV_ARMOUR_WITH_TEXT, CV_ARMOUR_CERTIFICATE,
		NULL, ret_der, err))
		return cv_error_context(err, "member \"client.pem\"");
	*ret_certificate = certificate;
	return true;
}

/* ---- devices and groups ---- */

static bool
has(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);

	return member != NULL && !json_is_null(member);
}

bool
cv_ota_decode_device_change(
    struct cv_bytes body, struct cv_ota_device_change *ret_change, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_ota_device_change change = {.has_name = false};

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !cv_json_read_text(
		object, "name", CV_JSON_OPTIONAL, change.name, sizeof(change.name), err) ||
	    !cv_json_read_text(
		object, "owner", CV_JSON_OPTIONAL, change.owner, sizeof(change.owner), err) ||
	    !cv_json_read_text(
		object, "group", CV_JSON_OPTIONAL, change.group, sizeof(change.group), err))
		return false;
	change.has_name = has(object, "name");
	change.has_owner = has(object, "owner");
	change.has_group = has(object, "group");
	if (!change.has_name && !change.has_owner && !change.has_group)
		return cv_fail(
		    err, CV_E_INPUT, "one of \"name\", \"owner\" and \"group\" is needed");
	if (change.has_owner && !cv_factory_name_is_valid(change.owner, strlen(change.owner)))
		return cv_fail(err, CV_E_INPUT, "member \"owner\" is not the name of a user");
	*ret_change = change;
	return true;
}

bool
cv_ota_decode_group(
    struct cv_bytes body, bool is_new, struct cv_ota_group *ret_group, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_ota_group group = {.has_name = false};

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !cv_json_read_text(object, "name", is_new ? CV_JSON_REQUIRED : CV_JSON_OPTIONAL,
		group.name, sizeof(group.name), err) ||
	    !cv_json_read_text(object, "description", CV_JSON_OPTIONAL, group.description,
		sizeof(group.description), err))
		return false;
	group.has_name = has(object, "name");
	group.has_description = has(object, "description");
	if (group.has_name && !cv_factory_name_is_valid(group.name, strlen(group.name)))
		return cv_fail(err, CV_E_INPUT, "member \"name\" is not 1 to %d of A-Za-z0-9._-",
		    CV_FACTORY_NAME_MAX);
	*ret_group = group;
	return true;
}
