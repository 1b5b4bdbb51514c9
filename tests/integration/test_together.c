/* Re-enrolments that wait together are written together, and each is decided for itself. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FLEET 12

struct unit {
	struct instance *instance;
	char device[32];
	EVP_PKEY *keys[2];
	struct credential current, next;
	struct cv_enrolment_answer answer;
};

static void
unit_open(struct instance *instance, int number, struct unit *unit)
{
	memset(unit, 0, sizeof(*unit));
	unit->instance = instance;
	snprintf(unit->device, sizeof(unit->device), "unit-%d", number);
	for (size_t i = 0; i < 2; i++)
		unit->keys[i] = make_key();
	enrol_and_see(instance, unit->keys[0], unit->device, &unit->current);
}

static void
unit_close(struct unit *unit)
{
	for (size_t i = 0; i < 2; i++)
		EVP_PKEY_free(unit->keys[i]);
	credential_deinit(&unit->current);
	credential_deinit(&unit->next);
}

static void *
do_reenrol(void *context)
{
	struct unit *unit = context;

	unit->answer =
	    reenrol(unit->instance, &unit->current, unit->keys[1], unit->device, &unit->next);
	return NULL;
}

/* Runs all while nobody can write a certificate, so that most of them wait for each other. */
static void
reenrol_all(struct world *world, struct unit *units, size_t count)
{
	PGconn *other = database_connect(&world->database);
	pthread_t threads[FLEET + 1];

	run_sql(other, "BEGIN; LOCK TABLE certvendor.certificate IN SHARE MODE");
	for (size_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, do_reenrol, &units[i]);
	pause_ms(300);
	run_sql(other, "COMMIT");
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	PQfinish(other);
}

struct fleet {
	struct world world;
	struct instance instance;
	struct unit units[FLEET];
};

static void
fleet_enrol(struct fleet *fleet)
{
	for (int i = 0; i < FLEET; i++)
		unit_open(&fleet->instance, i, &fleet->units[i]);
}

static void
fleet_open(struct fleet *fleet)
{
	world_open(&fleet->world);
	instance_open(&fleet->world, NULL, &fleet->instance);
	fleet_enrol(fleet);
}

/* It hears of nothing that it did not do itself. */
static void
fleet_open_held(struct fleet *fleet)
{
	world_open(&fleet->world);
	instance_open_held(&fleet->world, NULL, &fleet->instance);
	fleet_enrol(fleet);
}

static void
fleet_close(struct fleet *fleet)
{
	cr_expect(instance_equals_tables(&fleet->instance));
	for (size_t i = 0; i < FLEET; i++)
		unit_close(&fleet->units[i]);
	instance_close(&fleet->instance);
	world_close(&fleet->world);
}

static int64_t
transactions_of(const struct fleet *fleet)
{
	return ask_number(&fleet->world.database,
	    "SELECT count(DISTINCT c.xmin::text) FROM certvendor.certificate c "
	    "JOIN certvendor.audit a ON a.action = 'rekeyed' AND a.device = c.device "
	    "AND a.after->>'fingerprint' = encode(c.fingerprint, 'hex')");
}

Test(together, one_transaction_serves_many)
{
	struct fleet fleet;

	fleet_open(&fleet);
	reenrol_all(&fleet.world, fleet.units, FLEET);
	for (size_t i = 0; i < FLEET; i++) {
		cr_expect_eq(fleet.units[i].answer.outcome, CV_ENROLMENT_ISSUED);
		cr_expect_eq(ask_number(&fleet.world.database,
				 "SELECT count(*) FROM certvendor.certificate WHERE device = '%s'",
				 fleet.units[i].device),
		    2);
		cr_expect_eq(ask_number(&fleet.world.database,
				 "SELECT count(*) FROM certvendor.audit a JOIN certvendor.change c "
				 "ON c.device = a.device AND c.kind = a.action "
				 "WHERE a.device = '%s' AND a.action = 'rekeyed'",
				 fleet.units[i].device),
		    1);
	}
	cr_expect_lt(transactions_of(&fleet), FLEET, "each went alone");
	fleet_close(&fleet);
}

static enum cv_index_status
status_of_next(const struct fleet *fleet, size_t unit)
{
	return status_in_memory(&fleet->instance, &fleet->units[unit].next.fingerprint);
}

/* So that the feed has nothing to fetch; a slot that another instance changed is left to it. */
Test(together, memory_takes_what_was_issued)
{
	struct fleet fleet;

	fleet_open_held(&fleet);
	change_database(&fleet.world.database,
	    "UPDATE certvendor.slot SET version = version + 1 WHERE device = 'unit-0'; "
	    "INSERT INTO certvendor.change (factory, device, slot, version, kind) "
	    "SELECT factory, device, name, version, 'changed' FROM certvendor.slot "
	    "WHERE device = 'unit-0'");
	reenrol_all(&fleet.world, fleet.units, FLEET);
	for (size_t i = 1; i < FLEET; i++)
		cr_expect_eq(status_of_next(&fleet, i), CV_INDEX_UNDECIDED);
	cr_expect_eq(status_of_next(&fleet, 0), CV_INDEX_MISSING);
	instance_read_feed(&fleet.instance);
	cr_expect_eq(status_of_next(&fleet, 0), CV_INDEX_UNDECIDED);
	fleet_close(&fleet);
}

/* Each is the device that it presents: what one may not, its neighbours still may. */
Test(together, one_refusal_refuses_nobody_else)
{
	struct fleet fleet;
	struct unit *stranger = &fleet.units[3], *held = &fleet.units[5];

	fleet_open(&fleet);
	EVP_PKEY_free(stranger->keys[1]);
	stranger->keys[1] = fleet.units[4].keys[0];
	EVP_PKEY_up_ref(stranger->keys[1]);
	cr_assert_eq(act(&fleet.instance, CV_LIFECYCLE_HOLD, held->device), CV_LIFECYCLE_DONE);
	reenrol_all(&fleet.world, fleet.units, FLEET);
	for (size_t i = 0; i < FLEET; i++) {
		struct unit *unit = &fleet.units[i];

		if (unit == stranger)
			cr_expect_eq(unit->answer.outcome, CV_ENROLMENT_KEY_IN_USE);
		else if (unit == held)
			cr_expect_eq(unit->answer.outcome, CV_ENROLMENT_REFUSED);
		else
			cr_expect_eq(unit->answer.outcome, CV_ENROLMENT_ISSUED);
	}
	cr_expect_eq(ask_number(&fleet.world.database,
			 "SELECT count(*) FROM certvendor.audit WHERE action = 'rekeyed'"),
	    FLEET - 2);
	fleet_close(&fleet);
}

/* A device that an operator holds in a long transaction goes alone; the others do not wait. */
Test(together, a_locked_device_keeps_nobody_waiting)
{
	struct fleet fleet;
	PGconn *other;
	pthread_t threads[FLEET];

	fleet_open(&fleet);
	other = database_connect(&fleet.world.database);
	run_sql(other, "BEGIN; SELECT FROM certvendor.device WHERE id = '%s' FOR UPDATE",
	    fleet.units[0].device);
	for (size_t i = 0; i < FLEET; i++)
		pthread_create(&threads[i], NULL, do_reenrol, &fleet.units[i]);
	for (size_t i = 1; i < FLEET; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(fleet.units[i].answer.outcome, CV_ENROLMENT_ISSUED);
	}
	run_sql(other, "COMMIT");
	pthread_join(threads[0], NULL);
	cr_expect_eq(fleet.units[0].answer.outcome, CV_ENROLMENT_ISSUED);
	PQfinish(other);
	fleet_close(&fleet);
}

/* The same device twice at once, with the same CSR's key: two answers, no failure. */
Test(together, a_device_may_ask_twice_at_once)
{
	struct fleet fleet;
	struct unit twin;

	fleet_open(&fleet);
	twin = fleet.units[0];
	memset(&twin.next, 0, sizeof(twin.next));
	at_once(do_reenrol, &fleet.units[0], do_reenrol, &twin);
	cr_expect(fleet.units[0].answer.outcome == CV_ENROLMENT_ISSUED ||
		  fleet.units[0].answer.outcome == CV_ENROLMENT_REPEATED);
	cr_expect(twin.answer.outcome == CV_ENROLMENT_ISSUED ||
		  twin.answer.outcome == CV_ENROLMENT_REPEATED);
	cr_expect_eq(ask_number(&fleet.world.database,
			 "SELECT count(*) FROM certvendor.slot_key WHERE device = '%s' "
			 "AND state = 'current'",
			 fleet.units[0].device),
	    1);
	credential_deinit(&twin.next);
	fleet_close(&fleet);
}
