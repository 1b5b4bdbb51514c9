/* Bodies of type application/x-www-form-urlencoded. Any thread. */
#ifndef CV_CODEC_FORM_H
#define CV_CODEC_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"

enum cv_form_outcome { CV_FORM_ABSENT, CV_FORM_FOUND, CV_FORM_BAD };

/* One member, decoded: '+' is a blank. BAD: given twice, badly encoded, with NUL or control
 * characters, or of size bytes and more. ret_value is "" unless FOUND. */
enum cv_form_outcome cv_form_find(
    struct cv_bytes body, const char *name, char *ret_value, size_t size);

#endif
