#include "ota_users_internal.h"

#include <string.h>

#include "cv/codec/operator_json.h"
#include "operator_call_internal.h"

const char *
cv_ota_user_name(const struct cv_operator *operator_)
{
	const char *colon = strchr(operator_->actor, ':');

	return colon == NULL ? operator_->actor : colon + 1;
}

static const char *
role_of(const struct cv_operator *operator_)
{
	switch (operator_->role) {
	case CV_ROLE_VIEWER:
		return "viewer";
	case CV_ROLE_OPERATOR:
		return "operator";
	case CV_ROLE_ADMIN:
		return "admin";
	}
	return "viewer";
}

void
cv_ota_show_self(struct cv_request *request)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call))
		return;
	cv_buffer_append_text(json, "{\"polis-id\":");
	cv_json_append_string(json, cv_ota_user_name(&call.operator_));
	cv_buffer_append_text(json, ",\"name\":");
	cv_json_append_string(json, cv_ota_user_name(&call.operator_));
	cv_buffer_append_text(json, ",\"role\":");
	cv_json_append_string(json, role_of(&call.operator_));
	cv_buffer_append_text(json, ",\"teams-ext\":[],\"effective-scopes\":[]}\n");
	cv_operator_answer_json(request, 200);
}
