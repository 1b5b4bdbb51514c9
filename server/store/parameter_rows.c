#include "database_internal.h"

#include <string.h>

/* Object identifiers of PostgreSQL's built-in types: they never change. */
#define TYPE_BOOLEAN 16
#define TYPE_BYTEA 17
#define TYPE_BIGINT 20
#define TYPE_TEXT 25

/* Dimensions, flags, type of the elements, length and lower bound of the one dimension. */
#define HEADER_LEN 20

static void
put_number(uint8_t *at, uint64_t number, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
}

/* Appends one element; data NULL: SQL's NULL. */
static void
add(struct cv_rows *rows, uint32_t type, const void *data, size_t len)
{
	struct cv_column *column = &rows->columns[rows->at++];
	uint8_t header[HEADER_LEN] = {0};
	uint8_t length[4];

	if (rows->count == 1) {
		rows->column_count = rows->at;
		column->type = type;
		cv_buffer_append(&column->array, header, sizeof(header));
	}
	column->has_null = column->has_null || !data;
	put_number(length, data ? (uint64_t)len : UINT32_MAX, sizeof(length));
	cv_buffer_append(&column->array, length, sizeof(length));
	if (data)
		cv_buffer_append(&column->array, data, len);
}

void
cv_rows_next(struct cv_rows *rows)
{
	rows->at = 0;
	rows->count++;
}

void
cv_rows_text(struct cv_rows *rows, const char *text)
{
	add(rows, TYPE_TEXT, text, text ? strlen(text) : 0);
}

void
cv_rows_bytes(struct cv_rows *rows, struct cv_bytes bytes)
{
	add(rows, TYPE_BYTEA, bytes.data ? (const char *)bytes.data : "", bytes.len);
}

void
cv_rows_digest(struct cv_rows *rows, const struct cv_digest *digest)
{
	add(rows, TYPE_BYTEA, digest ? digest->bytes : NULL, CV_DIGEST_LEN);
}

void
cv_rows_number(struct cv_rows *rows, int64_t number)
{
	uint8_t bytes[8];

	put_number(bytes, (uint64_t)number, sizeof(bytes));
	add(rows, TYPE_BIGINT, bytes, sizeof(bytes));
}

void
cv_rows_no_number(struct cv_rows *rows)
{
	add(rows, TYPE_BIGINT, NULL, 0);
}

void
cv_rows_bool(struct cv_rows *rows, bool value)
{
	add(rows, TYPE_BOOLEAN, &(uint8_t){value}, 1);
}

bool
cv_rows_bind(struct cv_rows *rows, struct cv_parameters *ret_parameters, struct cv_error *err)
{
	memset(ret_parameters, 0, sizeof(*ret_parameters));
	for (size_t i = 0; i < rows->column_count; i++) {
		struct cv_column *column = &rows->columns[i];

		if (column->array.has_failed)
			return cv_fail(err, CV_E_MEMORY, "out of memory");
		put_number(column->array.data, 1, 4);
		put_number(column->array.data + 4, column->has_null, 4);
		put_number(column->array.data + 8, column->type, 4);
		put_number(column->array.data + 12, rows->count, 4);
		put_number(column->array.data + 16, 1, 4);
		cv_parameter_bytes(ret_parameters, cv_buffer_bytes(&column->array));
	}
	return true;
}

void
cv_rows_deinit(struct cv_rows *rows)
{
	for (size_t i = 0; i < rows->column_count; i++)
		cv_buffer_deinit(&rows->columns[i].array);
}

bool
cv_batch_send_rows(
    struct cv_connection *connection, struct cv_sql sql, struct cv_rows *rows, struct cv_error *err)
{
	struct cv_parameters parameters;

	return cv_rows_bind(rows, &parameters, err) &&
	       cv_batch_send(connection, sql, &parameters, err);
}
