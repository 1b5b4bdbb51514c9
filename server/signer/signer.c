#include "cv/signer/signer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cv/pki/profile.h"
#include "cv/pki/request.h"
#include "passphrase_internal.h"
#include "signing_key_internal.h"
#include "tbs_check_internal.h"

struct authority_key {
	struct cv_signing_key *key; /* owned */
	uint8_t *subject_copy;      /* owned */
	struct cv_tbs_rules rules;
};

/* The keys at one time. It never changes: a key is added by putting a larger one in its place. */
struct key_set {
	struct key_set *before; /* owned; the one that it replaced */
	size_t count;
	struct authority_key *keys[];
};

/* Written by who may only read the rest. */
struct health {
	struct cv_histogram durations;
	_Atomic bool has_failed; /* the last time */
};

struct cv_signer {
	/* Sets that were replaced stay to the end: somebody may be looking for a key in them, and
	 * there are as many as keys. */
	_Atomic(struct key_set *) keys;
	pthread_mutex_t mutex;            /* of those who add keys */
	struct cv_passphrase *passphrase; /* owned; NULL: none is kept */
	struct health *health;            /* owned */
};

bool
cv_signer_new(struct cv_signer **ret_signer, struct cv_error *err)
{
	struct cv_signer *signer = calloc(1, sizeof(*signer));
	struct key_set *none = calloc(1, sizeof(*none));
	struct health *health = calloc(1, sizeof(*health));
	if (signer == NULL || none == NULL || health == NULL) {
		free(signer);
		free(none);
		free(health);
		return cv_fail(err, CV_E_MEMORY, "no memory for the signer");
	}
	atomic_init(&signer->keys, none);
	signer->health = health;
	pthread_mutex_init(&signer->mutex, NULL);
	*ret_signer = signer;
	return true;
}

static void
free_key(struct authority_key *key)
{
	if (key == NULL)
		return;
	cv_signing_key_free(key->key);
	free(key->subject_copy);
	free(key);
}

/* Each set adds one key, its last, to those of the set before. */
static void
free_sets(struct key_set *set)
{
	while (set != NULL) {
		struct key_set *before = set->before;
		if (set->count > 0)
			free_key(set->keys[set->count - 1]);
		free(set);
		set = before;
	}
}

void
cv_signer_free(struct cv_signer *signer)
{
	if (signer == NULL)
		return;
	free_sets(atomic_load(&signer->keys));
	free(signer->health);
	cv_passphrase_free(signer->passphrase);
	pthread_mutex_destroy(&signer->mutex);
	free(signer);
}

static const struct authority_key *
find_key(const struct cv_signer *signer, const struct cv_digest *ca_key_id)
{
	const struct key_set *set = atomic_load_explicit(&signer->keys, memory_order_acquire);
	for (size_t i = 0; i < set->count; i++) {
		const struct authority_key *candidate = set->keys[i];
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
make_key(enum cv_signer_purpose purpose, const struct cv_certificate *ca,
    struct cv_signing_key **key, struct authority_key **ret_key, struct cv_error *err)
{
	CV_AUTO_MEMORY uint8_t *subject = malloc(ca->subject.len);
	struct authority_key *made = calloc(1, sizeof(*made));
	if (subject == NULL || made == NULL) {
		free(made);
		return cv_fail(err, CV_E_MEMORY, "no memory for a CA key");
	}
	memcpy(subject, ca->subject.data, ca->subject.len);
	made->rules = (struct cv_tbs_rules){
	    .purpose = purpose,
	    .issuer = cv_bytes(subject, ca->subject.len),
	    .algorithm = (*key)->algorithm,
	    .not_after_utc = ca->not_after_utc,
	};
	made->subject_copy = CV_TAKE(subject);
	made->key = CV_TAKE(*key);
	*ret_key = made;
	return true;
}

/* Takes *key on success. Under the mutex. */
static bool
store_key(struct cv_signer *signer, enum cv_signer_purpose purpose, const struct cv_certificate *ca,
    struct cv_signing_key **key, struct cv_error *err)
{
	struct key_set *old = atomic_load(&signer->keys);
	CV_AUTO_MEMORY struct key_set *fresh =
	    calloc(1, sizeof(*fresh) + (old->count + 1) * sizeof(fresh->keys[0]));
	if (fresh == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a CA key");
	memcpy(fresh->keys, old->keys, old->count * sizeof(old->keys[0]));
	if (!make_key(purpose, ca, key, &fresh->keys[old->count], err))
		return false;
	fresh->count = old->count + 1;
	fresh->before = old;
	atomic_store_explicit(&signer->keys, CV_TAKE(fresh), memory_order_release);
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
	pthread_mutex_lock(&signer->mutex);
	bool is_added =
	    check_fit(signer, ca, key, err) && store_key(signer, purpose, ca, &key, err);
	pthread_mutex_unlock(&signer->mutex);
	return is_added || cv_error_context(err, "key file %s", key_path);
}

/* ---- keys that were made here or at another instance ---- */

bool
cv_signer_keep_passphrase(struct cv_signer *signer, const char *passphrase, struct cv_error *err)
{
	return passphrase[0] == '\0' || cv_passphrase_new(passphrase, &signer->passphrase, err);
}

/* As init makes it: 256 random bits in hex. */
static bool
is_random(const char *passphrase)
{
	return strlen(passphrase) == 64 && strspn(passphrase, "0123456789abcdef") == 64;
}

static bool
seal(const struct cv_signer *signer, const struct cv_signing_key *key, struct cv_buffer *ret_sealed,
    struct cv_error *err)
{
	const char *passphrase = cv_passphrase_text(signer->passphrase);
	return cv_signing_key_append_pem(key, passphrase,
	    is_random(passphrase) ? CV_ROUNDS_RANDOM : CV_ROUNDS_GUESSABLE, ret_sealed, err);
}

static bool
open_sealed(const struct cv_signer *signer, struct cv_bytes sealed, struct cv_signing_key **ret_key,
    struct cv_error *err)
{
	if (signer->passphrase == NULL)
		return cv_fail(err, CV_E_SIGNER, "this instance has no signer passphrase");
	return cv_signing_key_read(sealed, cv_passphrase_text(signer->passphrase), ret_key, err);
}

static bool
add_sealed(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, struct cv_bytes sealed, bool *ret_is_new, struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = NULL;
	*ret_is_new = find_key(signer, &ca->key_id) == NULL;
	if (!*ret_is_new)
		return true;
	return open_sealed(signer, sealed, &key, err) && check_fit(signer, ca, key, err) &&
	       store_key(signer, purpose, ca, &key, err);
}

bool
cv_signer_add_sealed(struct cv_signer *signer, enum cv_signer_purpose purpose,
    const struct cv_certificate *ca, struct cv_bytes sealed, bool *ret_is_new, struct cv_error *err)
{
	/* Also while it is opened: two threads that learn of a key open it once. */
	pthread_mutex_lock(&signer->mutex);
	bool is_there = add_sealed(signer, purpose, ca, sealed, ret_is_new, err);
	pthread_mutex_unlock(&signer->mutex);
	return is_there;
}

bool
cv_signer_open_sealed(struct cv_signer *signer, struct cv_bytes sealed, struct cv_buffer *ret_pem,
    struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = NULL;
	return open_sealed(signer, sealed, &key, err) &&
	       cv_signing_key_append_pem(key, NULL, 0, ret_pem, err);
}

void
cv_sealed_key_deinit(struct cv_sealed_key *key)
{
	cv_buffer_deinit(&key->csr);
	cv_buffer_deinit(&key->sealed);
}

static bool
append_csr(const struct cv_signing_key *key, const struct cv_key_order *order,
    struct cv_buffer *ret_pem, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	if (!cv_signing_key_append_request(key, order, &der, err))
		return false;
	cv_request_append_pem(ret_pem, cv_buffer_bytes(&der));
	return !ret_pem->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a request");
}

bool
cv_signer_make_key(struct cv_signer *signer, const struct cv_key_order *order,
    struct cv_sealed_key *ret_key, struct cv_error *err)
{
	CV_AUTO(cv_signing_key) struct cv_signing_key *key = NULL;
	if (signer->passphrase == NULL)
		return cv_fail(err, CV_E_SIGNER, "this instance has no signer passphrase");
	if (!cv_signing_key_generate(&key, err) || !test_key(key, err) ||
	    !append_csr(key, order, &ret_key->csr, err) ||
	    !seal(signer, key, &ret_key->sealed, err))
		return false;
	ret_key->key_id = *cv_public_key_id(key->public_key);
	return true;
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
	const int64_t began_us = cv_histogram_now_us();
	if (!cv_tbs_check(tbs, &found->rules, err))
		return false;
	const bool is_signed = cv_signing_key_sign(found->key, tbs, ret_signature, ret_len, err);
	atomic_store(&signer->health->has_failed, !is_signed);
	cv_histogram_add(&signer->health->durations, cv_histogram_now_us() - began_us);
	return is_signed;
}

const struct cv_histogram *
cv_signer_durations(const struct cv_signer *signer)
{
	return &signer->health->durations;
}

bool
cv_signer_is_up(const struct cv_signer *signer)
{
	return !atomic_load(&signer->health->has_failed);
}

bool
cv_signer_sign_package(const struct cv_signer *signer, const struct cv_digest *ca_key_id,
    const struct cv_package_digest *digest, uint8_t ret_signature[CV_SIGNATURE_MAX],
    size_t *ret_len, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer attributes = CV_BUFFER_INIT;
	const struct authority_key *found = find_key(signer, ca_key_id);
	if (found == NULL)
		return cv_fail(err, CV_E_SIGNER, "signer does not have the key of this CA");
	if (found->rules.purpose != CV_SIGNER_DEVICES)
		return cv_fail(err, CV_E_SIGNER, "signer refuses: not a key of a device authority");
	cv_package_append_attributes(&attributes, cv_bytes(digest->octets, digest->len));
	if (attributes.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for what is to be signed");
	return cv_signing_key_sign(
	    found->key, cv_buffer_bytes(&attributes), ret_signature, ret_len, err);
}
