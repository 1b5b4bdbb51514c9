/* Form encoding: what percent-encoding is, with a plus for a blank. */
#ifndef CV_CODEC_FORM_INTERNAL_H
#define CV_CODEC_FORM_INTERNAL_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Appends the text without its encoding. CV_E_INPUT. */
bool cv_form_decode(struct cv_bytes encoded, struct cv_buffer *ret_text, struct cv_error *err);

#endif
