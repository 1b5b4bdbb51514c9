#include "cv/store/audit_store.h"

#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"

#include "database_internal.h"

/* Columns of audit_unchained.sql and audit_chained.sql. */
static bool
give_row(struct cv_row row, cv_audit_sink *sink, void *context, struct cv_error *err)
{
	struct cv_audit_row audit = {.link = {.position = cv_row_number(row, 0)}};

	if (audit.link.position != 0 && !cv_row_digest(row, 1, &audit.link.hash))
		return cv_fail(err, CV_E_INTERNAL, "database: an audit row cannot be read");
	(void)cv_text_copy(audit.id, sizeof(audit.id), cv_row_text(row, 2));
	audit.at_us = cv_row_number(row, 3);
	for (int i = 0; i < CV_AUDIT_TEXTS; i++)
		audit.texts[i] = cv_row_is_null(row, 4 + i) ? NULL : cv_row_text(row, 4 + i);
	return sink(context, &audit, err);
}

static bool
give_rows(const PGresult *result, cv_audit_sink *sink, void *context, struct cv_error *err)
{
	for (int i = 0; i < PQntuples(result); i++) {
		if (!give_row((struct cv_row){result, i}, sink, context, err))
			return false;
	}
	return true;
}

static bool
read_link(struct cv_row row, struct cv_audit_link *ret_link, struct cv_error *err)
{
	ret_link->position = cv_row_number(row, 0);
	return cv_row_digest(row, 1, &ret_link->hash) ||
	       cv_fail(err, CV_E_INTERNAL, "database: the end of the audit chain cannot be read");
}

bool
cv_audit_store_begin(struct cv_connection *connection, bool *ret_is_mine,
    struct cv_audit_link *ret_head, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(begin), NULL, NULL, err) ||
	    !cv_execute(connection, CV_SQL(audit_chain_lock), NULL, &result, err)) {
		cv_rollback(connection);
		return cv_error_context(err, "taking the audit chain");
	}
	*ret_is_mine = PQntuples(result) == 1;
	if (*ret_is_mine && read_link((struct cv_row){result, 0}, ret_head, err))
		return true;
	cv_rollback(connection);
	return !*ret_is_mine;
}

void
cv_audit_store_rollback(struct cv_connection *connection)
{
	cv_rollback(connection);
}

bool
cv_audit_store_unchained(struct cv_connection *connection, size_t limit, cv_audit_sink *sink,
    void *context, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_number(&parameters, (int64_t)limit);
	if (!cv_execute(connection, CV_SQL(audit_unchained), &parameters, &result, err))
		return cv_error_context(err, "reading audit rows");
	return give_rows(result, sink, context, err);
}

/* The arrays of audit_link.sql; ids and hex need no quotes. */
static bool
append_arrays(const struct cv_audit_place *places, size_t count, struct cv_buffer *const arrays[3],
    struct cv_error *err)
{
	char hash[CV_DIGEST_HEX_SIZE];

	for (size_t i = 0; i < count; i++) {
		const char *before = i == 0 ? "{" : ",";
		cv_digest_format(&places[i].link.hash, hash);
		cv_buffer_printf(arrays[0], "%s%s", before, places[i].id);
		cv_buffer_printf(arrays[1], "%s%lld", before, (long long)places[i].link.position);
		cv_buffer_printf(arrays[2], "%s%s", before, hash);
	}
	for (size_t i = 0; i < 3; i++) {
		cv_buffer_append_text(arrays[i], "}");
		if (arrays[i]->has_failed)
			return cv_fail(err, CV_E_MEMORY, "out of memory");
	}
	return true;
}

bool
cv_audit_store_commit(struct cv_connection *connection, const struct cv_audit_place *places,
    size_t count, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer id_array = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer positions = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer hashes = CV_BUFFER_INIT;
	struct cv_buffer *const arrays[] = {&id_array, &positions, &hashes};
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!append_arrays(places, count, arrays, err))
		return false;
	for (size_t i = 0; i < 3; i++)
		cv_parameter_text(&parameters, cv_buffer_text(arrays[i]));
	cv_parameter_number(&parameters, places[count - 1].link.position);
	cv_parameter_digest(&parameters, &places[count - 1].link.hash);
	if (!cv_execute(connection, CV_SQL(audit_link), &parameters, &result, err))
		return cv_error_context(err, "chaining audit rows");
	if (PQntuples(result) != 1)
		return cv_fail(err, CV_E_CONFLICT, "audit rows vanished while they were chained");
	return cv_execute(connection, CV_SQL(commit), NULL, NULL, err) ||
	       cv_error_context(err, "chaining audit rows");
}

bool
cv_audit_store_begin_reading(struct cv_connection *connection, struct cv_error *err)
{
	return cv_execute(connection, CV_SQL(begin_snapshot), NULL, NULL, err);
}

bool
cv_audit_store_head(struct cv_connection *connection, struct cv_audit_link *ret_head,
    struct cv_audit_outside *ret_outside, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(audit_head), NULL, &result, err))
		return cv_error_context(err, "reading the audit chain");
	if (PQntuples(result) != 1)
		return cv_fail(err, CV_E_NOT_FOUND, "the audit chain has lost its end");
	ret_outside->unchained = cv_row_number((struct cv_row){result, 0}, 2);
	ret_outside->late = cv_row_number((struct cv_row){result, 0}, 3);
	ret_outside->misplaced = cv_row_number((struct cv_row){result, 0}, 4);
	return read_link((struct cv_row){result, 0}, ret_head, err);
}

bool
cv_audit_store_chained(struct cv_connection *connection, int64_t position, size_t limit,
    cv_audit_sink *sink, void *context, size_t *ret_rows, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_number(&parameters, position);
	cv_parameter_number(&parameters, (int64_t)limit);
	if (!cv_execute(connection, CV_SQL(audit_chained), &parameters, &result, err))
		return cv_error_context(err, "reading the audit chain");
	*ret_rows = (size_t)PQntuples(result);
	return give_rows(result, sink, context, err);
}
