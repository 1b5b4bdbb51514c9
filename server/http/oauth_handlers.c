#include "oauth_handlers_internal.h"

#include <string.h>

#include "credentials_internal.h"
#include "cv/codec/form.h"
#include "cv/codec/operator_json.h"
#include "cv/service/device_grant.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

#define DEVICE_CODE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define DEVICE_SCOPE ":devices:create"

static const char explanation[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Register a "
    "device</title>"
    "</head><body>\n<h1>A device waits to be registered</h1>\n<p>It shows a code. Whoever may "
    "register "
    "devices approves it with</p>\n<pre>certvendor grant approve CODE</pre>\n<p>and the "
    "device "
    "goes on by itself within some seconds. Approve only a code that you see on a device before "
    "you.</p>\n</body></html>\n";

/* For people; lmp-device-register of 2023 ends with a crash where it is missing. */
static const char *
description_of(const char *error)
{
	static const struct {
		const char *error, *description;
	} known[] = {
	    {"access_denied", "an operator refused, or who approved may no longer"},
	    {"authorization_pending", "nobody has approved the code yet"},
	    {"expired_token", "the code has expired; ask for a new one"},
	    {"invalid_client", "the id or the secret of the client is not valid"},
	    {"invalid_grant", "the code is not valid, or is of another device"},
	    {"invalid_request", "a parameter is missing, repeated or malformed"},
	    {"invalid_scope",
		"the scope must be FACTORY:devices:create, of a factory that there is"},
	    {"slow_down", "too many questions or waiting codes; try again later"},
	    {"unsupported_grant_type", "this grant_type is not supported"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].error, error) == 0)
			return known[i].description;
	return error;
}

/* RFC 6749 section 5.2. A polling device takes 400 for an answer and any other status for a reason
 * to ask again at once. */
static void
refuse(struct cv_request *request, unsigned status, const char *error)
{
	cv_answer_reset(request);
	request->reason = error;
	cv_buffer_printf(&request->answer.body, "{\"error\":\"%s\",\"error_description\":\"%s\"}\n",
	    error, description_of(error));
	cv_operator_answer_json(request, status);
}

static bool
read_member(const struct cv_request *request, const char *name, char *ret_value, size_t size)
{
	return cv_form_find(cv_buffer_bytes(&request->body), name, ret_value, size) ==
		   CV_FORM_FOUND &&
	       ret_value[0] != '\0';
}

/* ---- a device asks ---- */

/* "<factory>:devices:create" */
static bool
read_scope(const struct cv_request *request, char factory[CV_FACTORY_NAME_MAX + 1])
{
	char scope[CV_FACTORY_NAME_MAX + sizeof(DEVICE_SCOPE)];
	size_t len, suffix_len = strlen(DEVICE_SCOPE);

	if (!read_member(request, "scope", scope, sizeof(scope)))
		return false;
	len = strlen(scope);
	return len > suffix_len && cv_text_equal(scope + len - suffix_len, DEVICE_SCOPE) &&
	       cv_text_copy_bytes(factory, CV_FACTORY_NAME_MAX + 1, scope, len - suffix_len);
}

/* The form without a code: where the people who have to approve find how. */
static void
append_uri(struct cv_buffer *json, const struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer uri = CV_BUFFER_INIT;
	const char *host = cv_request_header(request, CV_HEADER_HOST);

	cv_buffer_printf(&uri, "https://%s/oauth/device/", host == NULL ? "localhost" : host);
	cv_json_append_string(json, cv_buffer_text(&uri));
	json->has_failed = json->has_failed || uri.has_failed;
}

/* RFC 8628 section 3.2 */
static void
answer_codes(struct cv_request *request, const struct cv_device_codes *codes)
{
	struct cv_buffer *json = &request->answer.body;

	json->is_secret = true;
	request->reason = "device-code";
	cv_buffer_printf(json, "{\"device_code\":\"%s\",\"user_code\":\"%s\",\"verification_uri\":",
	    codes->device_code, codes->user_code);
	append_uri(json, request);
	cv_buffer_printf(json, ",\"expires_in\":%d,\"interval\":%d}\n", CV_GRANT_SECONDS,
	    CV_GRANT_INTERVAL_SECONDS);
	cv_operator_answer_json(request, 200);
}

void
cv_oauth_ask(struct cv_request *request)
{
	char device[CV_DEVICE_ID_MAX + 1], factory[CV_FACTORY_NAME_MAX + 1];
	struct cv_device_codes codes;
	struct cv_error err = CV_ERROR_INIT;
	bool waits = false;

	request->realm = cv_service_realm(request->http->service);
	if (!read_member(request, "client_id", device, sizeof(device)) ||
	    !cv_device_id_is_valid(device, strlen(device)))
		refuse(request, 400, "invalid_request");
	else if (!read_scope(request, factory) || cv_realm_factory(request->realm, factory) == NULL)
		refuse(request, 400, "invalid_scope");
	else if (!cv_device_grant_ask(
		     request->http->service, factory, device, &codes, &waits, &err))
		cv_problem_answer_error(request, &err);
	else if (!waits)
		refuse(request, 429, "slow_down");
	else
		answer_codes(request, &codes);
	cv_wipe(&codes, sizeof(codes));
}

void
cv_oauth_explain(struct cv_request *request)
{
	cv_buffer_append_text(&request->answer.body, explanation);
	if (request->answer.body.has_failed) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	cv_answer_set(request, 200, "text/html; charset=utf-8");
	cv_answer_add_header(request, "Cache-Control", "no-store");
	cv_answer_add_header(
	    request, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
}

/* ---- a device polls ---- */

static void
answer_device_token(struct cv_request *request, const char *token)
{
	struct cv_buffer *json = &request->answer.body;

	json->is_secret = true;
	request->reason = "device-token";
	cv_buffer_printf(json,
	    "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":%d,"
	    "\"scope\":\"devices:create\"}\n",
	    token, CV_GRANT_TOKEN_SECONDS);
	cv_operator_answer_json(request, 200);
}

/* RFC 8628 section 3.5 */
static void
answer_state(struct cv_request *request, enum cv_grant_state state, const char *token)
{
	switch (state) {
	case CV_GRANT_APPROVED:
		answer_device_token(request, token);
		return;
	case CV_GRANT_PENDING:
		refuse(request, 400, "authorization_pending");
		return;
	case CV_GRANT_REFUSED:
		refuse(request, 400, "access_denied");
		return;
	case CV_GRANT_EXPIRED:
		refuse(request, 400, "expired_token");
		return;
	case CV_GRANT_UNKNOWN:
		cv_credentials_note_failure(request);
		refuse(request, 400, "invalid_grant");
		return;
	}
}

/* Whoever guesses too much has to wait; the answer to a wrong code is the same 400. */
static bool
must_wait(struct cv_request *request, unsigned status)
{
	if (!cv_credentials_must_wait(request))
		return false;
	refuse(request, status, "slow_down");
	return true;
}

static void
give_device_token(struct cv_request *request)
{
	char code[CV_SECRET_SIZE], device[CV_DEVICE_ID_MAX + 1], token[CV_SECRET_SIZE];
	enum cv_grant_state state = CV_GRANT_UNKNOWN;
	struct cv_error err = CV_ERROR_INIT;

	if (!read_member(request, "device_code", code, sizeof(code)) ||
	    !read_member(request, "client_id", device, sizeof(device)) ||
	    !cv_device_id_is_valid(device, strlen(device)))
		refuse(request, 400, "invalid_request");
	else if (must_wait(request, 400))
		return;
	else if (cv_device_grant_take(request->http->service, code, device, &state, token, &err))
		answer_state(request, state, token);
	else
		cv_problem_answer_error(request, &err);
	cv_wipe(code, sizeof(code));
	cv_wipe(token, sizeof(token));
}

/* ---- an operator ---- */

static void
append_organisations(
    struct cv_buffer *json, const struct cv_realm *realm, const struct cv_operator *operator_)
{
	const char *between = "";

	for (size_t i = 0; i < realm->factory_count; i++) {
		const char *name = realm->factories[i].name;

		if (!cv_access_sees_factory(operator_, name))
			continue;
		cv_buffer_printf(json, "%s{\"name\":\"%s\"}", between, name);
		between = ",";
	}
}

static void
append_scopes(struct cv_buffer *json, const struct cv_operator *operator_)
{
	unsigned scopes =
	    operator_->scopes != 0 ? operator_->scopes : cv_access_scopes_of(operator_->role);
	const char *between = "";

	for (unsigned scope = CV_SCOPE_READ; scope <= CV_SCOPE_DELETE; scope <<= 1) {
		if ((scopes & scope) == 0)
			continue;
		cv_buffer_printf(json, "%s%s", between, cv_scope_name(scope));
		between = " ";
	}
}

static void
answer_session(struct cv_request *request, const struct cv_operator *operator_,
    const struct cv_session *session)
{
	struct cv_buffer *json = &request->answer.body;

	json->is_secret = true;
	request->reason = "session";
	request->realm = cv_service_realm(request->http->service);
	(void)cv_text_copy(request->actor, sizeof(request->actor), operator_->actor);
	cv_buffer_printf(json,
	    "{\"token_type\":\"bearer\",\"access_token\":\"%s\",\"refresh_token\":\"%s\","
	    "\"expires_in\":%d,\"scope\":\"",
	    session->access_token, session->refresh_token, CV_SESSION_SECONDS);
	append_scopes(json, operator_);
	cv_buffer_append_text(json, "\",\"orgs\":[");
	append_organisations(json, request->realm, operator_);
	cv_buffer_append_text(json, "]}\n");
	cv_operator_answer_json(request, 200);
}

static void
begin_session(
    struct cv_request *request, const char *name, const char *secret, const char *refresh_token)
{
	struct cv_operator operator_ = {.role = CV_ROLE_VIEWER};
	struct cv_session session = {.access_token = ""};
	struct cv_error err = CV_ERROR_INIT;
	bool is_known = false;

	if (!cv_session_begin(request->http->service, name, secret, refresh_token, &is_known,
		&operator_, &session, &err)) {
		cv_problem_answer_error(request, &err);
	} else if (is_known) {
		answer_session(request, &operator_, &session);
	} else {
		cv_credentials_note_failure(request);
		refuse(request, 401, "invalid_client");
	}
	cv_wipe(&session, sizeof(session));
}

static void
give_session(struct cv_request *request, bool is_refresh)
{
	char name[CV_OWNER_SIZE], secret[CV_CREDENTIAL_SIZE], refresh_token[CV_SECRET_SIZE];

	if (!read_member(request, "client_id", name, sizeof(name)) ||
	    !read_member(request, "client_secret", secret, sizeof(secret)) ||
	    (is_refresh &&
		!read_member(request, "refresh_token", refresh_token, sizeof(refresh_token))))
		refuse(request, 400, "invalid_request");
	else if (!must_wait(request, 429))
		begin_session(request, name, secret, is_refresh ? refresh_token : NULL);
	cv_wipe(secret, sizeof(secret));
}

void
cv_oauth_give(struct cv_request *request)
{
	char grant[64];

	if (!read_member(request, "grant_type", grant, sizeof(grant)))
		refuse(request, 400, "invalid_request");
	else if (cv_text_equal(grant, DEVICE_CODE_GRANT))
		give_device_token(request);
	else if (cv_text_equal(grant, "client_credentials"))
		give_session(request, false);
	else if (cv_text_equal(grant, "refresh_token"))
		give_session(request, true);
	else
		refuse(request, 400, "unsupported_grant_type");
}

/* ---- an operator decides ---- */

static void
decide(struct cv_request *request, bool is_approved)
{
	struct cv_operator_call call;
	char remark[CV_REMARK_SIZE];
	bool exists = false;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call) || !cv_operator_read_remark(request, remark))
		return;
	request->reason = is_approved ? "approve-device" : "refuse-device";
	if (!cv_device_grant_decide(request->http->service, &call.operator_, call.factory,
		request->match.parameters[0], is_approved, remark[0] == '\0' ? NULL : remark,
		request->id, &exists, &err))
		cv_problem_answer_error(request, &err);
	else if (!exists)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "No device waits with this code.");
	else
		cv_operator_answer_outcome(request, "done");
}

void
cv_operator_approve_device(struct cv_request *request)
{
	decide(request, true);
}

void
cv_operator_refuse_device(struct cv_request *request)
{
	decide(request, false);
}
