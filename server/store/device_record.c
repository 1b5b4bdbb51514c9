#include "device_change_internal.h"

#include <string.h>

#include "cv/util/text.h"

bool
cv_device_records_send(struct cv_connection *connection, const struct cv_record_query *queries,
    size_t count, struct cv_error *err)
{
	CV_AUTO_ROWS struct cv_rows rows = {0};

	for (size_t i = 0; i < count; i++) {
		cv_rows_next(&rows);
		cv_rows_text(&rows, queries[i].party->factory);
		cv_rows_text(&rows, queries[i].party->device);
		cv_rows_text(&rows, queries[i].party->slot);
		cv_rows_digest(&rows, queries[i].presented_key);
		cv_rows_digest(&rows, queries[i].named_key);
		cv_rows_digest(&rows, queries[i].presented_tbs);
		cv_rows_digest(&rows, queries[i].csr_digest);
		cv_rows_number(&rows, queries[i].replay_window_seconds);
		cv_rows_text(&rows, queries[i].label);
	}
	return cv_batch_send_rows(connection, CV_SQL(device_record), &rows, err);
}

/* The five columns of one key, from `column` on. */
static void
read_key(struct cv_row row, int column, const struct cv_party *party, struct cv_key_view *ret_key)
{
	ret_key->state = CV_KEY_UNKNOWN;
	if (!cv_row_is_null(row, column))
		cv_key_state_parse(cv_row_text(row, column), &ret_key->state);
	ret_key->is_asked_by_current = cv_row_bool(row, column + 1);
	ret_key->talks_until_utc = cv_row_number(row, column + 2);
	ret_key->first_issued_version = cv_row_number(row, column + 3);
	if (cv_row_is_null(row, column + 4))
		return;
	ret_key->is_of_device = strcmp(cv_row_text(row, column + 4), party->device) == 0;
	ret_key->is_of_another = !ret_key->is_of_device;
}

void
cv_device_record_from_row(
    struct cv_row row, const struct cv_party *party, struct cv_device_record *ret_record)
{
	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->now_utc = cv_row_number(row, 0);
	ret_record->exists = !cv_row_is_null(row, 1);
	if (ret_record->exists)
		cv_device_state_parse(cv_row_text(row, 1), &ret_record->device_state);
	ret_record->is_seen = cv_row_bool(row, 2);
	cv_text_copy(
	    ret_record->registered_by, sizeof(ret_record->registered_by), cv_row_text(row, 3));
	ret_record->has_slot = !cv_row_is_null(row, 4);
	ret_record->version = cv_row_number(row, 4);
	ret_record->locked_since_utc = cv_row_number(row, 5);
	ret_record->issue_debt_until_utc = cv_row_number(row, 6);
	ret_record->has_current = cv_row_digest(row, 7, &ret_record->current_key);
	ret_record->announced_count = (unsigned)cv_row_number(row, 8);
	ret_record->current_certificates = (unsigned)cv_row_number(row, 9);
	read_key(row, 10, party, &ret_record->presented);
	read_key(row, 15, party, &ret_record->named);
	ret_record->certificate_is_known = cv_row_bool(row, 20);
	ret_record->certificate_is_revoked = cv_row_bool(row, 21);
	ret_record->tokens_void_before_us = cv_row_number(row, 23);
	ret_record->current_was_named = cv_row_bool(row, 24);
	cv_text_copy(ret_record->group, sizeof(ret_record->group), cv_row_text(row, 25));
	if (!cv_row_is_null(row, 26))
		ret_record->group_announce = strcmp(cv_row_text(row, 26), "implied") == 0
						 ? CV_ANNOUNCE_IMPLIED
						 : CV_ANNOUNCE_EXPLICIT;
	ret_record->group_id = (uint32_t)cv_row_number(row, 27);
	ret_record->is_cleared = cv_row_bool(row, 28);
	ret_record->has_usable_certificate = cv_row_bool(row, 29);
	cv_text_copy(ret_record->origin, sizeof(ret_record->origin), cv_row_text(row, 30));
}

bool
cv_device_record_read(struct cv_connection *connection, const struct cv_record_query *query,
    struct cv_device_record *ret_record, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_error ignored;
	bool is_good;

	if (!cv_batch_begin(connection, err))
		return false;
	is_good = cv_device_records_send(connection, query, 1, err) &&
		  cv_batch_sync(connection, err) && cv_batch_result(connection, &result, err);
	if (!cv_batch_end(connection, is_good ? err : &ignored) || !is_good)
		return false;
	cv_device_record_from_row((struct cv_row){result, 0}, query->party, ret_record);
	return true;
}
