#include "cv/store/ota_store.h"

#include "cv/util/text.h"

#include "database_internal.h"

static void
add_filters(struct cv_parameters *parameters, const struct cv_ota_device_query *query)
{
	cv_parameter_text(parameters, query->name);
	cv_parameter_text(parameters, query->name_like);
	cv_parameter_text(parameters, query->uuid);
	cv_parameter_text(parameters, query->group);
	if (query->is_production)
		cv_parameter_bool(parameters, *query->is_production);
	else
		cv_parameter_text(parameters, NULL);
	cv_parameter_text(parameters, query->owner);
	cv_parameter_text(parameters, query->tag);
	cv_parameter_text(parameters, query->target);
}

bool
cv_ota_store_devices(struct cv_connection *connection, const struct cv_ota_device_query *query,
    struct cv_buffer *ret_items, int64_t *ret_total, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, query->factory);
	cv_parameter_bool(&parameters, query->is_denied);
	cv_parameter_number(&parameters, query->limit);
	cv_parameter_number(&parameters, query->offset);
	add_filters(&parameters, query);
	cv_parameter_text(&parameters, query->sorted_by);
	cv_parameter_bool(&parameters, query->is_descending);
	if (!cv_execute(connection, CV_SQL(ota_devices), &parameters, &result, err))
		return cv_error_context(err, "devices of factory %s", query->factory);
	*ret_total = cv_row_number((struct cv_row){result, 0}, 0);
	cv_buffer_append_text(ret_items, cv_row_text((struct cv_row){result, 0}, 1));
	return !ret_items->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_ota_store_device(struct cv_connection *connection, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	if (!cv_execute(connection, CV_SQL(ota_device_show), &parameters, &result, err))
		return cv_error_context(err, "device %s", device);
	*ret_exists = PQntuples(result) == 1;
	if (*ret_exists)
		cv_buffer_append_text(ret_json, cv_row_text((struct cv_row){result, 0}, 0));
	return !ret_json->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_ota_store_find_device(struct cv_connection *connection, const char *factory, const char *name,
    bool is_id, bool is_denied, bool *ret_exists, char ret_device[CV_DEVICE_ID_MAX + 1],
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, name);
	cv_parameter_bool(&parameters, is_id);
	cv_parameter_bool(&parameters, is_denied);
	if (!cv_execute(connection, CV_SQL(ota_device_find), &parameters, &result, err))
		return cv_error_context(err, "finding a device");
	*ret_exists = PQntuples(result) == 1 && cv_text_copy(ret_device, CV_DEVICE_ID_MAX + 1,
						    cv_row_text((struct cv_row){result, 0}, 0));
	return true;
}

static bool
read_items(struct cv_connection *connection, struct cv_sql sql, const char *factory,
    const char *name, struct cv_buffer *ret_items, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, name);
	if (!cv_execute(connection, sql, &parameters, &result, err))
		return cv_error_context(err, "%s", sql.name);
	cv_buffer_append_text(ret_items, cv_row_text((struct cv_row){result, 0}, 0));
	return !ret_items->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_ota_store_groups(struct cv_connection *connection, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err)
{
	return read_items(connection, CV_SQL(ota_groups), factory, name, ret_items, err);
}

bool
cv_ota_store_users(struct cv_connection *connection, const char *factory, const char *name,
    struct cv_buffer *ret_items, struct cv_error *err)
{
	return read_items(connection, CV_SQL(ota_users), factory, name, ret_items, err);
}
