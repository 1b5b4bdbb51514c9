#include "cv/signer/signer.h"

#include <stdlib.h>
#include <string.h>

#include "signing_key_internal.h"
#include "tbs_check_internal.h"

struct authority_key {
	struct cv_signing_key *key; /* owned */
	uint8_t *subject_copy;      /* owned */
	struct cv_tbs_rules rules;
};

/* Filled before threads start, read-only from then on. */
struct cv_signer {
	struct authority_key *keys; /* owned */
	size_t count;
};

bool
cv_signer_new(struct cv_signer **ret_signer, struct cv_error *err)
{
	struct cv_signer *signer = calloc(1, sizeof(*signer));
	if (signer == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the signer");
	*ret_signer = signer;
	return true;
}

void
cv_signer_free(struct cv_signer *signer)
{
	if (signer == NULL)
		return;
	for (size_t i = 0; i < signer->count; i++) {
		cv_signing_key_free(signer->keys[i].key);
		free(signer->keys[i].subject_copy);
	}
	free(signer->keys);
	free(signer);
}

static const struct authority_key *
find_key(const struct cv_signer *signer, const struct cv_digest *ca_key_id)
{
	for (size_t i = 0; i < signer->count; i++) {
		const struct authority_key *candidate = &signer->keys[i];
		if (cv_digest_equal(cv_public_key_id(candidate->key->public_key), ca_key_id))
			return candidate;
	}
	return NULL;
}

/* A key that signs something wrong, on broken memory say, gives itself away here. */
static bool
test_key(const struct cv_signing_key *key, struct cv_error *err)
{
	static const uint8_t sample[] = "certvendor signer self-test";
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	if (!cv_signing_key_sign(key, CV_BYTES(sample), signature, &len, err))
		return false;
	if (cv_public_key_verify(key->public_key, key->algorithm, CV_BYTES(sample),
		cv_bytes(signature, len)) != CV_SIGNATURE_GOOD)
		return cv_fail(err, CV_E_SIGNER, "self-test signature does not verify");
	return true;
}

static bool
check_fit(const struct cv_signer *signer, const struct cv_certificate *ca,
    const struct cv_signing_key *key, struct cv_error *err)
{
	if (!ca->may_sign_certificates)
		return cv_fail(err, CV_E_SIGNER, "certificate is not of a CA that may sign");
	if (!cv_digest_equal(cv_public_key_id(key->public_key), &ca->key_id))
		return cv_fail(err, CV_E_SIGNER, "key is not the one in the CA certificate");
	if (find_key(signer, &ca->key_id) != NULL)
		return cv_fail(err, CV_E_SIGNER, "key is there already");
	return test_key(key, err);
}

/* Takes *key on success. */
static bool
store_key(struct cv_signer *signer, enum cv_signer_purpose purpose, const struct cv_certificate *ca,
    struct cv_signing_key **key, struct cv_error *err)
{
	CV_AUTO_MEMORY uint8_t *subject = malloc(ca->subject.len);
	if (subject == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a CA key");
	struct authority_key *keys =
	    reallocarray(signer->keys, signer->count + 1, sizeof(*signer->keys));
	if (keys == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a CA key");
	signer->keys = keys;
	memcpy(subject, ca->subject.data, ca->subject.len);
	struct authority_key *added = &keys[signer->count++];
	added->rules = (struct cv_tbs_rules){
	    .purpose = purpose,
	    .issuer = cv_bytes(subject, ca->subject.len),
	    .algorithm = (*key)->algorithm,
	    .not_after_utc = ca->not_after_utc,
	};
	added->subject_copy = CV_TAKE(subject);
	added->key = CV_TAKE(*key);
	return true;
}

bool
cv_signer_add_key(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, const char *key_path, const char *passphrase,
    struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = NULL;
	if (passphrase == NULL)
		return cv_fail(err, CV_E_SIGNER, "key file %s: no passphrase is given", key_path);
	if (!cv_signing_key_load(key_path, passphrase, &key, err))
		return false;
	if (!check_fit(signer, ca, key, err))
		return cv_error_context(err, "key file %s", key_path);
	return store_key(signer, purpose, ca, &key, err);
}

bool
cv_signer_algorithm(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    struct cv_bytes *ret_algorithm)
{
	const struct authority_key *found = find_key(signer, ca_key_id);
	if (found == NULL)
		return false;
	*ret_algorithm = found->rules.algorithm;
	return true;
}

bool
cv_signer_sign(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    struct cv_bytes tbs, uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len,
    struct cv_error *err)
{
	const struct authority_key *found = find_key(signer, ca_key_id);
	if (found == NULL)
		return cv_fail(err, CV_E_SIGNER, "signer does not have the key of this CA");
	return cv_tbs_check(tbs, &found->rules, err) &&
	       cv_signing_key_sign(found->key, tbs, ret_signature, ret_len, err);
}
