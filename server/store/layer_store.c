#include "cv/store/layer_store.h"

#include "cv/store/outbox_store.h"

#include "audit_internal.h"
#include "device_change_internal.h"

void
cv_served_layers_deinit(struct cv_served_layers *layers)
{
	for (size_t i = 0; i < CV_LAYERS; i++)
		cv_buffer_deinit(&layers->files[i]);
}

bool
cv_layers_read(struct cv_connection *connection, const struct cv_party *party,
    const int64_t *have_utc, struct cv_served_layers *ret_layers, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	if (have_utc)
		cv_parameter_number(&parameters, *have_utc);
	else
		cv_parameter_text(&parameters, NULL);
	if (!cv_execute(connection, CV_SQL(configuration_read), &parameters, &result, err))
		return cv_error_context(err, "configuration of device %s", party->device);
	if (PQntuples(result) == 0)
		return true;
	row = (struct cv_row){result, 0};
	ret_layers->has_any = !cv_row_is_null(row, 0);
	ret_layers->modified_utc = cv_row_number(row, 0);
	ret_layers->is_new = cv_row_bool(row, 1);
	ret_layers->was_served = cv_row_bool(row, 2);
	ret_layers->device_version = cv_row_number(row, 3);
	for (int i = 0; i < CV_LAYERS; i++) {
		cv_buffer_append_text(&ret_layers->files[i], cv_row_text(row, 4 + i));
		if (ret_layers->files[i].has_failed)
			return cv_fail(err, CV_E_MEMORY, "out of memory");
	}
	return true;
}

static bool
lock_device(struct cv_connection *connection, const struct cv_party *party, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	return cv_execute(connection, CV_SQL(begin), NULL, NULL, err) &&
	       cv_execute(connection, CV_SQL(device_lock), &parameters, NULL, err);
}

static bool
note_served(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_digest *certificate, const struct cv_served_layers *layers,
    struct cv_error *err)
{
	const struct cv_event_note event = {.kind = CV_EVENT_CONFIG_APPLIED};
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	cv_parameter_number(&parameters, layers->modified_utc);
	cv_parameter_number(&parameters, layers->device_version);
	cv_parameter_digest(&parameters, certificate);
	if (!cv_execute(connection, CV_SQL(configuration_served), &parameters, &result, err))
		return false;
	return PQntuples(result) == 0 || cv_outbox_write(connection, party, &event, err);
}

/* Under the device's lock, because its events are told in their order, and whose key is current is
 * decided there. */
bool
cv_layers_note_served(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_digest *certificate, const struct cv_served_layers *layers,
    struct cv_error *err)
{
	bool is_good;

	if (layers->was_served)
		return true;
	is_good = lock_device(connection, party, err) &&
		  note_served(connection, party, certificate, layers, err) &&
		  cv_execute(connection, CV_SQL(commit), NULL, NULL, err);
	cv_rollback(connection);
	return is_good || cv_error_context(err, "configuration of device %s", party->device);
}

bool
cv_layers_read_device(struct cv_connection *connection, const struct cv_party *party,
    struct cv_buffer *ret_files, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	if (!cv_execute(connection, CV_SQL(device_configuration_read), &parameters, &result, err))
		return cv_error_context(err, "configuration of device %s", party->device);
	if (PQntuples(result) == 1)
		cv_buffer_append_text(ret_files, cv_row_text((struct cv_row){result, 0}, 0));
	return !ret_files->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

/* Locks the layer by what it belongs to. */
static bool
lock_shared(struct cv_connection *connection, const struct cv_shared_layer_order *order,
    bool *ret_exists, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	bool is_of_factory = order->group[0] == '\0';

	cv_parameter_text(&parameters, is_of_factory ? order->factory : order->group);
	if (!is_of_factory)
		cv_parameter_text(&parameters, order->factory);
	if (!cv_execute(connection, is_of_factory ? CV_SQL(factory_lock) : CV_SQL(group_lock),
		&parameters, &result, err))
		return false;
	*ret_exists = PQntuples(result) == 1;
	return true;
}

/* Names of groups need no escapes in JSON. */
static void
append_audited(const struct cv_shared_layer_order *order, struct cv_buffer *json)
{
	if (order->group[0] == '\0')
		cv_buffer_append_text(json, "{\"group\":null,");
	else
		cv_buffer_printf(json, "{\"group\":\"%s\",", order->group);
	cv_buffer_append_text(json, order->summary + 1);
}

static bool
write_shared(struct cv_connection *connection, const struct cv_shared_layer_order *order,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_BUFFER struct cv_buffer after = CV_BUFFER_INIT;
	struct cv_audit_row audit = {
	    .actor = order->actor,
	    .action = "configuration-changed",
	    .factory = order->factory,
	    .reason = order->write.reason[0] ? order->write.reason : NULL,
	    .request_id = order->request_id,
	};

	append_audited(order, &after);
	if (after.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	audit.after_json = cv_buffer_text(&after);
	cv_parameter_text(&parameters, order->factory);
	cv_parameter_text(&parameters, order->group);
	cv_parameter_text(&parameters, order->write.created_by);
	cv_layer_parameters(&parameters, &order->write);
	return cv_execute(connection, CV_SQL(shared_configuration_write), &parameters, NULL, err) &&
	       cv_audit_write(connection, &audit, err);
}

bool
cv_layers_write_shared(struct cv_connection *connection, const struct cv_shared_layer_order *order,
    bool *ret_exists, struct cv_error *err)
{
	bool is_good = cv_execute(connection, CV_SQL(begin), NULL, NULL, err) &&
		       lock_shared(connection, order, ret_exists, err);

	if (is_good && *ret_exists)
		is_good = write_shared(connection, order, err) &&
			  cv_execute(connection, CV_SQL(commit), NULL, NULL, err);
	cv_rollback(connection);
	return is_good || cv_error_context(err, "configuration of factory %s", order->factory);
}

bool
cv_layers_owner_exists(struct cv_connection *connection, const char *factory, const char *device,
    const char *group, bool *ret_exists, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	cv_parameter_text(&parameters, group);
	if (!cv_execute(connection, CV_SQL(configuration_owner), &parameters, &result, err))
		return false;
	*ret_exists = PQntuples(result) == 1;
	return true;
}

bool
cv_layers_list(struct cv_connection *connection, const char *factory, const char *device,
    const char *group, struct cv_buffer *ret_items, size_t *ret_count, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device ? device : group);
	if (!cv_execute(connection,
		device ? CV_SQL(list_device_configuration) : CV_SQL(list_shared_configuration),
		&parameters, &result, err))
		return cv_error_context(err, "configurations of factory %s", factory);
	return cv_rows_to_items(result, ret_items, ret_count, err);
}
