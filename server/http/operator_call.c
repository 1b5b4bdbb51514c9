#include "operator_call_internal.h"

#include <stdio.h>
#include <string.h>

#include "credentials_internal.h"
#include "cv/codec/operator_json.h"
#include "cv/pki/digest.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "origin_internal.h"
#include "problem_internal.h"

static void
challenge(struct cv_request *request)
{
	cv_problem_answer(request, CV_PROBLEM_UNAUTHENTICATED, NULL);
	cv_answer_add_header(request, "WWW-Authenticate", "Bearer realm=\"certvendor\"");
}

static bool
authenticate_secret(
    struct cv_request *request, const char *secret, struct cv_operator *ret_operator)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_known = false;

	if (cv_credentials_must_wait(request))
		return false;
	if (!cv_access_authenticate(
		request->http->service, secret, &is_known, ret_operator, &err)) {
		cv_problem_answer_error(request, &err);
		return false;
	}
	if (!is_known) {
		cv_credentials_note_failure(request);
		challenge(request);
	}
	return is_known;
}

/* Browsers show a certificate for whatever page makes them ask; a token they cannot send unasked.
 */
static bool
is_forged(const struct cv_request *request)
{
	return !cv_text_equal(request->match.route->method, "GET") && cv_origin_is_foreign(request);
}

/* Whoever presents a certificate is its holder or nobody: a token does not make up for a bad one.
 */
static bool
authenticate_certificate(struct cv_request *request, struct cv_operator *ret_operator)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_verdict verdict = CV_VERDICT_UNKNOWN;

	if (!cv_access_recognise(request->http->service, &request->connection->peer.fingerprint,
		&verdict, ret_operator, &err)) {
		cv_problem_answer_error(request, &err);
		return false;
	}
	if (verdict != CV_VERDICT_OK) {
		cv_problem_answer_verdict(request, verdict);
		return false;
	}
	if (is_forged(request)) {
		cv_problem_answer(request, CV_PROBLEM_CROSS_SITE, NULL);
		return false;
	}
	return true;
}

static bool
authenticate(struct cv_request *request, struct cv_operator *ret_operator)
{
	char secret[CV_CREDENTIAL_SIZE];
	bool is_known;

	if (request->connection->peer.certificate.len > 0)
		return authenticate_certificate(request, ret_operator);
	if (cv_credentials_read(request, CV_CREDENTIALS_OF_OPERATOR, secret) !=
	    CV_CREDENTIALS_GIVEN) {
		challenge(request);
		return false;
	}
	is_known = authenticate_secret(request, secret, ret_operator);
	cv_wipe(secret, sizeof(secret));
	return is_known;
}

static const char *
default_factory(const struct cv_realm *realm, const struct cv_operator *operator_)
{
	const struct cv_factory_row *row;

	if (!operator_->has_every_factory && strchr(operator_->factories, ',') == NULL)
		return operator_->factories;
	row = cv_realm_default_factory(realm);
	return row == NULL ? "" : row->name;
}

/* The factory that a request names: in its path, where that has a place for it, else in its query.
 */
static enum cv_query_outcome
named_factory(const struct cv_request *request, struct cv_operator_call *call)
{
	if (cv_text_has_prefix(request->match.route->pattern, "/ota/factories/{factory}/"))
		return cv_text_copy(
			   call->factory, sizeof(call->factory), request->match.parameters[0])
			   ? CV_QUERY_FOUND
			   : CV_QUERY_BAD;
	return cv_query_find(request->path.query, "factory", call->factory, sizeof(call->factory));
}

/* A factory that the operator may not see looks as if it did not exist. */
static bool
sees_factory(const struct cv_realm *realm, const struct cv_operator *operator_, const char *factory)
{
	return cv_realm_factory(realm, factory) != NULL &&
	       cv_access_sees_factory(operator_, factory);
}

static bool
choose_factory(struct cv_request *request, struct cv_operator_call *call)
{
	bool is_realm = (request->match.route->flags & CV_ROUTE_REALM) != 0;
	enum cv_query_outcome outcome = named_factory(request, call);

	if (outcome == CV_QUERY_BAD) {
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "The name of the factory is malformed.");
		return false;
	}
	request->realm = cv_service_realm(request->http->service);
	if (outcome == CV_QUERY_ABSENT &&
	    (is_realm || !cv_text_copy(call->factory, sizeof(call->factory),
			     default_factory(request->realm, &call->operator_))))
		call->factory[0] = '\0';
	if (is_realm && outcome == CV_QUERY_ABSENT)
		return true;
	if (!sees_factory(request->realm, &call->operator_, call->factory)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND,
		    outcome == CV_QUERY_ABSENT ? "Say which factory is meant."
					       : "There is no such factory.");
		return false;
	}
	return true;
}

static enum cv_role
role_of(const struct cv_route *route)
{
	if ((route->flags & CV_ROUTE_VIEWER) != 0)
		return CV_ROLE_VIEWER;
	return (route->flags & CV_ROUTE_OPERATOR) != 0 ? CV_ROLE_OPERATOR : CV_ROLE_ADMIN;
}

/* What only administrators may do has no scope. */
static unsigned
scope_of(const struct cv_route *route)
{
	if ((route->flags & CV_ROUTE_VIEWER) != 0)
		return CV_SCOPE_READ;
	if ((route->flags & CV_ROUTE_OPERATOR) == 0)
		return 0;
	if ((route->flags & CV_ROUTE_CREATES) != 0)
		return CV_SCOPE_CREATE;
	return (route->flags & CV_ROUTE_DELETES) != 0 ? CV_SCOPE_DELETE : CV_SCOPE_UPDATE;
}

/* A token that a device was given for itself registers that device and does nothing else. */
static bool
is_within_scopes(const struct cv_operator *operator_, const struct cv_route *route)
{
	unsigned registers = CV_ROUTE_OTA | CV_ROUTE_CREATES;

	if (operator_->device[0] != '\0' && (route->flags & registers) != registers)
		return false;
	return cv_access_has_scope(operator_, scope_of(route));
}

bool
cv_operator_admit(struct cv_request *request, struct cv_operator_call *ret_call)
{
	if (!authenticate(request, &ret_call->operator_))
		return false;
	(void)cv_text_copy(request->actor, sizeof(request->actor), ret_call->operator_.actor);
	if (!cv_access_has_role(&ret_call->operator_, role_of(request->match.route))) {
		cv_problem_answer(request, CV_PROBLEM_MISSING_ROLE, NULL);
		return false;
	}
	if (!is_within_scopes(&ret_call->operator_, request->match.route)) {
		cv_problem_answer(request, CV_PROBLEM_MISSING_SCOPE, NULL);
		return false;
	}
	return choose_factory(request, ret_call);
}

bool
cv_operator_sees_factories(
    const struct cv_request *request, const struct cv_operator *operator_, const char *factories)
{
	char name[CV_FACTORY_NAME_MAX + 1];

	if (*factories == '\0')
		return operator_->has_every_factory;
	for (;;) {
		size_t len = strcspn(factories, ",");
		if (!cv_text_copy_bytes(name, sizeof(name), factories, len) ||
		    !sees_factory(request->realm, operator_, name))
			return false;
		factories += len;
		if (*factories == '\0')
			return true;
		factories++;
	}
}

bool
cv_operator_grant(struct cv_request *request, const struct cv_operator_call *call,
    const struct cv_operator_body *body, struct cv_operator_row *ret_operator)
{
	if (!cv_operator_sees_factories(request, &call->operator_, body->factories)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such factory.");
		return false;
	}
	(void)cv_text_copy(ret_operator->name, sizeof(ret_operator->name), body->name);
	(void)cv_text_copy(ret_operator->role, sizeof(ret_operator->role), body->role);
	(void)cv_text_copy(
	    ret_operator->factories, sizeof(ret_operator->factories), body->factories);
	return true;
}

/* ---- conditions ---- */

/* One strong entity tag (RFC 9110 section 8.8.3), no list of them, or "*", which any state matches.
 */
static bool
read_if_match(
    struct cv_request *request, struct cv_operator_call *call, struct cv_configuration_order *order)
{
	const struct cv_header_value *header = &request->headers[CV_HEADER_IF_MATCH];
	size_t len = header->count == 0 ? 0 : strlen(header->text);

	if (header->count == 0 && (request->match.route->flags & CV_ROUTE_CHANGE) != 0) {
		cv_problem_answer(request, CV_PROBLEM_NO_IF_MATCH, NULL);
		return false;
	}
	if (header->count == 0 || (header->count == 1 && cv_text_equal(header->text, "*")))
		return true;
	if (header->count == 1 && len > 2 && header->text[0] == '"' &&
	    strchr(header->text + 1, '"') == header->text + len - 1 &&
	    cv_text_copy_bytes(call->if_match, sizeof(call->if_match), header->text + 1, len - 2)) {
		order->if_match = call->if_match;
		return true;
	}
	cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST,
	    "If-Match must be one entity tag that was given, or *.");
	return false;
}

static void
digest_request(const struct cv_request *request, struct cv_digest *ret_digest)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	cv_buffer_printf(&text, "%s %s\n", request->method, request->target);
	cv_buffer_append(&text, request->body.data, request->body.len);
	cv_digest_sha256(cv_buffer_bytes(&text), ret_digest);
}

static bool
is_visible(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	}
	return true;
}

static bool
read_idempotency_key(
    struct cv_request *request, struct cv_operator_call *call, struct cv_configuration_order *order)
{
	const struct cv_header_value *header = &request->headers[CV_HEADER_IDEMPOTENCY_KEY];

	if (header->count == 0 || !cv_text_equal(request->method, "POST"))
		return true;
	if (header->count > 1 || header->text[0] == '\0' || !is_visible(header->text) ||
	    !cv_text_copy(call->idempotency_key, sizeof(call->idempotency_key), header->text)) {
		cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST,
		    "Idempotency-Key must be 1 to 128 visible characters.");
		return false;
	}
	if (call->operator_.has_certificate)
		cv_access_seal_by_key(&call->operator_, call->idempotency_key);
	call->once.operator_ = call->operator_.id;
	call->once.key = call->idempotency_key;
	digest_request(request, &call->once.request_digest);
	order->once = &call->once;
	return true;
}

const char *
cv_operator_scope(const struct cv_operator_call *call)
{
	return call->factory[0] == '\0' ? cv_access_scope(&call->operator_) : call->factory;
}

/* What is made may reach further than a factory that the query names: the maker is to see it. */
static const char *
scope_of_order(const struct cv_request *request, const struct cv_operator_call *call)
{
	bool is_realm = (request->match.route->flags & CV_ROUTE_REALM) != 0;

	return is_realm && cv_text_equal(request->method, "POST")
		   ? cv_access_scope(&call->operator_)
		   : cv_operator_scope(call);
}

bool
cv_operator_order(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name, struct cv_configuration_order *ret_order)
{
	*ret_order = (struct cv_configuration_order){
	    .act = act,
	    .name = name,
	    .scope = scope_of_order(request, call),
	    .actor = call->operator_.actor,
	    .request_id = request->id,
	};
	request->reason = "configure";
	return read_if_match(request, call, ret_order) &&
	       read_idempotency_key(request, call, ret_order);
}

/* ---- answers ---- */

bool
cv_operator_accept(struct cv_request *request, const struct cv_configuration_result *result)
{
	switch (result->outcome) {
	case CV_CONFIGURATION_DONE:
	case CV_CONFIGURATION_REPEATED:
	case CV_CONFIGURATION_UNCHANGED:
		return true;
	case CV_CONFIGURATION_NOT_FOUND:
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return false;
	case CV_CONFIGURATION_EXISTS:
		cv_problem_answer(request, CV_PROBLEM_EXISTS, NULL);
		return false;
	case CV_CONFIGURATION_STALE:
		cv_problem_answer(request, CV_PROBLEM_STALE, NULL);
		return false;
	case CV_CONFIGURATION_KEY_REUSED:
		cv_problem_answer(request, CV_PROBLEM_KEY_REUSED, NULL);
		return false;
	case CV_CONFIGURATION_KEY_IN_USE:
		cv_problem_answer(request, CV_PROBLEM_KEY_CONFLICT, NULL);
		return false;
	case CV_CONFIGURATION_OVERTAKEN:
	case CV_CONFIGURATION_NOT_POSSIBLE:
		cv_problem_answer(request, CV_PROBLEM_NOT_POSSIBLE, NULL);
		return false;
	}
	return false;
}

bool
cv_operator_configure(struct cv_request *request, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_configure(request->http->service, order, ret_result, &err))
		return cv_operator_accept(request, ret_result);
	cv_problem_answer_error(request, &err);
	return false;
}

bool
cv_operator_read_remark(struct cv_request *request, char ret_remark[CV_REMARK_SIZE])
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_json_decode_remark(cv_buffer_bytes(&request->body), ret_remark, &err))
		return true;
	cv_operator_answer_bad_json(request, &err);
	return false;
}

void
cv_operator_act_on(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_configuration_order order;
	char remark[CV_REMARK_SIZE];

	if (!cv_operator_read_remark(request, remark) ||
	    !cv_operator_order(request, call, act, name, &order))
		return;
	order.reason = remark[0] == '\0' ? NULL : remark;
	if (cv_operator_configure(request, &order, &result))
		cv_operator_answer_outcome(
		    request, result.outcome == CV_CONFIGURATION_UNCHANGED ? "unchanged" : "done");
}

void
cv_operator_answer_object(struct cv_request *request, const struct cv_configuration_result *result)
{
	char tag[CV_ENTITY_TAG_SIZE + 2];

	(void)snprintf(tag, sizeof(tag), "\"%s\"", result->tag);
	cv_buffer_append_text(&request->answer.body, cv_buffer_text(&result->object));
	cv_buffer_append_text(&request->answer.body, "\n");
	cv_operator_answer_json(request, 200);
	if (result->tag[0] != '\0')
		cv_answer_add_header_text(request, "ETag", tag);
}

void
cv_operator_answer_created(struct cv_request *request, const struct cv_configuration_result *result,
    const char *member, const char *text)
{
	request->answer.body.is_secret = true;
	cv_json_append_with_member(
	    &request->answer.body, cv_buffer_text(&result->object), member, text);
	cv_buffer_append_text(&request->answer.body, "\n");
	cv_operator_answer_json(request, 201);
}

void
cv_operator_carry_out(struct cv_request *request, const struct cv_configuration_order *order)
{
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};

	if (!cv_operator_configure(request, order, &result))
		return;
	if (cv_text_equal(request->method, "POST"))
		cv_operator_answer_created(request, &result, "outcome", "added");
	else
		cv_operator_answer_object(request, &result);
}

void
cv_operator_answer_outcome(struct cv_request *request, const char *outcome)
{
	cv_buffer_printf(&request->answer.body, "{\"outcome\":\"%s\"}\n", outcome);
	cv_operator_answer_json(request, 200);
}

void
cv_operator_answer_json(struct cv_request *request, unsigned status)
{
	if (request->answer.body.has_failed) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	cv_answer_set(request, status, "application/json");
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

void
cv_operator_answer_bad_json(struct cv_request *request, const struct cv_error *err)
{
	if (err->code == CV_E_INPUT)
		cv_problem_answer(request, CV_PROBLEM_BAD_JSON, err->text);
	else
		cv_problem_answer_error(request, err);
}
