/*
 * Talking to PostgreSQL, for this room only: prepared statements sent in batches (libpq pipeline
 * mode), each wait with a deadline, SQLSTATE turned into our error codes. A connection is used by
 * one thread.
 */
#ifndef CV_STORE_DATABASE_INTERNAL_H
#define CV_STORE_DATABASE_INTERNAL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#include "cv_sql.h"

/* A statement: the name of its file, which is also its prepared name, and its text. */
struct cv_sql {
	const char *name;
	const char *text;
};
#define CV_SQL(name) ((struct cv_sql){#name, cv_sql_##name})

#define CV_PARAMETERS_MAX 16

struct cv_parameters {
	int count;
	const char *values[CV_PARAMETERS_MAX];
	int lengths[CV_PARAMETERS_MAX];
	int formats[CV_PARAMETERS_MAX];
	char numbers[CV_PARAMETERS_MAX][24];
};

/* Borrowed values; they must live until the statement is sent. NULL is SQL's NULL. */
void cv_parameter_text(struct cv_parameters *parameters, const char *text);
void cv_parameter_bytes(struct cv_parameters *parameters, struct cv_bytes bytes);
void cv_parameter_digest(struct cv_parameters *parameters, const struct cv_digest *digest);
void cv_parameter_number(struct cv_parameters *parameters, int64_t number);
void cv_parameter_bool(struct cv_parameters *parameters, bool value);

/*
 * Rows of parameters for a statement that takes one array for each column. Call the adders in the
 * order of the columns, row after row; then bind once. Values are copied. cv_rows_bind fails when
 * memory ran out.
 */
struct cv_column {
	uint32_t type; /* OID of the elements */
	bool has_null;
	struct cv_buffer array; /* in PostgreSQL's binary form */
};
struct cv_rows {
	struct cv_column columns[CV_PARAMETERS_MAX];
	size_t column_count;
	size_t at; /* column of the value that comes next */
	uint32_t count;
};
void cv_rows_next(struct cv_rows *rows);
void cv_rows_text(struct cv_rows *rows, const char *text);
void cv_rows_bytes(struct cv_rows *rows, struct cv_bytes bytes);
void cv_rows_digest(struct cv_rows *rows, const struct cv_digest *digest);
void cv_rows_number(struct cv_rows *rows, int64_t number);
void cv_rows_no_number(struct cv_rows *rows);
void cv_rows_bool(struct cv_rows *rows, bool value);
/* The parameters borrow from the rows. */
bool cv_rows_bind(struct cv_rows *rows, struct cv_parameters *ret_parameters, struct cv_error *err);
void cv_rows_deinit(struct cv_rows *rows);
#define CV_AUTO_ROWS __attribute__((cleanup(cv_rows_deinit)))

enum cv_batch_kind { CV_BATCH_PREPARE, CV_BATCH_STATEMENT, CV_BATCH_SYNC };

/* One expected answer. */
struct cv_batch_item {
	enum cv_batch_kind kind;
	const char *text; /* of the statement that is being prepared */
};

/* A statement that was sent to be prepared; its place stays when that failed. */
struct cv_prepared {
	const char *text;
	bool is_known;
};
#define CV_BATCH_MAX 96
#define CV_PREPARED_MAX 1024 /* twice as many as there are statements, and more */

struct cv_connection {
	PGconn *pg;
	struct cv_pool *pool;       /* that lends it */
	struct cv_connection *next; /* in the pool's list of idle ones */
	int statement_ms;
	struct cv_histogram *waits; /* of the pool */
	int64_t waited_us;          /* in this batch */
	int64_t planned_ms;         /* boot time; no plan is older */
	bool is_broken;
	bool is_in_transaction; /* a BEGIN was sent and neither COMMIT nor ROLLBACK */
	struct cv_batch_item items[CV_BATCH_MAX];
	size_t item_head, item_tail;
	struct cv_prepared prepared[CV_PREPARED_MAX]; /* hashed by address of the text */
};

/*
 * A batch: begin, then send and sync in any number, then one cv_batch_result for each statement
 * sent, in order, then end. After the first failure every call fails with the same error until
 * cv_batch_end.
 */
bool cv_batch_begin(struct cv_connection *connection, struct cv_error *err);
bool cv_batch_send(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, struct cv_error *err);
bool cv_batch_sync(struct cv_connection *connection, struct cv_error *err);
/* ret_result may be NULL; freed by the caller with PQclear. */
bool cv_batch_result(struct cv_connection *connection, PGresult **ret_result, struct cv_error *err);
/* Reads what is left and leaves pipeline mode. Fails when one of the rest failed. */
bool cv_batch_end(struct cv_connection *connection, struct cv_error *err);

/* One statement for all rows. */
bool cv_batch_send_rows(struct cv_connection *connection, struct cv_sql sql, struct cv_rows *rows,
    struct cv_error *err);

/* One statement in a batch of its own. ret_result may be NULL. */
bool cv_execute(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, PGresult **ret_result, struct cv_error *err);
/* Text of several statements without parameters, outside a batch: migrations. */
bool cv_execute_script(
    struct cv_connection *connection, const char *text, int deadline_ms, struct cv_error *err);
/* Rolls back when a transaction is open; a connection that cannot is broken. */
void cv_rollback(struct cv_connection *connection);
/* Waits for the next result of an asynchronous query; NULL at the end. */
bool cv_next_result(
    struct cv_connection *connection, int deadline_ms, PGresult **ret_result, struct cv_error *err);
bool cv_result_error(
    struct cv_connection *connection, const PGresult *result, struct cv_error *err);

static inline void
cv_result_cleanup(PGresult **result)
{
	PQclear(*result);
}
#define CV_AUTO_RESULT __attribute__((cleanup(cv_result_cleanup)))

/* Reading columns. NULL columns read as "", 0, false or a digest of zeros. */
struct cv_row {
	const PGresult *result;
	int row;
};
const char *cv_row_text(struct cv_row row, int column);
bool cv_row_is_null(struct cv_row row, int column);
int64_t cv_row_number(struct cv_row row, int column);
bool cv_row_bool(struct cv_row row, int column);
/* false: NULL or not 32 bytes. */
bool cv_row_digest(struct cv_row row, int column, struct cv_digest *ret_digest);
/* A bytea of at most size octets. */
bool cv_row_octets(
    struct cv_row row, int column, uint8_t *ret_octets, size_t size, size_t *ret_len);
/* Appends the bytes of a bytea. */
bool cv_row_bytes(struct cv_row row, int column, struct cv_buffer *ret_bytes);

/* The first column of all rows, which is JSON, with commas between. */
bool cv_rows_to_items(
    const PGresult *result, struct cv_buffer *ret_items, size_t *ret_count, struct cv_error *err);

#endif
