#include "ota_devices_internal.h"

#include <string.h>

#include "cv/codec/form.h"
#include "cv/codec/ota_json.h"
#include "cv/service/device_lifecycle.h"
#include "cv/service/ota.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "operator_call_internal.h"
#include "problem_internal.h"

/* ---- lists ---- */

#define FILTER_SIZE 136

struct filters {
	char name[FILTER_SIZE], name_like[FILTER_SIZE], uuid[FILTER_SIZE], group[FILTER_SIZE];
	char pattern[2 * FILTER_SIZE];
	char prod[8], mine[8], tag[FILTER_SIZE], target[FILTER_SIZE], sorted_by[FILTER_SIZE];
	bool is_production;
};

/* Clients send members that they have no value for, and members that we do not know. They encode as
 * forms are, so a plus is a blank. */
static bool
read_text(struct cv_request *request, const char *name, char *value, size_t size)
{
	const char *query = request->path.query;

	return cv_form_find(cv_bytes(query, strlen(query)), name, value, size) != CV_FORM_BAD;
}

static const char *
or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static bool
is_yes(const char *text)
{
	return cv_text_equal(text, "1") || cv_text_equal(text, "true");
}

/* '*' and '?' are what people write for any text and for any character. What is either in SQL is a
 * character of the name here. At most twice as long. */
static void
write_pattern(const char *name, char *pattern)
{
	for (; *name != '\0'; name++) {
		if (strchr("%_\\", *name) != NULL)
			*pattern++ = '\\';
		*pattern++ = *name == '*' ? '%' : *name == '?' ? '_' : *name;
	}
	*pattern = '\0';
}

/* Older clients write the pattern of SQL themselves. */
static void
take_name(struct filters *filters, struct cv_ota_device_query *query)
{
	for (char *at = filters->name_like; *at != '\0'; at++)
		*at = *at == '*' ? '%' : *at;
	query->name_like = or_null(filters->name_like);
	if (strpbrk(filters->name, "*?") != NULL) {
		write_pattern(filters->name, filters->pattern);
		query->name_like = filters->pattern;
	} else if (strchr(filters->name, '%') != NULL) {
		query->name_like = filters->name;
	} else {
		query->name = or_null(filters->name);
	}
}

/* Clients say last_seen for the member last-seen. A minus: downwards. A blank: the plus of whoever
 * did not encode it. */
static void
take_order(char *sorted_by, struct cv_ota_device_query *query)
{
	query->is_descending = sorted_by[0] == '-';
	if (sorted_by[0] != '\0' && strchr("-+ ", sorted_by[0]) != NULL)
		sorted_by++;
	query->sorted_by = sorted_by;
	for (; *sorted_by != '\0'; sorted_by++)
		*sorted_by = *sorted_by == '_' ? '-' : *sorted_by;
}

static bool
read_filters(struct cv_request *request, struct filters *filters)
{
	return read_text(request, "name", filters->name, FILTER_SIZE) &&
	       read_text(request, "name_ilike", filters->name_like, FILTER_SIZE) &&
	       read_text(request, "uuid", filters->uuid, FILTER_SIZE) &&
	       read_text(request, "group", filters->group, FILTER_SIZE) &&
	       read_text(request, "prod", filters->prod, sizeof(filters->prod)) &&
	       read_text(request, "mine", filters->mine, sizeof(filters->mine)) &&
	       read_text(request, "match_tag", filters->tag, FILTER_SIZE) &&
	       read_text(request, "target_name", filters->target, FILTER_SIZE) &&
	       read_text(request, "sortby", filters->sorted_by, FILTER_SIZE);
}

static void
take_filters(
    struct filters *filters, const struct cv_operator_call *call, struct cv_ota_device_query *query)
{
	take_name(filters, query);
	take_order(filters->sorted_by, query);
	query->uuid = or_null(filters->uuid);
	query->group = or_null(filters->group);
	filters->is_production = is_yes(filters->prod);
	query->is_production = filters->prod[0] == '\0' ? NULL : &filters->is_production;
	query->owner = is_yes(filters->mine) ? call->operator_.name : NULL;
	query->tag = or_null(filters->tag);
	query->target = or_null(filters->target);
}

static void
answer_list(struct cv_request *request, const struct cv_ota_device_query *query,
    const struct cv_ota_page *page)
{
	struct cv_buffer *json = &request->answer.body;
	struct cv_error err = CV_ERROR_INIT;
	int64_t total = 0;

	cv_buffer_append_text(json, "{\"devices\":[");
	if (!cv_ota_list_devices(request->http->service, query, json, &total, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	cv_buffer_append_text(json, "]");
	cv_ota_append_next(request, page, total);
	cv_operator_answer_json(request, 200);
}

static void
list(struct cv_request *request, bool is_denied)
{
	struct filters filters;
	struct cv_ota_page page;
	struct cv_operator_call call;

	if (!cv_operator_admit(request, &call) || !cv_ota_read_page(request, &page))
		return;
	struct cv_ota_device_query query = {
	    .factory = call.factory,
	    .is_denied = is_denied,
	    .limit = page.limit,
	    .offset = (page.page - 1) * page.limit,
	};
	if (!read_filters(request, &filters)) {
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "A query member is given twice, or too long.");
		return;
	}
	take_filters(&filters, &call, &query);
	answer_list(request, &query, &page);
}

void
cv_ota_list(struct cv_request *request)
{
	list(request, false);
}

void
cv_ota_list_denied(struct cv_request *request)
{
	list(request, true);
}

/* ---- one device ---- */

static bool
find(struct cv_request *request, const struct cv_operator_call *call, const char *name, bool is_id,
    bool is_denied, char ret_device[CV_DEVICE_ID_MAX + 1])
{
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (!cv_ota_find_device(request->http->service, call->factory, name, is_id, is_denied,
		&exists, ret_device, &err)) {
		cv_problem_answer_error(request, &err);
		return false;
	}
	if (!exists || !cv_party_set(&request->sight.party, call->factory, ret_device, NULL)) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such device.");
		return false;
	}
	return true;
}

bool
cv_ota_named_device(struct cv_request *request, const struct cv_operator_call *call,
    char ret_device[CV_DEVICE_ID_MAX + 1])
{
	char flag[8];
	bool is_id =
	    cv_query_find(request->path.query, "by-uuid", flag, sizeof(flag)) == CV_QUERY_FOUND &&
	    is_yes(flag);

	return find(request, call, request->match.parameters[0], is_id, false, ret_device);
}

static void
answer_device(struct cv_request *request, const char *factory, const char *device)
{
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (!cv_ota_show_device(
		request->http->service, factory, device, &exists, &request->answer.body, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (!exists) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	cv_buffer_append_text(&request->answer.body, "\n");
	cv_operator_answer_json(request, 200);
}

void
cv_ota_show(struct cv_request *request)
{
	char device[CV_DEVICE_ID_MAX + 1];
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call) && cv_ota_named_device(request, &call, device))
		answer_device(request, call.factory, device);
}

static void
answer_update(struct cv_request *request, const struct cv_device_update *update,
    enum cv_device_update_outcome outcome)
{
	switch (outcome) {
	case CV_DEVICE_UPDATE_DONE:
		request->reason = "device-updated";
		answer_device(request, update->factory, update->device);
		return;
	case CV_DEVICE_UPDATE_NOT_FOUND:
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, "There is no such device.");
		return;
	case CV_DEVICE_UPDATE_BAD_NAME:
		cv_problem_answer(
		    request, CV_PROBLEM_BAD_REQUEST, "A device cannot be called like that.");
		return;
	case CV_DEVICE_UPDATE_NAME_TAKEN:
		cv_problem_answer(request, CV_PROBLEM_EXISTS, "Another device has this name.");
		return;
	case CV_DEVICE_UPDATE_NO_GROUP:
		cv_problem_answer(request, CV_PROBLEM_BAD_REQUEST, "There is no such group.");
		return;
	}
}

void
cv_ota_change(struct cv_request *request)
{
	char device[CV_DEVICE_ID_MAX + 1];
	enum cv_device_update_outcome outcome = CV_DEVICE_UPDATE_NOT_FOUND;
	struct cv_ota_device_change body;
	struct cv_operator_call call;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_operator_admit(request, &call) || !cv_ota_named_device(request, &call, device))
		return;
	if (!cv_ota_decode_device_change(cv_buffer_bytes(&request->body), &body, &err)) {
		cv_operator_answer_bad_json(request, &err);
		return;
	}
	const struct cv_device_update update = {
	    .factory = call.factory,
	    .device = device,
	    .name = body.has_name ? body.name : NULL,
	    .owner = body.has_owner ? body.owner : NULL,
	    .group = body.has_group ? body.group : NULL,
	    .user = call.operator_.name,
	    .actor = call.operator_.actor,
	    .request_id = request->id,
	};
	if (cv_device_update(request->http->service, &update, &outcome, &err))
		answer_update(request, &update, outcome);
	else
		cv_problem_answer_error(request, &err);
}

static void
act(struct cv_request *request, const struct cv_operator_call *call, const char *device,
    enum cv_lifecycle_act kind)
{
	enum cv_lifecycle_outcome outcome = CV_LIFECYCLE_NOT_FOUND;
	const struct cv_lifecycle_request order = {
	    .factory = call->factory,
	    .device = device,
	    .reason = CV_REASON_UNSPECIFIED,
	    .actor = call->operator_.actor,
	    .request_id = request->id,
	};
	struct cv_error err = CV_ERROR_INIT;

	request->reason = cv_lifecycle_act_name(kind);
	if (!cv_lifecycle_device(request->http->service, kind, &order, &outcome, &err))
		cv_problem_answer_error(request, &err);
	else if (outcome == CV_LIFECYCLE_NOT_FOUND)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else if (outcome == CV_LIFECYCLE_NOT_POSSIBLE)
		cv_problem_answer(
		    request, CV_PROBLEM_NOT_POSSIBLE, "An operator holds the device.");
	else
		cv_operator_answer_outcome(request, "done");
}

void
cv_ota_delete(struct cv_request *request)
{
	char device[CV_DEVICE_ID_MAX + 1];
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call) && cv_ota_named_device(request, &call, device))
		act(request, &call, device, CV_LIFECYCLE_DELETE);
}

void
cv_ota_allow(struct cv_request *request)
{
	char device[CV_DEVICE_ID_MAX + 1];
	struct cv_operator_call call;

	if (cv_operator_admit(request, &call) &&
	    find(request, &call, request->match.parameters[1], true, true, device))
		act(request, &call, device, CV_LIFECYCLE_ALLOW);
}
