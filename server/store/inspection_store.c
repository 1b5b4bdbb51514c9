#include "cv/store/inspection_store.h"

#include "database_internal.h"

/* Runs a statement whose only column is JSON; no row: *ret_exists is false. */
static bool
append_json(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, bool *ret_exists, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, sql, parameters, &result, err))
		return cv_error_context(err, "%s", sql.name);
	*ret_exists = PQntuples(result) == 1;
	if (*ret_exists)
		cv_buffer_append_text(ret_json, cv_row_text((struct cv_row){result, 0}, 0));
	if (ret_json->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

bool
cv_inspection_devices(struct cv_connection *connection, const char *factory, const char *after,
    int limit, struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	bool exists;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, after);
	cv_parameter_number(&parameters, limit);
	return append_json(
	    connection, CV_SQL(inspection_devices), &parameters, &exists, ret_json, err);
}

bool
cv_inspection_device(struct cv_connection *connection, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	return append_json(
	    connection, CV_SQL(inspection_device), &parameters, ret_exists, ret_json, err);
}

bool
cv_inspection_certificates(struct cv_connection *connection, const char *factory,
    const char *device, const char *after, int limit, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	bool exists;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	cv_parameter_text(&parameters, after);
	cv_parameter_number(&parameters, limit);
	return append_json(
	    connection, CV_SQL(inspection_certificates), &parameters, &exists, ret_json, err);
}

bool
cv_inspection_certificate(struct cv_connection *connection, const char *factory,
    const struct cv_digest *fingerprint, bool *ret_exists, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, factory);
	cv_parameter_digest(&parameters, fingerprint);
	return append_json(
	    connection, CV_SQL(inspection_certificate), &parameters, ret_exists, ret_json, err);
}

bool
cv_inspection_authorities(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	bool exists;

	cv_parameter_text(&parameters, factory);
	return append_json(
	    connection, CV_SQL(inspection_authorities), &parameters, &exists, ret_json, err);
}

bool
cv_inspection_fleet(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	bool exists;

	cv_parameter_text(&parameters, factory);
	return append_json(
	    connection, CV_SQL(inspection_fleet), &parameters, &exists, ret_json, err);
}

bool
cv_inspection_keys(struct cv_connection *connection, const char *factory, const char *device,
    const char *slot, bool *ret_exists, struct cv_buffer *ret_current_spki,
    struct cv_buffer *ret_next_spki, int64_t *ret_last_seen_utc, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, device);
	cv_parameter_text(&parameters, slot);
	if (!cv_execute(connection, CV_SQL(inspection_keys), &parameters, &result, err))
		return cv_error_context(err, "keys of device %s", device);
	*ret_exists = PQntuples(result) == 1;
	if (!*ret_exists)
		return true;
	row = (struct cv_row){result, 0};
	if (!cv_row_is_null(row, 0) && !cv_row_bytes(row, 0, ret_current_spki))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_row_is_null(row, 1) && !cv_row_bytes(row, 1, ret_next_spki))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	*ret_last_seen_utc = cv_row_number(row, 2);
	return true;
}
