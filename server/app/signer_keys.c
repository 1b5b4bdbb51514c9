#include "app_internal.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cv/service/realm.h"
#include "cv/util/file.h"
#include "cv/util/log.h"

#define DEVICE_CA_PATTERN "device-ca*.pem"
#define SERVICE_CA_FILE "service-ca.pem"

struct key_ring {
	struct cv_signer *signer;
	const char *passphrase;
	const struct cv_realm *realm;
	bool *has_key; /* for each authority of the realm */
};

static bool
read_certificate(const char *path, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	if (!cv_file_read(path, CV_CERTIFICATE_MAX_BYTES * 2, &pem, err))
		return false;
	return cv_certificate_parse_pem(cv_buffer_text(&pem), pem.len, ret_certificate, err) ||
	       cv_error_context(err, "%s", path);
}

/* x.pem -> x.key */
static bool
make_key_path(const char *certificate_path, char ret_path[PATH_MAX], struct cv_error *err)
{
	size_t len = strlen(certificate_path) - strlen(".pem");
	int written = snprintf(ret_path, PATH_MAX, "%.*s.key", (int)len, certificate_path);

	return (written > 0 && written < PATH_MAX) ||
	       cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
}

static bool
add_key(const struct key_ring *ring, enum cv_signer_purpose purpose, const char *path,
    const struct cv_certificate *ca, struct cv_error *err)
{
	char key_path[PATH_MAX];

	return make_key_path(path, key_path, err) &&
	       cv_signer_add_key(ring->signer, purpose, ca, key_path, ring->passphrase, err);
}

static bool
add_device_ca(const struct key_ring *ring, const char *path, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *ca = NULL;

	if (!read_certificate(path, &ca, err))
		return false;
	for (size_t i = 0; i < ring->realm->authority_count; i++) {
		const struct cv_authority_row *row = &ring->realm->authorities[i].row;
		if (row->kind != CV_AUTHORITY_ONLINE ||
		    !cv_digest_equal(&row->fingerprint, &ca->fingerprint))
			continue;
		if (!add_key(ring, CV_SIGNER_DEVICES, path, ca, err))
			return cv_error_context(err, "authority %s", row->name);
		ring->has_key[i] = true;
		cv_log(CV_LOG_INFO, "signer-key-added", "the key of an authority is ready",
		    CV_LOG_TEXT("factory", row->factory), CV_LOG_TEXT("authority", row->name));
		return true;
	}
	cv_log(CV_LOG_WARNING, "signer-key-skipped",
	    "no online authority of the database has this certificate", CV_LOG_TEXT("path", path));
	return true;
}

static bool
add_device_cas(const struct key_ring *ring, const char *directory, struct cv_error *err)
{
	char pattern[PATH_MAX];
	glob_t found = {.gl_pathc = 0};
	bool is_good = true;

	int len = snprintf(pattern, sizeof(pattern), "%s/" DEVICE_CA_PATTERN, directory);
	if (len < 0 || (size_t)len >= sizeof(pattern))
		return cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
	int outcome = glob(pattern, GLOB_ERR, NULL, &found);
	if (outcome != 0 && outcome != GLOB_NOMATCH) {
		int number = outcome == GLOB_ABORTED ? errno : ENOMEM;

		cv_fail(err, CV_E_IO, "looking through %s failed", directory);
		is_good = cv_error_cause(err, "%s", strerror(number));
	}
	for (size_t i = 0; is_good && i < found.gl_pathc; i++)
		is_good = add_device_ca(ring, found.gl_pathv[i], err);
	globfree(&found);
	return is_good;
}

static bool
add_service_ca(const struct key_ring *ring, const char *directory,
    struct cv_certificate **ret_service_ca, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *ca = NULL;
	char path[PATH_MAX];

	int len = snprintf(path, sizeof(path), "%s/" SERVICE_CA_FILE, directory);
	if (len < 0 || (size_t)len >= sizeof(path))
		return cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
	if (!cv_file_exists(path)) {
		cv_log(CV_LOG_WARNING, "service-ca-missing",
		    "gateways cannot be added here: the folder has no " SERVICE_CA_FILE,
		    CV_LOG_TEXT("path", directory));
		return true;
	}
	if (!read_certificate(path, &ca, err) || !add_key(ring, CV_SIGNER_SERVICE, path, ca, err))
		return cv_error_context(err, "service CA");
	*ret_service_ca = CV_TAKE(ca);
	return true;
}

static void
warn_of_missing_keys(const struct key_ring *ring)
{
	for (size_t i = 0; i < ring->realm->authority_count; i++) {
		const struct cv_realm_authority *authority = &ring->realm->authorities[i];
		const struct cv_authority_row *row = &authority->row;
		if (row->kind != CV_AUTHORITY_ONLINE || row->state != CV_AUTHORITY_TRUSTED ||
		    ring->has_key[i] ||
		    cv_realm_has_key(ring->realm, &authority->certificate->key_id))
			continue;
		cv_log(CV_LOG_WARNING, "signer-key-missing",
		    "this authority cannot sign here: its key is not in the folder",
		    CV_LOG_TEXT("factory", row->factory), CV_LOG_TEXT("authority", row->name));
	}
}

bool
cv_app_add_keys(struct cv_signer *signer, const struct cv_config *config,
    struct cv_connection *connection, struct cv_certificate **ret_service_ca, struct cv_error *err)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = NULL;

	if (!cv_realm_load(connection, &realm, err))
		return false;
	CV_AUTO_MEMORY bool *has_key = calloc(realm->authority_count + 1, sizeof(*has_key));
	if (has_key == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the keys");
	const struct key_ring ring = {
	    .signer = signer,
	    .passphrase = config->signer_passphrase,
	    .realm = realm,
	    .has_key = has_key,
	};
	if (!add_device_cas(&ring, config->signer_directory, err) ||
	    !add_service_ca(&ring, config->signer_directory, ret_service_ca, err))
		return false;
	warn_of_missing_keys(&ring);
	return true;
}
