#include "cv/service/ota.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/log.h"
#include "cv/util/text.h"

#include "device_registration_internal.h"

/* ---- reads ---- */

bool
cv_ota_list_devices(struct cv_service *service, const struct cv_ota_device_query *query,
    struct cv_buffer *ret_items, int64_t *ret_total, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_ota_store_devices(connection, query, ret_items, ret_total, err);
}

bool
cv_ota_show_device(struct cv_service *service, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_ota_store_device(connection, factory, device, ret_exists, ret_json, err);
}

bool
cv_ota_find_device(struct cv_service *service, const char *factory, const char *name, bool is_id,
    bool is_denied, bool *ret_exists, char ret_device[CV_DEVICE_ID_MAX + 1], struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_ota_store_find_device(
		   connection, factory, name, is_id, is_denied, ret_exists, ret_device, err);
}

bool
cv_ota_list_groups(struct cv_service *service, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_ota_store_groups(connection, factory, name, ret_items, err);
}

bool
cv_ota_list_users(struct cv_service *service, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_ota_store_users(connection, factory, name, ret_items, err);
}

/* ---- changes ---- */

#define AFTER_SIZE 512

/* None of these texts needs escapes in JSON but the owner's, which is a name. */
static void
describe(const struct cv_device_update *update, char ret_json[AFTER_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer text = {.max_bytes = AFTER_SIZE - 1};
	const char *between = "";

	cv_buffer_append_text(&text, "{");
	if (update->name) {
		cv_buffer_printf(&text, "\"name\":\"%s\"", update->name);
		between = ",";
	}
	if (update->owner) {
		cv_buffer_printf(&text, "%s\"owner\":\"%s\"", between, update->owner);
		between = ",";
	}
	if (update->group)
		cv_buffer_printf(&text, "%s\"group\":\"%s\"", between, update->group);
	cv_buffer_append_text(&text, "}");
	(void)cv_text_copy(ret_json, AFTER_SIZE, cv_buffer_text(&text));
}

static enum cv_device_update_outcome
check(const struct cv_device_update *update, const struct cv_device_change *change)
{
	const struct cv_device_record *record = cv_device_change_record(change);

	if (!record->exists || record->device_state == CV_DEVICE_DELETED ||
	    record->device_state == CV_DEVICE_REVOKED)
		return CV_DEVICE_UPDATE_NOT_FOUND;
	if (update->name && !cv_device_change_name_is_free(change))
		return CV_DEVICE_UPDATE_NAME_TAKEN;
	if (update->group && update->group[0] && !cv_device_change_group_exists(change))
		return CV_DEVICE_UPDATE_NO_GROUP;
	return CV_DEVICE_UPDATE_DONE;
}

static void
edit(const struct cv_device_update *update, struct cv_device_change *change)
{
	if (update->name)
		cv_device_change_set_name(change, update->name);
	if (update->owner)
		cv_device_change_set_owner(change, update->owner);
	if (update->group)
		cv_device_change_set_group(change, update->group[0] ? update->group : NULL);
	cv_device_change_touch(change, update->user);
}

static bool
attempt(struct cv_service *service, struct cv_connection *connection,
    const struct cv_device_update *update, enum cv_device_update_outcome *ret_outcome,
    struct cv_error *err)
{
	struct cv_party party;
	struct cv_record_query query = {.party = &party};
	struct cv_change_options options = {.name = update->name,
	    .group = update->group && update->group[0] ? update->group : NULL};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	char after[AFTER_SIZE];
	const struct cv_change_note note = {.kind = "device-updated",
	    .actor = update->actor,
	    .request_id = update->request_id,
	    .after_json = after,
	    .touches_all_slots = true};

	if (!cv_party_set(&party, update->factory, update->device, NULL)) {
		*ret_outcome = CV_DEVICE_UPDATE_NOT_FOUND;
		return true;
	}
	if (!cv_device_change_begin(connection, &query, &options, &change, err))
		return false;
	*ret_outcome = check(update, change);
	if (*ret_outcome != CV_DEVICE_UPDATE_DONE)
		return true;
	describe(update, after);
	edit(update, change);
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	return cv_service_take_device(service, connection, &party, err);
}

static void
log_update(const struct cv_device_update *update)
{
	cv_log(CV_LOG_INFO, "device-updated", "device changed by an operator",
	    CV_LOG_TEXT("request_id", update->request_id), CV_LOG_TEXT("actor", update->actor),
	    CV_LOG_TEXT("factory", update->factory), CV_LOG_TEXT("device", update->device));
}

bool
cv_device_update(struct cv_service *service, const struct cv_device_update *update,
    enum cv_device_update_outcome *ret_outcome, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good = false;

	if (update->name && cv_device_name_refusal(update->name, update->device)) {
		*ret_outcome = CV_DEVICE_UPDATE_BAD_NAME;
		return true;
	}
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	for (int i = 0; i < CV_ATTEMPTS_MAX && !is_good; i++) {
		is_good = attempt(service, connection, update, ret_outcome, err);
		/* A name that somebody else took meanwhile is found at the next try. */
		if (!is_good && err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT)
			break;
	}
	cv_pool_return(connection);
	if (is_good && *ret_outcome == CV_DEVICE_UPDATE_DONE)
		log_update(update);
	return is_good;
}
