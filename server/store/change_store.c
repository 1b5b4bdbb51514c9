#include "cv/store/change_store.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"

#include "database_internal.h"

/* The whole index may take longer than one request. */
#define LOAD_MS 60000

/* The serial number is there only if the certificate is ours. */
static bool
read_names(struct cv_row row, int column, struct cv_status_row *ret_status)
{
	size_t len;

	ret_status->serial_len = 0;
	return cv_row_octets(row, column, ret_status->sha1, sizeof(ret_status->sha1), &len) &&
	       len == sizeof(ret_status->sha1) &&
	       (cv_row_is_null(row, column + 1) ||
		   cv_row_octets(row, column + 1, ret_status->serial, sizeof(ret_status->serial),
		       &ret_status->serial_len));
}

/* Columns of status_load.sql, from `column` on. */
static bool
read_status(struct cv_row row, int column, struct cv_status_row *ret_status)
{
	if (!cv_party_restore(&ret_status->party, cv_row_text(row, column),
		cv_row_text(row, column + 1), cv_row_text(row, column + 2)) ||
	    !cv_device_state_parse(cv_row_text(row, column + 4), &ret_status->device_state) ||
	    !cv_row_digest(row, column + 8, &ret_status->fingerprint) ||
	    !cv_key_state_parse(cv_row_text(row, column + 9), &ret_status->key_state) ||
	    !read_names(row, column + 14, ret_status))
		return false;
	ret_status->version = cv_row_number(row, column + 3);
	ret_status->is_seen = cv_row_bool(row, column + 5);
	ret_status->has_pending = cv_row_bool(row, column + 6);
	ret_status->talks_until_utc = cv_row_number(row, column + 7);
	ret_status->is_revoked = cv_row_bool(row, column + 10);
	cv_text_copy(
	    ret_status->authority, sizeof(ret_status->authority), cv_row_text(row, column + 11));
	ret_status->not_before_utc = cv_row_number(row, column + 12);
	ret_status->not_after_utc = cv_row_number(row, column + 13);
	ret_status->group = (uint32_t)cv_row_number(row, column + 16);
	return true;
}

static bool
give_status(
    struct cv_row row, int column, cv_status_sink *sink, void *context, struct cv_error *err)
{
	struct cv_status_row status;

	if (!read_status(row, column, &status))
		return cv_fail(
		    err, CV_E_INTERNAL, "database: a certificate's status cannot be read");
	if (!sink(context, &status))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

/* ---- load ---- */

/* Reads the running query row by row; after a failure the rest is read and thrown away. */
static bool
give_stream(
    struct cv_connection *connection, cv_status_sink *sink, void *context, struct cv_error *err)
{
	bool is_good = true;

	for (;;) {
		CV_AUTO_RESULT PGresult *result = NULL;
		ExecStatusType status;

		if (!cv_next_result(connection, LOAD_MS, &result, err))
			return false;
		if (!result)
			return is_good;
		status = PQresultStatus(result);
		if (!is_good)
			continue;
		if (status == PGRES_SINGLE_TUPLE)
			is_good = give_status((struct cv_row){result, 0}, 0, sink, context, err);
		else if (status != PGRES_TUPLES_OK)
			is_good = cv_result_error(connection, result, err);
	}
}

static bool
stream_load(struct cv_connection *connection, const struct cv_parameters *parameters,
    cv_status_sink *sink, void *context, struct cv_error *err)
{
	if (!PQsendQueryParams(connection->pg, cv_sql_status_load, parameters->count, NULL,
		parameters->values, parameters->lengths, parameters->formats, 0) ||
	    !PQsetSingleRowMode(connection->pg))
		return cv_result_error(connection, NULL, err);
	return give_stream(connection, sink, context, err);
}

static bool
read_count(struct cv_connection *connection, const struct cv_parameters *parameters,
    int64_t *ret_total, int64_t *ret_position, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(status_count), parameters, &result, err))
		return false;
	*ret_total = cv_row_number((struct cv_row){result, 0}, 0);
	*ret_position = cv_row_number((struct cv_row){result, 0}, 1);
	return true;
}

/* The one statement that reads whole tables: it may take its time, and join them in any way. */
static const char load_settings[] = "SET statement_timeout = 0; SET enable_seqscan = on; "
				    "SET enable_hashjoin = on; SET enable_mergejoin = on";
static const char usual_settings[] = "RESET statement_timeout; RESET enable_seqscan; "
				     "RESET enable_hashjoin; RESET enable_mergejoin";

bool
cv_change_store_load(struct cv_connection *connection, int64_t grace_seconds, cv_status_sink *sink,
    void *context, int64_t *ret_total, int64_t *ret_position, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	bool is_good;

	cv_parameter_number(&parameters, grace_seconds);
	is_good = cv_execute_script(connection, load_settings, LOAD_MS, err) &&
		  cv_execute(connection, CV_SQL(begin_snapshot), NULL, NULL, err) &&
		  read_count(connection, &parameters, ret_total, ret_position, err) &&
		  stream_load(connection, &parameters, sink, context, err) &&
		  cv_execute(connection, CV_SQL(commit), NULL, NULL, err) &&
		  cv_execute_script(connection, usual_settings, LOAD_MS, err);
	if (!is_good) {
		cv_rollback(connection);
		connection->is_broken = true; /* its time-out is not the usual one */
		return cv_error_context(err, "loading the index");
	}
	return true;
}

/* ---- changes ---- */

bool
cv_change_store_slots(struct cv_connection *connection, const struct cv_party *slots, size_t count,
    cv_status_sink *sink, void *context, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows wanted = {0};
	struct cv_parameters parameters;
	CV_AUTO_RESULT PGresult *result = NULL;

	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		cv_rows_next(&wanted);
		cv_rows_text(&wanted, slots[i].factory);
		cv_rows_text(&wanted, slots[i].device);
		cv_rows_text(&wanted, slots[i].slot);
	}
	if (!cv_rows_bind(&wanted, &parameters, err))
		return false;
	if (!cv_execute(connection, CV_SQL(status_slots), &parameters, &result, err))
		return cv_error_context(err, "reading the certificates of device %s%s",
		    slots[0].device, count > 1 ? " and others" : "");
	for (int i = 0; i < PQntuples(result); i++) {
		if (!give_status((struct cv_row){result, i}, 0, sink, context, err))
			return false;
	}
	return true;
}

static bool
give_changed(struct cv_row row, cv_changed_sink *sink, void *context, struct cv_error *err)
{
	struct cv_party slot;

	if (!cv_party_restore(&slot, cv_row_text(row, 4), cv_row_text(row, 5), cv_row_text(row, 6)))
		return cv_fail(err, CV_E_INTERNAL, "database: a slot's name cannot be read");
	if (!sink(context, &slot, cv_row_number(row, 7)))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return true;
}

bool
cv_change_store_read(struct cv_connection *connection, size_t limit, cv_changed_sink *sink,
    void *context, int64_t *position, bool *ret_is_complete, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row first;

	cv_parameter_number(&parameters, *position);
	cv_parameter_number(&parameters, (int64_t)limit);
	if (!cv_execute(connection, CV_SQL(feed_read), &parameters, &result, err))
		return cv_error_context(err, "reading the change feed");
	first = (struct cv_row){result, 0};
	if (cv_row_number(first, 3) > *position)
		return cv_fail(err, CV_E_NOT_FOUND, "changes after position %lld are gone",
		    (long long)*position);
	for (int i = 0; i < PQntuples(result); i++) {
		struct cv_row row = {result, i};

		if (!cv_row_is_null(row, 4) && !give_changed(row, sink, context, err))
			return false;
	}
	*position = cv_row_number(first, 0);
	*ret_is_complete =
	    cv_row_number(first, 1) < (int64_t)limit && cv_row_number(first, 2) < (int64_t)limit;
	return true;
}

static bool
number_locked(
    struct cv_connection *connection, size_t limit, size_t *ret_numbered, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *locked = NULL;
	CV_AUTO_RESULT PGresult *numbered = NULL;

	if (!cv_execute(connection, CV_SQL(feed_lock), NULL, &locked, err))
		return false;
	if (PQntuples(locked) == 0)
		return true;
	cv_parameter_number(&parameters, (int64_t)limit);
	if (!cv_execute(connection, CV_SQL(feed_number), &parameters, &numbered, err))
		return false;
	if (PQntuples(numbered) == 1)
		*ret_numbered = (size_t)cv_row_number((struct cv_row){numbered, 0}, 0);
	return true;
}

bool
cv_change_store_number(
    struct cv_connection *connection, size_t limit, size_t *ret_numbered, struct cv_error *err)
{
	bool is_good;

	*ret_numbered = 0;
	is_good = cv_execute(connection, CV_SQL(begin), NULL, NULL, err) &&
		  number_locked(connection, limit, ret_numbered, err) &&
		  cv_execute(connection, CV_SQL(commit), NULL, NULL, err);
	if (!is_good) {
		cv_rollback(connection);
		return cv_error_context(err, "numbering the change feed");
	}
	return true;
}

bool
cv_change_store_trim(
    struct cv_connection *connection, int64_t older_than_seconds, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_number(&parameters, older_than_seconds);
	if (!cv_execute(connection, CV_SQL(feed_trim), &parameters, NULL, err))
		return cv_error_context(err, "trimming the change feed");
	return true;
}

/* ---- batches from memory ---- */

bool
cv_change_store_write_seen(struct cv_connection *connection, const struct cv_last_seen *rows,
    size_t count, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows seen = {0};
	struct cv_parameters parameters;

	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		cv_rows_next(&seen);
		cv_rows_text(&seen, rows[i].party.factory);
		cv_rows_text(&seen, rows[i].party.device);
		cv_rows_text(&seen, rows[i].party.slot);
		cv_rows_number(&seen, rows[i].seen_utc);
	}
	if (!cv_rows_bind(&seen, &parameters, err))
		return false;
	if (!cv_execute(connection, CV_SQL(slot_write_seen), &parameters, NULL, err))
		return cv_error_context(err, "writing last-seen times");
	return true;
}

bool
cv_change_store_write_events(struct cv_connection *connection, const struct cv_security_event *rows,
    size_t count, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows events = {0};
	struct cv_parameters parameters;

	if (count == 0)
		return true;
	for (size_t i = 0; i < count; i++) {
		cv_rows_next(&events);
		cv_rows_text(&events, rows[i].factory);
		cv_rows_text(&events, rows[i].device);
		cv_rows_text(&events, rows[i].kind);
		cv_rows_digest(&events, &rows[i].subject);
		cv_rows_number(&events, rows[i].count);
		cv_rows_text(&events, rows[i].audit_id);
		cv_rows_text(&events, rows[i].actor);
		cv_rows_text(&events, rows[i].request_id);
		cv_rows_text(&events, rows[i].label);
		cv_rows_text(&events, rows[i].claimed_device);
		cv_rows_digest(&events, &rows[i].key_id);
	}
	if (!cv_rows_bind(&events, &parameters, err))
		return false;
	if (!cv_execute(connection, CV_SQL(security_event_write), &parameters, NULL, err))
		return cv_error_context(err, "writing security events");
	return true;
}
