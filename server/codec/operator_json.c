#include "cv/codec/operator_json.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/util/text.h"
#include "json_reader_internal.h"

#define TOKEN_USES_MAX 1000000
#define TOKEN_SECONDS_MAX 31536000 /* a year */
#define TOKEN_SECONDS_DEFAULT 3600
#define CLIENT_DAYS_MAX 3650 /* certificates of the service CA */
#define CLIENT_DAYS_DEFAULT 365
#define AUTHORITY_NAME_MAX 64
#define GRACE_DAYS_MAX 90
#define LIFETIME_DAYS_MAX 7300
#define OPERATOR_SECONDS_MAX 315360000 /* ten years */

/* An empty text is a mistake of a script, not a wish for what holds where nothing is said. */
static bool
is_said(const json_t *object, const char *name)
{
	return json_is_string(json_object_get(object, name));
}

bool
cv_json_decode_reason(struct cv_bytes body, enum cv_reason *ret_reason, struct cv_error *err)
{
	static const char *const known[] = {"reason", NULL};
	CV_AUTO_JSON json_t *object = NULL;
	enum cv_reason reason = CV_REASON_UNSPECIFIED;
	char name[40] = "";

	if (body.len > 0) {
		if (!cv_json_read_object(body, known, &object, err) ||
		    !cv_json_read_text(object, "reason", CV_JSON_OPTIONAL, name, sizeof(name), err))
			return false;
		if (is_said(object, "reason") && !cv_reason_parse(name, &reason))
			return cv_fail(err, CV_E_INPUT,
			    "unknown reason \"%s\": one of " CV_REASON_WORDS, name);
	}
	*ret_reason = reason;
	return true;
}

bool
cv_json_decode_token_order(
    struct cv_bytes body, struct cv_enrolment_token_order *ret_order, struct cv_error *err)
{
	static const char *const known[] = {"device", "label", "uses", "expires_in", NULL};
	struct cv_enrolment_token_order order = {
	    .uses = 1, .expires_in_seconds = TOKEN_SECONDS_DEFAULT};
	CV_AUTO_JSON json_t *object = NULL;

	if (body.len > 0) {
		if (!cv_json_read_object(body, known, &object, err) ||
		    !cv_json_read_text(object, "device", CV_JSON_OPTIONAL, order.device,
			sizeof(order.device), err) ||
		    !cv_json_read_text(
			object, "label", CV_JSON_OPTIONAL, order.label, sizeof(order.label), err) ||
		    !cv_json_read_integer(object, "uses", 1, TOKEN_USES_MAX, &order.uses, err) ||
		    !cv_json_read_integer(
			object, "expires_in", 1, TOKEN_SECONDS_MAX, &order.expires_in_seconds, err))
			return false;
		/* An empty name is a mistake of a script, not a wish for a token for every id. */
		if (json_object_get(object, "device") != NULL &&
		    !cv_device_id_is_valid(order.device, strlen(order.device)))
			return cv_fail(err, CV_E_INPUT, "member \"device\" is no device id");
		if (json_object_get(object, "label") != NULL && !cv_label_is_name(order.label))
			return cv_fail(err, CV_E_INPUT, "member \"label\" is no name of a label");
	}
	*ret_order = order;
	return true;
}

bool
cv_json_decode_next_key(struct cv_bytes body, struct cv_buffer *ret_pem, struct cv_error *err)
{
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_bytes pem;

	if (!cv_json_read_object(body, NULL, &object, err) ||
	    !cv_json_read_long_text(object, "next_pubkey", &pem, err))
		return false;
	if (pem.len == 0)
		return cv_fail(err, CV_E_INPUT, "member \"next_pubkey\" is empty");
	cv_buffer_append(ret_pem, pem.data, pem.len);
	if (ret_pem->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

static bool
check_name(const char *name, struct cv_error *err)
{
	if (!cv_factory_name_is_valid(name, strlen(name)))
		return cv_fail(err, CV_E_INPUT, "member \"name\" is not 1 to %d of A-Za-z0-9._-",
		    AUTHORITY_NAME_MAX);
	return true;
}

/* PEM, as older tools write it too. */
static bool
read_csr(const json_t *object, struct cv_buffer *ret_csr_der, struct cv_error *err)
{
	struct cv_bytes csr;

	if (!cv_json_read_long_text(object, "csr", &csr, err))
		return false;
	return cv_armour_decode(csr, CV_ARMOUR_WITH_TEXT, CV_ARMOUR_REQUEST, CV_ARMOUR_NEW_REQUEST,
		   ret_csr_der, err) ||
	       cv_error_context(err, "member \"csr\"");
}

bool
cv_json_decode_gateway(struct cv_bytes body, struct cv_gateway_body *ret_gateway,
    struct cv_buffer *ret_csr_der, struct cv_error *err)
{
	static const char *const known[] = {
	    "name", "sources", "factories", "may_activate", "lifetime_days", "csr", NULL};
	struct cv_gateway_body gateway = {
	    .may_activate = true, .lifetime_days = CLIENT_DAYS_DEFAULT};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !cv_json_read_text(
		object, "name", CV_JSON_REQUIRED, gateway.name, sizeof(gateway.name), err) ||
	    !check_name(gateway.name, err) ||
	    !cv_json_read_words(object, "sources", CV_JSON_REQUIRED, gateway.sources,
		sizeof(gateway.sources), err) ||
	    !cv_json_read_names(object, "factories", CV_JSON_OPTIONAL, gateway.factories,
		sizeof(gateway.factories), err) ||
	    !cv_json_read_boolean(object, "may_activate", &gateway.may_activate, err) ||
	    !cv_json_read_integer(
		object, "lifetime_days", 1, CLIENT_DAYS_MAX, &gateway.lifetime_days, err) ||
	    !read_csr(object, ret_csr_der, err))
		return false;
	*ret_gateway = gateway;
	return true;
}

/* Only what comes as a certificate alone can be imported. */
static bool
parse_imported_kind(const char *name, enum cv_authority_kind *ret_kind, struct cv_error *err)
{
	enum cv_authority_kind kind;

	if (!cv_authority_kind_parse(name, &kind) || kind == CV_AUTHORITY_ONLINE)
		return cv_fail(err, CV_E_INPUT,
		    "member \"kind\" is none of \"root\", \"offline\" and \"bootstrap\"");
	*ret_kind = kind;
	return true;
}

bool
cv_json_decode_authority(struct cv_bytes body, struct cv_authority_body *ret_authority,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	static const char *const known[] = {"name", "kind", "certificate", "owner", NULL};
	struct cv_authority_body authority = {.kind = CV_AUTHORITY_OFFLINE};
	CV_AUTO_JSON json_t *object = NULL;
	struct cv_bytes certificate;
	char kind[16];

	if (!cv_json_read_object(body, known, &object, err) ||
	    !cv_json_read_text(
		object, "name", CV_JSON_REQUIRED, authority.name, sizeof(authority.name), err) ||
	    !check_name(authority.name, err) ||
	    !cv_json_read_text(object, "kind", CV_JSON_REQUIRED, kind, sizeof(kind), err) ||
	    !parse_imported_kind(kind, &authority.kind, err) ||
	    !cv_json_read_text(
		object, "owner", CV_JSON_OPTIONAL, authority.owner, sizeof(authority.owner), err) ||
	    !cv_json_read_long_text(object, "certificate", &certificate, err))
		return false;
	if (!cv_armour_decode(
		certificate, CV_ARMOUR_WITH_TEXT, CV_ARMOUR_CERTIFICATE, NULL, ret_der, err))
		return cv_error_context(err, "member \"certificate\"");
	*ret_authority = authority;
	return true;
}

bool
cv_json_decode_gateway_change(
    struct cv_bytes body, struct cv_gateway_change_body *ret_change, struct cv_error *err)
{
	static const char *const known[] = {"sources", "may_activate", NULL};
	struct cv_gateway_change_body change = {.may_activate = false};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !cv_json_read_words(
		object, "sources", CV_JSON_OPTIONAL, change.sources, sizeof(change.sources), err) ||
	    !cv_json_read_boolean(object, "may_activate", &change.may_activate, err))
		return false;
	change.has_may_activate = json_is_boolean(json_object_get(object, "may_activate"));
	*ret_change = change;
	return true;
}

/* ---- factories, groups, operators ---- */

/* One of two words, or absent. */
static bool
read_choice(const json_t *object, const char *name, const char *first, const char *second,
    char ret_text[16], struct cv_error *err)
{
	if (!cv_json_read_text(object, name, CV_JSON_OPTIONAL, ret_text, 16, err))
		return false;
	if (is_said(object, name) && !cv_text_equal(ret_text, first) &&
	    !cv_text_equal(ret_text, second))
		return cv_fail(err, CV_E_INPUT, "member \"%s\" is neither \"%s\" nor \"%s\"", name,
		    first, second);
	return true;
}

static bool
read_name(const json_t *object, char *ret_name, size_t size, struct cv_error *err)
{
	return cv_json_read_text(object, "name", CV_JSON_REQUIRED, ret_name, size, err) &&
	       check_name(ret_name, err);
}

static bool
read_settings(const json_t *object, struct cv_factory_body *factory, struct cv_error *err)
{
	factory->retire_after_days = -1;
	factory->lifetime_days = -1;
	return read_choice(object, "announce", "explicit", "implied", factory->announce, err) &&
	       read_choice(
		   object, "first_contact", "register", "refuse", factory->first_contact, err) &&
	       cv_json_read_integer(object, "retire_after_days", 0, GRACE_DAYS_MAX,
		   &factory->retire_after_days, err) &&
	       cv_json_read_integer(
		   object, "lifetime_days", 1, LIFETIME_DAYS_MAX, &factory->lifetime_days, err);
}

bool
cv_json_decode_new_factory(
    struct cv_bytes body, struct cv_factory_body *ret_factory, struct cv_error *err)
{
	static const char *const known[] = {
	    "name", "announce", "first_contact", "retire_after_days", "lifetime_days", NULL};
	struct cv_factory_body factory = {.name = ""};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_name(object, factory.name, sizeof(factory.name), err) ||
	    !read_settings(object, &factory, err))
		return false;
	*ret_factory = factory;
	return true;
}

bool
cv_json_decode_factory_change(
    struct cv_bytes body, struct cv_factory_body *ret_factory, struct cv_error *err)
{
	static const char *const known[] = {
	    "announce", "first_contact", "retire_after_days", "lifetime_days", NULL};
	struct cv_factory_body factory = {.name = ""};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_settings(object, &factory, err))
		return false;
	*ret_factory = factory;
	return true;
}

/* A null means something for announce, and nothing for policies. */
static bool
read_group(const json_t *object, struct cv_group_body *group, struct cv_error *err)
{
	group->has_announce = json_object_get(object, "announce") != NULL;
	return read_choice(object, "announce", "explicit", "implied", group->announce, err) &&
	       cv_json_read_policies(
		   object, "policies", &group->has_policies, group->policies, err);
}

bool
cv_json_decode_new_group(
    struct cv_bytes body, struct cv_group_body *ret_group, struct cv_error *err)
{
	static const char *const known[] = {"name", "announce", "policies", NULL};
	struct cv_group_body group = {.name = ""};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_name(object, group.name, sizeof(group.name), err) ||
	    !read_group(object, &group, err))
		return false;
	*ret_group = group;
	return true;
}

bool
cv_json_decode_group_change(
    struct cv_bytes body, struct cv_group_body *ret_group, struct cv_error *err)
{
	static const char *const known[] = {"announce", "policies", NULL};
	struct cv_group_body group = {.name = ""};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) || !read_group(object, &group, err))
		return false;
	/* Nothing at all must be a mistake. */
	if (!group.has_announce && !group.has_policies)
		return cv_fail(
		    err, CV_E_INPUT, "members \"announce\" and \"policies\" are missing");
	*ret_group = group;
	return true;
}

/* Who an operator is and what they may do, whatever they log in with. */
static bool
read_operator(const json_t *object, struct cv_operator_body *operator_, struct cv_error *err)
{
	const char *role = operator_->role;

	if (!read_name(object, operator_->name, sizeof(operator_->name), err) ||
	    !cv_json_read_text(
		object, "role", CV_JSON_REQUIRED, operator_->role, sizeof(operator_->role), err) ||
	    !cv_json_read_names(object, "factories", CV_JSON_OPTIONAL, operator_->factories,
		sizeof(operator_->factories), err))
		return false;
	return cv_text_equal(role, "viewer") || cv_text_equal(role, "operator") ||
	       cv_text_equal(role, "admin") ||
	       cv_fail(err, CV_E_INPUT,
		   "member \"role\" is none of \"viewer\", \"operator\" and \"admin\"");
}

/* Each of them once: the list has room for all there are. */
static bool
read_scopes(const json_t *object, char ret_list[CV_SCOPE_LIST_SIZE], struct cv_error *err)
{
	const json_t *member = json_object_get(object, "scopes");
	CV_AUTO_BUFFER struct cv_buffer list = {.max_bytes = CV_SCOPE_LIST_SIZE - 1};
	unsigned scopes;

	if (member == NULL || json_is_null(member))
		return true;
	for (size_t i = 0; i < json_array_size(member); i++) {
		const char *text = json_string_value(json_array_get(member, i));

		if (i > 0)
			cv_buffer_append_byte(&list, ',');
		cv_buffer_append_text(&list, text == NULL ? "?" : text);
	}
	if (list.has_failed || !cv_scopes_parse(cv_buffer_text(&list), &scopes))
		return cv_fail(
		    err, CV_E_INPUT, "member \"scopes\" is not a list of " CV_SCOPE_WORDS);
	return cv_text_copy(ret_list, CV_SCOPE_LIST_SIZE, cv_buffer_text(&list));
}

bool
cv_json_decode_operator_token(
    struct cv_bytes body, struct cv_operator_token_body *ret_token, struct cv_error *err)
{
	static const char *const known[] = {
	    "name", "role", "factories", "scopes", "expires_in", NULL};
	struct cv_operator_token_body token = {.expires_in_seconds = 0};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_operator(object, &token.operator_, err) ||
	    !read_scopes(object, token.scopes, err) ||
	    !cv_json_read_integer(
		object, "expires_in", 1, OPERATOR_SECONDS_MAX, &token.expires_in_seconds, err))
		return false;
	*ret_token = token;
	return true;
}

bool
cv_json_decode_operator_certificate(struct cv_bytes body,
    struct cv_operator_certificate_body *ret_certificate, struct cv_buffer *ret_csr_der,
    struct cv_error *err)
{
	static const char *const known[] = {"name", "role", "factories", "csr", "days", NULL};
	struct cv_operator_certificate_body order = {.days = CLIENT_DAYS_DEFAULT};
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_operator(object, &order.operator_, err) ||
	    !cv_json_read_integer(object, "days", 1, CLIENT_DAYS_MAX, &order.days, err) ||
	    !read_csr(object, ret_csr_der, err))
		return false;
	*ret_certificate = order;
	return true;
}

bool
cv_json_decode_remark(struct cv_bytes body, char ret_remark[CV_REMARK_SIZE], struct cv_error *err)
{
	static const char *const known[] = {"reason", NULL};
	CV_AUTO_JSON json_t *object = NULL;

	ret_remark[0] = '\0';
	return body.len == 0 || (cv_json_read_object(body, known, &object, err) &&
				    cv_json_read_text(object, "reason", CV_JSON_OPTIONAL,
					ret_remark, CV_REMARK_SIZE, err));
}

static bool
is_est_url(const char *url)
{
	const char *at = url + strlen("https://");

	if (!cv_text_has_prefix(url, "https://") || *at == '\0' || *at == '/')
		return false;
	for (; *at != '\0'; at++) {
		if (*at <= ' ' || *at > '~' || strchr("=?#\"'\\`$", *at) != NULL)
			return false;
	}
	return true;
}

static bool
read_rotation(const json_t *object, struct cv_rotation_body *ret_rotation, struct cv_error *err)
{
	ret_rotation->reason[0] = '\0';
	if (!cv_json_read_text(object, "est_url", CV_JSON_REQUIRED, ret_rotation->est_url,
		sizeof(ret_rotation->est_url), err) ||
	    !cv_json_read_text(object, "reason", CV_JSON_OPTIONAL, ret_rotation->reason,
		sizeof(ret_rotation->reason), err))
		return false;
	return is_est_url(ret_rotation->est_url) ||
	       cv_fail(err, CV_E_INPUT,
		   "member \"est_url\" is no plain https address of an EST server");
}

bool
cv_json_decode_rotation(
    struct cv_bytes body, struct cv_rotation_body *ret_rotation, struct cv_error *err)
{
	static const char *const known[] = {"est_url", "reason", NULL};
	struct cv_rotation_body rotation;
	CV_AUTO_JSON json_t *object = NULL;

	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_rotation(object, &rotation, err))
		return false;
	*ret_rotation = rotation;
	return true;
}

/* Which devices it has. */
static bool
read_members(
    const json_t *object, struct cv_rotation_group_body *ret_rotation_group, struct cv_error *err)
{
	char *before = ret_rotation_group->expires_before;
	int64_t seconds;

	if (!cv_json_read_text(object, "group", CV_JSON_OPTIONAL, ret_rotation_group->group,
		sizeof(ret_rotation_group->group), err) ||
	    !cv_json_read_words(object, "devices", CV_JSON_OPTIONAL, ret_rotation_group->devices,
		sizeof(ret_rotation_group->devices), err) ||
	    !cv_json_read_text(object, "expires_before", CV_JSON_OPTIONAL, before,
		sizeof(ret_rotation_group->expires_before), err))
		return false;
	if (is_said(object, "group") && ret_rotation_group->group[0] == '\0')
		return cv_fail(err, CV_E_INPUT, "member \"group\" is empty");
	if (ret_rotation_group->group[0] != '\0' && ret_rotation_group->devices[0] != '\0')
		return cv_fail(
		    err, CV_E_INPUT, "members \"group\" and \"devices\" exclude each other");
	return !is_said(object, "expires_before") || cv_text_parse_time(before, &seconds) ||
	       cv_fail(err, CV_E_INPUT,
		   "member \"expires_before\" is no time as in 2026-11-23T03:01:12Z");
}

bool
cv_json_decode_rotation_group(
    struct cv_bytes body, struct cv_rotation_group_body *ret_rotation_group, struct cv_error *err)
{
	static const char *const known[] = {
	    "name", "est_url", "per_hour", "group", "devices", "expires_before", "reason", NULL};
	CV_AUTO_JSON json_t *object = NULL;

	*ret_rotation_group = (struct cv_rotation_group_body){.name = ""};
	if (!cv_json_read_object(body, known, &object, err) ||
	    !read_name(object, ret_rotation_group->name, sizeof(ret_rotation_group->name), err) ||
	    !read_rotation(object, &ret_rotation_group->rotation, err) ||
	    !cv_json_read_integer(
		object, "per_hour", 1, 36000, &ret_rotation_group->per_hour, err) ||
	    !read_members(object, ret_rotation_group, err))
		return false;
	return ret_rotation_group->per_hour > 0 ||
	       cv_fail(err, CV_E_INPUT, "member \"per_hour\" is missing");
}
