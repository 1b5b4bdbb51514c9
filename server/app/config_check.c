#include "config_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cv/http/server.h"
#include "cv/service/factory_hosts.h"
#include "cv/service/key_block_list.h"
#include "cv/store/pool.h"
#include "cv/util/file.h"
#include "cv/util/pem.h"
#include "cv/util/text.h"

/* The feed keeps one connection to itself; start-up, and then the sender of events, use another. */
#define CONNECTIONS_BESIDE_WORKERS 2
#define URL_MAX 255
#define CA_FILE_MAX ((size_t)16 * 1024 * 1024)

static const struct cv_setting *
setting_at(size_t offset)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (settings[i].offset == offset)
			return &settings[i];
	}
	return settings;
}
#define SETTING(member) setting_at(offsetof(struct cv_config, member))

static void
complain_of(
    struct cv_config_loader *loader, const struct cv_setting *setting, const struct cv_error *err)
{
	cv_config_complain(
	    loader, setting, "%s%s%s", err->text, err->cause[0] == '\0' ? "" : ": ", err->cause);
}

static void
check_file(struct cv_config_loader *loader, const struct cv_setting *setting)
{
	const char *path = *cv_setting_text(setting, loader->config);
	struct stat status;

	if (access(path, R_OK) != 0 || stat(path, &status) != 0)
		cv_config_complain(loader, setting, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		cv_config_complain(loader, setting, "%s is not a file", path);
}

static void
check_folder(struct cv_config_loader *loader, const struct cv_setting *setting)
{
	const char *path = *cv_setting_text(setting, loader->config);
	struct stat status;

	if (access(path, R_OK | X_OK) != 0 || stat(path, &status) != 0)
		cv_config_complain(loader, setting, "%s: %s", path, strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		cv_config_complain(loader, setting, "%s is not a folder", path);
}

static void
check_pair_fits(struct cv_config_loader *loader, const struct cv_setting *certificate,
    const struct cv_setting *key)
{
	CV_AUTO_BUFFER struct cv_buffer certificate_pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer key_pem = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;
	int64_t not_after_utc;

	if (!cv_file_read(*cv_setting_text(certificate, loader->config), CV_CONFIG_PEM_MAX,
		&certificate_pem, &err) ||
	    !cv_file_read(
		*cv_setting_text(key, loader->config), CV_CONFIG_PEM_MAX, &key_pem, &err) ||
	    !cv_http_check_pair(
		cv_buffer_text(&certificate_pem), cv_buffer_text(&key_pem), &not_after_utc, &err))
		complain_of(loader, certificate, &err);
}

/* A listener that is off needs no certificate. */
static void
check_pair(struct cv_config_loader *loader, const char *listen,
    const struct cv_setting *certificate, const struct cv_setting *key)
{
	if (listen[0] == '\0')
		return;
	size_t before = loader->problem_count;
	check_file(loader, certificate);
	check_file(loader, key);
	if (loader->problem_count == before)
		check_pair_fits(loader, certificate, key);
}

static void
check_database(struct cv_config_loader *loader)
{
	const struct cv_config *config = loader->config;
	struct cv_error err = CV_ERROR_INIT;

	if (config->database_url[0] == '\0')
		cv_config_complain(loader, SETTING(database_url), "must be set");
	else if (!cv_pool_check_url(config->database_url, &err))
		cv_config_complain(loader, SETTING(database_url), "%s", err.text);
	if (config->database_pool_size < config->server_workers + CONNECTIONS_BESIDE_WORKERS)
		cv_config_complain(loader, SETTING(database_pool_size),
		    "%lld is less than [server] workers (%lld) + %d",
		    (long long)config->database_pool_size, (long long)config->server_workers,
		    CONNECTIONS_BESIDE_WORKERS);
}

/* Devices put paths behind it, and a file of theirs holds it between quotes. */
static void
check_base_url(struct cv_config_loader *loader, const struct cv_setting *setting)
{
	const char *url = *cv_setting_text(setting, loader->config);
	size_t len = strlen(url);

	if (len == 0)
		return;
	if (!cv_text_has_prefix(url, "https://") || len > URL_MAX || url[len - 1] == '/' ||
	    strpbrk(url, " \t\"'\\?#") != NULL)
		cv_config_complain(loader, setting,
		    "not an https:// URL of at most %d characters without a slash at its end",
		    URL_MAX);
}

static void
check_host(struct cv_config_loader *loader, const struct cv_setting *setting)
{
	const char *pattern = *cv_setting_text(setting, loader->config);

	if (pattern[0] != '\0' && !cv_factory_host_is_good(pattern))
		cv_config_complain(loader, setting, "not a host name, with or without {factory}");
}

static void
check_blocked_keys(struct cv_config_loader *loader)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_key_block_list_new(loader->config->issue_blocked_keys, &list, &err))
		complain_of(loader, SETTING(issue_blocked_keys), &err);
}

static bool
has_certificate(struct cv_bytes text)
{
	/* Those that OpenSSL takes. */
	static const char *const labels[] = {
	    "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_bytes rest = text, block;
		if (cv_pem_next(&rest, labels[i], &block, &der) == CV_PEM_FOUND)
			return true;
	}
	return false;
}

bool
cv_config_check_ca_file(const struct cv_config *config, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	const char *path = config->outbound_ca_file;

	if (path[0] == '\0')
		return true;
	return cv_file_read(path, CA_FILE_MAX, &text, err) &&
	       (has_certificate(cv_buffer_bytes(&text)) ||
		   cv_fail(err, CV_E_CONFIG, "%s: no PEM certificate", path));
}

static void
check_ca_file(struct cv_config_loader *loader)
{
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_config_check_ca_file(loader->config, &err))
		complain_of(loader, SETTING(outbound_ca_file), &err);
}

void
cv_config_check_files(struct cv_config_loader *loader)
{
	check_blocked_keys(loader);
	check_ca_file(loader);
}

void
cv_config_check_service(struct cv_config_loader *loader)
{
	const struct cv_config *config = loader->config;

	check_database(loader);
	check_folder(loader, SETTING(signer_directory));
	if (config->signer_passphrase[0] == '\0')
		cv_config_complain(loader, SETTING(signer_passphrase),
		    "not set, and there is no signer.passphrase in %s", config->signer_directory);
	check_pair(loader, config->device_listen, SETTING(device_certificate), SETTING(device_key));
	check_pair(
	    loader, config->gateway_listen, SETTING(gateway_certificate), SETTING(gateway_key));
	check_pair(
	    loader, config->operator_listen, SETTING(operator_certificate), SETTING(operator_key));
	check_host(loader, SETTING(foundries_gateway_host));
	check_host(loader, SETTING(foundries_ostree_host));
	check_host(loader, SETTING(foundries_est_host));
	check_base_url(loader, SETTING(foundries_gateway_url));
	check_base_url(loader, SETTING(foundries_ostree_url));
	if (config->index_max_age_seconds <= config->gateway_cache_seconds)
		cv_config_complain(
		    loader, SETTING(gateway_cache_seconds), "must be less than [index] max_age");
}
