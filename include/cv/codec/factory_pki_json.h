/* JSON of the factory PKI as FoundriesFactory clients speak it: tolerant of what they echo. Any
 * thread. */
#ifndef CV_CODEC_FACTORY_PKI_JSON_H
#define CV_CODEC_FACTORY_PKI_JSON_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_factory_keys_body {
	bool is_old; /* no body, or one without a member: it wants the scripts too */
	bool is_first_time;
	bool has_ca, has_tls, has_est_tls; /* which requests are asked for */
};
/* {"first-time-init","ca-csr","tls-csr","est-tls-csr"}: booleans; null and absent are false, other
 * members ignored. */
bool cv_json_decode_factory_keys(
    struct cv_bytes body, struct cv_factory_keys_body *ret_keys, struct cv_error *err);

/* A member of an upload, and where its text goes. */
struct cv_json_text_member {
	const char *name;
	struct cv_buffer *ret_text;
};
/* Appends the texts of the members that are strings; null and absent leave theirs empty, other
 * members are ignored. The list ends with a NULL name. */
bool cv_json_decode_texts(
    struct cv_bytes body, const struct cv_json_text_member *members, struct cv_error *err);

#endif
