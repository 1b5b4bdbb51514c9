/* PEM texts with several certificates, as people put them together. Any thread. */
#ifndef CV_PKI_BUNDLE_H
#define CV_PKI_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/pki/certificate.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_BUNDLE_MAX 64

struct cv_bundle_item {
	struct cv_certificate *certificate; /* owned */
	struct cv_bytes text;               /* its block, lent by the text that was parsed */
};

struct cv_bundle {
	struct cv_bundle_item items[CV_BUNDLE_MAX];
	size_t count;
};

/*
 * Parses every "CERTIFICATE" block in its order; what stands between them is ignored. A certificate
 * that comes twice counts once. CV_E_INPUT: none, more than CV_BUNDLE_MAX, a block that does not
 * decode, or a private key among them, which nobody wants to be kept.
 */
bool cv_bundle_parse(struct cv_bytes pem, struct cv_bundle *ret_bundle, struct cv_error *err);
void cv_bundle_deinit(struct cv_bundle *bundle);
#define CV_AUTO_BUNDLE __attribute__((cleanup(cv_bundle_deinit)))

/* NULL: it has none of that fingerprint. Lent. */
const struct cv_certificate *cv_bundle_find(
    const struct cv_bundle *bundle, const struct cv_digest *fingerprint);

#endif
