/* Finding certificates and their parties. Reads only; blocking; one connection, one thread. */
#ifndef CV_STORE_CERTIFICATE_STORE_H
#define CV_STORE_CERTIFICATE_STORE_H

#include <stdbool.h>

#include "cv/model/certificate_name.h"
#include "cv/model/device_record.h"
#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_found_certificate {
	struct cv_party party;
	struct cv_digest fingerprint;
	struct cv_digest tbs_digest;
	struct cv_digest key_id;
	char authority[CV_UUID_SIZE];
	int64_t not_before_utc;
	int64_t not_after_utc;
	uint8_t sha1[CV_SHA1_LEN];
	uint8_t serial[CV_SERIAL_OCTETS_MAX];
	size_t serial_len;
};

/* By SHA-256 of the DER, or else of the TBSCertificate (either may be NULL). */
bool cv_certificate_store_find(struct cv_connection *connection,
    const struct cv_digest *fingerprint, const struct cv_digest *tbs_digest, bool *ret_exists,
    struct cv_found_certificate *ret_certificate, struct cv_error *err);
/*
 * From another name to the SHA-256 of the DER: by SHA-1; by serial number among what we issued
 * under these authorities (a PostgreSQL array of uuids); or by party, whose newest certificate of
 * the current key is meant. *ret_count: how many there are, at most 2.
 */
bool cv_certificate_store_find_sha1(struct cv_connection *connection,
    const uint8_t sha1[CV_SHA1_LEN], struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err);
bool cv_certificate_store_find_serial(struct cv_connection *connection, const char *authorities,
    struct cv_bytes serial, struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err);
bool cv_certificate_store_find_current(struct cv_connection *connection,
    const struct cv_party *party, struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err);
/* Appends the DER. */
bool cv_certificate_store_der(struct cv_connection *connection, const struct cv_digest *fingerprint,
    struct cv_buffer *ret_der, struct cv_error *err);

#endif
