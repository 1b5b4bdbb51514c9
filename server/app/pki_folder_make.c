#include "pki_folder_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/profile.h"
#include "cv/signer/key_file.h"
#include "cv/util/file.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#define DAY 86400
#define ROOT_DAYS 7305      /* 20 years */
#define AUTHORITY_DAYS 3652 /* 10 years */
#define SERVER_DAYS 825     /* the longest that common TLS clients accept */
#define BACKDATE_SECONDS 300
#define PASSPHRASE_SIZE 65
#define COMMON_NAME_SIZE 65

struct maker {
	const char *folder;
	const char *factory;
	struct cv_buffer san;
	int64_t now_utc;
	char root_passphrase[PASSPHRASE_SIZE];
	char signer_passphrase[PASSPHRASE_SIZE];
};

/* A CA while it is being made. */
struct issuer {
	struct cv_private_key *key;
	struct cv_certificate *certificate;
};

static void
maker_deinit(struct maker *maker)
{
	cv_buffer_deinit(&maker->san);
	cv_wipe(maker->root_passphrase, sizeof(maker->root_passphrase));
	cv_wipe(maker->signer_passphrase, sizeof(maker->signer_passphrase));
}

static void
issuer_deinit(struct issuer *issuer)
{
	cv_private_key_free(issuer->key);
	cv_certificate_free(issuer->certificate);
}

static void
make_passphrase(char ret_text[PASSPHRASE_SIZE])
{
	uint8_t bytes[(PASSPHRASE_SIZE - 1) / 2];

	cv_random_bytes(bytes, sizeof(bytes));
	cv_hex_encode(bytes, sizeof(bytes), ret_text);
	cv_wipe(bytes, sizeof(bytes));
}

static bool
make_path(const struct maker *maker, const char *name, const char *suffix, char ret_path[PATH_MAX],
    struct cv_error *err)
{
	int len = snprintf(ret_path, PATH_MAX, "%s/%s%s", maker->folder, name, suffix);

	return (len > 0 && len < PATH_MAX) ||
	       cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
}

static bool
write_passphrase(
    const struct maker *maker, const char *name, const char *passphrase, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};
	char path[PATH_MAX];

	cv_buffer_append_text(&text, passphrase);
	cv_buffer_append_text(&text, "\n");
	if (text.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a passphrase");
	return make_path(maker, name, "", path, err) &&
	       cv_file_write(path, cv_buffer_bytes(&text), 0600, err);
}

/* The certificate, and its issuer for a server's chain. */
static bool
write_certificate(const struct maker *maker, const char *name, struct cv_bytes der,
    const struct cv_certificate *issuer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	char path[PATH_MAX];

	cv_certificate_append_pem(&pem, der);
	if (issuer != NULL)
		cv_certificate_append_pem(&pem, issuer->der);
	if (pem.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a certificate");
	return make_path(maker, name, ".pem", path, err) &&
	       cv_file_write(path, cv_buffer_bytes(&pem), 0644, err);
}

static bool
write_key(const struct maker *maker, const char *name, const struct cv_private_key *key,
    const char *passphrase, struct cv_error *err)
{
	char path[PATH_MAX];

	return make_path(maker, name, ".key", path, err) &&
	       cv_private_key_save(key, path, passphrase, err);
}

/* issuer NULL: signed by the key itself. */
static bool
certify(const struct maker *maker, enum cv_profile profile, const char *common_name, int64_t days,
    const struct cv_private_key *key, const struct issuer *issuer, struct cv_buffer *ret_der,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT;

	/* A server is of no factory. */
	cv_profile_append_name(
	    &subject, profile == CV_PROFILE_SERVER ? NULL : maker->factory, common_name);
	if (subject.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a subject");
	struct cv_certificate_request request = {
	    .profile = profile,
	    .issuer = cv_buffer_bytes(&subject),
	    .subject = cv_buffer_bytes(&subject),
	    .spki = cv_private_key_spki(key),
	    .not_before_utc = maker->now_utc - BACKDATE_SECONDS,
	    .not_after_utc = maker->now_utc + days * DAY,
	};
	if (issuer != NULL) {
		request.issuer = issuer->certificate->subject;
		request.issuer_key = issuer->certificate->subject_key;
	}
	if (profile == CV_PROFILE_SERVER)
		request.san = cv_buffer_bytes(&maker->san);
	cv_profile_make_serial(request.serial);
	return cv_private_key_certify(issuer == NULL ? key : issuer->key, &request, ret_der, err);
}

struct authority_plan {
	enum cv_profile profile;
	const char *title; /* behind the factory's name */
	const char *file;
	const char *key_file;
	int64_t days;
};

/* The OU is the whole name of the factory; in the CN it gives way to the ceiling of 64 characters.
 */
static bool
make_authority(const struct maker *maker, const struct authority_plan *plan, const char *passphrase,
    const struct issuer *issuer, struct issuer *ret_authority, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_private_key) struct cv_private_key *key = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	char common_name[COMMON_NAME_SIZE];

	(void)snprintf(common_name, sizeof(common_name), "%.48s %s", maker->factory, plan->title);
	if (!cv_private_key_generate(&key, err) ||
	    !certify(maker, plan->profile, common_name, plan->days, key, issuer, &der, err) ||
	    !cv_certificate_parse(cv_buffer_bytes(&der), &certificate, err) ||
	    !write_key(maker, plan->key_file, key, passphrase, err) ||
	    !write_certificate(maker, plan->file, certificate->der, NULL, err))
		return cv_error_context(err, "%s", plan->title);
	ret_authority->key = CV_TAKE(key);
	ret_authority->certificate = CV_TAKE(certificate);
	return true;
}

static bool
make_server(const struct maker *maker, const char *name, const struct issuer *service_ca,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO(cv_private_key) struct cv_private_key *key = NULL;
	char common_name[COMMON_NAME_SIZE];

	(void)snprintf(common_name, sizeof(common_name), "certvendor %s listener", name);
	if (!cv_private_key_generate(&key, err) ||
	    !certify(
		maker, CV_PROFILE_SERVER, common_name, SERVER_DAYS, key, service_ca, &der, err) ||
	    !write_key(maker, name, key, NULL, err) ||
	    !write_certificate(maker, name, cv_buffer_bytes(&der), service_ca->certificate, err))
		return cv_error_context(err, "%s", common_name);
	return true;
}

static bool
make_all(const struct maker *maker, struct issuer *root, struct issuer *device_ca,
    struct issuer *service_ca, struct cv_error *err)
{
	static const struct authority_plan root_plan = {
	    CV_PROFILE_ROOT, "root CA", "root", "offline/root", ROOT_DAYS};
	static const struct authority_plan device_plan = {
	    CV_PROFILE_ISSUING, "device CA 1", "device-ca", "device-ca", AUTHORITY_DAYS};
	static const struct authority_plan service_plan = {
	    CV_PROFILE_ISSUING, "service CA", "service-ca", "service-ca", AUTHORITY_DAYS};
	const char *passphrase = maker->signer_passphrase;

	return write_passphrase(maker, "offline/root.passphrase", maker->root_passphrase, err) &&
	       write_passphrase(maker, "signer.passphrase", passphrase, err) &&
	       make_authority(maker, &root_plan, maker->root_passphrase, NULL, root, err) &&
	       make_authority(maker, &device_plan, passphrase, root, device_ca, err) &&
	       make_authority(maker, &service_plan, passphrase, root, service_ca, err) &&
	       make_server(maker, "device", service_ca, err) &&
	       make_server(maker, "gateway", service_ca, err) &&
	       make_server(maker, "operator", service_ca, err);
}

bool
cv_pki_folder_make(
    const char *path, const char *factory, const char *names, int64_t now_utc, struct cv_error *err)
{
	struct maker maker = {.folder = path, .factory = factory, .now_utc = now_utc};
	struct issuer root = {.key = NULL}, device_ca = {.key = NULL}, service_ca = {.key = NULL};
	char offline[PATH_MAX];

	make_passphrase(maker.root_passphrase);
	make_passphrase(maker.signer_passphrase);
	bool is_good = cv_profile_append_san(&maker.san, names, err) &&
		       make_path(&maker, "offline", "", offline, err) &&
		       cv_file_make_folder(offline, 0700, err) &&
		       make_all(&maker, &root, &device_ca, &service_ca, err);
	issuer_deinit(&service_ca);
	issuer_deinit(&device_ca);
	issuer_deinit(&root);
	maker_deinit(&maker);
	return is_good;
}
