/* The change feed: no row is lost however late it commits, and memory knows how old it is. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/store/change_store.h"

struct scene {
	struct world world;
	struct instance instance;
	EVP_PKEY *keys[2];
	struct credential first, second; /* of unit-1 and unit-2 */
};

static void
scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	instance_open(&scene->world, NULL, &scene->instance);
	for (size_t i = 0; i < 2; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->instance, scene->keys[0], "unit-1", &scene->first);
	enrol_and_see(&scene->instance, scene->keys[1], "unit-2", &scene->second);
	cr_assert(instance_equals_tables(&scene->instance));
}

static void
scene_close(struct scene *scene)
{
	instance_close(&scene->instance);
	world_close(&scene->world);
	for (size_t i = 0; i < 2; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->first);
	credential_deinit(&scene->second);
}

/* What another instance writes when an operator holds or releases a device, in an open transaction.
 */
static void
set_state(PGconn *connection, const char *device, const char *state)
{
	run_sql(connection,
	    "UPDATE certvendor.device SET state = '%s' WHERE id = '%s'; "
	    "UPDATE certvendor.slot SET version = version + 1 WHERE device = '%s'; "
	    "INSERT INTO certvendor.change (factory, device, slot, version, kind) "
	    "SELECT factory, device, name, version, 'changed' FROM certvendor.slot "
	    "WHERE device = '%s'",
	    state, device, device, device);
}

static bool
reaches(struct scene *scene, const struct credential *credential, enum cv_index_status status)
{
	return instance_reaches(&scene->instance, &credential->fingerprint, status);
}

static enum cv_index_status
status_of(const struct scene *scene, const struct credential *credential)
{
	return status_in_memory(&scene->instance, &credential->fingerprint);
}

/* The feed's own thread numbers, too; so one waits for whoever is at it. */
static bool
is_numbered(const struct scene *scene)
{
	for (int i = 0; i < 500; i++) {
		if (ask_number(&scene->world.database,
			"SELECT count(*) FROM certvendor.change WHERE position IS NULL") == 0)
			return true;
		pause_ms(10);
	}
	return false;
}

Test(feed, a_change_of_another_process_arrives)
{
	struct scene scene;
	PGconn *other;

	scene_open(&scene);
	other = database_connect(&scene.world.database);
	run_sql(other, "BEGIN");
	set_state(other, "unit-1", "held");
	run_sql(other, "COMMIT");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	cr_expect_eq(status_of(&scene, &scene.second), CV_INDEX_ALLOWED);
	PQfinish(other);
	scene_close(&scene);
}

Test(feed, a_row_that_commits_late_is_not_skipped)
{
	struct scene scene;
	PGconn *late, *early;

	scene_open(&scene);
	late = database_connect(&scene.world.database);
	early = database_connect(&scene.world.database);
	run_sql(late, "BEGIN");
	set_state(late, "unit-1", "held");
	run_sql(early, "BEGIN");
	set_state(early, "unit-2", "held");
	run_sql(early, "COMMIT");
	cr_expect(reaches(&scene, &scene.second, CV_INDEX_DEVICE_REFUSED));
	/* Numbers were given and read past the row that is still to come. */
	cr_expect(is_numbered(&scene));
	pause_ms(100);
	cr_expect_eq(status_of(&scene, &scene.first), CV_INDEX_ALLOWED);
	run_sql(late, "COMMIT");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	cr_expect(instance_equals_tables(&scene.instance));
	PQfinish(late);
	PQfinish(early);
	scene_close(&scene);
}

Test(feed, commits_in_another_order_than_the_writes_are_all_read)
{
	enum { COUNT = 8 };
	/* Device i commits as number order[i]. */
	static const size_t order[COUNT] = {5, 2, 7, 0, 3, 6, 1, 4};
	PGconn *writers[COUNT];
	struct credential credentials[COUNT];
	EVP_PKEY *keys[COUNT];
	struct scene scene;

	scene_open(&scene);
	memset(credentials, 0, sizeof(credentials));
	for (size_t i = 0; i < COUNT; i++) {
		char device[16] = "many-0";

		device[5] = (char)('0' + i);
		keys[i] = make_key();
		enrol_and_see(&scene.instance, keys[i], device, &credentials[i]);
		writers[i] = database_connect(&scene.world.database);
		run_sql(writers[i], "BEGIN");
		set_state(writers[i], device, "held");
	}
	for (size_t i = 0; i < COUNT; i++) {
		run_sql(writers[order[i]], "COMMIT");
		cr_expect(reaches(&scene, &credentials[order[i]], CV_INDEX_DEVICE_REFUSED));
	}
	cr_expect(instance_equals_tables(&scene.instance));
	for (size_t i = 0; i < COUNT; i++) {
		PQfinish(writers[i]);
		EVP_PKEY_free(keys[i]);
		credential_deinit(&credentials[i]);
	}
	scene_close(&scene);
}

Test(feed, a_rolled_back_change_is_none)
{
	struct scene scene;
	PGconn *other;

	scene_open(&scene);
	other = database_connect(&scene.world.database);
	run_sql(other, "BEGIN");
	set_state(other, "unit-1", "held");
	run_sql(other, "ROLLBACK");
	run_sql(other, "BEGIN");
	set_state(other, "unit-2", "held");
	run_sql(other, "COMMIT");
	cr_expect(reaches(&scene, &scene.second, CV_INDEX_DEVICE_REFUSED));
	cr_expect_eq(status_of(&scene, &scene.first), CV_INDEX_ALLOWED);
	PQfinish(other);
	scene_close(&scene);
}

Test(feed, a_long_write_transaction_of_others_delays_nothing)
{
	struct scene scene;
	PGconn *import, *other;

	scene_open(&scene);
	import = database_connect(&scene.world.database);
	run_sql(import, "BEGIN; CREATE TABLE public.import (n bigint); "
			"INSERT INTO public.import SELECT generate_series(1, 1000)");
	other = database_connect(&scene.world.database);
	run_sql(other, "BEGIN");
	set_state(other, "unit-1", "held");
	run_sql(other, "COMMIT");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM pg_catalog.pg_locks WHERE relation IS NOT NULL "
			 "AND mode = 'AccessExclusiveLock'") > 0,
	    1, "the import is no longer open");
	cr_expect_lt(cv_index_age_ms(scene.instance.index), 2000);
	run_sql(import, "ROLLBACK");
	PQfinish(import);
	PQfinish(other);
	scene_close(&scene);
}

Test(feed, one_sequencer_at_a_time_and_nobody_waits)
{
	struct scene scene;
	PGconn *sequencer, *other;

	scene_open(&scene);
	sequencer = database_connect(&scene.world.database);
	run_sql(sequencer, "BEGIN; SELECT last FROM certvendor.feed FOR UPDATE");
	other = database_connect(&scene.world.database);
	run_sql(other, "BEGIN");
	set_state(other, "unit-1", "held");
	run_sql(other, "COMMIT");
	/* Not numbered, and read all the same. */
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	cr_expect_eq(
	    ask_number(&scene.world.database, "SELECT count(*) FROM certvendor.change "
					      "WHERE kind = 'changed' AND position IS NULL"),
	    1);
	run_sql(sequencer, "ROLLBACK");
	PQfinish(sequencer);
	PQfinish(other);
	scene_close(&scene);
}

Test(feed, a_reader_behind_the_trimmed_part_loads_anew)
{
	struct scene scene;
	PGconn *other;

	scene_open(&scene);
	other = database_connect(&scene.world.database);
	/* The change was numbered and dropped before this reader came to it. */
	run_sql(other, "BEGIN; SELECT last FROM certvendor.feed FOR UPDATE; "
		       "UPDATE certvendor.device SET state = 'held' WHERE id = 'unit-1'; "
		       "UPDATE certvendor.slot SET version = version + 1 WHERE device = 'unit-1'; "
		       "UPDATE certvendor.feed SET last = last + 1, trimmed = last + 1; COMMIT");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	cr_expect(instance_equals_tables(&scene.instance));
	PQfinish(other);
	scene_close(&scene);
}

static bool
count_slot(void *context, const struct cv_party *slot, int64_t version)
{
	cr_expect_str_eq(slot->slot, "client");
	cr_expect_gt(version, 0);
	(*(size_t *)context)++;
	return true;
}

Test(feed, trimming_tells_readers_that_are_behind)
{
	struct scene scene;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	int64_t behind = 0, present;
	size_t count = 0;
	bool is_complete;

	scene_open(&scene);
	must(cv_pool_borrow(scene.instance.pool, &connection, &err), "connection", &err);
	cr_assert(is_numbered(&scene));
	must(
	    cv_change_store_read(connection, 1000, count_slot, &count, &behind, &is_complete, &err),
	    "read", &err);
	cr_expect(is_complete);
	cr_expect_geq(count, 2);
	cr_expect_gt(behind, 0);
	present = behind;
	must(cv_change_store_trim(connection, 3600, &err), "trim", &err);
	behind = 0;
	must(
	    cv_change_store_read(connection, 1000, count_slot, &count, &behind, &is_complete, &err),
	    "read", &err);
	must(cv_change_store_trim(connection, -1, &err), "trim", &err);
	must(cv_change_store_read(
		 connection, 1000, count_slot, &count, &present, &is_complete, &err),
	    "read", &err);
	behind = 0;
	cr_expect_not(cv_change_store_read(
	    connection, 1000, count_slot, &count, &behind, &is_complete, &err));
	cr_expect_eq(err.code, CV_E_NOT_FOUND);
	cv_pool_return(connection);
	scene_close(&scene);
}

Test(feed, a_short_read_says_that_it_is_not_complete)
{
	struct scene scene;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	int64_t position = 0, before;
	size_t count = 0, reads = 0;
	bool is_complete = false;

	scene_open(&scene);
	must(cv_pool_borrow(scene.instance.pool, &connection, &err), "connection", &err);
	cr_assert(is_numbered(&scene));
	while (!is_complete && reads < 100) {
		before = position;
		must(cv_change_store_read(
			 connection, 1, count_slot, &count, &position, &is_complete, &err),
		    "read", &err);
		cr_expect_eq(position, before + (is_complete ? 0 : 1));
		reads++;
	}
	cr_expect(is_complete);
	cr_expect_eq(
	    position, ask_number(&scene.world.database, "SELECT last FROM certvendor.feed"));
	cv_pool_return(connection);
	scene_close(&scene);
}

Test(feed, memory_that_is_too_old_allows_nobody)
{
	struct scene scene;
	struct cv_sight sight;

	scene_open(&scene);
	database_stop(&scene.world.database);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_OK);
	atomic_store(&scene.instance.clock.ahead_ms, 250 * 1000);
	pause_ms(200);
	cr_expect_geq(cv_index_age_ms(scene.instance.index), 250 * 1000);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_OK);
	atomic_store(&scene.instance.clock.ahead_ms, 301 * 1000);
	sight = recall(&scene.instance, &scene.first);
	cr_expect(sight.is_decided);
	cr_expect_eq(sight.verdict, CV_VERDICT_UNAVAILABLE);
	database_start(&scene.world.database);
	for (int i = 0; i < 500 && !cv_service_is_fresh(scene.instance.service); i++)
		pause_ms(10);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_OK);
	scene_close(&scene);
}

Test(feed, memory_is_as_old_as_its_realm)
{
	struct scene scene;
	PGconn *other;

	scene_open(&scene);
	other = database_connect(&scene.world.database);
	run_sql(other, "UPDATE certvendor.authority SET certificate = set_byte(certificate, 0, 0) "
		       "WHERE kind = 'offline'");
	atomic_store(&scene.instance.clock.ahead_ms, 301 * 1000);
	/* The change feed is read all the time. */
	set_state(other, "unit-1", "held");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_DEVICE_REFUSED));
	set_state(other, "unit-1", "ok");
	cr_expect(reaches(&scene, &scene.first, CV_INDEX_ALLOWED));
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_UNAVAILABLE);
	run_sql(other, "UPDATE certvendor.authority SET certificate = set_byte(certificate, 0, 48) "
		       "WHERE kind = 'offline'");
	for (int i = 0; i < 500 && !cv_service_is_fresh(scene.instance.service); i++)
		pause_ms(10);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_OK);
	PQfinish(other);
	scene_close(&scene);
}

Test(feed, without_database_nothing_new_is_decided)
{
	struct scene scene;
	EVP_PKEY *key = make_key();
	AUTO_CREDENTIAL struct credential stranger = CREDENTIAL_INIT;

	scene_open(&scene);
	sign_credential(&scene.world.offline, key, "unit-3", NULL, &stranger);
	database_stop(&scene.world.database);
	cr_expect_eq(see(&scene.instance, &stranger), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_OK);
	database_start(&scene.world.database);
	/* The pool tries again after a pause. */
	pause_ms(600);
	cr_expect_eq(see(&scene.instance, &stranger), CV_VERDICT_REGISTERED);
	EVP_PKEY_free(key);
	scene_close(&scene);
}

/* The first sight, which the database decides, is one like those that memory decides. */
Test(feed, last_seen_times_are_written)
{
	struct credential unseen = CREDENTIAL_INIT;
	char token[CV_SECRET_SIZE];
	EVP_PKEY *key = make_key();
	struct scene scene;

	scene_open(&scene);
	make_token(&scene.instance, "unit-3", 1, token);
	cr_assert_eq(
	    enrol_with_token(&scene.instance, token, key, "unit-3", &unseen), CV_ENROLMENT_ISSUED);
	cr_expect_eq(ask_number(&scene.world.database, "SELECT count(*) FROM certvendor.slot "
						       "WHERE last_seen_at IS NOT NULL"),
	    0);
	cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_OK);
	/* Freeing the feed writes what it still holds. */
	cv_feed_free(scene.instance.feed);
	scene.instance.feed = NULL;
	cr_expect_eq(
	    ask_number(&scene.world.database,
		"SELECT count(*) FROM certvendor.slot WHERE device IN ('unit-1', 'unit-2') "
		"AND last_seen_at > now() - interval '1 minute'"),
	    2);
	cr_expect_eq(ask_number(&scene.world.database, "SELECT count(*) FROM certvendor.slot "
						       "WHERE last_seen_at IS NOT NULL"),
	    2);
	scene_close(&scene);
	credential_deinit(&unseen);
	EVP_PKEY_free(key);
}
