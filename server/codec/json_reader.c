#include "json_reader_internal.h"

#include <string.h>

#include "cv/codec/operator_json.h"
#include "cv/model/name.h"
#include "cv/util/text.h"

/* Nesting outside strings; the parser would recurse as deep as the sender likes. */
static bool
is_too_deep(struct cv_bytes body)
{
	bool is_in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < body.len; i++) {
		uint8_t byte = body.data[i];
		if (byte == '"')
			is_in_string = !is_in_string;
		else if (is_in_string && byte == '\\')
			i++;
		else if (!is_in_string && (byte == '{' || byte == '['))
			depth++;
		else if (!is_in_string && (byte == '}' || byte == ']') && depth > 0)
			depth--;
		if (depth > CV_JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

static bool
is_listed(const char *name, const char *const *known)
{
	for (; *known != NULL; known++) {
		if (cv_text_equal(name, *known))
			return true;
	}
	return false;
}

static bool
check_members(json_t *object, const char *const *known, struct cv_error *err)
{
	if (known == NULL)
		return true;
	for (void *member = json_object_iter(object); member != NULL;
	     member = json_object_iter_next(object, member)) {
		const char *name = json_object_iter_key(member);
		if (!is_listed(name, known))
			return cv_fail(err, CV_E_INPUT, "unknown member \"%.40s\"", name);
	}
	return true;
}

/* Any JSON, as the flags of the parser say. */
static bool
load(struct cv_bytes body, size_t flags, const char *expected, json_t **ret_json,
    struct cv_error *err)
{
	json_error_t error;

	if (is_too_deep(body))
		return cv_fail(err, CV_E_INPUT, "JSON nested deeper than %d", CV_JSON_DEPTH_MAX);
	if (body.len == 0)
		return cv_fail(err, CV_E_INPUT, "body is empty, a JSON %s is expected", expected);
	*ret_json = json_loadb((const char *)body.data, body.len, flags | JSON_DECODE_ANY, &error);
	if (*ret_json == NULL)
		return cv_fail(
		    err, CV_E_INPUT, "not JSON: line %d, column %d", error.line, error.column);
	return true;
}

bool
cv_json_read_object(
    struct cv_bytes body, const char *const *known, json_t **ret_object, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;

	if (!load(body, JSON_REJECT_DUPLICATES, "object", &object, err))
		return false;
	if (!json_is_object(object))
		return cv_fail(err, CV_E_INPUT, "a JSON object is expected");
	if (!check_members(object, known, err))
		return false;
	*ret_object = CV_TAKE(object);
	return true;
}

bool
cv_json_read_array(struct cv_bytes body, json_t **ret_array, struct cv_error *err)
{
	CV_AUTO_JSON json_t *array = NULL;

	if (!load(body, JSON_ALLOW_NUL, "array", &array, err))
		return false;
	if (!json_is_array(array))
		return cv_fail(err, CV_E_INPUT, "a JSON array is expected");
	*ret_array = CV_TAKE(array);
	return true;
}

/* NULL when absent or null. */
static const json_t *
member_of(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);

	return json_is_null(member) ? NULL : member;
}

/* The answer for a member that is not there. */
static bool
may_be_absent(const char *name, enum cv_json_need need, struct cv_error *err)
{
	if (need == CV_JSON_REQUIRED)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is missing", name);
	return true;
}

/* One line of text: JSON may carry control characters, our names may not. */
static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte == 0x7f)
			return false;
	}
	return true;
}

bool
cv_json_read_text(const json_t *object, const char *name, enum cv_json_need need, char *ret_text,
    size_t size, struct cv_error *err)
{
	const json_t *member = member_of(object, name);

	if (member == NULL)
		return may_be_absent(name, need, err);
	if (!json_is_string(member) || !is_plain(json_string_value(member)))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a line of text", name);
	if (json_string_length(member) >= size)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is longer than %zu", name, size - 1);
	return cv_text_copy(ret_text, size, json_string_value(member));
}

bool
cv_json_read_integer(const json_t *object, const char *name, int64_t min, int64_t max,
    int64_t *ret_value, struct cv_error *err)
{
	const json_t *member = member_of(object, name);

	if (member == NULL)
		return true;
	if (!json_is_integer(member) || json_integer_value(member) < min ||
	    json_integer_value(member) > max)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a number from %lld to %lld",
		    name, (long long)min, (long long)max);
	*ret_value = json_integer_value(member);
	return true;
}

bool
cv_json_read_boolean(const json_t *object, const char *name, bool *ret_value, struct cv_error *err)
{
	const json_t *member = member_of(object, name);

	if (member == NULL)
		return true;
	if (!json_is_boolean(member))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not true or false", name);
	*ret_value = json_is_true(member);
	return true;
}

static bool
is_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == ',')
			return false;
	}
	return len > 0;
}

static bool
is_twice(const json_t *list, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (json_equal(json_array_get(list, i), json_array_get(list, at)))
			return true;
	}
	return false;
}

typedef bool is_item(const char *text, size_t len);

static bool
append_item(struct cv_buffer *list, const json_t *item, is_item *is_valid)
{
	const char *text = json_string_value(item);

	if (text == NULL || !is_valid(text, json_string_length(item)))
		return false;
	if (list->len > 0)
		cv_buffer_append_byte(list, ',');
	cv_buffer_append_text(list, text);
	return true;
}

static bool
read_list(const json_t *object, const char *name, enum cv_json_need need, is_item *is_valid,
    char *ret_list, size_t size, struct cv_error *err)
{
	const json_t *member = member_of(object, name);
	CV_AUTO_BUFFER struct cv_buffer list = {.max_bytes = size - 1};

	if (member == NULL)
		return may_be_absent(name, need, err);
	if (!json_is_array(member) || json_array_size(member) == 0)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a list of names", name);
	for (size_t i = 0; i < json_array_size(member); i++) {
		if (!append_item(&list, json_array_get(member, i), is_valid))
			return cv_fail(
			    err, CV_E_INPUT, "member \"%s\" holds something else than names", name);
	}
	if (list.has_failed || !cv_text_copy(ret_list, size, cv_buffer_text(&list)))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is too long", name);
	return true;
}

bool
cv_json_read_names(const json_t *object, const char *name, enum cv_json_need need, char *ret_list,
    size_t size, struct cv_error *err)
{
	const json_t *member = member_of(object, name);

	if (!read_list(object, name, need, cv_factory_name_is_valid, ret_list, size, err))
		return false;
	for (size_t i = 0; i < json_array_size(member); i++) {
		if (is_twice(member, i))
			return cv_fail(err, CV_E_INPUT, "member \"%s\" holds a name twice", name);
	}
	return true;
}

bool
cv_json_read_words(const json_t *object, const char *name, enum cv_json_need need, char *ret_list,
    size_t size, struct cv_error *err)
{
	return read_list(object, name, need, is_word, ret_list, size, err);
}

/* The bound is that of the text that gateways are told, where a blank follows each comma. */
bool
cv_json_read_policies(const json_t *object, const char *name, bool *ret_is_given,
    char ret_list[CV_POLICY_LIST_SIZE], struct cv_error *err)
{
	const json_t *member = member_of(object, name);
	size_t count = json_array_size(member);
	CV_AUTO_BUFFER struct cv_buffer list = {.max_bytes = CV_POLICY_LIST_SIZE - 1};

	*ret_is_given = member != NULL;
	if (member == NULL)
		return true;
	if (!json_is_array(member) || count > CV_POLICIES_MAX)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a list of at most %d names",
		    name, CV_POLICIES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!append_item(&list, json_array_get(member, i), cv_policy_name_is_valid) ||
		    is_twice(member, i))
			return cv_fail(err, CV_E_INPUT,
			    "member \"%s\" holds something else than names, or one twice", name);
	}
	if (list.has_failed || list.len + (count == 0 ? 0 : count - 1) >= CV_POLICY_LIST_SIZE)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is too long", name);
	return cv_text_copy(ret_list, CV_POLICY_LIST_SIZE, cv_buffer_text(&list));
}

bool
cv_json_read_long_text(
    const json_t *object, const char *name, struct cv_bytes *ret_text, struct cv_error *err)
{
	const json_t *member = member_of(object, name);

	if (member == NULL)
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is missing", name);
	if (!json_is_string(member))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is not a string", name);
	*ret_text = cv_bytes(json_string_value(member), json_string_length(member));
	return true;
}
