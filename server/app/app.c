#include "cv/app/app.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "activation_internal.h"
#include "app_internal.h"
#include "audit_keeper_internal.h"
#include "cv/app/notify.h"
#include "cv/app/process.h"
#include "cv/http/server.h"
#include "cv/index/feed.h"
#include "cv/outbound/sender.h"
#include "cv/service/ca_certificates.h"
#include "cv/service/label_policy.h"
#include "cv/service/device_report.h"
#include "cv/service/key_block_list.h"
#include "cv/service/service.h"
#include "cv/store/schema.h"
#include "cv/util/clock.h"
#include "cv/util/file.h"
#include "cv/util/log.h"
#include "reload_internal.h"
#include "rotation_keeper_internal.h"
#include "watchdog_internal.h"

#define CONNECT_SECONDS 2 /* a request must not wait longer for a database that is away */
#define POLL_MS 200
#define SEEN_FLUSH_MS 30000
#define TICK_MS 500
#define WARN_SECONDS 3600
/* What is on its way to receivers when the requests are done; the rest is sent again by others. */
#define SENDER_DRAIN_SECONDS 5

/* Members in the order in which they are made. */
struct app {
	struct cv_config *config;
	struct cv_pool *pool;
	struct cv_signer *signer;
	struct cv_event_signer *event_signer;
	struct cv_certificate *service_ca; /* NULL: no gateways can be added here */
	struct cv_key_block_list *blocked_keys;
	struct cv_index *index;
	struct cv_service *service;
	struct cv_pairs pairs;
	struct cv_http_options http_options;
	struct cv_http *http;
	struct cv_feed *feed;
	struct cv_sender *sender;
	struct cv_audit_keeper audit_keeper;       /* the feed's thread only */
	struct cv_rotation_keeper rotation_keeper; /* likewise */
	bool list_has_failed;                      /* likewise */
	int64_t warned_utc;                        /* likewise: of authorities out of date */
};

static void
app_deinit(struct app *app)
{
	cv_sender_free(app->sender);
	cv_feed_free(app->feed);
	cv_http_free(app->http);
	cv_pairs_deinit(&app->pairs);
	cv_service_free(app->service);
	cv_index_free(app->index);
	cv_key_block_list_free(app->blocked_keys);
	cv_certificate_free(app->service_ca);
	cv_event_signer_free(app->event_signer);
	cv_signer_free(app->signer);
	cv_pool_free(app->pool);
}

static bool
start_database(struct app *app, struct cv_error *err)
{
	const struct cv_pool_options options = {
	    .url = app->config->database_url,
	    .size = (size_t)app->config->database_pool_size,
	    .statement_ms = (int)app->config->database_statement_ms,
	    .connect_seconds = CONNECT_SECONDS,
	};
	struct cv_connection *connection = NULL;

	if (!cv_pool_new(&options, &app->pool, err) || !cv_pool_borrow(app->pool, &connection, err))
		return cv_error_context(err, "database");
	bool is_good = cv_schema_check(connection, err);
	cv_pool_return(connection);
	return is_good || cv_error_context(err, "database");
}

static bool
start_signer(struct app *app, struct cv_error *err)
{
	struct cv_connection *connection = NULL;

	if (!cv_signer_new(&app->signer, err) || !cv_pool_borrow(app->pool, &connection, err))
		return cv_error_context(err, "signer");
	bool is_good =
	    cv_app_add_keys(app->signer, app->config, connection, &app->service_ca, err) &&
	    cv_event_signer_new(app->config->signer_passphrase, &app->event_signer, err);
	cv_pool_return(connection);
	is_good =
	    is_good && cv_signer_keep_passphrase(app->signer, app->config->signer_passphrase, err);
	cv_wipe(app->config->signer_passphrase, strlen(app->config->signer_passphrase));
	return is_good || cv_error_context(err, "signer");
}

static bool
start_service(struct app *app, struct cv_error *err)
{
	const struct cv_clock *clock = cv_clock_system();

	if (!cv_key_block_list_new(app->config->issue_blocked_keys, &app->blocked_keys, err)) {
		/* That a file is missing, too: it is not there at the next start either. */
		if (err->code != CV_E_MEMORY)
			err->code = CV_E_CONFIG;
		return cv_error_context(err, "blocked keys");
	}
	if (!cv_index_new(clock, &app->index, err))
		return cv_error_context(err, "index");
	const struct cv_service_parts parts = {
	    .blocked_keys = app->blocked_keys,
	    .pool = app->pool,
	    .signer = app->signer,
	    .event_signer = app->event_signer,
	    .index = app->index,
	    .clock = clock,
	    .settings = cv_app_service_settings(app->config),
	};
	if (!cv_service_new(&parts, &app->service, err))
		return cv_error_context(err, "service");
	cv_app_tell_own_keys(app->service, app->config, app->service_ca);
	return true;
}

static void
refresh_blocked_keys(struct app *app)
{
	struct cv_error err = CV_ERROR_INIT;

	bool has_failed = !cv_key_block_list_refresh(app->blocked_keys, &err);
	if (has_failed && !app->list_has_failed)
		cv_log_error(CV_LOG_WARNING, "blocked-keys-failed",
		    "the list of blocked keys stays as it was", &err);
	app->list_has_failed = has_failed;
}

static void
warn_of_labels(const struct cv_config *config, const struct cv_realm *realm)
{
	for (size_t i = 0; i < config->label_count; i++) {
		const struct cv_label *label = &config->labels[i];
		const char *flaw = cv_label_flaw(label, realm);

		if (flaw != NULL)
			cv_log(CV_LOG_WARNING, "label-serves-nobody", flaw,
			    CV_LOG_TEXT("label", label->name),
			    CV_LOG_TEXT("factory", label->factory),
			    CV_LOG_TEXT("authority", label->authority));
	}
}

static void
warn_of_realm(struct app *app)
{
	int64_t now = cv_clock_wall_seconds(cv_clock_system());

	if (now - app->warned_utc < WARN_SECONDS && now >= app->warned_utc)
		return;
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(app->service);
	cv_ca_certificates_warn(realm, now);
	warn_of_labels(app->config, realm);
	app->warned_utc = now;
}

static bool
refresh(void *context, struct cv_connection *connection, struct cv_error *err)
{
	struct app *app = context;

	refresh_blocked_keys(app);
	if (!cv_service_refresh(app->service, connection, err))
		return false;
	warn_of_realm(app);
	cv_http_take_servers(app->http);
	return true;
}

/* In the feed's thread, after each read. */
static bool
write_collected(void *context, struct cv_connection *connection, struct cv_error *err)
{
	struct app *app = context;

	cv_audit_keep(&app->audit_keeper, connection);
	cv_service_write_reports(app->service, connection);
	cv_rotation_keep(&app->rotation_keeper, app->service, connection);
	return cv_service_write_events(app->service, connection, err);
}

static void
show_progress(void *context, int64_t loaded, int64_t total)
{
	const struct app *app = context;
	char status[96];

	cv_http_note_load(app->http, loaded, total);
	/* Nothing is served yet, so there is nothing to finish. */
	if (cv_signals_stop_is_pending()) {
		cv_log(CV_LOG_INFO, "stopped", "stopped while the index was being loaded");
		_exit(0);
	}
	cv_log(CV_LOG_INFO, "index-loading", "loading the status of certificates",
	    CV_LOG_NUMBER("loaded", loaded), CV_LOG_NUMBER("total", total));
	(void)snprintf(status, sizeof(status),
	    "STATUS=loading certificates: %" PRId64 " of %" PRId64, loaded, total);
	cv_notify(status);
}

static bool
start_feed(struct app *app, struct cv_error *err)
{
	const struct cv_feed_options options = {
	    .pool = app->pool,
	    .index = app->index,
	    .clock = cv_clock_system(),
	    .poll_ms = POLL_MS,
	    .seen_flush_ms = SEEN_FLUSH_MS,
	    .grace_seconds = app->config->index_expired_grace_seconds,
	    .on_read = refresh,
	    .on_flush = write_collected,
	    .on_progress = show_progress,
	    .context = app,
	};

	return cv_feed_start(&options, &app->feed, err) || cv_error_context(err, "index");
}

static bool
start_http(struct app *app, struct cv_error *err)
{
	if (!cv_app_read_pairs(app->config, app->config, &app->pairs, err))
		return cv_error_context(err, "listeners");
	cv_app_fill_http(app->config, &app->pairs, &app->http_options);
	app->http_options.service = app->service;
	app->http_options.service_ca = app->service_ca;
	if (!cv_activation_take(&app->http_options, err))
		return cv_error_context(err, "listeners");
	return cv_http_start(&app->http_options, &app->http, err) ||
	       cv_error_context(err, "listeners");
}

static bool
start_sender(struct app *app, struct cv_error *err)
{
	const struct cv_config *config = app->config;
	const struct cv_sender_settings settings = {
	    .connections = config->outbound_connections,
	    .per_subscriber = config->outbound_per_subscriber,
	    .timeout_seconds = config->outbound_timeout_seconds,
	    .tries = config->outbound_tries,
	    .retry_seconds = config->outbound_retry_seconds,
	    .retry_max_seconds = config->outbound_retry_max_seconds,
	    .keep_seconds = config->outbound_keep_days * 86400,
	    .ca_file = config->outbound_ca_file,
	    .issuer = config->outbound_issuer,
	};
	struct cv_error flaw = CV_ERROR_INIT;

	/* No reason not to serve: devices have nothing to do with it. */
	if (!cv_config_check_ca_file(config, &flaw))
		cv_log_error(CV_LOG_WARNING, "ca-file-failed",
		    "[outbound] ca_file is not good: no receiver can be verified", &flaw);
	return cv_sender_start(app->service, &settings, &app->sender, err) ||
	       cv_error_context(err, "events");
}

static void
log_ready(const struct app *app)
{
	const struct cv_http_options *options = &app->http_options;

	cv_log(CV_LOG_INFO, "ready", "serving", CV_LOG_TEXT("version", CV_VERSION),
	    CV_LOG_NUMBER("device_port", options->device.bound_port),
	    CV_LOG_NUMBER("gateway_port", options->gateway.bound_port),
	    CV_LOG_NUMBER("operator_port", options->operator_.bound_port),
	    CV_LOG_NUMBER("public_port", options->public_.bound_port),
	    CV_LOG_NUMBER("monitoring_port", options->monitoring.bound_port),
	    CV_LOG_NUMBER("certificates", cv_index_count(app->index)));
	cv_notify("READY=1\nSTATUS=serving");
}

/* For somebody who cannot reach the monitoring listener. */
static void
log_state(const struct app *app)
{
	size_t open = 0, borrowed = 0;

	cv_pool_count(app->pool, &open, &borrowed);
	cv_http_log_state(app->http);
	cv_log(CV_LOG_INFO, "state", "as asked for by SIGUSR2",
	    CV_LOG_NUMBER("certificates", cv_index_count(app->index)),
	    CV_LOG_NUMBER("index_age_ms", cv_index_age_ms(app->index)),
	    CV_LOG_TEXT("index", cv_service_is_fresh(app->service) ? "fresh" : "old"),
	    CV_LOG_TEXT("database", cv_pool_is_up(app->pool) ? "up" : "down"),
	    CV_LOG_NUMBER("database_connections", open),
	    CV_LOG_NUMBER("database_connections_borrowed", borrowed));
}

/* Three times in the watchdog's interval. */
static int
tick_ms(const struct cv_watchdog *watchdog)
{
	if (watchdog->interval_ms == 0 || watchdog->interval_ms / 3 > TICK_MS)
		return TICK_MS;
	return (int)(watchdog->interval_ms / 3);
}

static void
feel_pulses(struct app *app, struct cv_watchdog *watchdog)
{
	struct cv_pulse pulses[CV_HTTP_PULSES_MAX + 2];
	size_t count = cv_http_read_pulses(app->http, pulses);

	cv_feed_read_pulse(app->feed, &pulses[count++]);
	cv_sender_read_pulse(app->sender, &pulses[count++]);
	cv_watchdog_tick(watchdog, pulses, count, cv_clock_boot_ms(cv_clock_system()));
}

static unsigned
sender_drain_ms(const struct cv_config *config)
{
	int64_t seconds = config->server_drain_seconds < SENDER_DRAIN_SECONDS
			      ? config->server_drain_seconds
			      : SENDER_DRAIN_SECONDS;

	return (unsigned)seconds * 1000;
}

static void
serve_until_stop(struct app *app)
{
	struct cv_reload reload;
	struct cv_watchdog watchdog;

	cv_watchdog_init(&watchdog);
	cv_reload_init(&reload, app->config, app->service, app->service_ca, app->http, &app->pairs);
	for (;;) {
		feel_pulses(app, &watchdog);
		switch (cv_signals_wait(tick_ms(&watchdog))) {
		case CV_SIGNAL_STOP:
			return;
		case CV_SIGNAL_RELOAD:
			cv_reload_all(&reload);
			break;
		case CV_SIGNAL_DUMP:
			log_state(app);
			break;
		case CV_SIGNAL_NONE:
			cv_reload_changed_pairs(&reload);
			break;
		}
	}
}

static bool
run(struct app *app, struct cv_error *err)
{
	if (!start_database(app, err) || !start_signer(app, err) || !start_service(app, err) ||
	    !start_http(app, err) || !start_feed(app, err))
		return false;
	if (!cv_http_open(app->http, err))
		return cv_error_context(err, "listeners");
	if (!start_sender(app, err))
		return false;
	log_ready(app);
	serve_until_stop(app);
	cv_notify("STOPPING=1\nSTATUS=finishing the requests in flight");
	cv_http_drain(app->http, (unsigned)app->config->server_drain_seconds * 1000);
	cv_sender_stop(app->sender, sender_drain_ms(app->config));
	return true;
}

bool
cv_app_serve(struct cv_config *config, struct cv_error *err)
{
	struct app app = {.config = config};

	cv_process_harden();
	cv_process_raise_open_files();
	cv_signals_block();
	cv_log_set_level((enum cv_log_level)config->log_level);
	bool is_good = run(&app, err);
	app_deinit(&app);
	if (is_good)
		cv_log(CV_LOG_INFO, "stopped", "stopped in good order");
	return is_good;
}
