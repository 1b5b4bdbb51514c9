/* Events: written with what they tell, and shared among those who deliver them. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/store/device_change.h"
#include "cv/store/outbox_store.h"

#define THREADS 100

struct scene {
	struct world world;
	struct instance here, there;
	EVP_PKEY *keys[2];
	struct credential first, second;
};

static void
scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	instance_open(&scene->world, NULL, &scene->here);
	instance_open(&scene->world, NULL, &scene->there);
	for (size_t i = 0; i < 2; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->here, scene->keys[0], DEVICE, &scene->first);
}

static void
scene_close(struct scene *scene)
{
	instance_close(&scene->here);
	instance_close(&scene->there);
	world_close(&scene->world);
	for (size_t i = 0; i < 2; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->first);
	credential_deinit(&scene->second);
}

/* events: an SQL array, or NULL. */
static void
subscribe(struct scene *scene, const char *label, const char *events)
{
	change_database(&scene->world.database,
	    "INSERT INTO certvendor.subscription (id, factory, label, kind, url, events, "
	    "created_by) "
	    "VALUES (gen_random_uuid(), '" FACTORY
	    "', '%s', 'push', 'http://localhost/', %s, 'test')",
	    label, events);
}

static int64_t
count(const struct scene *scene, const char *from)
{
	return ask_number(&scene->world.database, "SELECT count(*) FROM certvendor.%s", from);
}

/* The second key is asked for and announced: whoever sees it next activates it. */
static void
announce_second(struct scene *scene)
{
	cr_assert_eq(
	    reenrol(&scene->here, &scene->first, scene->keys[1], DEVICE, &scene->second).outcome,
	    CV_ENROLMENT_ISSUED);
	cr_assert_eq(
	    announce(&scene->here, &scene->first, scene->keys[1], NULL), CV_ANNOUNCEMENT_DONE);
}

/* ---- writing ---- */

Test(outbox, an_activation_is_one_event_with_both_keys)
{
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	subscribe(&scene, "two", "ARRAY['key-changed']");
	announce_second(&scene);
	cr_expect_eq(count(&scene, "outbox"), 0, "an announcement is no event");
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(count(&scene, "outbox WHERE kind = 'key-changed'"), 1);
	cr_expect_eq(count(&scene, "outbox"), 1);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'pending'"), 2);
	cr_expect_eq(count(&scene,
			 "outbox o JOIN certvendor.slot_key n ON n.spki = decode(o.payload ->> "
			 "'new_key', 'hex') AND n.state = 'current' JOIN certvendor.slot_key p ON "
			 "p.spki = decode(o.payload ->> 'old_key', 'hex') AND p.state = 'retired'"),
	    1);
	scene_close(&scene);
}

Test(outbox, nobody_asked_nothing_is_written)
{
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "other-kind", "ARRAY['config-applied']");
	subscribe(&scene, "removed", "NULL");
	change_database(&scene.world.database,
	    "UPDATE certvendor.subscription SET removed_at = now() WHERE label = 'removed'");
	change_database(&scene.world.database,
	    "INSERT INTO certvendor.factory (name) VALUES ('beta'); "
	    "INSERT INTO certvendor.subscription (id, factory, label, kind, url, created_by) "
	    "VALUES (gen_random_uuid(), 'beta', 'x', 'push', 'http://localhost/', 'test')");
	announce_second(&scene);
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(act(&scene.here, CV_LIFECYCLE_HOLD, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(count(&scene, "outbox"), 0);
	cr_expect_eq(count(&scene, "delivery"), 0);
	scene_close(&scene);
}

Test(outbox, what_was_rolled_back_is_not_told)
{
	struct scene scene;
	struct cv_party party;
	const struct cv_record_query query = {.party = &party};
	const struct cv_change_options options = {.proved_keys = {NULL}};
	const struct cv_change_note note = {
	    .kind = "held", .actor = "test", .touches_all_slots = true};
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	cr_assert(cv_party_set(&party, FACTORY, DEVICE, NULL));
	must(cv_pool_borrow(scene.here.pool, &connection, &err), "connection", &err);
	for (int is_committed = 0; is_committed < 2; is_committed++) {
		CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

		must(cv_device_change_begin(connection, &query, &options, &change, &err), "begin",
		    &err);
		cv_device_change_set_state(change, CV_DEVICE_HELD, NULL);
		cv_device_change_tell(change, CV_EVENT_CONFIG_APPLIED);
		if (is_committed)
			must(cv_device_change_commit(change, &note, NULL, &err), "commit", &err);
		cv_device_change_free(CV_TAKE(change));
		cr_expect_eq(count(&scene, "outbox"), is_committed ? 2 : 0);
		cr_expect_eq(count(&scene, "delivery"), is_committed ? 2 : 0);
	}
	cv_pool_return(connection);
	scene_close(&scene);
}

/* A commit that the database refuses takes the event with it. */
Test(outbox, what_the_database_refused_is_not_told)
{
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	announce_second(&scene);
	change_database(&scene.world.database,
	    "CREATE FUNCTION certvendor.refuse() RETURNS trigger LANGUAGE plpgsql AS "
	    "'BEGIN RAISE EXCEPTION ''no''; END'; "
	    "CREATE TRIGGER refuse BEFORE INSERT ON certvendor.change FOR EACH ROW "
	    "EXECUTE FUNCTION certvendor.refuse()");
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(count(&scene, "outbox"), 0);
	change_database(&scene.world.database, "DROP TRIGGER refuse ON certvendor.change");
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(count(&scene, "outbox"), 1);
	scene_close(&scene);
}

struct looking {
	struct scene *scene;
	bool is_there;
	pthread_barrier_t *start;
	enum cv_verdict verdict;
};

static void *
look(void *context)
{
	struct looking *looking = context;
	struct scene *scene = looking->scene;

	pthread_barrier_wait(looking->start);
	looking->verdict = see(looking->is_there ? &scene->there : &scene->here, &scene->second);
	return NULL;
}

Test(outbox, many_first_uses_are_one_event)
{
	static struct looking looking[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	announce_second(&scene);
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		looking[i] = (struct looking){&scene, i % 2 == 1, &start, CV_VERDICT_UNAVAILABLE};
		cr_assert_eq(pthread_create(&threads[i], NULL, look, &looking[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(count(&scene, "outbox WHERE kind = 'key-changed'"), 1);
	cr_expect_eq(count(&scene, "delivery"), 1);
	scene_close(&scene);
}

Test(outbox, first_sight_is_told_once_and_again_when_registered_anew)
{
	AUTO_CREDENTIAL struct credential credential = CREDENTIAL_INIT;
	AUTO_CREDENTIAL struct credential anew = CREDENTIAL_INIT;
	struct scene scene;
	char token[CV_SECRET_SIZE];

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	/* First contact registers the device and sees it. */
	AUTO_KEY EVP_PKEY *key = make_key();
	sign_credential(&scene.world.offline, key, "unit-2", FACTORY, &credential);
	cr_expect_eq(see(&scene.here, &credential), CV_VERDICT_REGISTERED);
	cr_expect_eq(see(&scene.here, &credential), CV_VERDICT_OK);
	cr_expect_eq(count(&scene, "outbox WHERE device = 'unit-2' AND kind = 'first-seen'"), 1);
	cr_expect_eq(
	    count(&scene, "outbox WHERE device = 'unit-2' AND kind = 'device-registered'"), 1);
	cr_expect_eq(act(&scene.here, CV_LIFECYCLE_DELETE, "unit-2"), CV_LIFECYCLE_DONE);
	make_token(&scene.here, "unit-2", 1, token);
	AUTO_KEY EVP_PKEY *next = make_key();
	cr_assert_eq(
	    enrol_with_token(&scene.here, token, next, "unit-2", &anew), CV_ENROLMENT_ISSUED);
	cr_expect_eq(see(&scene.here, &anew), CV_VERDICT_OK);
	cr_expect_eq(see(&scene.here, &anew), CV_VERDICT_OK);
	cr_expect_eq(count(&scene, "outbox WHERE device = 'unit-2' AND kind = 'first-seen'"), 2);
	cr_expect_eq(
	    count(&scene, "outbox WHERE device = 'unit-2' AND kind = 'device-deleted'"), 1);
	scene_close(&scene);
}

Test(outbox, an_event_can_be_written_beside_a_change)
{
	struct scene scene;
	struct cv_party party;
	const struct cv_event_note note = {.kind = CV_EVENT_CONFIG_APPLIED};
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	cr_assert(cv_party_set(&party, FACTORY, DEVICE, NULL));
	must(cv_pool_borrow(scene.here.pool, &connection, &err), "connection", &err);
	must(cv_outbox_write(connection, &party, &note, &err), "event", &err);
	cv_pool_return(connection);
	cr_expect_eq(count(&scene, "outbox WHERE kind = 'config-applied'"), 1);
	scene_close(&scene);
}

/* ---- delivering ---- */

/* Events of many devices, without the devices. */
static void
fill(struct scene *scene, const char *label, int devices, int each)
{
	change_database(&scene->world.database,
	    "WITH written AS (INSERT INTO certvendor.outbox (id, factory, device, kind, payload) "
	    "SELECT gen_random_uuid(), '" FACTORY "', 'unit-' || d, 'first-seen', "
	    "'{\"slot\":\"client\"}' FROM generate_series(1, %d) e, generate_series(1, %d) d "
	    "RETURNING factory, device, number) "
	    "INSERT INTO certvendor.delivery (factory, device, number, subscription) "
	    "SELECT w.factory, w.device, w.number, s.id FROM written w, certvendor.subscription s "
	    "WHERE s.label = '%s'",
	    each, devices, label);
}

#define CLAIMED_MAX 512
struct worker {
	struct instance *instance;
	struct cv_connection *connection;
	struct cv_delivery *claimed[CLAIMED_MAX];
	size_t count;
};

static void
take(void *context, struct cv_delivery *delivery)
{
	struct worker *worker = context;

	cr_assert_lt(worker->count, CLAIMED_MAX);
	worker->claimed[worker->count++] = delivery;
}

static void
worker_open(struct worker *worker, struct instance *instance)
{
	struct cv_error err = CV_ERROR_INIT;

	*worker = (struct worker){.instance = instance};
	must(cv_pool_borrow(instance->pool, &worker->connection, &err), "connection", &err);
}

static void
worker_close(struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++)
		cv_delivery_free(worker->claimed[i]);
	cv_pool_return(worker->connection);
}

/* How many it got. */
static size_t
claim(struct worker *worker, const struct cv_outbox_claim *order)
{
	struct cv_error err = CV_ERROR_INIT;
	size_t before = worker->count;

	must(cv_outbox_claim(worker->connection, order, take, worker, &err), "claim", &err);
	return worker->count - before;
}

static void
settle(struct worker *worker, size_t index, enum cv_delivery_state state, int64_t retry_ms)
{
	const struct cv_delivery_outcome outcome = {
	    .state = state, .retry_ms = retry_ms, .error = state == CV_DELIVERY_DONE ? NULL : "no"};
	struct cv_error err = CV_ERROR_INIT;

	must(cv_outbox_settle(worker->connection, worker->claimed[index], &outcome, &err), "settle",
	    &err);
}

static const struct cv_outbox_claim some = {
    .limit = 10, .limit_per_subscription = 10, .lease_seconds = 30};

static void *
work(void *context)
{
	struct worker *worker = context;
	size_t settled = 0;

	while (claim(worker, &some) > 0) {
		for (; settled < worker->count; settled++)
			settle(worker, settled, CV_DELIVERY_DONE, 0);
	}
	return NULL;
}

Test(outbox, two_senders_deliver_each_event_once)
{
	static struct worker one, other;
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	fill(&scene, "one", 60, 3);
	worker_open(&one, &scene.here);
	worker_open(&other, &scene.there);
	at_once(work, &one, work, &other);
	/* Each may have ended while the other still held what came before. */
	work(&one);
	cr_expect_eq(one.count + other.count, 180);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'done' AND attempts = 1"), 180);
	worker_close(&one);
	worker_close(&other);
	scene_close(&scene);
}

Test(outbox, what_a_sender_took_is_free_again_after_its_lease)
{
	static struct worker dead, other;
	struct scene scene;
	PGconn *clock;

	scene_open(&scene);
	database_take_clock(&scene.world.database);
	clock = database_connect(&scene.world.database);
	subscribe(&scene, "one", "NULL");
	fill(&scene, "one", 1, 1);
	worker_open(&dead, &scene.here);
	worker_open(&other, &scene.there);
	cr_assert_eq(claim(&dead, &some), 1);
	cr_expect_eq(dead.claimed[0]->attempt, 1);
	cr_expect_eq(claim(&other, &some), 0);
	database_set_ahead(clock, 29000);
	cr_expect_eq(claim(&other, &some), 0);
	database_set_ahead(clock, 31000);
	cr_assert_eq(claim(&other, &some), 1);
	cr_expect_eq(other.claimed[0]->attempt, 2);
	cr_expect_eq(other.claimed[0]->event.number, dead.claimed[0]->event.number);
	cr_expect_str_eq(other.claimed[0]->event.id, dead.claimed[0]->event.id);
	/* It was only slow, and comes back: the other has it. */
	settle(&dead, 0, CV_DELIVERY_DEAD, 0);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'pending'"), 1);
	settle(&other, 0, CV_DELIVERY_DONE, 0);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'done'"), 1);
	settle(&dead, 0, CV_DELIVERY_PENDING, 0);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'done'"), 1);
	PQfinish(clock);
	worker_close(&dead);
	worker_close(&other);
	scene_close(&scene);
}

Test(outbox, events_of_one_device_come_in_order)
{
	static struct worker worker;
	struct scene scene;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	fill(&scene, "one", 2, 3);
	worker_open(&worker, &scene.here);
	cr_assert_eq(claim(&worker, &some), 2, "one of each device");
	cr_expect_str_neq(worker.claimed[0]->event.device, worker.claimed[1]->event.device);
	cr_expect_eq(claim(&worker, &some), 0, "the others wait for it");
	settle(&worker, 0, CV_DELIVERY_PENDING, 60000);
	cr_expect_eq(claim(&worker, &some), 0, "also while it waits to be tried again");
	cr_expect_eq(count(&scene, "delivery WHERE next_at > now() + interval '50 s'"), 3,
	    "and are not looked at until then");
	settle(&worker, 1, CV_DELIVERY_DEAD, 0);
	cr_assert_eq(claim(&worker, &some), 1, "but not when it was given up");
	cr_expect_str_eq(worker.claimed[2]->event.device, worker.claimed[1]->event.device);
	cr_expect_gt(worker.claimed[2]->event.number, worker.claimed[1]->event.number);
	worker_close(&worker);
	scene_close(&scene);
}

Test(outbox, each_subscription_has_its_share)
{
	static struct worker worker;
	struct cv_outbox_load load = {.count = 3};
	struct cv_outbox_claim order = {
	    .limit = 100, .limit_per_subscription = 4, .lease_seconds = 30};
	struct scene scene;
	size_t of_one = 0;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	subscribe(&scene, "two", "NULL");
	fill(&scene, "one", 20, 1);
	fill(&scene, "two", 20, 1);
	worker_open(&worker, &scene.here);
	cr_assert_eq(claim(&worker, &order), 8);
	for (size_t i = 0; i < 8; i++)
		of_one += strcmp(worker.claimed[i]->label, "one") == 0;
	cr_expect_eq(of_one, 4);
	memcpy(load.subscription, worker.claimed[0]->subscription, sizeof(load.subscription));
	order.load = &load;
	order.load_count = 1;
	cr_expect_eq(claim(&worker, &order), 5, "one of this, four of the other");
	load.count = 9;
	order.limit = 2;
	cr_expect_eq(claim(&worker, &order), 2, "none of this");
	cr_expect_str_neq(worker.claimed[13]->subscription, load.subscription);
	cr_expect_str_neq(worker.claimed[14]->subscription, load.subscription);
	worker_close(&worker);
	scene_close(&scene);
}

Test(outbox, what_ended_long_ago_is_dropped)
{
	static struct worker worker;
	struct scene scene;
	struct cv_error err = CV_ERROR_INIT;
	int64_t pending;

	scene_open(&scene);
	subscribe(&scene, "one", "NULL");
	subscribe(&scene, "gone", "NULL");
	fill(&scene, "one", 3, 1);
	fill(&scene, "gone", 1, 1);
	worker_open(&worker, &scene.here);
	cr_assert_eq(claim(&worker, &some), 4);
	change_database(&scene.world.database,
	    "UPDATE certvendor.delivery SET state = 'done', finished_at = now() - interval '8 "
	    "days' "
	    "WHERE number = (SELECT min(number) FROM certvendor.delivery); "
	    "UPDATE certvendor.delivery SET state = 'dead', finished_at = now() - interval '6 "
	    "days' "
	    "WHERE number = (SELECT min(number) + 1 FROM certvendor.delivery); "
	    "UPDATE certvendor.outbox SET at = now() - interval '9 days'; "
	    "UPDATE certvendor.subscription SET removed_at = now() WHERE label = 'gone'");
	must(cv_outbox_trim(worker.connection, 7 * DAY, &err), "trim", &err);
	cr_expect_eq(count(&scene, "delivery"), 2);
	cr_expect_eq(count(&scene, "outbox"), 2);
	cr_expect_eq(count(&scene, "delivery WHERE state = 'dead'"), 1);
	must(cv_outbox_count(worker.connection, &pending, &err), "count", &err);
	cr_expect_eq(pending, 1);
	worker_close(&worker);
	scene_close(&scene);
}

/* ---- the key ---- */

Test(outbox, the_first_key_is_made_once)
{
	struct scene scene;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	bool exists = true;

	scene_open(&scene);
	must(cv_pool_borrow(scene.here.pool, &connection, &err), "connection", &err);
	for (int i = 0; i < 2; i++) {
		CV_AUTO_EVENT_KEY struct cv_event_key made = {.kid = ""};
		CV_AUTO_EVENT_KEY struct cv_event_key found = {.kid = ""};

		snprintf(made.kid, sizeof(made.kid), "%040d", i);
		cv_buffer_append_text(&made.certificate, "der");
		cv_buffer_append_text(&made.sealed, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
		if (i == 0)
			must(cv_outbox_current_key(connection, &exists, &found, &err), "key", &err);
		cr_expect(i > 0 || !exists);
		must(cv_outbox_insert_key(connection, &made, &err), "insert", &err);
		must(cv_outbox_current_key(connection, &exists, &found, &err), "key", &err);
		cr_expect(exists);
		cr_expect_str_eq(found.kid, "0000000000000000000000000000000000000000");
	}
	cv_pool_return(connection);
	scene_close(&scene);
}
