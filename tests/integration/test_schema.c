/* Migrations, the start-up check, and what the database itself refuses. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "../../server/store/database_internal.h"
#include "cv/store/schema.h"

#include "cv_sql.h"

#define CHECK_VIOLATION "23514"
#define UNIQUE_VIOLATION "23505"
#define INSUFFICIENT_PRIVILEGE "42501"

struct scene {
	struct database database;
	struct cv_pool *pool;
	struct cv_connection *connection;
};

static void
scene_open(struct scene *scene, bool is_migrated)
{
	struct cv_pool_options options = {.size = 1, .statement_ms = 30000, .connect_seconds = 5};
	struct cv_error err = CV_ERROR_INIT;

	if (is_migrated)
		database_open(&scene->database);
	else
		database_open_empty(&scene->database);
	options.url = scene->database.url;
	must(cv_pool_new(&options, &scene->pool, &err), "pool", &err);
	must(cv_pool_borrow(scene->pool, &scene->connection, &err), "connection", &err);
}

static void
scene_close(struct scene *scene)
{
	cv_pool_return(scene->connection);
	cv_pool_free(scene->pool);
	database_close(&scene->database);
}

static void
count_migration(void *context, int version, const char *name)
{
	(void)version;
	cr_expect_gt(strlen(name), 0);
	(*(_Atomic int *)context)++;
}

/* ---- migrations ---- */

Test(schema, migrating_twice_does_it_once)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	_Atomic int applied = 0;
	int version = 0;

	scene_open(&scene, false);
	must(cv_schema_migrate(scene.connection, count_migration, &applied, &version, &err),
	    "migrate", &err);
	cr_expect_gt(cv_schema_wanted(), 0);
	cr_expect_eq(version, cv_schema_wanted());
	cr_expect_eq(applied, cv_schema_wanted());
	must(cv_schema_check(scene.connection, &err), "check", &err);
	must(cv_schema_migrate(scene.connection, count_migration, &applied, &version, &err),
	    "migrate", &err);
	cr_expect_eq(version, cv_schema_wanted());
	cr_expect_eq(applied, cv_schema_wanted());
	cr_expect_eq(
	    ask_number(&scene.database, "SELECT count(*) FROM certvendor.schema_migration"),
	    cv_schema_wanted());
	scene_close(&scene);
}

struct migrating {
	const struct database *database;
	_Atomic int *applied;
	bool is_good;
	struct cv_error err;
};

static void *
do_migrate(void *context)
{
	struct migrating *migrating = context;
	struct cv_pool_options options = {.url = migrating->database->url,
	    .size = 1,
	    .statement_ms = 30000,
	    .connect_seconds = 5};
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection;
	int version;

	must(cv_pool_new(&options, &pool, &migrating->err), "pool", &migrating->err);
	must(cv_pool_borrow(pool, &connection, &migrating->err), "connection", &migrating->err);
	migrating->is_good = cv_schema_migrate(
	    connection, count_migration, migrating->applied, &version, &migrating->err);
	cv_pool_return(connection);
	return NULL;
}

Test(schema, two_migrations_at_once_do_it_once)
{
	struct scene scene;
	_Atomic int applied = 0;

	scene_open(&scene, false);
	for (int round = 0; round < 5; round++) {
		struct migrating one = {.database = &scene.database, .applied = &applied};
		struct migrating other = {.database = &scene.database, .applied = &applied};

		applied = 0;
		change_database(&scene.database, "DROP SCHEMA IF EXISTS certvendor CASCADE");
		at_once(do_migrate, &one, do_migrate, &other);
		cr_expect(one.is_good, "%s %s", one.err.text, one.err.cause);
		cr_expect(other.is_good, "%s %s", other.err.text, other.err.cause);
		cr_expect_eq(applied, cv_schema_wanted());
	}
	scene_close(&scene);
}

Test(schema, a_schema_that_does_not_fit_is_named)
{
	static const struct {
		const char *change;
		const char *text; /* NULL: fits */
	} cases[] = {
	    {"SELECT 1", NULL},
	    {"INSERT INTO certvendor.schema_migration (version, name) VALUES (999, 'later')",
		"newer"},
	    {"DELETE FROM certvendor.schema_migration", "certvendor migrate"},
	    {"DROP SCHEMA certvendor CASCADE", "certvendor migrate"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;
		struct cv_error err = CV_ERROR_INIT;

		scene_open(&scene, true);
		change_database(&scene.database, "%s", cases[i].change);
		cr_expect_eq(cv_schema_check(scene.connection, &err), cases[i].text == NULL);
		cr_expect_eq(err.code, cases[i].text ? CV_E_SCHEMA : CV_E_NONE);
		if (cases[i].text)
			cr_expect(strstr(err.text, cases[i].text) != NULL, "%s", err.text);
		scene_close(&scene);
	}
}

Test(schema, a_newer_schema_is_not_migrated)
{
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	int version;

	scene_open(&scene, true);
	change_database(&scene.database,
	    "INSERT INTO certvendor.schema_migration (version, name) VALUES (999, 'later')");
	cr_expect_not(cv_schema_migrate(scene.connection, NULL, NULL, &version, &err));
	cr_expect_eq(err.code, CV_E_SCHEMA);
	change_database(
	    &scene.database, "DELETE FROM certvendor.schema_migration WHERE version = 999");
	err = (struct cv_error)CV_ERROR_INIT;
	must(cv_schema_migrate(scene.connection, NULL, NULL, &version, &err), "migrate", &err);
	scene_close(&scene);
}

Test(schema, commits_that_are_not_durable_are_refused)
{
	struct cv_pool_options options = {.size = 1, .statement_ms = 5000, .connect_seconds = 5};
	struct scene scene;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;

	scene_open(&scene, true);
	must(cv_schema_check(scene.connection, &err), "check", &err);
	change_database(
	    &scene.database, "ALTER DATABASE %s SET synchronous_commit = off", scene.database.name);
	options.url = scene.database.url;
	{
		CV_AUTO(cv_pool) struct cv_pool *pool = NULL;

		must(cv_pool_new(&options, &pool, &err), "pool", &err);
		must(cv_pool_borrow(pool, &connection, &err), "connection", &err);
		cr_expect_not(cv_schema_check(connection, &err));
		cr_expect_eq(err.code, CV_E_CONFIG);
		cr_expect(strstr(err.text, "synchronous_commit") != NULL, "%s", err.text);
		cv_pool_return(connection);
	}
	scene_close(&scene);
}

/* ---- statements ---- */

Test(schema, every_statement_can_be_prepared)
{
	struct scene scene;
	PGconn *connection;
	size_t count = 0;

	scene_open(&scene, true);
	connection = database_connect(&scene.database);
	run_sql(connection, "SET search_path = pg_catalog, pg_temp");
	for (; cv_sql_queries[count].name; count++) {
		PGresult *result = PQprepare(
		    connection, cv_sql_queries[count].name, cv_sql_queries[count].text, 0, NULL);

		cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s",
		    cv_sql_queries[count].name, PQresultErrorMessage(result));
		PQclear(result);
	}
	cr_expect_gt(count, 60);
	cr_expect_lt(2 * count, CV_PREPARED_MAX, "a connection remembers each of them");
	PQfinish(connection);
	scene_close(&scene);
}

/* ---- constraints ---- */

/* A device with a current key 1, which asked for the keys 2 to 11. */
static PGconn *
fill(const struct scene *scene)
{
	PGconn *connection = database_connect(&scene->database);

	run_sql(
	    connection, "INSERT INTO certvendor.device (factory, id) VALUES ('alpha', 'unit-1')");
	run_sql(connection, "INSERT INTO certvendor.slot (factory, device, name) VALUES ('alpha', "
			    "'unit-1', 'client')");
	run_sql(connection, "CREATE FUNCTION pg_temp.key(n integer) RETURNS bytea LANGUAGE sql AS "
			    "$$SELECT sha256(n::text::bytea)$$");
	run_sql(connection,
	    "INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, spki) "
	    "VALUES ('alpha', 'unit-1', 'client', pg_temp.key(1), 'current', 'x')");
	run_sql(connection,
	    "INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, asked_by, "
	    "spki) "
	    "SELECT 'alpha', 'unit-1', 'client', pg_temp.key(n), 'asked', pg_temp.key(1), 'x' "
	    "FROM generate_series(2, 11) AS n");
	return connection;
}

/* An allowed statement and, next to it, one that the database refuses. */
struct refusal {
	const char *good;
	const char *bad;
	const char *state;
};

static void
expect_refusals(const struct refusal *refusals, size_t count)
{
	struct scene scene;
	PGconn *connection;

	scene_open(&scene, true);
	connection = fill(&scene);
	for (size_t i = 0; i < count; i++) {
		char state[6];

		run_sql(connection, "BEGIN");
		try_sql(connection, refusals[i].good, state);
		cr_expect_str_eq(state, "", "%s: %s", refusals[i].good, state);
		try_sql(connection, refusals[i].bad, state);
		cr_expect_str_eq(state, refusals[i].state, "%s: \"%s\"", refusals[i].bad, state);
		run_sql(connection, "ROLLBACK");
	}
	PQfinish(connection);
	scene_close(&scene);
}

#define SET_STATE(state, which) "UPDATE certvendor.slot_key SET " state " WHERE " which
#define END(state) "state = '" state "', ended_at = now(), announced_at = NULL"

Test(schema, keys_keep_the_rules)
{
	static const struct refusal refusals[] = {
	    /* One current key. */
	    {SET_STATE(END("retired"), "key_id = pg_temp.key(1)") "; " SET_STATE(
		 "state = 'current'", "key_id = pg_temp.key(2)"),
		SET_STATE("state = 'current'", "key_id = pg_temp.key(3)"), UNIQUE_VIOLATION},
	    /* Eight announced ones. */
	    {SET_STATE("state = 'announced'",
		 "key_id IN (SELECT pg_temp.key(n) FROM generate_series(2, 9) AS n)"),
		SET_STATE("state = 'announced'", "key_id = pg_temp.key(10)"), CHECK_VIOLATION},
	    /* What ended stays so, and may at most turn out compromised. */
	    {SET_STATE(END("discarded"), "key_id = pg_temp.key(2)") "; " SET_STATE(
		 "state = 'compromised'", "key_id = pg_temp.key(2)"),
		SET_STATE("state = 'asked', ended_at = NULL", "key_id = pg_temp.key(2)"),
		CHECK_VIOLATION},
	    {SET_STATE(END("retired"), "key_id = pg_temp.key(1)"),
		SET_STATE("state = 'current', ended_at = NULL", "key_id = pg_temp.key(1)"),
		CHECK_VIOLATION},
	    {SET_STATE(END("compromised"), "key_id = pg_temp.key(2)"),
		SET_STATE("state = 'retired'", "key_id = pg_temp.key(2)"), CHECK_VIOLATION},
	    /* Only the current key announces. */
	    {SET_STATE("state = 'announced'", "key_id = pg_temp.key(2)"),
		SET_STATE(
		    "state = 'announced', asked_by = pg_temp.key(4)", "key_id = pg_temp.key(3)"),
		CHECK_VIOLATION},
	    /* An end has its time, and a grace belongs to a retired key. */
	    {SET_STATE(END("discarded"), "key_id = pg_temp.key(2)"),
		SET_STATE("state = 'discarded'", "key_id = pg_temp.key(3)"), CHECK_VIOLATION},
	    {SET_STATE(END("retired") ", talks_until = now()", "key_id = pg_temp.key(1)"),
		SET_STATE("talks_until = now()", "key_id = pg_temp.key(2)"), CHECK_VIOLATION},
	    {SET_STATE(END("retired") ", talks_until = now()", "key_id = pg_temp.key(1)"),
		SET_STATE(END("retired") ", talks_until = now()", "key_id = pg_temp.key(2)"),
		UNIQUE_VIOLATION},
	};

	expect_refusals(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

Test(schema, versions_rise_by_one)
{
	static const struct refusal refusals[] = {
	    {"UPDATE certvendor.slot SET version = version + 1",
		"UPDATE certvendor.slot SET version = version - 1", CHECK_VIOLATION},
	    {"UPDATE certvendor.slot SET version = version",
		"UPDATE certvendor.slot SET version = version + 2", CHECK_VIOLATION},
	};

	expect_refusals(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

#define AUDIT                                                                                      \
	"INSERT INTO certvendor.audit (id, actor, action) VALUES (gen_random_uuid(), 'a', 'b')"

Test(schema, the_audit_trail_is_append_only)
{
	static const struct refusal refusals[] = {
	    {AUDIT, "UPDATE certvendor.audit SET actor = 'c'", INSUFFICIENT_PRIVILEGE},
	    {AUDIT, "DELETE FROM certvendor.audit", INSUFFICIENT_PRIVILEGE},
	    {AUDIT, "TRUNCATE certvendor.audit", INSUFFICIENT_PRIVILEGE},
	};

	expect_refusals(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

#define CLAIM(device)                                                                              \
	"INSERT INTO certvendor.key_claim (factory, key_id, device) "                              \
	"VALUES ('alpha', pg_temp.key(1), '" device "')"
#define CERTIFICATE(n, serial)                                                                     \
	"INSERT INTO certvendor.certificate (fingerprint, tbs_digest, sha1, factory, device, "     \
	"slot, key_id, authority, is_ours, serial, not_before, not_after, der) "                   \
	"VALUES (pg_temp.key(" n "), pg_temp.key(" n "), substr(pg_temp.key(" n "), 1, 20), "      \
	"'alpha', 'unit-1', 'client', pg_temp.key(1), "                                            \
	"'00000000-0000-7000-8000-000000000000', true, '" serial "', now(), "                      \
	"now() + interval '1 day', 'x')"

Test(schema, keys_and_serials_have_one_owner)
{
	static const struct refusal refusals[] = {
	    {CLAIM("unit-1"), CLAIM("unit-2"), UNIQUE_VIOLATION},
	    {CERTIFICATE("1", "a") "; " CERTIFICATE("2", "b"), CERTIFICATE("3", "a"),
		UNIQUE_VIOLATION},
	    {CERTIFICATE("1", "a"), "UPDATE certvendor.certificate SET revoked_at = now()",
		CHECK_VIOLATION},
	};

	expect_refusals(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

/* The role of the service may do what it does, and cannot undo what was written. */
Test(schema, the_service_role_cannot_forget)
{
	static const struct refusal refusals[] = {
	    {"SET LOCAL ROLE certvendor_service; " AUDIT, "DELETE FROM certvendor.audit",
		INSUFFICIENT_PRIVILEGE},
	    {"SET LOCAL ROLE certvendor_service; SELECT count(*) FROM certvendor.certificate",
		"DELETE FROM certvendor.certificate", INSUFFICIENT_PRIVILEGE},
	    {"SET LOCAL ROLE certvendor_service; UPDATE certvendor.device SET owner = 'x'",
		"DELETE FROM certvendor.device", INSUFFICIENT_PRIVILEGE},
	    {"SET LOCAL ROLE certvendor_service; SELECT count(*) FROM certvendor.key_claim",
		"DELETE FROM certvendor.key_claim", INSUFFICIENT_PRIVILEGE},
	    {"SET LOCAL ROLE certvendor_reader; SELECT count(*) FROM certvendor.device",
		"SELECT hash FROM certvendor.operator_token", INSUFFICIENT_PRIVILEGE},
	};

	expect_refusals(refusals, sizeof(refusals) / sizeof(refusals[0]));
}
