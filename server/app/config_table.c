#include "cv/app/config.h"

#include "cv/model/source.h"

#define DAY 86400

#define ANY_TEXT(is_live_, section_, key_, type_, fallback_, member, help_)                        \
	{                                                                                          \
		.section = section_, .key = key_, .type = type_, .is_live = is_live_, .unit = "",  \
		.fallback = fallback_, .offset = offsetof(struct cv_config, member), .help = help_ \
	}
#define SECRET(section_, key_, member, help_)                                                      \
	{                                                                                          \
		.section = section_, .key = key_, .type = CV_SETTING_TEXT, .is_secret = true,      \
		.unit = "", .fallback = "", .offset = offsetof(struct cv_config, member),          \
		.help = help_                                                                      \
	}
#define ANY_NUMBER(is_live_, section_, key_, unit_, min_, max_, fallback_, member, help_)          \
	{                                                                                          \
		.section = section_, .key = key_, .type = CV_SETTING_NUMBER, .is_live = is_live_,  \
		.unit = unit_, .min = min_, .max = max_, .fallback = fallback_,                    \
		.offset = offsetof(struct cv_config, member), .help = help_                        \
	}

/* A reload takes the live ones. */
#define TEXT(...) ANY_TEXT(false, __VA_ARGS__)
#define LIVE_TEXT(...) ANY_TEXT(true, __VA_ARGS__)
#define NUMBER(...) ANY_NUMBER(false, __VA_ARGS__)
#define LIVE_NUMBER(...) ANY_NUMBER(true, __VA_ARGS__)

/* clang-format off */
static const struct cv_setting settings[] = {
	SECRET("database", "url", database_url,
	    "libpq connection string of the primary; several hosts are allowed"),
	NUMBER("database", "pool_size", "connections", 3, 1000, "20", database_pool_size,
	    "connections at most; at least two more than [server] workers"),
	NUMBER("database", "statement_timeout", "ms", 100, 60000, "2000", database_statement_ms,
	    "deadline of one round trip"),

	TEXT("device", "listen", CV_SETTING_ADDRESS, ":8443", device_listen,
	    "address for devices: EST and /device, mutual TLS"),
	LIVE_TEXT("device", "certificate", CV_SETTING_PKI_FILE, "device.pem", device_certificate,
	    "server certificate and its chain"),
	LIVE_TEXT("device", "key", CV_SETTING_PKI_FILE, "device.key", device_key,
	    "private key of the server certificate"),

	TEXT("gateway", "listen", CV_SETTING_ADDRESS, ":8445", gateway_listen,
	    "address for gateways: /v1/check, mutual TLS"),
	LIVE_TEXT("gateway", "certificate", CV_SETTING_PKI_FILE, "gateway.pem", gateway_certificate,
	    "server certificate and its chain"),
	LIVE_TEXT("gateway", "key", CV_SETTING_PKI_FILE, "gateway.key", gateway_key,
	    "private key of the server certificate"),
	TEXT("gateway", "socket", CV_SETTING_PATH, "", gateway_socket,
	    "UNIX socket for a gateway on this machine; who may open it is trusted"),
	TEXT("gateway", "socket_sources", CV_SETTING_SOURCES, "rfc9440", gateway_socket_sources,
	    "headers in which that gateway forwards certificates: " CV_SOURCE_WORDS),
	LIVE_NUMBER("gateway", "cache_max_age", "s", 0, 300, "0", gateway_cache_seconds,
	    "how long a gateway may cache an allowance; 0: not at all"),
	NUMBER("gateway", "session_max", "s", 0, 366 * DAY, "0", gateway_session_seconds,
	    "when EMQX is told to end a session, so that the device is asked about again; 0: never"),

	TEXT("operator", "listen", CV_SETTING_ADDRESS, ":8444", operator_listen,
	    "address for operators: /v1, TLS and a token or client certificate"),
	LIVE_TEXT("operator", "certificate", CV_SETTING_PKI_FILE, "operator.pem", operator_certificate,
	    "server certificate and its chain"),
	LIVE_TEXT("operator", "key", CV_SETTING_PKI_FILE, "operator.key", operator_key,
	    "private key of the server certificate"),

	TEXT("public", "listen", CV_SETTING_ADDRESS, ":8080", public_listen,
	    "address for anyone: CA certificates, http"),
	TEXT("monitoring", "listen", CV_SETTING_ADDRESS, "127.0.0.1:9090", monitoring_listen,
	    "address for /metrics, /livez and /readyz, http"),

	TEXT("signer", "directory", CV_SETTING_PATH, "/var/lib/certvendor/pki", signer_directory,
	    "folder with the keys and certificates that init made"),
	SECRET("signer", "passphrase", signer_passphrase,
	    "passphrase of the CA keys; default: content of signer.passphrase in that folder"),

	LIVE_NUMBER("index", "max_age", "s", 5, 3600, "300", index_max_age_seconds,
	    "an index older than this answers 503"),
	NUMBER("index", "expired_grace", "s", 0, 366 * DAY, "0", index_expired_grace_seconds,
	    "how long after its end a certificate may still be renewed; 0: never"),

	NUMBER("server", "threads", "threads", 1, 256, "2", server_threads,
	    "event loops of the device and of the gateway listener"),
	NUMBER("server", "workers", "threads", 1, 512, "16", server_workers,
	    "threads for work that waits for the database or the signer"),
	NUMBER("server", "queue", "requests", 1, 1000000, "1024", server_queue,
	    "requests that wait for a worker; more are answered 503"),
	NUMBER("server", "connections", "connections", 16, 1000000, "10000", server_connections,
	    "connections at most, of each listener; less where fewer files may be open"),
	LIVE_NUMBER("server", "request_timeout", "s", 1, 600, "30", server_request_seconds,
	    "from the first byte of a request to its last"),
	NUMBER("server", "idle_timeout", "s", 1, 86400, "60", server_idle_seconds,
	    "how long an idle connection is kept"),
	LIVE_NUMBER("server", "drain_timeout", "s", 0, 600, "20", server_drain_seconds,
	    "how long requests in flight may take at shutdown"),

	LIVE_NUMBER("issue", "burst", "certificates", 1, 1000, "20", issue_burst,
	    "issuances at once, of each device and slot"),
	LIVE_NUMBER("issue", "interval", "s", 1, 30 * DAY, "1800", issue_interval_seconds,
	    "then one in this time"),
	LIVE_NUMBER("issue", "backdate", "s", 0, DAY, "300", issue_backdate_seconds,
	    "notBefore lies so far in the past, for clocks that are slow"),
	LIVE_NUMBER("issue", "replay_window", "s", 0, 30 * DAY, "86400", issue_replay_window_seconds,
	    "the same CSR is answered by the same certificate so long"),
	LIVE_NUMBER("issue", "min_validity", "s", 60, 366 * DAY, "86400", issue_min_validity_seconds,
	    "an authority with less time left signs nothing"),
	LIVE_NUMBER("issue", "skew", "s", 0, DAY, "300", issue_skew_seconds,
	    "certificates that begin so far in the future are accepted"),
	LIVE_NUMBER("issue", "publish_ahead", "s", 0, 90 * DAY, "3600", issue_publish_ahead_seconds,
	    "a new authority is in cacerts so long before it signs, unless it is the only one"),
	TEXT("issue", "blocked_keys", CV_SETTING_PATH, "", issue_blocked_keys,
	    "file of public keys that are refused: SHA-256, or as in Debian's openssl-blacklist"),

	LIVE_NUMBER("approval", "retry_after", "s", 1, DAY, "300", approval_retry_seconds,
	    "when a device asks again while its enrolment waits for an operator"),
	LIVE_NUMBER("approval", "lifetime", "days", 1, 365, "7", approval_days,
	    "requests for approval are forgotten after it, decided or not"),
	LIVE_NUMBER("approval", "limit", "requests", 1, 1000000, "1000", approval_limit,
	    "requests of a factory that wait; more are answered 429"),
	LIVE_NUMBER("approval", "limit_per_device", "requests", 1, 1000000, "10", approval_limit_per_device,
	    "requests of one device that wait"),
	LIVE_NUMBER("approval", "limit_per_identity", "requests", 1, 1000000, "100",
	    approval_limit_per_identity, "requests by one token or bootstrap authority that wait"),

	NUMBER("outbound", "connections", "connections", 0, 256, "64", outbound_connections,
	    "to receivers of events at once; 0: this instance sends none"),
	NUMBER("outbound", "per_subscriber", "connections", 1, 256, "4", outbound_per_subscriber,
	    "of these, to one receiver"),
	NUMBER("outbound", "timeout", "s", 1, 60, "10", outbound_timeout_seconds,
	    "how long one attempt may take"),
	NUMBER("outbound", "tries", "attempts", 1, 100, "20", outbound_tries,
	    "then an event is given up, and can be replayed"),
	NUMBER("outbound", "retry", "s", 1, 3600, "5", outbound_retry_seconds,
	    "wait after the first attempt; twice as long after each other"),
	NUMBER("outbound", "retry_max", "s", 1, DAY, "3600", outbound_retry_max_seconds,
	    "longest wait between two attempts"),
	NUMBER("outbound", "keep", "days", 1, 365, "7", outbound_keep_days,
	    "deliveries that were made or given up are shown so long"),
	TEXT("outbound", "ca_file", CV_SETTING_PATH, "", outbound_ca_file,
	    "PEM file of the CAs that vouch for receivers; default: those of the system"),
	TEXT("outbound", "issuer", CV_SETTING_TEXT, "certvendor", outbound_issuer,
	    "iss, sub and email of the tokens that event queues are sent"),

	LIVE_TEXT("foundries", "gateway_host", CV_SETTING_TEXT, "", foundries_gateway_host,
	    "DNS name at which devices of a factory reach the device listener; {factory} stands for its name. "
	    "Not set: {factory}. and the first DNS name of [device] certificate"),
	LIVE_TEXT("foundries", "ostree_host", CV_SETTING_TEXT, "", foundries_ostree_host,
	    "DNS name of the OSTree server, which has the same server certificate. Not set: likewise with "
	    "{factory}.ostree."),
	LIVE_TEXT("foundries", "est_host", CV_SETTING_TEXT, "", foundries_est_host,
	    "DNS name for EST under a server certificate of its own. Not set: likewise with {factory}.est."),
	LIVE_NUMBER("foundries", "switch_after", "s", 0, 90 * DAY, "0", foundries_switch_seconds,
	    "a new online CA that is uploaded below /ota signs so long after it"),
	TEXT("foundries", "gateway_url", CV_SETTING_TEXT, "", foundries_gateway_url,
	    "base URL of the device gateway in sota.toml; default: first name of the factory's own server certificate, "
	    "else of [device] certificate, and its port"),
	TEXT("foundries", "ostree_url", CV_SETTING_TEXT, "", foundries_ostree_url,
	    "base URL of the OSTree server in sota.toml; default: likewise with the second name"),
	NUMBER("foundries", "lifetime", "days", 1, 7300, "7300", foundries_lifetime_days,
	    "of the first certificate of a device that is registered at /ota/devices/"),

	LIVE_TEXT("log", "level", CV_SETTING_LEVEL, "info", log_level, "debug, info, warning or error"),
};
/* clang-format on */

const struct cv_setting *
cv_config_settings(size_t *ret_count)
{
	*ret_count = sizeof(settings) / sizeof(settings[0]);
	return settings;
}
