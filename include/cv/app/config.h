/*
 * The settings: one table is the truth for parsing, for check-config and for the manual. Values
 * come from the built-in default, then the INI file, then the environment
 * (CERTVENDOR_<SECTION>_<KEY>; secrets also as <key>_file and ..._FILE). Secrets and key pairs that
 * nobody set may be credentials of systemd, named <section>.<key>. Main thread.
 */
#ifndef CV_APP_CONFIG_H
#define CV_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/label.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "cv/util/log.h"

#define CV_CONFIG_LABELS_MAX 64
#define CV_CONFIG_LABEL_SETTINGS_MAX 32
#define CV_CONFIG_DEFAULT_PATH "/etc/certvendor/certvendor.conf"

#define CV_CONFIG_SETTINGS_MAX 64

/* Where a value came from. */
struct cv_setting_origin {
	int line; /* in the file; 0: not from the file */
	bool is_environment;
	bool is_credential; /* $CREDENTIALS_DIRECTORY */
	bool is_file;       /* the value names a file that holds the secret */
};

/* Texts are owned and never NULL; "" is "not set" or, for an address, "off". Paths are resolved. */
struct cv_config {
	char *database_url;
	int64_t database_pool_size;
	int64_t database_statement_ms;

	char *device_listen;
	char *device_certificate;
	char *device_key;

	char *gateway_listen;
	char *gateway_certificate;
	char *gateway_key;
	char *gateway_socket;
	char *gateway_socket_sources;
	int64_t gateway_cache_seconds;
	int64_t gateway_session_seconds;

	char *operator_listen;
	char *operator_certificate;
	char *operator_key;

	char *public_listen;
	char *monitoring_listen;

	char *signer_directory;
	char *signer_passphrase;

	int64_t index_max_age_seconds;
	int64_t index_expired_grace_seconds;

	int64_t server_threads;
	int64_t server_workers;
	int64_t server_queue;
	int64_t server_connections;
	int64_t server_request_seconds;
	int64_t server_idle_seconds;
	int64_t server_drain_seconds;

	int64_t issue_burst;
	int64_t issue_interval_seconds;
	int64_t issue_backdate_seconds;
	int64_t issue_replay_window_seconds;
	int64_t issue_min_validity_seconds;
	int64_t issue_skew_seconds;
	int64_t issue_publish_ahead_seconds;
	char *issue_blocked_keys;

	int64_t approval_retry_seconds;
	int64_t approval_days;
	int64_t approval_limit;
	int64_t approval_limit_per_device;
	int64_t approval_limit_per_identity;

	int64_t outbound_connections;
	int64_t outbound_per_subscriber;
	int64_t outbound_timeout_seconds;
	int64_t outbound_tries;
	int64_t outbound_retry_seconds;
	int64_t outbound_retry_max_seconds;
	int64_t outbound_keep_days;
	char *outbound_ca_file;
	char *outbound_issuer;

	char *foundries_gateway_host;
	char *foundries_ostree_host;
	char *foundries_est_host;
	int64_t foundries_switch_seconds;
	char *foundries_gateway_url;
	char *foundries_ostree_url;
	int64_t foundries_lifetime_days;

	int64_t log_level; /* enum cv_log_level */

	/* [est] first, then each [est.<label>] with what it does not set taken from [est]. */
	struct cv_label labels[CV_CONFIG_LABELS_MAX];
	size_t label_count;
	/* The line that sets it, by label and setting; 0: none does. */
	int label_lines[CV_CONFIG_LABELS_MAX][CV_CONFIG_LABEL_SETTINGS_MAX];

	/* Where it was read, so that it can be read again. */
	char *path;
	bool is_optional;
	struct cv_setting_origin origins[CV_CONFIG_SETTINGS_MAX]; /* in the order of the table */
};

enum cv_setting_type {
	CV_SETTING_TEXT,
	CV_SETTING_NUMBER,
	CV_SETTING_PATH,     /* relative to the folder of the configuration file */
	CV_SETTING_PKI_FILE, /* the default is relative to [signer] directory */
	CV_SETTING_ADDRESS,  /* host:port, [v6]:port, :port; "" is off */
	CV_SETTING_SOURCES,  /* comma list of words of cv/model/source.h */
	CV_SETTING_LEVEL,
};

struct cv_setting {
	const char *section;
	const char *key;
	enum cv_setting_type type;
	bool is_secret;   /* never printed; may come from a file */
	bool is_live;     /* a reload takes it; the others need a restart */
	const char *unit; /* "": none */
	int64_t min;      /* of numbers */
	int64_t max;
	const char *fallback; /* the default, as it would be written */
	size_t offset;        /* of the member of struct cv_config */
	const char *help;
};

const struct cv_setting *cv_config_settings(size_t *ret_count);

/* How much must be in order. */
enum cv_config_scope {
	CV_CONFIG_VALUES,  /* every value by itself: what init, migrate and healthcheck need */
	CV_CONFIG_SERVICE, /* also files and how values fit together: what serve and a reload need
			    */
	CV_CONFIG_FILES,   /* also files that the service reads by itself, then or later: what
			      check-config and doctor look at */
};

/*
 * Loads the settings. is_optional: a file that does not exist is an empty one. Every problem is
 * appended to problems as one line "file:line: [section] key: problem", not only the first.
 * CV_E_CONFIG when there was one (the text says how many), CV_E_IO when the file cannot be read,
 * CV_E_MEMORY.
 */
bool cv_config_load(const char *path, bool is_optional, enum cv_config_scope scope,
    struct cv_config **ret_config, struct cv_buffer *problems, struct cv_error *err);
/* libcurl reads it for each connection, and says nothing before. */
bool cv_config_check_ca_file(const struct cv_config *config, struct cv_error *err);
/* Is it named like the variable of a setting, and of none that there is? */
bool cv_config_is_unknown_variable(const char *name);
/*
 * Moves the live settings that differ from fresh to config, and back. tell: called for each setting
 * that differs, also for those that need a restart and therefore stay.
 */
void cv_config_take_live(struct cv_config *config, struct cv_config *fresh,
    void (*tell)(const struct cv_setting *setting));
/* How a value came about, for people: "certvendor.conf:12", "CERTVENDOR_LOG_LEVEL", "default". */
void cv_config_append_origin(
    const struct cv_config *config, const struct cv_setting *setting, struct cv_buffer *text);
/* The value as it is written in a file; of a secret only whether it is set. */
void cv_config_append_value(
    struct cv_config *config, const struct cv_setting *setting, struct cv_buffer *text);
/* [est] and each [est.<label>] as they would be written in a file, with the origin of every value.
 */
void cv_config_append_labels(const struct cv_config *config, struct cv_buffer *text);
void cv_config_free(struct cv_config *config);
CV_DEFINE_CLEANUP(cv_config);

#endif
