/*
 * What one issuance costs in CPU time, next to a bare P-256 verification and signature: the median
 * of a few rounds, reading back and verifying what was made included, as one JSON line. Bar: ratio
 * <= 2.
 */
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cv/pki/csr.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/profile.h"
#include "cv/signer/key_file.h"
#include "cv/signer/signer.h"

#define ROUNDS 5
#define TIMES_PER_ROUND 2000
#define PASSPHRASE "bench"

struct bench {
	char key_path[64];
	struct cv_certificate *ca;
	struct cv_signer *signer;
	struct cv_buffer csr;
	EVP_PKEY *device_key;
	EVP_PKEY_CTX *verifying; /* prepared, as the bare operation has it */
	EVP_PKEY_CTX *signing;
	uint8_t digest[32];
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t signature_len;
};

static void
must(bool is_good, const char *what)
{
	if (is_good)
		return;
	fprintf(stderr, "bench_issuance: %s failed\n", what);
	exit(1);
}

static double
cpu_us(void)
{
	struct timespec now;
	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0, "clock_gettime");
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
make_ca(struct bench *bench)
{
	CV_AUTO(cv_private_key) struct cv_private_key *key = NULL;
	CV_AUTO_BUFFER struct cv_buffer name = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {
	    .profile = CV_PROFILE_ROOT, .not_before_utc = 1767225600, .not_after_utc = 2082758400};
	cv_profile_append_name(&name, "factory", "bench CA");
	must(cv_private_key_generate(&key, &err), "generating the CA key");
	request.issuer = cv_buffer_bytes(&name);
	request.subject = cv_buffer_bytes(&name);
	request.spki = cv_private_key_spki(key);
	cv_profile_make_serial(request.serial);
	must(cv_private_key_certify(key, &request, &der, &err), "certifying the CA");
	must(cv_certificate_parse(cv_buffer_bytes(&der), &bench->ca, &err), "parsing the CA");
	must(cv_private_key_save(key, bench->key_path, PASSPHRASE, &err), "saving the CA key");
	must(cv_signer_new(&bench->signer, &err) &&
		 cv_signer_add_key(bench->signer, CV_SIGNER_DEVICES, bench->ca, bench->key_path,
		     PASSPHRASE, &err),
	    "loading the CA key");
}

static void
make_csr(struct bench *bench)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();
	uint8_t *der = NULL;
	must(request != NULL && name != NULL &&
		 X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		     (const uint8_t *)"3d9a2c1e-6e0b-4b52-9f0d-0f5a5b8f2d11", -1, -1, 0) == 1 &&
		 X509_NAME_add_entry_by_txt(
		     name, "OU", MBSTRING_UTF8, (const uint8_t *)"factory", -1, -1, 0) == 1 &&
		 X509_REQ_set_subject_name(request, name) == 1 &&
		 X509_REQ_set_pubkey(request, bench->device_key) == 1 &&
		 X509_REQ_sign(request, bench->device_key, EVP_sha256()) > 0,
	    "making a request");
	const int len = i2d_X509_REQ(request, &der);
	must(len > 0, "encoding a request");
	cv_buffer_append(&bench->csr, der, (size_t)len);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(request);
}

static void
prepare_bare(struct bench *bench)
{
	bench->signing = EVP_PKEY_CTX_new_from_pkey(NULL, bench->device_key, NULL);
	bench->verifying = EVP_PKEY_CTX_new_from_pkey(NULL, bench->device_key, NULL);
	must(bench->signing != NULL && EVP_PKEY_sign_init(bench->signing) == 1 &&
		 bench->verifying != NULL && EVP_PKEY_verify_init(bench->verifying) == 1,
	    "preparing the bare operations");
}

static void
sign_bare(struct bench *bench)
{
	bench->signature_len = sizeof(bench->signature);
	must(EVP_PKEY_sign(bench->signing, bench->signature, &bench->signature_len, bench->digest,
		 sizeof(bench->digest)) == 1,
	    "signing");
}

static void
verify_bare(struct bench *bench)
{
	must(EVP_PKEY_verify(bench->verifying, bench->signature, bench->signature_len,
		 bench->digest, sizeof(bench->digest)) == 1,
	    "verifying");
}

static void
append_tbs(const struct bench *bench, const struct cv_csr *csr, struct cv_bytes algorithm,
    struct cv_buffer *ret_tbs)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {
	    .profile = CV_PROFILE_DEVICE,
	    .issuer = bench->ca->subject,
	    .issuer_key = bench->ca->subject_key,
	    .algorithm = algorithm,
	    .subject = csr->subject,
	    .spki = cv_public_key_spki(csr->key),
	    .not_before_utc = 1767225600,
	    .not_after_utc = 1798761600,
	};
	cv_profile_make_serial(request.serial);
	must(cv_profile_append_tbs(&request, ret_tbs, &err), "building a certificate");
}

static void
issue(struct bench *bench)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *made = NULL;
	CV_AUTO_BUFFER struct cv_buffer tbs = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_bytes algorithm;
	enum cv_csr_outcome outcome;
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;
	must(cv_csr_parse(cv_buffer_bytes(&bench->csr), &outcome, NULL, &csr, &err) &&
		 outcome == CV_CSR_GOOD,
	    "parsing a request");
	must(cv_signer_algorithm(bench->signer, &bench->ca->key_id, &algorithm), "the algorithm");
	append_tbs(bench, csr, algorithm, &tbs);
	must(cv_signer_sign(
		 bench->signer, &bench->ca->key_id, cv_buffer_bytes(&tbs), signature, &len, &err),
	    "signing a certificate");
	cv_profile_append_certificate(
	    cv_buffer_bytes(&tbs), algorithm, cv_bytes(signature, len), &der);
	must(!der.has_failed, "assembling a certificate");
	must(cv_certificate_parse_leaf(cv_buffer_bytes(&der), &made, &err) &&
		 cv_certificate_is_signed_by(made, bench->ca, NULL),
	    "verifying a certificate");
}

static double
measure(struct bench *bench, void (*act)(struct bench *bench))
{
	const double begin = cpu_us();
	for (int i = 0; i < TIMES_PER_ROUND; i++)
		act(bench);
	return (cpu_us() - begin) / TIMES_PER_ROUND;
}

static int
compare(const void *a, const void *b)
{
	const double *left = a;
	const double *right = b;
	return (*left > *right) - (*left < *right);
}

static double
median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

int
main(void)
{
	struct bench bench = {.key_path = "/tmp/cv-bench-XXXXXX", .digest = {1}};
	double issuance[ROUNDS];
	double verify[ROUNDS];
	double sign[ROUNDS];
	const int descriptor = mkstemp(bench.key_path);
	must(descriptor >= 0, "mkstemp");
	close(descriptor);
	make_ca(&bench);
	(void)unlink(bench.key_path);
	bench.device_key = EVP_EC_gen("P-256");
	must(bench.device_key != NULL, "generating the device key");
	make_csr(&bench);
	prepare_bare(&bench);
	issue(&bench); /* OpenSSL looks up its algorithms once */
	for (int round = 0; round < ROUNDS; round++) {
		sign[round] = measure(&bench, sign_bare);
		verify[round] = measure(&bench, verify_bare);
		issuance[round] = measure(&bench, issue);
	}
	const double issuance_us = median(issuance);
	const double verify_us = median(verify);
	const double sign_us = median(sign);
	printf("{\"issuance_us\":%.1f,\"verify_us\":%.1f,\"sign_us\":%.1f,\"ratio\":%.2f}\n",
	    issuance_us, verify_us, sign_us, issuance_us / (verify_us + sign_us));
	EVP_PKEY_CTX_free(bench.signing);
	EVP_PKEY_CTX_free(bench.verifying);
	EVP_PKEY_free(bench.device_key);
	cv_buffer_deinit(&bench.csr);
	cv_certificate_free(bench.ca);
	cv_signer_free(bench.signer);
	return 0;
}
