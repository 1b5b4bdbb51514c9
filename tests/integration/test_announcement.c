/* What was announced stays announced: neither time nor a restart nor an operator's pause ends it.
 */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

/* A device with a first key in use and a second one announced; time is the test's. */
struct scene {
	struct world world;
	struct instance instance;
	PGconn *database;
	EVP_PKEY *keys[2];
	struct credential first, second;
};

static void
scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	database_take_clock(&scene->world.database);
	scene->database = database_connect(&scene->world.database);
	instance_open(&scene->world, NULL, &scene->instance);
	for (size_t i = 0; i < 2; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->instance, scene->keys[0], DEVICE, &scene->first);
	reenrol(&scene->instance, &scene->first, scene->keys[1], DEVICE, &scene->second);
	cr_assert_eq(
	    announce(&scene->instance, &scene->first, scene->keys[1], NULL), CV_ANNOUNCEMENT_DONE);
}

static void
scene_close(struct scene *scene)
{
	instance_close(&scene->instance);
	PQfinish(scene->database);
	world_close(&scene->world);
	for (size_t i = 0; i < 2; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->first);
	credential_deinit(&scene->second);
}

/* Both clocks, and then the feed is read before anybody asks. */
static void
let_days_pass(struct scene *scene, int64_t days)
{
	database_set_ahead(scene->database, days * DAY * 1000);
	atomic_store(&scene->instance.clock.ahead_ms, days * DAY * 1000);
	for (int i = 0; i < 1000 && !cv_service_is_fresh(scene->instance.service); i++)
		pause_ms(10);
	cr_assert(cv_service_is_fresh(scene->instance.service));
}

static int64_t
locked_since(const struct scene *scene)
{
	return ask_number(&scene->world.database,
	    "SELECT extract(epoch FROM locked_since)::bigint FROM certvendor.slot");
}

Test(announcement, outlives_days_of_talking_with_the_old_key)
{
	struct scene scene;

	scene_open(&scene);
	for (int64_t day = 1; day <= 60; day += 8) {
		let_days_pass(&scene, day);
		cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_OK);
	}
	cr_expect_eq(see(&scene.instance, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(announcement, outlives_a_restart_and_denials_do_too)
{
	struct scene scene;

	scene_open(&scene);
	instance_close(&scene.instance);
	instance_open(&scene.world, NULL, &scene.instance);
	cr_expect_eq(see(&scene.instance, &scene.second), CV_VERDICT_ACTIVATED);
	instance_close(&scene.instance);
	instance_open(&scene.world, NULL, &scene.instance);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_DENIED);
	cr_expect_eq(recall(&scene.instance, &scene.second).verdict, CV_VERDICT_OK);
	scene_close(&scene);
}

Test(announcement, repeated_does_not_prolong_the_lock)
{
	struct scene scene;
	int64_t since;

	scene_open(&scene);
	since = locked_since(&scene);
	let_days_pass(&scene, 3);
	cr_expect_eq(
	    announce(&scene.instance, &scene.first, scene.keys[1], NULL), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(locked_since(&scene), since);
	cr_expect_eq(see(&scene.instance, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.slot WHERE locked_since IS NOT NULL"),
	    0);
	scene_close(&scene);
}

Test(announcement, hinders_no_operator)
{
	static const enum cv_lifecycle_act acts[] = {
	    CV_LIFECYCLE_HOLD, CV_LIFECYCLE_RELEASE, CV_LIFECYCLE_DELETE, CV_LIFECYCLE_REVOKE};
	struct scene scene;

	scene_open(&scene);
	cr_assert_neq(locked_since(&scene), 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		cr_expect_eq(act(&scene.instance, acts[i], DEVICE), CV_LIFECYCLE_DONE, "%s",
		    cv_lifecycle_act_name(acts[i]));
	scene_close(&scene);
}

Test(announcement, a_grace_ends_by_the_clock)
{
	struct scene scene;

	scene_open(&scene);
	change_database(
	    &scene.world.database, "UPDATE certvendor.factory SET retire_after_days = 2");
	instance_refresh(&scene.instance);
	cr_assert_eq(see(&scene.instance, &scene.second), CV_VERDICT_ACTIVATED);
	let_days_pass(&scene, 1);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_TALKS);
	let_days_pass(&scene, 3);
	cr_expect_eq(recall(&scene.instance, &scene.first).verdict, CV_VERDICT_DENIED);
	scene_close(&scene);
}
