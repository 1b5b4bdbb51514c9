#include "cv/store/schema.h"

#include <string.h>

#include "database_internal.h"

/* A migration may rewrite tables. */
#define MIGRATION_MS (30 * 60 * 1000)

int
cv_schema_wanted(void)
{
	int version = 0;

	while (cv_sql_migrations[version].name)
		version++;
	return version;
}

static bool
read_version(struct cv_connection *connection, int *ret_version, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *exists = NULL;
	CV_AUTO_RESULT PGresult *version = NULL;

	if (!cv_execute(connection, CV_SQL(schema_exists), NULL, &exists, err))
		return false;
	if (!cv_row_bool((struct cv_row){exists, 0}, 0)) {
		*ret_version = 0;
		return true;
	}
	if (!cv_execute(connection, CV_SQL(schema_version), NULL, &version, err))
		return false;
	*ret_version = (int)cv_row_number((struct cv_row){version, 0}, 0);
	return true;
}

static bool
newer_schema(int version, struct cv_error *err)
{
	return cv_fail(err, CV_E_SCHEMA,
	    "database schema has version %d, newer than the %d that this program knows: "
	    "install the newer certvendor",
	    version, cv_schema_wanted());
}

static bool
apply(struct cv_connection *connection, int version, const struct cv_sql_entry *migration,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	if (!cv_execute_script(connection, migration->text, MIGRATION_MS, err))
		return cv_error_context(err, "migration %s", migration->name);
	cv_parameter_number(&parameters, version);
	cv_parameter_text(&parameters, migration->name);
	return cv_execute(connection, CV_SQL(schema_insert), &parameters, NULL, err);
}

static bool
apply_next(
    struct cv_connection *connection, int *ret_version, bool *ret_has_applied, struct cv_error *err)
{
	int version;

	if (!cv_execute(connection, CV_SQL(begin), NULL, NULL, err) ||
	    !cv_execute(connection, CV_SQL(migration_lock), NULL, NULL, err) ||
	    !read_version(connection, &version, err))
		return false;
	*ret_has_applied = false;
	if (version > cv_schema_wanted())
		return newer_schema(version, err);
	if (version < cv_schema_wanted()) {
		if (!apply(connection, version + 1, &cv_sql_migrations[version], err))
			return false;
		*ret_has_applied = true;
		version++;
	}
	*ret_version = version;
	return cv_execute(connection, CV_SQL(commit), NULL, NULL, err);
}

static bool
make_roles(struct cv_connection *connection, struct cv_error *err)
{
	for (size_t i = 0; cv_sql_roles[i].name; i++) {
		if (!cv_execute_script(connection, cv_sql_roles[i].text, MIGRATION_MS, err))
			return cv_error_context(err, "roles");
	}
	return true;
}

bool
cv_schema_migrate(struct cv_connection *connection, cv_schema_progress *progress, void *context,
    int *ret_version, struct cv_error *err)
{
	bool has_applied = true;

	if (!cv_execute_script(
		connection, "SET statement_timeout = 0; SET lock_timeout = 0", MIGRATION_MS, err) ||
	    !make_roles(connection, err))
		return false;
	while (has_applied) {
		if (!apply_next(connection, ret_version, &has_applied, err)) {
			cv_rollback(connection);
			return false;
		}
		if (has_applied && progress)
			progress(context, *ret_version, cv_sql_migrations[*ret_version - 1].name);
	}
	return true;
}

bool
cv_schema_check_durability(struct cv_connection *connection, struct cv_error *err)
{
	static const char *const names[] = {"fsync", "full_page_writes", "synchronous_commit"};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	if (!cv_execute(connection, CV_SQL(server_settings), NULL, &result, err))
		return false;
	row = (struct cv_row){result, 0};
	for (int i = 0; i < 3; i++) {
		if (strcmp(cv_row_text(row, i), "off") == 0)
			return cv_fail(err, CV_E_CONFIG,
			    "database setting %s is off: a commit would not survive a power cut",
			    names[i]);
	}
	if (cv_row_bool(row, 3))
		return cv_fail(
		    err, CV_E_CONFIG, "database server is a standby: a primary is needed");
	return true;
}

bool
cv_schema_check_version(struct cv_connection *connection, struct cv_error *err)
{
	int version;

	if (!read_version(connection, &version, err))
		return false;
	if (version > cv_schema_wanted())
		return newer_schema(version, err);
	if (version < cv_schema_wanted())
		return cv_fail(err, CV_E_SCHEMA,
		    "database schema has version %d, this program needs %d: run 'certvendor "
		    "migrate'",
		    version, cv_schema_wanted());
	return true;
}

bool
cv_schema_check(struct cv_connection *connection, struct cv_error *err)
{
	return cv_schema_check_version(connection, err) &&
	       cv_schema_check_durability(connection, err);
}

bool
cv_schema_clock(struct cv_connection *connection, int64_t *ret_wall_ms, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(server_clock), NULL, &result, err))
		return false;
	*ret_wall_ms = cv_row_number((struct cv_row){result, 0}, 0);
	return true;
}
