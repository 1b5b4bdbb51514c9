/* JSON answers of the operator API as text for a terminal. Whatever the server sent, no control
 * characters come out. Any thread. */
#ifndef CV_CODEC_TABLE_H
#define CV_CODEC_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

/*
 * Appends a list as a table. The rows are the first array in the object, or the array itself.
 * columns: the members that are shown, what matters most first, separated by blanks; "name~": it
 * may be cut. NULL: every plain member that the rows have, in the server's order. width: columns of
 * the terminal; what may be cut is, widest first, and what then does not fit is left out from the
 * right, with a line that says so; 0: nothing is. The first column is there whatever the width.
 * Times are in whole seconds.
 * CV_E_INPUT: no JSON, or no list in it.
 */
bool cv_table_append_list(struct cv_bytes json, const char *columns, size_t width,
    struct cv_buffer *text, struct cv_error *err);

/*
 * Appends the items of a page, with commas between and before, to those of earlier ones, and the
 * cursor of the next one to *ret_next (empty: this was the last). ret_count: how many there were.
 * CV_E_INPUT: no page.
 */
bool cv_table_append_page(struct cv_bytes json, struct cv_buffer *items, struct cv_buffer *ret_next,
    size_t *ret_count, struct cv_error *err);

/* Appends an object as lines "name  value"; members of members as "outer.inner". CV_E_INPUT: no
 * JSON object. */
bool cv_table_append_object(struct cv_bytes json, struct cv_buffer *text, struct cv_error *err);

/* Appends an object as lines, and behind them its lists of objects, each as a table under its name.
 * width as above. CV_E_INPUT: no JSON object. */
bool cv_table_append_screen(
    struct cv_bytes json, size_t width, struct cv_buffer *text, struct cv_error *err);

/* Appends the text member of an object as it is. False when it is no JSON object or has no such
 * text. */
bool cv_table_find_text(struct cv_bytes json, const char *member, struct cv_buffer *text);
/* The member that is a whole number; false when there is none. */
bool cv_table_find_number(struct cv_bytes json, const char *member, int64_t *ret_number);
/* The boolean member; false when there is none. */
bool cv_table_find_true(struct cv_bytes json, const char *member);

#endif
