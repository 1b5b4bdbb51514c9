/* The part of TOML 1.0 that configuration fragments consist of: tables and keys with values of one
 * line. Pure; any thread. */
#ifndef CV_CODEC_TOML_H
#define CV_CODEC_TOML_H

#include <stdbool.h>

#include "cv/util/bytes.h"

/*
 * Appends the keys of both texts, table by table; where both have a key that of upper. Comments are
 * dropped. False, and nothing is appended, when one of them holds something else than tables, keys
 * and values of one line, or more than 1000 keys.
 */
bool cv_toml_merge(const char *lower, const char *upper, struct cv_buffer *ret_text);

#endif
