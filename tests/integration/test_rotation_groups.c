/* Rotation groups over the real statements: who is told, when, once, and by which instance. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/service/configuration.h"
#include "cv/service/rotation_group.h"

#define FILES "[{\"name\":\"fio-rotate-certs\",\"value\":\"x\",\"unencrypted\":true}]"
#define HOUR_MS 3600000

/* Two instances on one database whose time is the test's, and devices that nobody enrolled. */
static void
open_pair(struct pair *pair, int devices)
{
	memset(pair, 0, sizeof(*pair));
	world_open(&pair->world);
	database_take_clock(&pair->world.database);
	change_database(&pair->world.database,
	    "INSERT INTO certvendor.device (factory, id) SELECT '" FACTORY "', 'unit-' || n "
	    "FROM generate_series(1, %d) n; INSERT INTO certvendor.slot (factory, device, name) "
	    "SELECT factory, id, 'client' FROM certvendor.device",
	    devices);
	pair_start(pair);
}

static enum cv_configuration_outcome
configure(struct pair *pair, enum cv_configuration_act act, const char *name, int64_t per_hour)
{
	const struct cv_rotation_group_row row = {.est_url = "https://est.example",
	    .per_hour = per_hour,
	    .files = FILES,
	    .summary = "{\"files\":[\"fio-rotate-certs\"]}",
	    .rotation_id = "rotation-test"};
	const struct cv_configuration_order order = {.act = act,
	    .name = name,
	    .scope = FACTORY,
	    .actor = "operator:test",
	    .request_id = "request",
	    .value = {.rotation_group = &row}};
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_error err = CV_ERROR_INIT;

	must(cv_configure(pair->here.service, &order, &result, &err), "configure", &err);
	return result.outcome;
}

static void
add(struct pair *pair, const char *name, int64_t per_hour)
{
	cr_assert_eq(configure(pair, CV_ADD_ROTATION_GROUP, name, per_hour), CV_CONFIGURATION_DONE);
}

static void *
look(void *context)
{
	struct instance *instance = context;
	struct cv_connection *connection = NULL;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_pool_borrow(instance->pool, &connection, &err), "connection", &err);
	must(cv_rotation_tell_due(instance->service, connection, &err), "tell", &err);
	cv_pool_return(connection);
	return NULL;
}

static int64_t
count_in(const struct pair *pair, const char *state)
{
	return ask_number(&pair->world.database,
	    "SELECT count(*) FROM certvendor.rotation_group_device WHERE state = '%s'", state);
}

/* Whole seconds since the group was made. */
static int64_t
age_of(const struct pair *pair, const char *name)
{
	return ask_number(&pair->world.database,
	    "SELECT floor(extract(epoch FROM now() - created_at))::bigint "
	    "FROM certvendor.rotation_group WHERE name = '%s'",
	    name);
}

/* What was told is marked, in the layer, and in the audit, each once. */
static void
expect_told_once(const struct pair *pair, int64_t told)
{
	cr_expect_eq(count_in(pair, "told"), told);
	cr_expect_eq(ask_number(&pair->world.database,
			 "SELECT count(*) FROM certvendor.device_configuration"),
	    told);
	cr_expect_eq(ask_number(&pair->world.database,
			 "SELECT count(*) FROM certvendor.audit "
			 "WHERE action = 'configuration-changed' AND actor = 'operator:test'"),
	    told);
}

Test(rotation_groups, two_instances_keep_one_rate)
{
	struct pair pair;

	open_pair(&pair, 60);
	add(&pair, "g", 3600);
	for (int second = 0; second <= 30; second++) {
		database_set_ahead(pair.database, second * 1000);
		for (int i = 0; i < 2; i++)
			at_once(look, &pair.here, look, &pair.there);
	}
	int64_t told = count_in(&pair, "told");
	/* One at once, then one a second. */
	cr_expect_leq(told, age_of(&pair, "g") + 1);
	cr_expect_geq(told, 31);
	expect_told_once(&pair, told);
	pair_close(&pair);
}

Test(rotation_groups, a_standstill_and_a_pause_are_no_allowance)
{
	struct pair pair;

	open_pair(&pair, 60);
	add(&pair, "g", 3600);
	look(&pair.here);
	cr_assert_eq(count_in(&pair, "told"), 1);
	database_set_ahead(pair.database, HOUR_MS);
	for (int i = 0; i < 5; i++)
		look(&pair.here);
	/* Those of ten seconds, the one that is due, and those of the time that this takes. */
	int64_t told = count_in(&pair, "told");
	cr_expect_geq(told, 1 + 11);
	cr_expect_leq(told, 1 + 11 + 5);
	cr_expect_eq(configure(&pair, CV_PAUSE_ROTATION_GROUP, "g", 0), CV_CONFIGURATION_DONE);
	database_set_ahead(pair.database, 2 * HOUR_MS);
	look(&pair.here);
	cr_expect_eq(count_in(&pair, "told"), told);
	cr_expect_eq(configure(&pair, CV_RESUME_ROTATION_GROUP, "g", 0), CV_CONFIGURATION_DONE);
	look(&pair.here);
	cr_expect_geq(count_in(&pair, "told"), told + 1);
	cr_expect_leq(count_in(&pair, "told"), told + 4);
	pair_close(&pair);
}

Test(rotation_groups, what_does_not_commit_was_not_told)
{
	struct pair pair;

	open_pair(&pair, 1);
	add(&pair, "g", 1);
	run_sql(pair.database,
	    "CREATE FUNCTION certvendor.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
	    "RAISE EXCEPTION 'x' USING ERRCODE = 'serialization_failure'; END $$; "
	    "CREATE TRIGGER fail AFTER UPDATE ON certvendor.rotation_group_device "
	    "FOR EACH ROW EXECUTE FUNCTION certvendor.fail()");
	look(&pair.here);
	expect_told_once(&pair, 0);
	run_sql(pair.database, "DROP TRIGGER fail ON certvendor.rotation_group_device");
	look(&pair.there);
	expect_told_once(&pair, 1);
	look(&pair.here);
	expect_told_once(&pair, 1);
	pair_close(&pair);
}

Test(rotation_groups, nobody_is_waited_for)
{
	static const char *const held[] = {
	    "SELECT FROM certvendor.device WHERE id = 'unit-1' FOR UPDATE",
	    "SELECT FROM certvendor.rotation_group WHERE name = 'g' FOR UPDATE"};
	struct pair pair;

	open_pair(&pair, 1);
	add(&pair, "g", 1);
	for (size_t i = 0; i < 2; i++) {
		run_sql(pair.database, "BEGIN");
		run_sql(pair.database, "%s", held[i]);
		look(&pair.here);
		run_sql(pair.database, "COMMIT");
		expect_told_once(&pair, 0);
	}
	look(&pair.here);
	expect_told_once(&pair, 1);
	pair_close(&pair);
}

Test(rotation_groups, one_that_cannot_be_told_keeps_nobody_waiting)
{
	struct pair pair;

	open_pair(&pair, 3);
	add(&pair, "g", 3600);
	/* Past the rule that skips them when they go. */
	run_sql(pair.database,
	    "ALTER TABLE certvendor.device DISABLE TRIGGER device_leaves_rotation_group; "
	    "UPDATE certvendor.device SET state = 'deleted' WHERE id = 'unit-1'; "
	    "INSERT INTO certvendor.device_configuration (factory, device, version, created_by, "
	    "is_by_device, reason, files) SELECT '" FACTORY "', 'unit-2', 1, 'x', false, '', "
	    "jsonb_agg(jsonb_build_object('name', n::text, 'value', '', 'unencrypted', true)) "
	    "FROM generate_series(1, 500) n");
	for (int i = 0; i < 3; i++)
		look(&pair.here);
	cr_expect_eq(count_in(&pair, "skipped"), 2);
	cr_expect_eq(count_in(&pair, "told"), 1);
	cr_expect_eq(ask_number(&pair.world.database,
			 "SELECT count(*) FROM certvendor.rotation_group_device WHERE "
			 "(device, note) IN (('unit-1', 'deleted'), ('unit-2', 'too-large'))"),
	    2);
	pair_close(&pair);
}

Test(rotation_groups, a_hundred_thousand_devices_and_no_more, .timeout = 120)
{
	struct pair pair;

	open_pair(&pair, CV_ROTATION_DEVICES_MAX);
	add(&pair, "g", 1);
	cr_expect_eq(count_in(&pair, "waiting"), CV_ROTATION_DEVICES_MAX);
	run_sql(pair.database,
	    "INSERT INTO certvendor.device (factory, id) VALUES ('" FACTORY "', 'another')");
	cr_expect_eq(
	    configure(&pair, CV_ADD_ROTATION_GROUP, "more", 1), CV_CONFIGURATION_NOT_POSSIBLE);
	cr_expect_eq(count_in(&pair, "waiting"), CV_ROTATION_DEVICES_MAX);
	look(&pair.here);
	expect_told_once(&pair, 1);
	pair_close(&pair);
}
