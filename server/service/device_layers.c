#include "cv/service/device_layers.h"

#include "cv/util/log.h"

#include "layers_internal.h"
#include "service_internal.h"

bool
cv_layers_are_locked(struct cv_service *service, const struct cv_device_record *record)
{
	return record->announced_count > 0 && record->locked_since_utc > 0 &&
	       record->now_utc - record->locked_since_utc <
		   cv_service_settings(service)->lock_seconds;
}

/* ---- what devices fetch ---- */

bool
cv_device_fetch_layers(struct cv_service *service, const struct cv_party *party,
    const int64_t *have_utc, const struct cv_digest *certificate,
    struct cv_served_layers *ret_layers, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_layers_read(connection, party, have_utc, ret_layers, err) &&
	       (!ret_layers->is_new || !certificate ||
		   cv_layers_note_served(connection, party, certificate, ret_layers, err));
}

bool
cv_device_fetch_own_layer(struct cv_service *service, const struct cv_party *party,
    struct cv_buffer *ret_files, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_layers_read_device(connection, party, ret_files, err);
}

/* ---- what operators write ---- */

static void
log_write(const char *request_id, const char *actor, const char *factory, const char *object)
{
	cv_log(CV_LOG_INFO, "configuration-changed",
	    "configuration of devices changed by an "
	    "operator",
	    CV_LOG_TEXT("request_id", request_id), CV_LOG_TEXT("actor", actor),
	    CV_LOG_TEXT("factory", factory), CV_LOG_TEXT("object", object));
}

static enum cv_layer_outcome
judge(struct cv_service *service, const struct cv_layer_order *order,
    const struct cv_device_record *record)
{
	if (!record->exists || record->device_state == CV_DEVICE_DELETED)
		return CV_LAYER_NOT_FOUND;
	return cv_layers_are_locked(service, record) && !order->is_forced ? CV_LAYER_LOCKED
									  : CV_LAYER_DONE;
}

static bool
write_device(struct cv_service *service, struct cv_connection *connection,
    const struct cv_layer_order *order, const struct cv_party *party,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err)
{
	const struct cv_record_query query = {.party = party};
	const struct cv_change_options options = {.proved_keys = {NULL}};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	struct cv_change_note note = {.kind = "configuration-changed",
	    .actor = order->actor,
	    .reason = order->write.reason[0] ? order->write.reason : NULL,
	    .request_id = order->request_id,
	    .after_json = order->summary};

	if (!cv_device_change_begin(connection, &query, &options, &change, err))
		return false;
	*ret_outcome = judge(service, order, cv_device_change_record(change));
	if (*ret_outcome != CV_LAYER_DONE)
		return true;
	if (cv_layers_are_locked(service, cv_device_change_record(change)))
		note.kind = "configuration-forced";
	cv_device_change_write_layer(change, &order->write);
	return cv_device_change_commit(change, &note, NULL, err) &&
	       cv_service_take_change(service, connection, party, err);
}

static bool
write_until_settled(struct cv_service *service, struct cv_connection *connection,
    const struct cv_layer_order *order, const struct cv_party *party,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (write_device(service, connection, order, party, ret_outcome, err))
			return true;
		if (err->code != CV_E_CONFLICT)
			return false;
	}
	return false;
}

bool
cv_write_device_layer(struct cv_service *service, const struct cv_layer_order *order,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err)
{
	struct cv_connection *connection;
	struct cv_party party;
	bool is_good;

	*ret_outcome = CV_LAYER_NOT_FOUND;
	if (!cv_party_set(&party, order->factory, order->device, NULL))
		return true;
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = write_until_settled(service, connection, order, &party, ret_outcome, err);
	cv_pool_return(connection);
	if (is_good && *ret_outcome == CV_LAYER_DONE)
		log_write(order->request_id, order->actor, order->factory, order->device);
	return is_good;
}

bool
cv_write_shared_layer(struct cv_service *service, const struct cv_shared_layer_order *order,
    enum cv_layer_outcome *ret_outcome, struct cv_error *err)
{
	struct cv_connection *connection;
	bool exists = false, is_good = false;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	for (int i = 0; i < CV_ATTEMPTS_MAX && !is_good; i++) {
		is_good = cv_layers_write_shared(connection, order, &exists, err);
		if (!is_good && err->code != CV_E_CONFLICT)
			break;
	}
	cv_pool_return(connection);
	if (!is_good)
		return false;
	*ret_outcome = exists ? CV_LAYER_DONE : CV_LAYER_NOT_FOUND;
	if (exists)
		log_write(order->request_id, order->actor, order->factory, order->group);
	return true;
}

bool
cv_list_layers(struct cv_service *service, const char *factory, const char *device,
    const char *group, bool *ret_exists, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_layers_owner_exists(connection, factory, device, group, ret_exists, err) &&
	       cv_layers_list(connection, factory, device, group, ret_items, ret_count, err);
}
