/* The chain over the audit trail: who chains, and which traces remain when rows are changed. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/service/audit_chain.h"

#define ROWS 1200 /* more than a verifier reads at once */

struct scene {
	struct database database;
	struct cv_pool *pool;
	struct cv_connection *connection;
};

static struct cv_connection *
borrow(struct scene *scene)
{
	struct cv_connection *connection = NULL;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_pool_borrow(scene->pool, &connection, &err), "connection", &err);
	return connection;
}

static void
scene_open_with_plans(struct scene *scene, int plans_ms)
{
	struct cv_error err = CV_ERROR_INIT;

	database_open(&scene->database);
	const struct cv_pool_options options = {.url = scene->database.url,
	    .size = 4,
	    .statement_ms = 20000,
	    .connect_seconds = 5,
	    .plans_ms = plans_ms};
	must(cv_pool_new(&options, &scene->pool, &err), "pool", &err);
	scene->connection = borrow(scene);
}

static void
scene_open(struct scene *scene)
{
	scene_open_with_plans(scene, 0);
}

static void
scene_close(struct scene *scene)
{
	cv_pool_return(scene->connection);
	cv_pool_free(scene->pool);
	database_close(&scene->database);
}

static void
write_rows(const struct scene *scene, int count)
{
	change_database(&scene->database,
	    "INSERT INTO certvendor.audit (id, actor, action, device, reason, after) "
	    "SELECT gen_random_uuid(), 'operator:' || n, 'held', NULLIF('d' || n %% 3, 'd0'), '', "
	    "jsonb_build_object('n', n) FROM generate_series(1, %d) n",
	    count);
}

static struct cv_audit_link
chain(struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_audit_link head = {.position = 0};
	size_t chained = 1;

	while (chained > 0)
		must(cv_audit_chain(connection, &chained, &head, &err), "chaining", &err);
	return head;
}

static struct cv_audit_report
verify(struct scene *scene, const struct cv_audit_link *expected)
{
	struct cv_audit_report report;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_audit_verify(scene->connection, expected, &report, &err), "verification", &err);
	return report;
}

/* As somebody does who owns the database. */
static void
tamper(const struct scene *scene, const char *statement)
{
	change_database(&scene->database, "SET session_replication_role = replica; %s", statement);
}

#define OPEN_CHAINED(scene)                                                                        \
	struct scene scene;                                                                        \
	scene_open(&scene);                                                                        \
	write_rows(&scene, ROWS);                                                                  \
	struct cv_audit_link head = chain(scene.connection)

Test(audit, an_untouched_chain_is_good)
{
	OPEN_CHAINED(scene);
	struct cv_audit_report report = verify(&scene, NULL);

	cr_expect(report.is_good, "%s", report.problem);
	cr_expect_eq(report.rows, ROWS);
	cr_expect_eq(report.outside.unchained, 0);
	cr_expect_eq(head.position, ROWS);
	cr_expect(cv_digest_equal(&head.hash, &report.head.hash));
	cr_expect(verify(&scene, &head).is_good);

	/* What is too new is counted and no problem; then the chain goes on where it was. */
	write_rows(&scene, 2);
	report = verify(&scene, &head);
	cr_expect(report.is_good);
	cr_expect_eq(report.outside.unchained, 2);
	cr_expect_eq(chain(scene.connection).position, ROWS + 2);
	cr_expect(verify(&scene, &head).is_good);
	scene_close(&scene);
}

Test(audit, rows_that_nobody_chains_are_a_problem)
{
	OPEN_CHAINED(scene);
	struct cv_audit_report report;

	write_rows(&scene, 3);
	tamper(&scene, "UPDATE certvendor.audit SET at = now() - interval '50 s' "
		       "WHERE position IS NULL");
	cr_expect(verify(&scene, &head).is_good);
	tamper(&scene, "UPDATE certvendor.audit SET at = now() - interval '70 s' "
		       "WHERE actor = 'operator:1' AND position IS NULL");
	report = verify(&scene, &head);
	cr_expect_not(report.is_good);
	cr_expect_not_null(
	    strstr(report.problem, "1 rows older than a minute"), "%s", report.problem);
	cr_expect_eq(report.outside.unchained, 3);
	cr_expect_eq(report.rows, ROWS);
	chain(scene.connection);
	cr_expect(verify(&scene, &head).is_good);
	scene_close(&scene);
}

Test(audit, an_empty_chain_is_good)
{
	struct scene scene;

	scene_open(&scene);
	struct cv_audit_report report = verify(&scene, NULL);
	cr_expect(report.is_good, "%s", report.problem);
	cr_expect_eq(report.rows, 0);
	scene_close(&scene);
}

#define FORGED(at, position, hash)                                                                 \
	"INSERT INTO certvendor.audit (id, at, actor, action, position, hash) "                    \
	"VALUES (gen_random_uuid(), " at ", 'a', 'b', " position ", " hash ")"
#define DROP(name) "ALTER TABLE certvendor.audit DROP CONSTRAINT audit_" name "; "

Test(audit, tampering_shows_at_the_first_bad_row)
{
	static const struct {
		const char *statement, *problem;
	} rows[] = {
	    {"UPDATE certvendor.audit SET actor = 'nobody' WHERE position = 700", "row 700 "},
	    {"UPDATE certvendor.audit SET after = NULL WHERE position = 1200", "row 1200 "},
	    {"UPDATE certvendor.audit SET at = at + interval '1 microsecond' WHERE position = 1",
		"row 1 "},
	    {"UPDATE certvendor.audit SET reason = NULL WHERE position = 5", "row 5 "},
	    {"UPDATE certvendor.audit SET id = gen_random_uuid() WHERE position = 6", "row 6 "},
	    {"UPDATE certvendor.audit SET hash = sha256('') WHERE position = 44", "row 44 "},
	    {"DELETE FROM certvendor.audit WHERE position = 700", "row 701 "},
	    {"DELETE FROM certvendor.audit WHERE position = 1", "row 2 "},
	    /* Closed up behind the deleted row. */
	    {"DELETE FROM certvendor.audit WHERE position = 700; "
	     "UPDATE certvendor.audit SET position = position + 5000 WHERE position > 700; "
	     "UPDATE certvendor.audit SET position = position - 5001 WHERE position > 5000; "
	     "UPDATE certvendor.audit_chain SET last = last - 1",
		"row 700 "},
	    /* Two rows change places. */
	    {"UPDATE certvendor.audit SET position = 9000 WHERE position = 300; "
	     "UPDATE certvendor.audit SET position = 300 WHERE position = 301; "
	     "UPDATE certvendor.audit SET position = 301 WHERE position = 9000",
		"row 300 "},
	    /* A row is put in between. */
	    {"UPDATE certvendor.audit SET position = position + 5000 WHERE position > 10; "
	     "UPDATE certvendor.audit SET position = position - 4999 WHERE position > 5000; "
	     "INSERT INTO certvendor.audit (id, actor, action, position, hash) "
	     "VALUES (gen_random_uuid(), 'a', 'b', 11, sha256('x')); "
	     "UPDATE certvendor.audit_chain SET last = last + 1",
		"row 11 "},
	    /* The end is cut off. */
	    {"DELETE FROM certvendor.audit WHERE position > 1195", "rows 1196 to 1200 are missing"},
	    {"TRUNCATE certvendor.audit", "rows 1 to 1200 are missing"},
	    {"UPDATE certvendor.audit_chain SET last = 1100", "its noted end is another"},
	    {"UPDATE certvendor.audit_chain SET hash = sha256('')", "its noted end is another"},
	    {FORGED("now() + interval '2 hours'", "NULL", "NULL"), "1 rows stand outside"},
	    /* In a trail that took these before. */
	    {DROP("position_counts") FORGED("now()", "0", "sha256('x')"), "1 rows stand outside"},
	    {DROP("position_counts") FORGED("now()", "-7", "sha256('x')"), "1 rows stand outside"},
	    {DROP("at_is_a_time") FORGED("'infinity'", "NULL", "NULL"), "1 rows stand outside"},
	    {DROP("at_is_a_time") FORGED("'-infinity'", "NULL", "NULL"), "1 rows stand outside"},
	    /* That nobody chains is told all the same. */
	    {DROP("position_counts") FORGED("now()", "0", "sha256('x')") "; " FORGED(
		 "now() - interval '2 minutes'", "NULL", "NULL"),
		"1 rows older"},
	    {DROP("at_is_a_time") FORGED("'-infinity'", "NULL", "NULL") "; " FORGED(
		 "now() - interval '2 minutes'", "NULL", "NULL"),
		"1 rows older"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		OPEN_CHAINED(scene);
		(void)head;
		tamper(&scene, rows[i].statement);
		struct cv_audit_report report = verify(&scene, NULL);
		cr_expect_not(report.is_good, "%s", rows[i].statement);
		cr_expect(strstr(report.problem, rows[i].problem) == report.problem ||
			      strstr(report.problem, rows[i].problem) != NULL,
		    "%s: %s", rows[i].statement, report.problem);
		scene_close(&scene);
	}
}

Test(audit, no_row_is_put_where_no_chain_comes_to)
{
	static const struct {
		const char *statement, *state;
	} rows[] = {
	    {FORGED("now()", "0", "sha256('x')"), "23514"},
	    {FORGED("now()", "-7", "sha256('x')"), "23514"},
	    {FORGED("'infinity'", "NULL", "NULL"), "23514"},
	    {FORGED("'-infinity'", "NULL", "NULL"), "23514"},
	    {FORGED("now()", "NULL", "NULL"), ""},
	};
	struct scene scene;
	char state[6];

	scene_open(&scene);
	PGconn *other = database_connect(&scene.database);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		try_sql(other, rows[i].statement, state);
		cr_expect_str_eq(state, rows[i].state, "%s", rows[i].statement);
	}
	PQfinish(other);
	scene_close(&scene);
}

static void
expect_turn(struct scene *scene, bool has_work)
{
	struct cv_audit_link head;
	struct cv_error err = CV_ERROR_INIT;
	bool is_mine;

	must(cv_audit_store_begin(scene->connection, &is_mine, &head, &err), "the chain", &err);
	cr_expect_eq(is_mine, has_work);
	cv_audit_store_rollback(scene->connection);
}

/* It waits for somebody to look at it; the others do not. */
Test(audit, a_row_that_cannot_be_chained_keeps_nobody_back)
{
	OPEN_CHAINED(scene);

	tamper(&scene, DROP("at_is_a_time") FORGED("'infinity'", "NULL", "NULL"));
	expect_turn(&scene, false);
	write_rows(&scene, 2);
	expect_turn(&scene, true);
	cr_expect_eq(chain(scene.connection).position, head.position + 2);
	expect_turn(&scene, false);

	/* As docs/operations.md has it. */
	cr_expect_not(verify(&scene, &head).is_good);
	change_database(&scene.database,
	    "BEGIN; SET LOCAL lock_timeout = '1s'; "
	    "ALTER TABLE certvendor.audit DISABLE TRIGGER audit_append_only; "
	    "DELETE FROM certvendor.audit WHERE position < 1 OR position IS NULL AND NOT "
	    "isfinite(at) RETURNING *; "
	    "ALTER TABLE certvendor.audit ENABLE TRIGGER audit_append_only; COMMIT;");
	cr_expect(verify(&scene, &head).is_good);
	scene_close(&scene);
}

/* Whoever cuts the end off and also notes another end leaves a chain that fits itself. */
Test(audit, only_a_note_elsewhere_shows_a_careful_cut)
{
	OPEN_CHAINED(scene);

	tamper(&scene, "DELETE FROM certvendor.audit WHERE position > 1000; "
		       "UPDATE certvendor.audit_chain SET last = 1000, "
		       "hash = (SELECT hash FROM certvendor.audit WHERE position = 1000)");
	cr_expect(verify(&scene, NULL).is_good);
	struct cv_audit_report report = verify(&scene, &head);
	cr_expect_not(report.is_good);
	cr_expect(strstr(report.problem, "row 1200 with the expected hash is not in the chain"));

	/* Filled up again with other rows, it still does not hold what was noted. */
	write_rows(&scene, 300);
	cr_expect_eq(chain(scene.connection).position, 1300);
	cr_expect(verify(&scene, NULL).is_good);
	cr_expect_not(verify(&scene, &head).is_good);
	scene_close(&scene);
}

Test(audit, a_chainer_that_dies_half_way_leaves_nothing)
{
	struct scene scene;

	scene_open(&scene);
	write_rows(&scene, 3);
	PGconn *other = database_connect(&scene.database);
	run_sql(other, "BEGIN; SELECT last FROM certvendor.audit_chain FOR UPDATE; "
		       "UPDATE certvendor.audit SET position = 1, hash = sha256('') WHERE id = "
		       "(SELECT min(id::text)::uuid FROM certvendor.audit); "
		       "UPDATE certvendor.audit_chain SET last = 1, hash = sha256('')");
	cr_expect_eq(chain(scene.connection).position, 0);
	PQfinish(other);
	for (int i = 0; i < 500 && chain(scene.connection).position != 3; i++)
		pause_ms(10);
	struct cv_audit_report report = verify(&scene, NULL);
	cr_expect(report.is_good, "%s", report.problem);
	cr_expect_eq(report.rows, 3);
	scene_close(&scene);
}

Test(audit, whoever_comes_second_does_not_wait)
{
	struct scene scene;
	struct cv_audit_link head;
	struct cv_error err = CV_ERROR_INIT;
	bool is_mine = false;
	size_t chained = 9;

	scene_open(&scene);
	write_rows(&scene, 3);
	struct cv_connection *other = borrow(&scene);
	must(cv_audit_store_begin(other, &is_mine, &head, &err), "taking the chain", &err);
	cr_assert(is_mine);
	must(cv_audit_chain(scene.connection, &chained, &head, &err), "chaining", &err);
	cr_expect_eq(chained, 0);
	/* Writers do not wait either. */
	write_rows(&scene, 1);
	cv_audit_store_rollback(other);
	cv_pool_return(other);
	cr_expect_eq(chain(scene.connection).position, 4);
	scene_close(&scene);
}

static void *
chain_often(void *context)
{
	struct scene *scene = context;
	struct cv_connection *connection = borrow(scene);
	struct cv_audit_link head;
	struct cv_error err = CV_ERROR_INIT;
	size_t chained;

	for (int i = 0; i < 200; i++)
		must(cv_audit_chain(connection, &chained, &head, &err), "chaining", &err);
	cv_pool_return(connection);
	return NULL;
}

static void *
write_often(void *context)
{
	struct scene *scene = context;
	pthread_t second;

	cr_assert_eq(pthread_create(&second, NULL, chain_often, scene), 0);
	for (int i = 0; i < 60; i++)
		write_rows(scene, 7);
	pthread_join(second, NULL);
	return NULL;
}

Test(audit, two_chainers_make_one_chain)
{
	struct scene scene;

	scene_open(&scene);
	at_once(chain_often, &scene, write_often, &scene);
	(void)chain(scene.connection);
	struct cv_audit_report report = verify(&scene, NULL);
	cr_expect(report.is_good, "%s", report.problem);
	cr_expect_eq(report.rows, 420);
	scene_close(&scene);
}

/* A verifier written from the description alone. */
Test(audit, the_hash_is_the_one_that_is_described)
{
	struct scene scene;

	scene_open(&scene);
	change_database(&scene.database,
	    "INSERT INTO certvendor.audit (id, at, actor, action, device, after) VALUES "
	    "('01890000-0000-7000-8000-000000000001', '2026-01-01T00:00:00.000001Z', 'a', 'held', "
	    "'', '{\"b\":1}')");
	(void)chain(scene.connection);
	cr_expect_eq(
	    ask_number(&scene.database,
		"SELECT count(*) FROM certvendor.audit WHERE position = 1 AND hash = "
		"sha256(decode(repeat('00', 32), 'hex') || int8send(1) || "
		"int8send(1767225600000001) || "
		"int4send(36) || convert_to(id::text, 'UTF8') || int4send(1) || 'a' || "
		"int4send(4) || 'held' || int4send(-1) || int4send(0) || int4send(-1) || "
		"int4send(-1) || int4send(-1) || int4send(-1) || int4send(8) || '{\"b\": 1}')"),
	    1);
	scene_close(&scene);
}

/* Chains what is there with one connection, in portions, each after a new loan. */
static void
chain_portions(struct scene *scene, size_t count)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_audit_link head;
	size_t chained;

	for (size_t i = 0; i < count; i++) {
		must(cv_audit_chain(scene->connection, &chained, &head, &err), "chaining", &err);
		cv_pool_return(scene->connection);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		scene->connection = borrow(scene);
	}
}

/* A trail that had one row when its statistics were gathered and grows at once, as when a fleet
 * enrols: a portion must not read all of it. */
Test(audit, statements_are_planned_anew_for_a_table_that_grew)
{
	struct scene scene;

	scene_open_with_plans(&scene, 1);
	change_database(
	    &scene.database, "ALTER TABLE certvendor.audit SET (autovacuum_enabled = off)");
	write_rows(&scene, 1);
	chain_portions(&scene, 1);
	change_database(&scene.database, "ANALYZE certvendor.audit");
	write_rows(&scene, 1);
	chain_portions(&scene, 1);
	write_rows(&scene, 5000);
	chain_portions(&scene, 2);
	/* The end of a connection is when PostgreSQL counts what it read. */
	cv_pool_return(scene.connection);
	cv_pool_free(scene.pool);
	scene.connection = NULL;
	scene.pool = NULL;
	int64_t placed = ask_number(
	    &scene.database, "SELECT count(*) FROM certvendor.audit WHERE position IS NOT NULL");
	cr_expect_eq(placed, 1002);
	int64_t read = 0;
	for (int i = 0; i < 100 && read == 0; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		read = ask_number(&scene.database, "SELECT idx_tup_read FROM pg_stat_user_indexes "
						   "WHERE indexrelname = 'audit_pkey'");
	}
	cr_expect(read >= 1000 && read < 3000, "%jd rows of the index were read", (intmax_t)read);
	scene_close(&scene);
}
