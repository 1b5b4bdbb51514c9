/* Two instances of the service, each with its own connections and memory, on one database. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 12

struct pair {
	struct world world;
	struct instance here, there;
};

static void
pair_open(struct pair *pair)
{
	world_open(&pair->world);
	instance_open(&pair->world, NULL, &pair->here);
	instance_open(&pair->world, NULL, &pair->there);
}

static void
pair_close(struct pair *pair)
{
	cr_expect(instance_equals_tables(&pair->here), "memory here differs from the tables");
	cr_expect(instance_equals_tables(&pair->there), "memory there differs from the tables");
	instance_close(&pair->here);
	instance_close(&pair->there);
	world_close(&pair->world);
}

/* One device for each round. */
struct party {
	char device[32];
	EVP_PKEY *keys[3];
	struct credential first, second, third;
};

static void
party_open(struct pair *pair, struct party *party, int round)
{
	memset(party, 0, sizeof(*party));
	snprintf(party->device, sizeof(party->device), "unit-%d", round);
	for (size_t i = 0; i < 3; i++)
		party->keys[i] = make_key();
	enrol_and_see(&pair->here, party->keys[0], party->device, &party->first);
}

static void
party_ask(struct pair *pair, struct party *party, size_t key, struct credential *ret_credential)
{
	cr_assert_eq(
	    reenrol(&pair->here, &party->first, party->keys[key], party->device, ret_credential)
		.outcome,
	    CV_ENROLMENT_ISSUED);
}

static void
party_name(struct pair *pair, struct party *party, size_t key)
{
	cr_assert_eq(
	    announce(&pair->here, &party->first, party->keys[key], NULL), CV_ANNOUNCEMENT_DONE);
}

static void
party_close(struct party *party)
{
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(party->keys[i]);
	credential_deinit(&party->first);
	credential_deinit(&party->second);
	credential_deinit(&party->third);
}

/* ---- what the threads do ---- */

struct looking {
	struct instance *instance;
	const struct credential *credential;
	enum cv_verdict verdict;
};

static void *
do_look(void *context)
{
	struct looking *looking = context;

	looking->verdict = see(looking->instance, looking->credential);
	return NULL;
}

struct naming {
	struct instance *instance;
	const struct credential *over;
	EVP_PKEY *key;
	enum cv_announcement_outcome outcome;
	enum cv_verdict verdict;
};

static void *
do_name(void *context)
{
	struct naming *naming = context;

	naming->outcome = announce(naming->instance, naming->over, naming->key, &naming->verdict);
	return NULL;
}

struct revoking {
	struct instance *instance;
	const char *device;
	const struct credential *credential;
};

static void *
do_revoke(void *context)
{
	struct revoking *revoking = context;

	revoke_credential(revoking->instance, revoking->device, revoking->credential,
	    CV_REASON_KEY_COMPROMISE, NULL);
	return NULL;
}

static void *
do_hold(void *context)
{
	struct revoking *revoking = context;

	act(revoking->instance, CV_LIFECYCLE_HOLD, revoking->device);
	return NULL;
}

static int64_t
changes_of(const struct pair *pair, const char *device, const char *kind)
{
	return ask_number(&pair->world.database,
	    "SELECT count(*) FROM certvendor.change WHERE device = '%s' AND kind = '%s'", device,
	    kind);
}

static int64_t
records_of(const struct pair *pair, const char *device, const char *kind)
{
	return ask_number(&pair->world.database,
	    "SELECT count(*) FROM certvendor.audit WHERE device = '%s' AND action = '%s'", device,
	    kind);
}

/* Both instances, whatever they held before, agree with the database now. */
static void
expect_everywhere(
    struct pair *pair, const struct credential *credential, enum cv_index_status status)
{
	cr_expect(instance_reaches(&pair->here, &credential->fingerprint, status));
	cr_expect(instance_reaches(&pair->there, &credential->fingerprint, status));
}

/* ---- the races ---- */

Test(races, two_first_uses_of_one_key_are_one_activation)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct looking here = {.instance = &pair.here, .credential = &party.second};
		struct looking there = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		at_once(do_look, &here, do_look, &there);
		cr_expect(cv_verdict_is_allowed(here.verdict));
		cr_expect(cv_verdict_is_allowed(there.verdict));
		cr_expect_neq(
		    here.verdict, there.verdict, "both say %s", cv_verdict_name(here.verdict));
		cr_expect_eq(changes_of(&pair, party.device, "activated"), 1);
		cr_expect_eq(records_of(&pair, party.device, "activated"), 1);
		expect_everywhere(&pair, &party.first, CV_INDEX_DENIED);
		expect_everywhere(&pair, &party.second, CV_INDEX_ALLOWED);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, of_two_announced_keys_one_wins)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct looking here = {.instance = &pair.here, .credential = &party.second};
		struct looking there = {.instance = &pair.there, .credential = &party.third};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_ask(&pair, &party, 2, &party.third);
		party_name(&pair, &party, 2);
		party_name(&pair, &party, 1);
		at_once(do_look, &here, do_look, &there);
		cr_expect_neq(cv_verdict_is_allowed(here.verdict),
		    cv_verdict_is_allowed(there.verdict), "%s and %s",
		    cv_verdict_name(here.verdict), cv_verdict_name(there.verdict));
		cr_expect_eq(changes_of(&pair, party.device, "activated"), 1);
		cr_expect_eq(ask_number(&pair.world.database,
				 "SELECT count(*) FROM certvendor.slot_key "
				 "WHERE device = '%s' AND state IN ('current', 'announced')",
				 party.device),
		    1);
		expect_everywhere(&pair, &party.first, CV_INDEX_DENIED);
		expect_everywhere(&pair,
		    here.verdict == CV_VERDICT_ACTIVATED ? &party.third : &party.second,
		    CV_INDEX_DENIED);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, an_announcement_does_not_outlive_the_key_that_made_it)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct naming naming = {.instance = &pair.here, .over = &party.first};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_ask(&pair, &party, 2, &party.third);
		party_name(&pair, &party, 2);
		party_name(&pair, &party, 1);
		naming.key = party.keys[2];
		at_once(do_name, &naming, do_look, &looking);
		cr_expect_eq(looking.verdict, CV_VERDICT_ACTIVATED);
		cr_expect(naming.outcome == CV_ANNOUNCEMENT_DONE ||
			  (naming.outcome == CV_ANNOUNCEMENT_REFUSED &&
			      naming.verdict == CV_VERDICT_DENIED));
		cr_expect_eq(see(&pair.here, &party.third), CV_VERDICT_DENIED);
		cr_expect_eq(ask_number(&pair.world.database,
				 "SELECT count(*) FROM certvendor.slot_key "
				 "WHERE device = '%s' AND state = 'announced'",
				 party.device),
		    0);
		expect_everywhere(&pair, &party.second, CV_INDEX_ALLOWED);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, a_new_announcement_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct naming naming = {.instance = &pair.here, .over = &party.first};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		naming.key = party.keys[2];
		at_once(do_name, &naming, do_look, &looking);
		/* A key that was only named is younger than none: it replaces, or comes too late.
		 */
		if (naming.outcome == CV_ANNOUNCEMENT_DONE) {
			cr_expect(looking.verdict == CV_VERDICT_THIRD_KEY ||
				  looking.verdict == CV_VERDICT_ACTIVATED);
		} else {
			cr_expect_eq(naming.outcome, CV_ANNOUNCEMENT_REFUSED);
			cr_expect_eq(looking.verdict, CV_VERDICT_ACTIVATED);
		}
		expect_everywhere(&pair, &party.first,
		    looking.verdict == CV_VERDICT_ACTIVATED ? CV_INDEX_DENIED : CV_INDEX_ALLOWED);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, a_revocation_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct revoking revoking = {
		    .instance = &pair.here, .device = party.device, .credential = &party.first};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};
		bool was_first;

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		at_once(do_revoke, &revoking, do_look, &looking);
		was_first = looking.verdict == CV_VERDICT_ACTIVATED;
		cr_expect(was_first || looking.verdict == CV_VERDICT_DENIED, "%s",
		    cv_verdict_name(looking.verdict));
		expect_everywhere(&pair, &party.first, CV_INDEX_DENIED);
		expect_everywhere(
		    &pair, &party.second, was_first ? CV_INDEX_ALLOWED : CV_INDEX_DENIED);
		cr_expect_eq(changes_of(&pair, party.device, "activated"), was_first ? 1 : 0);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, a_hold_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct revoking holding = {.instance = &pair.here, .device = party.device};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		at_once(do_hold, &holding, do_look, &looking);
		cr_expect(looking.verdict == CV_VERDICT_ACTIVATED ||
			  looking.verdict == CV_VERDICT_DEVICE_REFUSED);
		cr_expect_not(cv_verdict_is_allowed(see(&pair.here, &party.second)));
		cr_expect_eq(
		    act(&pair.here, CV_LIFECYCLE_RELEASE, party.device), CV_LIFECYCLE_DONE);
		cr_expect(cv_verdict_is_allowed(see(&pair.here, &party.second)));
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, two_first_contacts_register_one_key)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party = {.keys = {make_key(), make_key(), make_key()}};
		struct looking here = {.instance = &pair.here, .credential = &party.first};
		struct looking there = {.instance = &pair.there, .credential = &party.second};
		enum cv_verdict loser;

		snprintf(party.device, sizeof(party.device), "unit-%d", round);
		sign_credential(
		    &pair.world.offline, party.keys[0], party.device, NULL, &party.first);
		sign_credential(
		    &pair.world.offline, party.keys[1], party.device, NULL, &party.second);
		at_once(do_look, &here, do_look, &there);
		cr_expect_neq(here.verdict == CV_VERDICT_REGISTERED,
		    there.verdict == CV_VERDICT_REGISTERED, "%s and %s",
		    cv_verdict_name(here.verdict), cv_verdict_name(there.verdict));
		loser = here.verdict == CV_VERDICT_REGISTERED ? there.verdict : here.verdict;
		cr_expect_eq(loser, CV_VERDICT_THIRD_KEY, "%s", cv_verdict_name(loser));
		cr_expect_eq(changes_of(&pair, party.device, "registered"), 1);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, two_first_contacts_with_one_certificate_are_one_registration)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party = {.keys = {make_key(), make_key(), make_key()}};
		struct looking here = {.instance = &pair.here, .credential = &party.first};
		struct looking there = {.instance = &pair.there, .credential = &party.first};

		snprintf(party.device, sizeof(party.device), "unit-%d", round);
		sign_credential(
		    &pair.world.offline, party.keys[0], party.device, NULL, &party.first);
		at_once(do_look, &here, do_look, &there);
		cr_expect(cv_verdict_is_allowed(here.verdict));
		cr_expect(cv_verdict_is_allowed(there.verdict));
		cr_expect_eq(changes_of(&pair, party.device, "registered"), 1);
		cr_expect_eq(records_of(&pair, party.device, "registered"), 1);
		expect_everywhere(&pair, &party.first, CV_INDEX_ALLOWED);
		party_close(&party);
	}
	pair_close(&pair);
}

/* One key shown for two ids at two instances. */
Test(races, one_key_is_claimed_by_one_device)
{
	struct pair pair;

	pair_open(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party = {.keys = {make_key(), make_key(), make_key()}};
		struct looking here = {.instance = &pair.here, .credential = &party.first};
		struct looking there = {.instance = &pair.there, .credential = &party.second};
		char other[sizeof(party.device) + 8];

		snprintf(party.device, sizeof(party.device), "unit-%d", round);
		snprintf(other, sizeof(other), "other-%d", round);
		sign_credential(
		    &pair.world.offline, party.keys[0], party.device, NULL, &party.first);
		sign_credential(&pair.world.offline, party.keys[0], other, NULL, &party.second);
		at_once(do_look, &here, do_look, &there);
		cr_expect_neq(here.verdict == CV_VERDICT_REGISTERED,
		    there.verdict == CV_VERDICT_REGISTERED, "%s and %s",
		    cv_verdict_name(here.verdict), cv_verdict_name(there.verdict));
		cr_expect(here.verdict == CV_VERDICT_KEY_IN_USE ||
			  there.verdict == CV_VERDICT_KEY_IN_USE);
		party_close(&party);
	}
	pair_close(&pair);
}

Test(races, an_announcement_here_activates_there_at_once)
{
	struct pair pair;
	struct party party;

	pair_open(&pair);
	party_open(&pair, &party, 0);
	party_ask(&pair, &party, 1, &party.second);
	party_name(&pair, &party, 1);
	/* Memory there knows nothing yet, and does not refuse for it. */
	cr_expect_eq(see(&pair.there, &party.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(recall(&pair.there, &party.first).verdict, CV_VERDICT_DENIED);
	expect_everywhere(&pair, &party.first, CV_INDEX_DENIED);
	party_close(&party);
	pair_close(&pair);
}
