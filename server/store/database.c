#include "database_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/clock.h"
#include "cv/util/text.h"

/* How long a rollback may take before the connection is given up. */
#define ROLLBACK_MS 1000

void
cv_parameter_text(struct cv_parameters *parameters, const char *text)
{
	int i = parameters->count++;

	parameters->values[i] = text;
	parameters->lengths[i] = 0;
	parameters->formats[i] = 0;
}

void
cv_parameter_bytes(struct cv_parameters *parameters, struct cv_bytes bytes)
{
	int i = parameters->count++;

	parameters->values[i] = bytes.data ? (const char *)bytes.data : "";
	parameters->lengths[i] = (int)bytes.len;
	parameters->formats[i] = 1;
}

void
cv_parameter_digest(struct cv_parameters *parameters, const struct cv_digest *digest)
{
	if (!digest)
		cv_parameter_text(parameters, NULL);
	else
		cv_parameter_bytes(parameters, cv_bytes(digest->bytes, CV_DIGEST_LEN));
}

void
cv_parameter_number(struct cv_parameters *parameters, int64_t number)
{
	char *text = parameters->numbers[parameters->count];

	snprintf(text, sizeof(parameters->numbers[0]), "%lld", (long long)number);
	cv_parameter_text(parameters, text);
}

void
cv_parameter_bool(struct cv_parameters *parameters, bool value)
{
	cv_parameter_text(parameters, value ? "t" : "f");
}

/* ---- errors ---- */

static enum cv_error_code
classify(const char *state)
{
	if (!state)
		return CV_E_DATABASE;
	if (strncmp(state, "40", 2) == 0)
		return CV_E_CONFLICT;
	if (strncmp(state, "22", 2) == 0)
		return CV_E_INPUT;
	if (strncmp(state, "54", 2) == 0)
		return CV_E_LIMIT;
	if (strncmp(state, "23", 2) == 0 || strcmp(state, "42501") == 0)
		return CV_E_CONSTRAINT;
	if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0 ||
	    strcmp(state, "3F000") == 0)
		return CV_E_SCHEMA;
	return CV_E_DATABASE;
}

bool
cv_result_error(struct cv_connection *connection, const PGresult *result, struct cv_error *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (PQstatus(connection->pg) == CONNECTION_BAD || !result)
		connection->is_broken = true;
	cv_fail(err, classify(state),
	    classify(state) == CV_E_INPUT ? "a value in the request is malformed"
					  : "database: statement failed");
	return cv_error_cause(
	    err, "%s %s", state ? state : "-----", text ? text : PQerrorMessage(connection->pg));
}

static bool
connection_lost(struct cv_connection *connection, const char *what, struct cv_error *err)
{
	connection->is_broken = true;
	cv_fail(err, CV_E_DATABASE, "database: %s", what);
	return cv_error_cause(err, "%s", PQerrorMessage(connection->pg));
}

/* ---- waiting ---- */

static int64_t
now_ms(void)
{
	return cv_clock_boot_ms(cv_clock_system());
}

/* Sends what is queued and waits for bytes from the server. */
static bool
wait_readable(struct cv_connection *connection, int64_t deadline, struct cv_error *err)
{
	int flush = PQflush(connection->pg);
	struct pollfd poller = {.fd = PQsocket(connection->pg), .events = POLLIN};
	int64_t left = deadline - now_ms();

	if (flush < 0)
		return connection_lost(connection, "sending failed", err);
	if (flush > 0)
		poller.events |= POLLOUT;
	/* Who was held up himself looks once more: the answer may be there. */
	int ready = poll(&poller, 1, left > 0 ? (int)left : 0);
	if (ready < 0 && errno != EINTR)
		return connection_lost(connection, "waiting failed", err);
	if (ready <= 0 && left <= 0)
		return connection_lost(connection, "no answer in time", err);
	if ((poller.revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(connection->pg))
		return connection_lost(connection, "connection lost", err);
	return true;
}

bool
cv_next_result(
    struct cv_connection *connection, int deadline_ms, PGresult **ret_result, struct cv_error *err)
{
	int64_t deadline = now_ms() + deadline_ms;
	int64_t began_us = cv_histogram_now_us();

	while (PQisBusy(connection->pg)) {
		if (!wait_readable(connection, deadline, err))
			return false;
	}
	connection->waited_us += cv_histogram_now_us() - began_us;
	*ret_result = PQgetResult(connection->pg);
	return true;
}

/* ---- prepared statements ---- */

static struct cv_prepared *
prepared_place(struct cv_connection *connection, const char *text)
{
	size_t at = ((uintptr_t)text >> 4) % CV_PREPARED_MAX;

	while (connection->prepared[at].text && connection->prepared[at].text != text)
		at = (at + 1) % CV_PREPARED_MAX;
	connection->prepared[at].text = text;
	return &connection->prepared[at];
}

/* ---- batches ---- */

bool
cv_batch_begin(struct cv_connection *connection, struct cv_error *err)
{
	connection->item_head = connection->item_tail = 0;
	connection->waited_us = 0;
	if (!PQenterPipelineMode(connection->pg))
		return connection_lost(connection, "connection not usable", err);
	return true;
}

static bool
expect(struct cv_connection *connection, enum cv_batch_kind kind, const char *text,
    struct cv_error *err)
{
	if (connection->item_tail == CV_BATCH_MAX)
		return cv_fail(err, CV_E_INTERNAL, "database: batch longer than %d", CV_BATCH_MAX);
	connection->items[connection->item_tail++] =
	    (struct cv_batch_item){.kind = kind, .text = text};
	return true;
}

bool
cv_batch_send(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, struct cv_error *err)
{
	static const struct cv_parameters none;
	struct cv_prepared *prepared;

	if (!parameters)
		parameters = &none;
	prepared = prepared_place(connection, sql.text);
	if (!prepared->is_known) {
		if (!expect(connection, CV_BATCH_PREPARE, sql.text, err))
			return false;
		prepared->is_known = true;
		if (!PQsendPrepare(connection->pg, sql.name, sql.text, 0, NULL))
			return connection_lost(connection, "sending failed", err);
	}
	if (!expect(connection, CV_BATCH_STATEMENT, NULL, err))
		return false;
	if (strcmp(sql.name, "begin") == 0 || strcmp(sql.name, "begin_snapshot") == 0)
		connection->is_in_transaction = true;
	if (!PQsendQueryPrepared(connection->pg, sql.name, parameters->count, parameters->values,
		parameters->lengths, parameters->formats, 0))
		return connection_lost(connection, "sending failed", err);
	return true;
}

bool
cv_batch_sync(struct cv_connection *connection, struct cv_error *err)
{
	if (!expect(connection, CV_BATCH_SYNC, NULL, err))
		return false;
	if (!PQpipelineSync(connection->pg))
		return connection_lost(connection, "sending failed", err);
	return true;
}

/* Reads one expected item; a statement's result goes to *ret_result when it is asked for. */
static bool
read_item(struct cv_connection *connection, struct cv_batch_item item, PGresult **ret_result,
    struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	CV_AUTO_RESULT PGresult *end = NULL;
	ExecStatusType status;

	if (!cv_next_result(connection, connection->statement_ms, &result, err))
		return false;
	status = PQresultStatus(result);
	if (item.kind == CV_BATCH_SYNC)
		return status == PGRES_PIPELINE_SYNC ? true
						     : cv_result_error(connection, result, err);
	if (!cv_next_result(connection, connection->statement_ms, &end, err))
		return false;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
		if (item.kind == CV_BATCH_PREPARE)
			prepared_place(connection, item.text)->is_known = false;
		return cv_result_error(connection, result, err);
	}
	if (ret_result && item.kind == CV_BATCH_STATEMENT)
		*ret_result = CV_TAKE(result);
	return true;
}

bool
cv_batch_result(struct cv_connection *connection, PGresult **ret_result, struct cv_error *err)
{
	while (connection->item_head < connection->item_tail) {
		struct cv_batch_item item = connection->items[connection->item_head++];

		if (!read_item(connection, item, ret_result, err))
			return false;
		if (item.kind == CV_BATCH_STATEMENT)
			return true;
	}
	return cv_fail(err, CV_E_INTERNAL, "database: no statement left in the batch");
}

bool
cv_batch_end(struct cv_connection *connection, struct cv_error *err)
{
	struct cv_error ignored;
	bool is_good = true;

	while (connection->item_head < connection->item_tail && !connection->is_broken) {
		struct cv_batch_item item = connection->items[connection->item_head++];

		if (!read_item(connection, item, NULL, is_good ? err : &ignored))
			is_good = false;
	}
	cv_histogram_add(connection->waits, connection->waited_us);
	if (connection->is_broken)
		return is_good ? connection_lost(connection, "connection lost", err) : false;
	if (!PQexitPipelineMode(connection->pg)) {
		connection->is_broken = true;
		return is_good ? connection_lost(connection, "batch not finished", err) : false;
	}
	return is_good;
}

bool
cv_execute(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, PGresult **ret_result, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_error ignored;
	bool is_good;

	if (!cv_batch_begin(connection, err))
		return false;
	is_good = cv_batch_send(connection, sql, parameters, err) &&
		  cv_batch_sync(connection, err) && cv_batch_result(connection, &result, err);
	if (!cv_batch_end(connection, is_good ? err : &ignored) || !is_good)
		return false;
	if (strcmp(sql.name, "commit") == 0)
		connection->is_in_transaction = false;
	if (ret_result)
		*ret_result = CV_TAKE(result);
	return true;
}

bool
cv_execute_script(
    struct cv_connection *connection, const char *text, int deadline_ms, struct cv_error *err)
{
	bool is_good = true;

	if (!PQsendQuery(connection->pg, text))
		return connection_lost(connection, "sending failed", err);
	for (;;) {
		CV_AUTO_RESULT PGresult *result = NULL;

		if (!cv_next_result(connection, deadline_ms, &result, err))
			return false;
		if (!result)
			return is_good;
		if (PQresultStatus(result) != PGRES_COMMAND_OK &&
		    PQresultStatus(result) != PGRES_TUPLES_OK)
			is_good = cv_result_error(connection, result, err);
	}
}

void
cv_rollback(struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;

	if (connection->is_broken || !connection->is_in_transaction)
		return;
	/* Statements still queued are not waited for in vain: a sync makes the server answer them.
	 */
	if (PQpipelineStatus(connection->pg) != PQ_PIPELINE_OFF) {
		if (connection->item_head < connection->item_tail &&
		    !cv_batch_sync(connection, &err)) {
			connection->is_broken = true;
			return;
		}
		if (!cv_batch_end(connection, &err) && connection->is_broken)
			return;
	}
	if (!cv_execute_script(connection, "ROLLBACK", ROLLBACK_MS, &err))
		connection->is_broken = true;
	connection->is_in_transaction = false;
}

/* ---- rows ---- */

bool
cv_row_is_null(struct cv_row row, int column)
{
	return PQgetisnull(row.result, row.row, column) == 1;
}

const char *
cv_row_text(struct cv_row row, int column)
{
	return PQgetvalue(row.result, row.row, column);
}

int64_t
cv_row_number(struct cv_row row, int column)
{
	return cv_row_is_null(row, column) ? 0 : strtoll(cv_row_text(row, column), NULL, 10);
}

bool
cv_row_bool(struct cv_row row, int column)
{
	return cv_row_text(row, column)[0] == 't';
}

bool
cv_row_octets(struct cv_row row, int column, uint8_t *ret_octets, size_t size, size_t *ret_len)
{
	const char *text = cv_row_text(row, column);

	if (cv_row_is_null(row, column) || text[0] != '\\' || text[1] != 'x')
		return false;
	return cv_hex_decode(text + 2, strlen(text + 2), ret_octets, size, ret_len);
}

bool
cv_row_digest(struct cv_row row, int column, struct cv_digest *ret_digest)
{
	size_t len;

	return cv_row_octets(row, column, ret_digest->bytes, CV_DIGEST_LEN, &len) &&
	       len == CV_DIGEST_LEN;
}

bool
cv_row_bytes(struct cv_row row, int column, struct cv_buffer *ret_bytes)
{
	const char *text = cv_row_text(row, column);
	size_t text_len, len;
	CV_AUTO_MEMORY uint8_t *bytes = NULL;

	if (cv_row_is_null(row, column) || text[0] != '\\' || text[1] != 'x')
		return false;
	text_len = strlen(text + 2);
	bytes = malloc(text_len / 2 + 1);
	if (!bytes || !cv_hex_decode(text + 2, text_len, bytes, text_len / 2 + 1, &len))
		return false;
	cv_buffer_append(ret_bytes, bytes, len);
	return !ret_bytes->has_failed;
}
