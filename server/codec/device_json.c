#include "cv/codec/device_json.h"

#include <string.h>

#include "cv/codec/toml.h"
#include "cv/util/text.h"
#include "json_reader_internal.h"

#define HANDLERS_MAX 32 /* of one file */
#define NAMES_SHOWN 20  /* in an audit row */
#define MERGED_FILE "z-50-fioctl.toml"

void
cv_configuration_body_deinit(struct cv_configuration_body *body)
{
	cv_buffer_deinit(&body->files);
	cv_buffer_deinit(&body->summary);
	cv_buffer_deinit(&body->public_key);
}

/* ---- writing into a layer ---- */

/* Of a folder or of the file in it: what leads nowhere else. */
static bool
is_name_part(const char *part, size_t len)
{
	if (len == 0 || (len == 1 && part[0] == '.') ||
	    (len == 2 && part[0] == '.' && part[1] == '.'))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)part[i];
		if (byte < 0x20 || byte == 0x7f)
			return false;
	}
	return true;
}

/* Devices make a file of it below one folder, and the folders between. */
static bool
is_file_name(const char *name)
{
	if (name == NULL || strlen(name) > CV_FILE_NAME_MAX)
		return false;
	for (size_t parts = 1; parts <= CV_FILE_NAME_PARTS_MAX; parts++) {
		size_t len = strcspn(name, "/");

		if (!is_name_part(name, len))
			return false;
		if (name[len] == '\0')
			return true;
		name += len + 1;
	}
	return false;
}

static bool
bad_file(const char *what, struct cv_error *err)
{
	return cv_fail(err, CV_E_INPUT, "a file of member \"files\": %s", what);
}

/* NULL: absent or null. False: it is of another type. */
static bool
member_string(const json_t *object, const char *name, const char **ret_text)
{
	const json_t *member = json_object_get(object, name);

	*ret_text = json_string_value(member);
	return *ret_text != NULL || member == NULL || json_is_null(member);
}

static bool
are_handlers(const json_t *handlers)
{
	if (!json_is_array(handlers) || json_array_size(handlers) > HANDLERS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(handlers); i++) {
		if (!json_is_string(json_array_get(handlers, i)))
			return false;
	}
	return true;
}

/* The file with what is known of it and nothing else. */
static bool
read_file(const json_t *file, json_t **ret_file, struct cv_error *err)
{
	const char *name, *value;
	bool is_unencrypted = false;
	json_t *handlers = json_object_get(file, "on-changed");
	json_t *read;

	if (!json_is_object(file))
		return bad_file("an object is expected", err);
	if (!member_string(file, "name", &name) || !is_file_name(name))
		return bad_file("\"name\" is no file name", err);
	if (!member_string(file, "value", &value))
		return bad_file("\"value\" is not a string", err);
	if (!cv_json_read_boolean(file, "unencrypted", &is_unencrypted, err))
		return false;
	if (handlers != NULL && !json_is_null(handlers) && !are_handlers(handlers))
		return bad_file("\"on-changed\" is no list of words", err);
	read = json_pack("{s:s, s:s, s:b}", "name", name, "value", value == NULL ? "" : value,
	    "unencrypted", is_unencrypted);
	if (json_array_size(handlers) > 0)
		(void)json_object_set(read, "on-changed", handlers);
	*ret_file = read;
	return read != NULL || cv_fail(err, CV_E_MEMORY, "out of memory");
}

static size_t
place_of(const json_t *files, const char *name)
{
	size_t i = 0;

	while (i < json_array_size(files) &&
	       !cv_text_equal(
		   json_string_value(json_object_get(json_array_get(files, i), "name")), name))
		i++;
	return i;
}

static bool
read_files(const json_t *list, json_t *ret_files, struct cv_error *err)
{
	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > CV_FILES_MAX)
		return cv_fail(err, CV_E_INPUT,
		    "member \"files\" is not a list of at most %d files", CV_FILES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *file = NULL;
		if (!read_file(json_array_get(list, i), &file, err))
			return false;
		size_t place =
		    place_of(ret_files, json_string_value(json_object_get(file, "name")));
		if ((place < json_array_size(ret_files)
			    ? json_array_set_new(ret_files, place, file)
			    : json_array_append_new(ret_files, file)) != 0)
			return cv_fail(err, CV_E_MEMORY, "out of memory");
	}
	return true;
}

static bool
write_json(const json_t *json, struct cv_buffer *buffer, struct cv_error *err)
{
	CV_AUTO_MEMORY char *text = json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		cv_buffer_append_text(buffer, text);
	return (text != NULL && !buffer->has_failed) || cv_fail(err, CV_E_MEMORY, "out of memory");
}

/* What an audit row says: names, because values may be secrets. */
static bool
summarise(const json_t *files, struct cv_buffer *summary, struct cv_error *err)
{
	CV_AUTO_JSON json_t *names = json_array();
	CV_AUTO_JSON json_t *object = NULL;

	for (size_t i = 0; i < json_array_size(files) && i < NAMES_SHOWN; i++)
		(void)json_array_append(names, json_object_get(json_array_get(files, i), "name"));
	object =
	    json_pack("{s:O, s:I}", "files", names, "count", (json_int_t)json_array_size(files));
	return write_json(object, summary, err);
}

static bool
has_encrypted(const json_t *files)
{
	for (size_t i = 0; i < json_array_size(files); i++) {
		if (json_is_false(json_object_get(json_array_get(files, i), "unencrypted")))
			return true;
	}
	return false;
}

bool
cv_json_decode_configuration(
    struct cv_bytes body, struct cv_configuration_body *ret_body, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	CV_AUTO_JSON json_t *files = json_array();
	const char *reason, *key;

	*ret_body = (struct cv_configuration_body){.reason = ""};
	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !read_files(json_object_get(object, "files"), files, err))
		return false;
	if (!member_string(object, "reason", &reason))
		return cv_fail(err, CV_E_INPUT, "member \"reason\" is not a string");
	if (!member_string(object, "public-key", &key))
		return cv_fail(err, CV_E_INPUT, "member \"public-key\" is not a string");
	if (reason != NULL)
		(void)cv_text_copy_bytes(ret_body->reason, sizeof(ret_body->reason), reason,
		    cv_text_cut(reason, sizeof(ret_body->reason) - 1));
	if (key != NULL)
		cv_buffer_append_text(&ret_body->public_key, key);
	ret_body->has_encrypted = has_encrypted(files);
	return write_json(files, &ret_body->files, err) &&
	       summarise(files, &ret_body->summary, err);
}

bool
cv_json_name_file(const char *name, struct cv_configuration_body *ret_body, struct cv_error *err)
{
	CV_AUTO_JSON json_t *files = NULL;

	*ret_body = (struct cv_configuration_body){.reason = ""};
	if (!is_file_name(name))
		return cv_fail(err, CV_E_INPUT, "this is no file name");
	files = json_pack("[{s:s}]", "name", name);
	if (files == NULL)
		return cv_fail(err, CV_E_INPUT, "this is no file name");
	return write_json(files, &ret_body->files, err) &&
	       summarise(files, &ret_body->summary, err);
}

bool
cv_json_make_rotation_file(const char *est_url, const char *rotation_id,
    struct cv_configuration_body *ret_body, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer value = CV_BUFFER_INIT;
	CV_AUTO_JSON json_t *files = NULL;

	*ret_body = (struct cv_configuration_body){.reason = ""};
	cv_buffer_printf(&value, "ESTSERVER=%s\nPKEYIDS=01,07\nCERTIDS=03,09\nROTATIONID=%s\n",
	    est_url, rotation_id);
	files = json_pack("[{s:s, s:s, s:b, s:[s]}]", "name", "fio-rotate-certs", "value",
	    cv_buffer_text(&value), "unencrypted", 1, "on-changed",
	    "/usr/share/fioconfig/handlers/renew-client-cert");
	return write_json(files, &ret_body->files, err) &&
	       summarise(files, &ret_body->summary, err);
}

/* ---- what a device gets ---- */

/* Key by key, where both can be read; else the later text as it is. */
static json_t *
merged_value(const json_t *before, const json_t *file)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	json_t *value = json_object_get(file, "value");

	if (json_is_true(json_object_get(before, "Unencrypted")) &&
	    json_is_true(json_object_get(file, "unencrypted")) &&
	    cv_toml_merge(json_string_value(json_object_get(before, "Value")),
		json_string_value(value), &text) &&
	    !text.has_failed)
		return json_string(cv_buffer_text(&text));
	return json_incref(value);
}

static bool
add_file(json_t *configuration, const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "name"));
	json_t *handlers = json_object_get(file, "on-changed");
	json_t *value;

	if (name == NULL)
		return false;
	value = cv_text_equal(name, MERGED_FILE)
		    ? merged_value(json_object_get(configuration, name), file)
		    : json_incref(json_object_get(file, "value"));
	return json_object_set_new(configuration, name,
		   json_pack("{s:o, s:o, s:O}", "Value", value, "OnChanged",
		       handlers == NULL ? json_null() : json_incref(handlers), "Unencrypted",
		       json_object_get(file, "unencrypted"))) == 0;
}

static bool
add_layer(json_t *configuration, struct cv_bytes layer, struct cv_error *err)
{
	CV_AUTO_JSON json_t *files = json_loadb((const char *)layer.data, layer.len, 0, NULL);

	for (size_t i = 0; i < json_array_size(files); i++) {
		if (!add_file(configuration, json_array_get(files, i)))
			return cv_fail(err, CV_E_INTERNAL, "a stored file is malformed");
	}
	return json_is_array(files) || cv_fail(err, CV_E_INTERNAL, "a stored layer is malformed");
}

bool
cv_json_append_layers(
    struct cv_buffer *buffer, const struct cv_bytes *layers, size_t count, struct cv_error *err)
{
	CV_AUTO_JSON json_t *configuration = json_object();

	for (size_t i = 0; i < count; i++) {
		if (layers[i].len > 0 && !add_layer(configuration, layers[i], err))
			return false;
	}
	return write_json(configuration, buffer, err);
}
