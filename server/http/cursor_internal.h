/* Where a list goes on: opaque to clients, and good for the list that gave it only. Pure. */
#ifndef CV_HTTP_CURSOR_INTERNAL_H
#define CV_HTTP_CURSOR_INTERNAL_H

#include <stdbool.h>

#include "cv/service/inspection.h"
#include "cv/util/bytes.h"

#define CV_CURSOR_SIZE 200

/* Appends the cursor as a JSON string. list: what tells lists apart. */
void cv_cursor_append(struct cv_buffer *buffer, const char *list, const char *key);
/* False: not made by cv_cursor_append for this list. */
bool cv_cursor_decode(const char *cursor, const char *list, char ret_key[CV_VIEW_KEY_SIZE]);

#endif
