#include "operator_handlers_internal.h"

#include "cv/codec/operator_json.h"
#include "cv/service/ota.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* What is made is named in the body, what is there already in the path. */
static const char *
name_of(const struct cv_request *request, const char *in_body)
{
	const char *in_path = request->match.parameters[0];

	return in_path == NULL ? in_body : in_path;
}

/* ---- factories ---- */

typedef bool decode_factory(
    struct cv_bytes body, struct cv_factory_body *ret_factory, struct cv_error *err);

static void
configure_factory(struct cv_request *request, enum cv_configuration_act act, decode_factory *decode)
{
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_factory_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (act == CV_ADD_FACTORY && !call.operator_.has_every_factory) {
		cv_problem_answer(
		    request, CV_PROBLEM_MISSING_ROLE, "This takes an operator of every factory.");
		return;
	}
	if (!decode(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	const struct cv_factory_settings settings = {
	    .announce = or_null(body.announce),
	    .first_contact = or_null(body.first_contact),
	    .retire_after_days = body.retire_after_days,
	    .lifetime_days = body.lifetime_days,
	};
	if (!cv_operator_order(request, &call, act, name_of(request, body.name), &order))
		return;
	order.value.factory = &settings;
	cv_operator_carry_out(request, &order);
}

void
cv_operator_add_factory(struct cv_request *request)
{
	configure_factory(request, CV_ADD_FACTORY, cv_json_decode_new_factory);
}

void
cv_operator_change_factory(struct cv_request *request)
{
	configure_factory(request, CV_CHANGE_FACTORY, cv_json_decode_factory_change);
}

/* ---- groups ---- */

typedef bool decode_group(
    struct cv_bytes body, struct cv_group_body *ret_group, struct cv_error *err);

static void
configure_group(struct cv_request *request, enum cv_configuration_act act, decode_group *decode)
{
	struct cv_configuration_order order;
	struct cv_group_settings settings;
	struct cv_operator_call call;
	struct cv_group_body body;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!decode(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!cv_operator_order(request, &call, act, name_of(request, body.name), &order))
		return;
	settings = (struct cv_group_settings){
	    .sets_announce = body.has_announce,
	    .announce = or_null(body.announce),
	    .policies = body.has_policies ? body.policies : NULL,
	};
	order.value.group = &settings;
	cv_operator_carry_out(request, &order);
}

void
cv_operator_add_group(struct cv_request *request)
{
	configure_group(request, CV_ADD_GROUP, cv_json_decode_new_group);
}

void
cv_operator_change_group(struct cv_request *request)
{
	configure_group(request, CV_CHANGE_GROUP, cv_json_decode_group_change);
}

/* ---- what ends ---- */

static bool
has_id(enum cv_configuration_act act)
{
	return act == CV_REVOKE_ENROLMENT_TOKEN || act == CV_REVOKE_OPERATOR_TOKEN ||
	       act == CV_REVOKE_OPERATOR_CERTIFICATE;
}

static void
end_object(struct cv_request *request, enum cv_configuration_act act)
{
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	/* None has an id of another form, and the database knows no other. */
	if (has_id(act) && !cv_uuid_is_valid(request->match.parameters[0]))
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else
		cv_operator_act_on(request, &call, act, request->match.parameters[0]);
}

void
cv_operator_delete_group(struct cv_request *request)
{
	end_object(request, CV_DELETE_GROUP);
}

void
cv_operator_remove_gateway(struct cv_request *request)
{
	end_object(request, CV_REMOVE_GATEWAY);
}

void
cv_operator_revoke_enrolment_token(struct cv_request *request)
{
	end_object(request, CV_REVOKE_ENROLMENT_TOKEN);
}

void
cv_operator_revoke_operator_token(struct cv_request *request)
{
	end_object(request, CV_REVOKE_OPERATOR_TOKEN);
}

void
cv_operator_revoke_operator_certificate(struct cv_request *request)
{
	end_object(request, CV_REVOKE_OPERATOR_CERTIFICATE);
}

/* ---- tokens ---- */

static void
make_token(struct cv_request *request, const struct cv_operator_call *call,
    const struct cv_configuration_order *order)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	char secret[CV_SECRET_SIZE] = "";
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_access_make_token(
		request->http->service, &call->operator_, order, &result, secret, &err))
		cv_problem_answer_error(request, &err);
	else if (cv_operator_accept(request, &result))
		cv_operator_answer_created(request, &result, "token", secret);
	cv_wipe(secret, sizeof(secret));
}

/* A label that nobody can use would be a mistake. */
static bool
has_label(const struct cv_http *http, const char *name, const char *factory)
{
	for (size_t i = 1; i < http->options->label_count; i++) {
		const struct cv_label *label = &http->options->labels[i];

		if (cv_text_equal(label->name, name))
			return label->factory[0] == '\0' || cv_text_equal(label->factory, factory);
	}
	return false;
}

/* A token for an id that there is lets a new key take its place: that is no registration. False: it
 * is answered. */
static bool
may_name_device(struct cv_request *request, const struct cv_operator_call *call, const char *device)
{
	char found[CV_DEVICE_ID_MAX + 1];
	bool exists = false, is_denied = false;
	struct cv_error err = CV_ERROR_INIT;

	if (device[0] == '\0' || cv_access_has_scope(&call->operator_, CV_SCOPE_UPDATE))
		return true;
	if (!cv_ota_find_device(
		request->http->service, call->factory, device, true, false, &exists, found, &err) ||
	    !cv_ota_find_device(request->http->service, call->factory, device, true, true,
		&is_denied, found, &err)) {
		cv_problem_answer_error(request, &err);
		return false;
	}
	if (exists || is_denied)
		cv_problem_answer(request, CV_PROBLEM_MISSING_SCOPE,
		    "The device is there: a token for it takes devices:read-update.");
	return !exists && !is_denied;
}

void
cv_operator_make_enrolment_token(struct cv_request *request)
{
	struct cv_enrolment_token_row row = {.uses = 0};
	struct cv_enrolment_token_order body;
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_token_order(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (body.label[0] != '\0' && !has_label(request->http, body.label, call.factory)) {
		cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST,
		    "The configuration has no such label for this factory.");
		return;
	}
	if (!may_name_device(request, &call, body.device) ||
	    !cv_operator_order(request, &call, CV_ADD_ENROLMENT_TOKEN, NULL, &order))
		return;
	(void)cv_text_copy(row.factory, sizeof(row.factory), call.factory);
	(void)cv_text_copy(row.device, sizeof(row.device), body.device);
	(void)cv_text_copy(row.label, sizeof(row.label), body.label);
	row.uses_max = body.uses;
	row.expires_in_seconds = body.expires_in_seconds;
	order.value.enrolment_token = &row;
	make_token(request, &call, &order);
}

/* A token cannot be cut down to more than its role. */
static bool
scopes_fit(struct cv_request *request, const struct cv_operator_token_body *body)
{
	enum cv_role role = CV_ROLE_VIEWER;
	unsigned scopes = 0;

	if (body->scopes[0] == '\0' ||
	    (cv_role_parse(body->operator_.role, &role) && cv_scopes_parse(body->scopes, &scopes) &&
		cv_scopes_allow(cv_access_scopes_of(role), scopes)))
		return true;
	cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST, "The role has not all of these scopes.");
	return false;
}

void
cv_operator_make_operator_token(struct cv_request *request)
{
	struct cv_operator_row token = {.expires_in_seconds = 0};
	struct cv_operator_token_body body;
	struct cv_configuration_order order;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call))
		return;
	if (!cv_json_decode_operator_token(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	if (!scopes_fit(request, &body) ||
	    !cv_operator_grant(request, &call, &body.operator_, &token) ||
	    !cv_operator_order(request, &call, CV_ADD_OPERATOR_TOKEN, NULL, &order))
		return;
	(void)cv_text_copy(token.scopes, sizeof(token.scopes), body.scopes);
	token.expires_in_seconds = body.expires_in_seconds;
	order.value.operator_ = &token;
	make_token(request, &call, &order);
}
