/* Where a list goes on: opaque to clients, and good for the list that gave it only. Pure. */
#ifndef CV_HTTP_CURSOR_INTERNAL_H
#define CV_HTTP_CURSOR_INTERNAL_H

#include <stdbool.h>

#include "cv/service/inspection.h"
#include "cv/util/bytes.h"

#define CV_CURSOR_SIZE 200

/* key: shorter than CV_VIEW_KEY_SIZE. list: what tells lists apart. */
void cv_cursor_encode(const char *list, const char *key, char ret_cursor[CV_CURSOR_SIZE]);
/* False: not made by cv_cursor_encode for this list. */
bool cv_cursor_decode(const char *cursor, const char *list, char ret_key[CV_VIEW_KEY_SIZE]);

#endif
