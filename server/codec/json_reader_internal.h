/* Reading JSON objects strictly: no duplicate or unknown members, bounded depth and lengths. Any
 * thread. */
#ifndef CV_CODEC_JSON_READER_INTERNAL_H
#define CV_CODEC_JSON_READER_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* One object; the caller gives the reference back. known NULL: any member; otherwise a list that
 * ends with NULL. */
bool cv_json_read_object(
    struct cv_bytes body, const char *const *known, json_t **ret_object, struct cv_error *err);

/* One array of anything, of texts with NULs too; the caller gives the reference back. */
bool cv_json_read_array(struct cv_bytes body, json_t **ret_array, struct cv_error *err);

/* Members. An absent or null member leaves ret_* as it is unless it is required. */
enum cv_json_need { CV_JSON_OPTIONAL, CV_JSON_REQUIRED };

bool cv_json_read_text(const json_t *object, const char *name, enum cv_json_need need,
    char *ret_text, size_t size, struct cv_error *err);
bool cv_json_read_integer(const json_t *object, const char *name, int64_t min, int64_t max,
    int64_t *ret_value, struct cv_error *err);
bool cv_json_read_boolean(
    const json_t *object, const char *name, bool *ret_value, struct cv_error *err);
/* An array of names ([A-Za-z0-9._-]{1,64}), none twice, as a comma list. */
bool cv_json_read_names(const json_t *object, const char *name, enum cv_json_need need,
    char *ret_list, size_t size, struct cv_error *err);
/* An array of words as a comma list: printable ASCII without blanks and commas. */
bool cv_json_read_words(const json_t *object, const char *name, enum cv_json_need need,
    char *ret_list, size_t size, struct cv_error *err);
/* At most CV_POLICIES_MAX policies, none twice, as a comma list; an empty array is "". False in
 * *ret_is_given: absent or null. */
bool cv_json_read_policies(const json_t *object, const char *name, bool *ret_is_given,
    char ret_list[CV_POLICY_LIST_SIZE], struct cv_error *err);
/* The text of a required string member of any length; lent by the object. */
bool cv_json_read_long_text(
    const json_t *object, const char *name, struct cv_bytes *ret_text, struct cv_error *err);

static inline void
cv_json_cleanup(json_t **object)
{
	json_decref(*object);
}
#define CV_AUTO_JSON __attribute__((cleanup(cv_json_cleanup)))

#endif
