#include "database_internal.h"

bool
cv_rows_to_items(
    const PGresult *result, struct cv_buffer *ret_items, size_t *ret_count, struct cv_error *err)
{
	int count = PQntuples(result);

	for (int i = 0; i < count; i++) {
		cv_buffer_append_text(ret_items, i == 0 ? "" : ",");
		cv_buffer_append_text(ret_items, cv_row_text((struct cv_row){result, i}, 0));
	}
	*ret_count = (size_t)count;
	return !ret_items->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}
