#include "reload_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app_internal.h"
#include "config_internal.h"
#include "cv/app/app.h"
#include "cv/app/notify.h"
#include "cv/pki/bundle.h"
#include "cv/util/file.h"
#include "cv/model/source.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

/* Listeners, event loops, log and files that are read; generously. */
#define DESCRIPTORS_BESIDE 64
#define LOCK_SECONDS (7 * 86400)

enum {
	DEVICE_CERTIFICATE,
	DEVICE_KEY,
	GATEWAY_CERTIFICATE,
	GATEWAY_KEY,
	OPERATOR_CERTIFICATE,
	OPERATOR_KEY,
};

/* ---- from settings to parts ---- */

void
cv_pairs_deinit(struct cv_pairs *pairs)
{
	for (size_t i = 0; i < CV_PAIR_FILES; i++)
		cv_buffer_deinit(&pairs->pem[i]);
}

/* NULL where the listener is off. */
static void
list_files(const struct cv_config *config, const struct cv_config *files,
    const char *ret_paths[CV_PAIR_FILES])
{
	bool has_device = config->device_listen[0] != '\0';
	bool has_gateway = config->gateway_listen[0] != '\0';
	bool has_operator = config->operator_listen[0] != '\0';

	ret_paths[DEVICE_CERTIFICATE] = has_device ? files->device_certificate : NULL;
	ret_paths[DEVICE_KEY] = has_device ? files->device_key : NULL;
	ret_paths[GATEWAY_CERTIFICATE] = has_gateway ? files->gateway_certificate : NULL;
	ret_paths[GATEWAY_KEY] = has_gateway ? files->gateway_key : NULL;
	ret_paths[OPERATOR_CERTIFICATE] = has_operator ? files->operator_certificate : NULL;
	ret_paths[OPERATOR_KEY] = has_operator ? files->operator_key : NULL;
}

/* A file that is missing has a mark of its own: all zero. */
static void
mark_paths(const char *const paths[CV_PAIR_FILES], struct cv_file_mark ret_marks[CV_PAIR_FILES])
{
	struct stat status;

	memset(ret_marks, 0, CV_PAIR_FILES * sizeof(*ret_marks));
	for (size_t i = 0; i < CV_PAIR_FILES; i++) {
		if (paths[i] == NULL || stat(paths[i], &status) != 0)
			continue;
		ret_marks[i].device = status.st_dev;
		ret_marks[i].inode = status.st_ino;
		ret_marks[i].size = status.st_size;
		ret_marks[i].changed = status.st_ctim;
	}
}

bool
cv_app_read_pairs(const struct cv_config *config, const struct cv_config *files,
    struct cv_pairs *ret_pairs, struct cv_error *err)
{
	const char *paths[CV_PAIR_FILES];

	list_files(config, files, paths);
	mark_paths(paths, ret_pairs->marks);
	for (size_t i = 0; i < CV_PAIR_FILES; i++) {
		ret_pairs->pem[i].is_secret = true;
		if (paths[i] != NULL &&
		    !cv_file_read(paths[i], CV_CONFIG_PEM_MAX, &ret_pairs->pem[i], err))
			return false;
	}
	return true;
}

void
cv_app_fill_http(const struct cv_config *config, const struct cv_pairs *pairs,
    struct cv_http_options *ret_options)
{
	*ret_options = (struct cv_http_options){
	    .device = {.bind = config->device_listen},
	    .gateway = {.bind = config->gateway_listen},
	    .operator_ = {.bind = config->operator_listen},
	    .public_ = {.bind = config->public_listen},
	    .monitoring = {.bind = config->monitoring_listen},
	    .gateway_socket = config->gateway_socket,
	    .device_certificate = cv_buffer_text(&pairs->pem[DEVICE_CERTIFICATE]),
	    .device_key = cv_buffer_text(&pairs->pem[DEVICE_KEY]),
	    .gateway_certificate = cv_buffer_text(&pairs->pem[GATEWAY_CERTIFICATE]),
	    .gateway_key = cv_buffer_text(&pairs->pem[GATEWAY_KEY]),
	    .operator_certificate = cv_buffer_text(&pairs->pem[OPERATOR_CERTIFICATE]),
	    .operator_key = cv_buffer_text(&pairs->pem[OPERATOR_KEY]),
	    .threads = (unsigned)config->server_threads,
	    .workers = (unsigned)config->server_workers,
	    .queue_max = (unsigned)config->server_queue,
	    .connections_max = (unsigned)config->server_connections,
	    .other_descriptors = (unsigned)config->database_pool_size +
				 (unsigned)config->outbound_connections + DESCRIPTORS_BESIDE,
	    .request_seconds = (unsigned)config->server_request_seconds,
	    .idle_seconds = (unsigned)config->server_idle_seconds,
	    .check_max_age_seconds = config->gateway_cache_seconds,
	    .broker_session_seconds = config->gateway_session_seconds,
	    .labels = config->labels,
	    .label_count = config->label_count,
	    .foundries_gateway_url = config->foundries_gateway_url,
	    .foundries_ostree_url = config->foundries_ostree_url,
	    .foundries_lifetime_days = config->foundries_lifetime_days,
	    .version = CV_VERSION,
	};
}

/* What the listener calls itself first, "localhost" when that cannot be read: then it does not
 * start. */
static void
read_device_host(const struct cv_config *config, char ret_host[CV_HOST_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_file_read(config->device_certificate, CV_CONFIG_PEM_MAX, &pem, &err) ||
	    !cv_bundle_parse(cv_buffer_bytes(&pem), &bundle, &err) ||
	    !cv_certificate_first_dns_name(bundle.items[0].certificate, ret_host, CV_HOST_SIZE))
		(void)cv_text_copy(ret_host, CV_HOST_SIZE, "localhost");
}

static void
fill_host(const char *setting, const char *prefix, const char *device_host, char *ret_host)
{
	if (setting[0] != '\0')
		(void)cv_text_copy(ret_host, CV_HOST_SIZE, setting);
	else
		(void)snprintf(ret_host, CV_HOST_SIZE, "%s%.250s", prefix, device_host);
}

static void
fill_hosts(const struct cv_config *config, struct cv_service_settings *settings)
{
	char device_host[CV_HOST_SIZE];

	read_device_host(config, device_host);
	fill_host(
	    config->foundries_gateway_host, "{factory}.", device_host, settings->gateway_host);
	fill_host(
	    config->foundries_ostree_host, "{factory}.ostree.", device_host, settings->ostree_host);
	fill_host(config->foundries_est_host, "{factory}.est.", device_host, settings->est_host);
}

struct cv_service_settings
cv_app_service_settings(const struct cv_config *config)
{
	struct cv_service_settings settings;
	struct cv_sources socket_sources = {.words = 0};

	(void)cv_sources_parse(
	    config->gateway_socket_sources, &socket_sources); /* checked before */
	settings = (struct cv_service_settings){
	    .max_age_seconds = config->index_max_age_seconds,
	    .expired_grace_seconds = config->index_expired_grace_seconds,
	    .skew_seconds = config->issue_skew_seconds,
	    .backdate_seconds = config->issue_backdate_seconds,
	    .replay_window_seconds = config->issue_replay_window_seconds,
	    .min_validity_seconds = config->issue_min_validity_seconds,
	    .publish_ahead_seconds = config->issue_publish_ahead_seconds,
	    .lock_seconds = LOCK_SECONDS,
	    .issue_burst = (int)config->issue_burst,
	    .issue_interval_seconds = config->issue_interval_seconds,
	    .socket_sources = socket_sources,
	    .approval_retry_seconds = config->approval_retry_seconds,
	    .approval_days = config->approval_days,
	    .approvals_max = config->approval_limit,
	    .approvals_per_device = config->approval_limit_per_device,
	    .approvals_per_identity = config->approval_limit_per_identity,
	    .switch_after_seconds = config->foundries_switch_seconds,
	};
	fill_hosts(config, &settings);
	return settings;
}

/* ---- the files of the key pairs ---- */

static void
mark_files(const struct cv_config *config, struct cv_file_mark ret_marks[CV_PAIR_FILES])
{
	const char *paths[CV_PAIR_FILES];

	list_files(config, config, paths);
	mark_paths(paths, ret_marks);
}

static bool
marks_equal(const struct cv_file_mark *a, const struct cv_file_mark *b)
{
	return memcmp(a, b, CV_PAIR_FILES * sizeof(*a)) == 0;
}

/* The values of fresh that the listeners can take, with the key pairs that it names. */
static bool
reload_http(struct cv_reload *reload, const struct cv_config *fresh, struct cv_error *err)
{
	__attribute__((cleanup(cv_pairs_deinit))) struct cv_pairs pairs = {.pem = {CV_BUFFER_INIT}};
	struct cv_http_options options;

	if (!cv_app_read_pairs(reload->config, fresh, &pairs, err))
		return false;
	cv_app_fill_http(fresh, &pairs, &options);
	if (!cv_http_reload(reload->http, &options, err))
		return false;
	memcpy(reload->tried, pairs.marks, sizeof(reload->tried));
	cv_app_tell_own_keys(reload->service, fresh, reload->service_ca);
	return true;
}

void
cv_reload_init(struct cv_reload *reload, struct cv_config *config, struct cv_service *service,
    const struct cv_certificate *service_ca, struct cv_http *http, const struct cv_pairs *pairs)
{
	*reload = (struct cv_reload){
	    .config = config, .service = service, .service_ca = service_ca, .http = http};
	memcpy(reload->tried, pairs->marks, sizeof(reload->tried));
	memcpy(reload->seen, pairs->marks, sizeof(reload->seen));
}

void
cv_reload_changed_pairs(struct cv_reload *reload)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_file_mark now[CV_PAIR_FILES];

	mark_files(reload->config, now);
	/* Certificate and key are two files: while one is still being replaced, wait. */
	bool is_quiet = marks_equal(now, reload->seen);
	memcpy(reload->seen, now, sizeof(now));
	if (!is_quiet || marks_equal(now, reload->tried))
		return;
	memcpy(reload->tried, now, sizeof(now));
	if (reload_http(reload, reload->config, &err))
		cv_log(CV_LOG_INFO, "certificates-reloaded",
		    "files of server certificates changed, the new ones are in use");
	else
		cv_log_error(CV_LOG_ERROR, "certificates-refused",
		    "files of server certificates changed and are not good; the old ones stay in "
		    "use",
		    &err);
}

/* ---- the whole configuration ---- */

static void
tell_change(const struct cv_setting *setting)
{
	if (setting->is_live)
		cv_log(CV_LOG_INFO, "setting-changed", "a setting has a new value",
		    CV_LOG_TEXT("section", setting->section), CV_LOG_TEXT("key", setting->key));
	else
		cv_log(CV_LOG_WARNING, "setting-needs-restart",
		    "a changed setting has no effect before a restart",
		    CV_LOG_TEXT("section", setting->section), CV_LOG_TEXT("key", setting->key));
}

static void
log_problems(const struct cv_buffer *problems)
{
	char line[512];

	for (const char *at = cv_buffer_text(problems); *at != '\0';) {
		size_t len = strcspn(at, "\n");
		size_t cut = len < sizeof(line) ? len : sizeof(line) - 1;
		(void)cv_text_copy_bytes(line, sizeof(line), at, cut);
		cv_log(CV_LOG_ERROR, "configuration-problem", line);
		at += len + (at[len] == '\n');
	}
}

static bool
take_all(struct cv_reload *reload, struct cv_buffer *problems, struct cv_error *err)
{
	CV_AUTO(cv_config) struct cv_config *fresh = NULL;
	struct cv_config *config = reload->config;
	struct cv_service_settings settings;

	if (!cv_config_load(
		config->path, config->is_optional, CV_CONFIG_SERVICE, &fresh, problems, err))
		return false;
	settings = cv_app_service_settings(fresh);
	settings.expired_grace_seconds = config->index_expired_grace_seconds;
	settings.socket_sources = cv_service_settings(reload->service)->socket_sources;
	if (!reload_http(reload, fresh, err) ||
	    !cv_service_change_settings(reload->service, &settings, err))
		return false;
	cv_config_take_live(config, fresh, tell_change);
	cv_log_set_level((enum cv_log_level)config->log_level);
	return true;
}

static void
tell_reloading(void)
{
	struct timespec now;
	char state[64];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	cv_notify(state);
}

void
cv_reload_all(struct cv_reload *reload)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	tell_reloading();
	bool was_taken = take_all(reload, &problems, &err);
	cv_http_note_reload(reload->http, was_taken);
	if (was_taken) {
		cv_log(CV_LOG_INFO, "reloaded", "the configuration was read again");
		cv_notify("READY=1\nSTATUS=serving");
		return;
	}
	log_problems(&problems);
	cv_log_error(CV_LOG_ERROR, "reload-refused",
	    "the configuration is not good; everything stays as it was", &err);
	cv_notify("READY=1\nSTATUS=serving; the last reload was refused, see the log");
}
