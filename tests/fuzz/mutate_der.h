/*
 * Mutations that keep DER well-formed: one element changes, the lengths around it follow. Signed
 * objects get a fitting signature again, because random changes would never come past that check.
 */
#ifndef MUTATE_DER_H
#define MUTATE_DER_H

#include <stddef.h>
#include <stdint.h>

#include "cv/util/bytes.h"

/* For LLVMFuzzerCustomMutator. Returns the new size. */
size_t mutate_der(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* The same for SEQUENCE { what is signed, AlgorithmIdentifier, BIT STRING }. */
size_t mutate_signed_der(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Ed25519, always the same key: its SubjectPublicKeyInfo, and its signature over data. */
void mutate_der_append_spki(struct cv_buffer *buffer);
void mutate_der_append_signature(struct cv_buffer *buffer, struct cv_bytes data);
/* The AlgorithmIdentifier of that signature. */
extern const struct cv_bytes mutate_der_algorithm;

#endif
