/* How lists are read from a fleet that is large: by which index. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv_sql.h"

#define ROWS 100000

/* A fleet of one certificate each, every second one denied. Triggers and order do not matter. */
static void
seed(PGconn *connection)
{
	run_sql(connection, "SET session_replication_role = replica");
	run_sql(connection,
	    "INSERT INTO certvendor.slot_key (factory, device, slot, key_id, state, spki, "
	    "ended_at) "
	    "SELECT 'alpha', 'unit-' || n, 'client', sha256(('key' || n)::bytea), "
	    "CASE n %% 2 WHEN 0 THEN 'current' ELSE 'retired' END::certvendor.key_state, 'spki', "
	    "CASE n %% 2 WHEN 0 THEN NULL ELSE now() END FROM generate_series(1, %d) n",
	    ROWS);
	run_sql(connection,
	    "INSERT INTO certvendor.certificate (fingerprint, tbs_digest, sha1, factory, device, "
	    "slot, "
	    "key_id, authority, is_ours, serial, not_before, not_after, der) "
	    "SELECT sha256(n::text::bytea), sha256(n::text::bytea), substr(sha256(n::text::bytea), "
	    "1, 20), "
	    "'alpha', 'unit-' || n, 'client', sha256(('key' || n)::bytea), "
	    "'00000000-0000-0000-0000-000000000001', true, n::text::bytea, now(), "
	    "now() + interval '1 year', 'der' FROM generate_series(1, %d) n",
	    ROWS);
	run_sql(connection, "ANALYZE certvendor.slot_key, certvendor.certificate");
}

/* The plan as one text. */
static void
explain(PGconn *connection, const char *mode, const char *text, const char *arguments,
    struct cv_buffer *ret_plan)
{
	char command[512];
	PGresult *result;

	run_sql(connection, "SET plan_cache_mode = %s", mode);
	result = PQprepare(connection, "looked_at", text, 0, NULL);
	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(connection));
	PQclear(result);
	(void)snprintf(
	    command, sizeof(command), "EXPLAIN (COSTS off) EXECUTE looked_at (%s)", arguments);
	result = PQexec(connection, command);
	cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
	for (int i = 0; i < PQntuples(result); i++)
		cv_buffer_printf(ret_plan, "%s\n", PQgetvalue(result, i, 0));
	PQclear(result);
	run_sql(connection, "DEALLOCATE looked_at");
}

static bool
goes_by_device(PGconn *connection, const char *mode, const char *text, const char *arguments)
{
	CV_AUTO_BUFFER struct cv_buffer plan = CV_BUFFER_INIT;
	const char *lines;

	explain(connection, mode, text, arguments, &plan);
	lines = cv_buffer_text(&plan);
	return strstr(lines, "certificate_pkey") && strstr(lines, "slot_key_pkey") &&
	       !strstr(lines, "certificate_fingerprint_key") &&
	       !strstr(lines, "Seq Scan on certificate") && !strstr(lines, "Seq Scan on slot_key");
}

Test(views, lists_of_one_device_go_by_the_primary_key)
{
	static const char *const modes[] = {"force_custom_plan", "force_generic_plan"};
	struct database database;
	PGconn *connection;

	database_open(&database);
	connection = database_connect(&database);
	seed(connection);
	for (size_t i = 0; i < 2; i++) {
		cr_expect(goes_by_device(connection, modes[i], cv_sql_list_certificates_of_device,
		    "'alpha', NULL, 101, 'unit-7', NULL, NULL, NULL"));
		cr_expect(goes_by_device(connection, modes[i], cv_sql_list_denials_of_device,
		    "'alpha', NULL, 101, 'unit-7'"));
		/* As one statement for both would be. */
		cr_expect_not(goes_by_device(connection, modes[i], cv_sql_list_certificates,
		    "'alpha', NULL, 101, NULL, NULL, NULL, NULL"));
	}
	PQfinish(connection);
	database_close(&database);
}
