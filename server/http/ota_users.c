#include "ota_users_internal.h"

#include "cv/codec/operator_json.h"
#include "cv/service/ota.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

/* What the token is cut down to; nothing: whatever the role may. */
static void
append_scopes(struct cv_buffer *json, unsigned scopes)
{
	const char *between = "";

	cv_buffer_append_text(json, ",\"teams-ext\":[],\"effective-scopes\":[");
	for (unsigned scope = CV_SCOPE_READ; scope <= CV_SCOPE_DELETE; scope <<= 1) {
		if ((scopes & scope) == 0)
			continue;
		cv_buffer_printf(json, "%s\"%s\"", between, cv_scope_name(scope));
		between = ",";
	}
	cv_buffer_append_text(json, "]}\n");
}

void
cv_ota_show_self(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	cv_buffer_append_text(json, "{\"polis-id\":");
	cv_json_append_string(json, call.operator_.name);
	cv_buffer_append_text(json, ",\"name\":");
	cv_json_append_string(json, call.operator_.name);
	cv_buffer_append_text(json, ",\"role\":");
	cv_json_append_string(json, cv_role_name(call.operator_.role));
	append_scopes(json, call.operator_.scopes);
	cv_operator_answer_json(request, 200);
}

static bool
read_users(
    struct cv_request *request, const char *factory, const char *name, struct cv_buffer *ret_items)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_ota_list_users(request->http->service, factory, name, ret_items, &err))
		return true;
	cv_problem_answer_error(request, &err);
	return false;
}

void
cv_ota_list_all_users(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	cv_buffer_append_text(json, "[");
	if (!read_users(request, call.factory, NULL, json))
		return;
	cv_buffer_append_text(json, "]\n");
	cv_operator_answer_json(request, 200);
}

void
cv_ota_show_user(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	CV_AUTO_BUFFER struct cv_buffer user = CV_BUFFER_INIT;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call) ||
	    !read_users(request, call.factory, request->match.parameters[1], &user))
		return;
	if (user.len == 0) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such user.");
		return;
	}
	cv_buffer_append(json, user.data, user.len - 1);
	append_scopes(json, 0);
	cv_operator_answer_json(request, 200);
}
