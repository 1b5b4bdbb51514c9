#include "pki_folder_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cv/signer/key_file.h"
#include "cv/util/file.h"
#include "cv/util/text.h"

#define PASSPHRASE_MAX 1024
#define CHAIN_MAX 65536
#define END_OF_BLOCK "-----END CERTIFICATE-----"

void
cv_pki_folder_deinit(struct cv_pki_folder *folder)
{
	cv_certificate_free(folder->root);
	cv_certificate_free(folder->device_ca);
}

static bool
make_path(const char *folder, const char *name, const char *suffix, char ret_path[PATH_MAX],
    struct cv_error *err)
{
	int len = snprintf(ret_path, PATH_MAX, "%s/%s%s", folder, name, suffix);

	return (len > 0 && len < PATH_MAX) ||
	       cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
}

static bool
read_passphrase(
    const char *folder, const char *name, struct cv_buffer *ret_text, struct cv_error *err)
{
	char path[PATH_MAX];

	if (!make_path(folder, name, "", path, err) ||
	    !cv_file_read(path, PASSPHRASE_MAX, ret_text, err))
		return false;
	if (ret_text->len > 0 && ret_text->data[ret_text->len - 1] == '\n')
		ret_text->data[--ret_text->len] = '\0';
	return true;
}

/* The first certificate of a file: a server's is followed by its chain. */
static bool
read_certificate(const char *folder, const char *name, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	char path[PATH_MAX];

	if (!make_path(folder, name, ".pem", path, err) ||
	    !cv_file_read(path, CHAIN_MAX, &pem, err))
		return false;
	const char *text = cv_buffer_text(&pem);
	const char *end = strstr(text, END_OF_BLOCK);
	size_t len = end == NULL ? pem.len : (size_t)(end - text) + strlen(END_OF_BLOCK);
	return cv_certificate_parse_pem(text, len, ret_certificate, err) ||
	       cv_error_context(err, "%s", path);
}

static bool
check_key(const char *folder, const char *name, const char *passphrase,
    const struct cv_certificate *certificate, struct cv_error *err)
{
	CV_AUTO(cv_private_key) struct cv_private_key *key = NULL;
	char path[PATH_MAX];

	if (!make_path(folder, name, ".key", path, err) ||
	    !cv_private_key_load(path, passphrase, &key, err))
		return false;
	if (!cv_bytes_equal(cv_private_key_spki(key), certificate->spki))
		return cv_fail(err, CV_E_CONFIG, "%s does not fit its certificate", path);
	return true;
}

/* A certificate with its key, named as by this issuer. */
static bool
load_pair(const char *folder, const char *name, const char *passphrase,
    const struct cv_certificate *issuer, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;

	if (!read_certificate(folder, name, &certificate, err) ||
	    !check_key(folder, name, passphrase, certificate, err))
		return false;
	if (!cv_bytes_equal(certificate->issuer, issuer->subject) ||
	    !cv_bytes_equal(certificate->authority_key, issuer->subject_key))
		return cv_fail(
		    err, CV_E_CONFIG, "%s/%s.pem is not of the issuer beside it", folder, name);
	*ret_certificate = CV_TAKE(certificate);
	return true;
}

static bool
check_root_key(const char *folder, const struct cv_certificate *root, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer passphrase = {.is_secret = true};
	char offline[PATH_MAX];

	if (!make_path(folder, "offline", "", offline, err))
		return false;
	if (!cv_file_exists(offline))
		return true;
	return read_passphrase(folder, "offline/root.passphrase", &passphrase, err) &&
	       check_key(folder, "offline/root", cv_buffer_text(&passphrase), root, err);
}

static bool
check_servers(const char *folder, const char *passphrase, const struct cv_certificate *root,
    struct cv_error *err)
{
	static const char *const servers[] = {"device", "gateway", "operator"};
	CV_AUTO(cv_certificate) struct cv_certificate *service_ca = NULL;

	if (!load_pair(folder, "service-ca", passphrase, root, &service_ca, err))
		return false;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		CV_AUTO(cv_certificate) struct cv_certificate *server = NULL;
		if (!load_pair(folder, servers[i], NULL, service_ca, &server, err))
			return false;
	}
	return true;
}

static bool
load(const char *path, const char *factory, struct cv_pki_folder *folder, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer passphrase = {.is_secret = true};

	if (!read_certificate(path, "root", &folder->root, err) ||
	    !check_root_key(path, folder->root, err) ||
	    !read_passphrase(path, "signer.passphrase", &passphrase, err) ||
	    !load_pair(path, "device-ca", cv_buffer_text(&passphrase), folder->root,
		&folder->device_ca, err) ||
	    !check_servers(path, cv_buffer_text(&passphrase), folder->root, err))
		return false;
	if (!cv_text_equal(folder->device_ca->organizational_unit, factory))
		return cv_fail(err, CV_E_CONFIG, "%s is the PKI of factory %s", path,
		    folder->device_ca->organizational_unit);
	return true;
}

bool
cv_pki_folder_load(
    const char *path, const char *factory, struct cv_pki_folder *ret_folder, struct cv_error *err)
{
	struct cv_pki_folder folder = {.root = NULL};

	if (!load(path, factory, &folder, err)) {
		cv_pki_folder_deinit(&folder);
		return false;
	}
	*ret_folder = folder;
	return true;
}
