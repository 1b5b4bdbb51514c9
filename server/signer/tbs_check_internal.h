/* What a CA key may sign: the signer's own look at a TBSCertificate. Any thread. */
#ifndef CV_SIGNER_TBS_CHECK_INTERNAL_H
#define CV_SIGNER_TBS_CHECK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/signer/signer.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_tbs_rules {
	enum cv_signer_purpose purpose;
	struct cv_bytes issuer;    /* Name element: the CA's subject */
	struct cv_bytes algorithm; /* AlgorithmIdentifier element of the CA key */
	int64_t not_after_utc;     /* of the CA */
};

/* CV_E_SIGNER, saying which field, when the bytes break a rule. */
bool cv_tbs_check(struct cv_bytes tbs, const struct cv_tbs_rules *rules, struct cv_error *err);

#endif
