/*
 * SubjectPublicKeyInfo taken apart and put together again in canonical form, and the policy on its
 * numbers. Knows nothing of OpenSSL keys. Any thread.
 */
#ifndef CV_PKI_KEY_PARTS_INTERNAL_H
#define CV_PKI_KEY_PARTS_INTERNAL_H

#include <stdbool.h>

#include "cv/pki/public_key.h"
#include "cv/util/bytes.h"
#include "signature_internal.h"

/* Borrowed from the SubjectPublicKeyInfo that was read. */
struct cv_key_parts {
	enum cv_key_kind kind;
	enum cv_curve curve;      /* EC */
	struct cv_bytes point;    /* EC as encoded; Ed25519 */
	struct cv_bytes modulus;  /* RSA, without leading zero */
	struct cv_bytes exponent; /* RSA, without leading zero */
};

/* What is usable by its form and its numbers; whether the point is on its curve is not judged. */
enum cv_key_outcome cv_key_parts_read(struct cv_bytes spki, struct cv_key_parts *ret_parts);

bool cv_key_parts_is_compressed(const struct cv_key_parts *parts);
/* One coordinate, in octets. */
size_t cv_key_parts_field_len(enum cv_curve curve);

/* Canonical forms. An EC point must be uncompressed. */
void cv_key_parts_append(struct cv_buffer *buffer, const struct cv_key_parts *parts);

/* The policy of RSA numbers and of Ed25519 points. */
bool cv_key_policy_allows_rsa(struct cv_bytes modulus, struct cv_bytes exponent);
/* Fermat's method finds the factors of the modulus within a hundred steps (CVE-2022-26320); also
 * true when that cannot be computed. */
bool cv_key_policy_has_close_primes(struct cv_bytes modulus);
enum cv_key_outcome cv_key_policy_judge_ed25519(struct cv_bytes point);

#endif
