#include "cv/store/device_event_store.h"

#include "database_internal.h"

/* Under the device's lock: two lists with the same events in another order would wait for each
 * other. */
static bool
write_events(struct cv_connection *connection, const struct cv_party *party, const char *events,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	if (!cv_batch_send(connection, CV_SQL(begin), NULL, err) ||
	    !cv_batch_send(connection, CV_SQL(device_lock), &parameters, err))
		return false;
	cv_parameter_text(&parameters, events);
	if (!cv_batch_send(connection, CV_SQL(device_event_insert), &parameters, err))
		return false;
	parameters.count--;
	return cv_batch_send(connection, CV_SQL(device_event_trim), &parameters, err) &&
	       cv_batch_send(connection, CV_SQL(commit), NULL, err) &&
	       cv_batch_sync(connection, err);
}

bool
cv_device_events_write(struct cv_connection *connection, const struct cv_party *party,
    const char *events, struct cv_error *err)
{
	struct cv_error ignored;
	bool is_good;

	if (!cv_batch_begin(connection, err))
		return false;
	is_good = write_events(connection, party, events, err);
	if (cv_batch_end(connection, is_good ? err : &ignored) && is_good) {
		connection->is_in_transaction = false;
		return true;
	}
	cv_rollback(connection);
	return cv_error_context(err, "events of device %s", party->device);
}

bool
cv_device_events_list(struct cv_connection *connection, const char *factory, const char *device,
    int64_t limit, int64_t offset, struct cv_buffer *ret_items, int64_t *ret_total,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	cv_parameter_number(&parameters, limit);
	cv_parameter_number(&parameters, offset);
	if (!cv_execute(connection, CV_SQL(list_device_updates), &parameters, &result, err))
		return cv_error_context(err, "updates of device %s", device);
	*ret_total = cv_row_number((struct cv_row){result, 0}, 0);
	cv_buffer_append_text(ret_items, cv_row_text((struct cv_row){result, 0}, 1));
	return !ret_items->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_device_events_show(struct cv_connection *connection, const char *factory, const char *device,
    const char *correlation_id, struct cv_buffer *ret_items, size_t *ret_count,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	cv_parameter_text(&parameters, correlation_id);
	if (!cv_execute(connection, CV_SQL(list_update_events), &parameters, &result, err))
		return cv_error_context(err, "events of device %s", device);
	return cv_rows_to_items(result, ret_items, ret_count, err);
}

bool
cv_device_reports_write(struct cv_connection *connection, const struct cv_device_report *reports,
    size_t count, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows rows = {0};
	struct cv_parameters parameters;

	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		cv_rows_next(&rows);
		cv_rows_text(&rows, reports[i].factory);
		cv_rows_text(&rows, reports[i].device);
		for (size_t part = 0; part < CV_REPORT_PARTS; part++)
			cv_rows_text(&rows, reports[i].has[part] ? reports[i].texts[part] : NULL);
	}
	return cv_rows_bind(&rows, &parameters, err) &&
	       (cv_execute(connection, CV_SQL(device_report_write), &parameters, NULL, err) ||
		   cv_error_context(err, "writing reports of devices"));
}
