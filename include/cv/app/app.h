/* Builds the parts of the service in order, runs them until a signal comes, and takes them down in
 * reverse. */
#ifndef CV_APP_APP_H
#define CV_APP_APP_H

#include <stdbool.h>

#include "cv/app/config.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

#ifndef CV_VERSION
#define CV_VERSION "0.1.0"
#endif

/*
 * Runs until SIGTERM or SIGINT, then drains; true after an orderly end. Wipes the passphrase in
 * config once the signer has it. Blocking; main thread.
 */
bool cv_app_serve(struct cv_config *config, struct cv_error *err);
/* Brings the database schema up to date and prints what was done. */
bool cv_app_migrate(const struct cv_config *config, struct cv_error *err);
/* Asks the monitoring listener of the service on this machine whether it is ready. CV_E_CONFIG: it
 * has none. */
bool cv_app_check_health(const struct cv_config *config, struct cv_error *err);
/* Does it answer at all, ready or not? False also without a monitoring listener. */
bool cv_app_is_alive(const struct cv_config *config);

/* A pool of one connection for a command that ends soon. CV_E_CONFIG without a url. */
bool cv_app_open_database(const char *url, int statement_ms, struct cv_pool **ret_pool,
    struct cv_connection **ret_connection, struct cv_error *err);

#endif
