/* Schema version, migrations, and the settings without which a commit is not durable. Blocking. */
#ifndef CV_STORE_SCHEMA_H
#define CV_STORE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/store/pool.h"
#include "cv/util/error.h"

/* Called once for each migration applied. */
typedef void cv_schema_progress(void *context, int version, const char *name);

/*
 * Makes the group roles and applies what is missing, each migration in a transaction of its own,
 * under an advisory lock so that two at once do it once. CV_E_SCHEMA when the schema is newer than
 * this program.
 */
bool cv_schema_migrate(struct cv_connection *connection, cv_schema_progress *progress,
    void *context, int *ret_version, struct cv_error *err);

/*
 * Start-up check. CV_E_SCHEMA: older (says "run certvendor migrate"), newer, or none. CV_E_CONFIG:
 * fsync, full_page_writes or synchronous_commit is off, or the server is a standby.
 */
bool cv_schema_check(struct cv_connection *connection, struct cv_error *err);

/* The two halves of it. */
bool cv_schema_check_version(struct cv_connection *connection, struct cv_error *err);
bool cv_schema_check_durability(struct cv_connection *connection, struct cv_error *err);

/* The database server's wall clock, milliseconds since 1970. */
bool cv_schema_clock(struct cv_connection *connection, int64_t *ret_wall_ms, struct cv_error *err);

/* The version this program needs. */
int cv_schema_wanted(void);

#endif
