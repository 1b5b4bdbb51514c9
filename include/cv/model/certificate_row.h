/* A certificate as it is recorded. Plain values; der and label are borrowed. */
#ifndef CV_MODEL_CERTIFICATE_ROW_H
#define CV_MODEL_CERTIFICATE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/device_record.h"
#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/util/bytes.h"

struct cv_certificate_row {
	struct cv_digest fingerprint;
	struct cv_digest tbs_digest;
	uint8_t sha1[20];
	struct cv_digest key_id;
	char authority[CV_UUID_SIZE];
	bool is_ours;
	struct cv_bytes serial;
	int64_t not_before_utc;
	int64_t not_after_utc;
	bool has_csr_digest;
	struct cv_digest csr_digest;
	const char *label; /* of the request, "": none; NULL: not known. Lent */
	struct cv_bytes der;
};

#endif
