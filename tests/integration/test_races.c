/* Two instances of the service, each with its own connections and memory, on one database. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/service/device_registration.h"
#include "cv/util/text.h"

#define ROUNDS 12

static void
open_pair(struct pair *pair)
{
	world_open(&pair->world);
	pair_start(pair);
}

static void
close_equal(struct pair *pair)
{
	cr_expect(instance_equals_tables(&pair->here), "memory here differs from the tables");
	cr_expect(instance_equals_tables(&pair->there), "memory there differs from the tables");
	pair_close(pair);
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

struct enrolling {
	struct instance *instance;
	const struct credential *over;
	struct cv_bytes csr;
	EVP_PKEY *key;
	struct credential credential;
	struct cv_enrolment_answer answer;
};

static void *
do_enrol(void *context)
{
	struct enrolling *enrolling = context;

	enrolling->answer = reenrol_request(enrolling->instance, enrolling->over, enrolling->csr,
	    enrolling->key, &enrolling->credential);
	return NULL;
}

struct registering {
	struct instance *instance;
	const char *secret, *device;
	EVP_PKEY *key;
	struct credential credential;
	enum cv_enrolment_outcome outcome;
};

static void *
do_register(void *context)
{
	struct registering *registering = context;

	registering->outcome = enrol_with_token(registering->instance, registering->secret,
	    registering->key, registering->device, &registering->credential);
	return NULL;
}

struct acting {
	struct instance *instance;
	const char *device;
	enum cv_lifecycle_act act;
	enum cv_lifecycle_outcome outcome;
};

static void *
do_act(void *context)
{
	struct acting *acting = context;

	acting->outcome = act(acting->instance, acting->act, acting->device);
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

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, of_two_announced_keys_one_wins)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, an_announcement_does_not_outlive_the_key_that_made_it)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, a_new_announcement_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, a_revocation_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, a_hold_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, two_first_contacts_register_one_key)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, two_first_contacts_with_one_certificate_are_one_registration)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

/* One key shown for two ids at two instances. */
Test(races, one_key_is_claimed_by_one_device)
{
	struct pair pair;

	open_pair(&pair);
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
	close_equal(&pair);
}

Test(races, an_announcement_here_activates_there_at_once)
{
	struct pair pair;
	struct party party;

	open_pair(&pair);
	party_open(&pair, &party, 0);
	party_ask(&pair, &party, 1, &party.second);
	party_name(&pair, &party, 1);
	/* Memory there knows nothing yet, and does not refuse for it. */
	cr_expect_eq(see(&pair.there, &party.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(recall(&pair.there, &party.first).verdict, CV_VERDICT_DENIED);
	expect_everywhere(&pair, &party.first, CV_INDEX_DENIED);
	party_close(&party);
	close_equal(&pair);
}

static int64_t
keys_in_state(const struct pair *pair, const char *device, const char *state)
{
	return ask_number(&pair->world.database,
	    "SELECT count(*) FROM certvendor.slot_key WHERE device = '%s' AND state = '%s'", device,
	    state);
}

/* Which request came last says nothing: the key that was asked for later stays announced. */
Test(races, two_announcements_leave_the_younger_key_announced)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct naming older = {.instance = &pair.here, .over = &party.first};
		struct naming younger = {.instance = &pair.there, .over = &party.first};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_ask(&pair, &party, 2, &party.third);
		older.key = party.keys[1];
		younger.key = party.keys[2];
		at_once(do_name, &older, do_name, &younger);
		cr_expect_eq(older.outcome, CV_ANNOUNCEMENT_DONE);
		cr_expect_eq(younger.outcome, CV_ANNOUNCEMENT_DONE);
		cr_expect_eq(see(&pair.here, &party.third), CV_VERDICT_ACTIVATED);
		party_close(&party);
	}
	close_equal(&pair);
}

/* What the old key asks for too late is refused; what it asked for just before is denied. */
Test(races, a_request_of_the_old_key_and_a_first_use_come_one_after_the_other)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
		struct enrolling enrolling = {.instance = &pair.here, .over = &party.first};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		make_request(party.keys[2], party.device, FACTORY, &csr);
		enrolling.csr = cv_buffer_bytes(&csr);
		enrolling.key = party.keys[2];
		at_once(do_enrol, &enrolling, do_look, &looking);
		cr_expect_eq(looking.verdict, CV_VERDICT_ACTIVATED);
		if (enrolling.answer.outcome == CV_ENROLMENT_ISSUED)
			cr_expect_eq(see(&pair.there, &enrolling.credential), CV_VERDICT_DENIED);
		else
			cr_expect_eq(enrolling.answer.verdict, CV_VERDICT_DENIED);
		expect_everywhere(&pair, &party.second, CV_INDEX_ALLOWED);
		credential_deinit(&enrolling.credential);
		party_close(&party);
	}
	close_equal(&pair);
}

Test(races, one_request_at_two_instances_is_one_certificate)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
		struct enrolling here = {.instance = &pair.here, .over = &party.first};
		struct enrolling there = {.instance = &pair.there, .over = &party.first};

		party_open(&pair, &party, round);
		make_request(party.keys[1], party.device, FACTORY, &csr);
		here.csr = there.csr = cv_buffer_bytes(&csr);
		here.key = there.key = party.keys[1];
		at_once(do_enrol, &here, do_enrol, &there);
		cr_expect_neq(here.answer.outcome, there.answer.outcome);
		cr_expect(
		    cv_digest_equal(&here.credential.fingerprint, &there.credential.fingerprint));
		credential_deinit(&here.credential);
		credential_deinit(&there.credential);
		party_close(&party);
	}
	close_equal(&pair);
}

/* Whichever comes first, nothing of the device is allowed afterwards. */
Test(races, nothing_outruns_an_operator)
{
	static const enum cv_lifecycle_act acts[] = {
	    CV_LIFECYCLE_DELETE, CV_LIFECYCLE_REVOKE, CV_LIFECYCLE_HOLD};
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < 2 * ROUNDS; round++) {
		struct party party;
		CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
		struct acting acting = {
		    .instance = &pair.here, .device = party.device, .act = acts[round % 3]};
		struct enrolling enrolling = {.instance = &pair.there, .over = &party.first};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		make_request(party.keys[0], party.device, FACTORY, &csr);
		enrolling.csr = cv_buffer_bytes(&csr);
		enrolling.key = party.keys[0];
		if (round % 2)
			at_once(do_act, &acting, do_enrol, &enrolling);
		else
			at_once(do_act, &acting, do_look, &looking);
		cr_expect_eq(acting.outcome, CV_LIFECYCLE_DONE);
		cr_expect_not(cv_verdict_is_allowed(see(&pair.here, &party.first)));
		cr_expect_not(cv_verdict_is_allowed(see(&pair.here, &party.second)));
		if (enrolling.credential.key)
			cr_expect_not(
			    cv_verdict_is_allowed(see(&pair.here, &enrolling.credential)));
		credential_deinit(&enrolling.credential);
		party_close(&party);
	}
	close_equal(&pair);
}

Test(races, a_cancellation_loses_to_a_first_use_or_comes_before_it)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party;
		struct acting acting = {
		    .instance = &pair.here, .device = party.device, .act = CV_LIFECYCLE_CANCEL};
		struct looking looking = {.instance = &pair.there, .credential = &party.second};
		bool was_cancelled;

		party_open(&pair, &party, round);
		party_ask(&pair, &party, 1, &party.second);
		party_name(&pair, &party, 1);
		at_once(do_act, &acting, do_look, &looking);
		was_cancelled = acting.outcome == CV_LIFECYCLE_DONE;
		cr_expect_eq(looking.verdict,
		    was_cancelled ? CV_VERDICT_THIRD_KEY : CV_VERDICT_ACTIVATED, "%s",
		    cv_verdict_name(looking.verdict));
		cr_expect_eq(keys_in_state(&pair, party.device, "current"), 1);
		expect_everywhere(
		    &pair, &party.first, was_cancelled ? CV_INDEX_ALLOWED : CV_INDEX_DENIED);
		party_close(&party);
	}
	close_equal(&pair);
}

Test(races, a_first_contact_and_a_registration_make_one_key_current)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		struct party party = {.keys = {make_key(), make_key(), make_key()}};
		char secret[CV_SECRET_SIZE];
		struct looking looking = {.instance = &pair.here, .credential = &party.first};
		struct registering registering = {.instance = &pair.there,
		    .secret = secret,
		    .device = party.device,
		    .key = party.keys[1]};

		snprintf(party.device, sizeof(party.device), "unit-%d", round);
		make_token(&pair.here, NULL, 1, secret);
		sign_credential(
		    &pair.world.offline, party.keys[0], party.device, NULL, &party.first);
		at_once(do_look, &looking, do_register, &registering);
		cr_expect_neq(looking.verdict == CV_VERDICT_REGISTERED,
		    registering.outcome == CV_ENROLMENT_ISSUED, "%s and %s",
		    cv_verdict_name(looking.verdict),
		    cv_enrolment_outcome_name(registering.outcome));
		cr_expect_eq(keys_in_state(&pair, party.device, "current"), 1);
		credential_deinit(&registering.credential);
		party_close(&party);
	}
	close_equal(&pair);
}

/* One round at two instances, each with a token and a key for an id of its own. */
struct two_ids {
	struct party party;
	char other[sizeof(((struct party *)0)->device) + 8];
	char first[CV_SECRET_SIZE], second[CV_SECRET_SIZE];
	enum cv_enrolment_outcome here, there;
};

static void
name_two_ids(struct two_ids *two, int round)
{
	*two = (struct two_ids){.party = {.keys = {make_key(), make_key(), make_key()}}};
	snprintf(two->party.device, sizeof(two->party.device), "unit-%d", round);
	snprintf(two->other, sizeof(two->other), "other-%d", round);
}

/* Exactly one of them is registered. */
static void
register_two_ids(struct pair *pair, struct two_ids *two, const char *there_secret, size_t there_key)
{
	struct registering here = {.instance = &pair->here,
	    .secret = two->first,
	    .device = two->party.device,
	    .key = two->party.keys[0]};
	struct registering there = {.instance = &pair->there,
	    .secret = there_secret,
	    .device = two->other,
	    .key = two->party.keys[there_key]};

	at_once(do_register, &here, do_register, &there);
	two->here = here.outcome;
	two->there = there.outcome;
	cr_expect_neq(two->here, two->there);
	cr_expect_eq(ask_number(&pair->world.database,
			 "SELECT count(*) FROM certvendor.device "
			 "WHERE id IN ('%s', '%s')",
			 two->party.device, two->other),
	    1);
	credential_deinit(&here.credential);
	credential_deinit(&there.credential);
	party_close(&two->party);
}

Test(races, a_token_for_one_device_registers_one)
{
	struct pair pair;
	struct two_ids two;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		name_two_ids(&two, round);
		make_token(&pair.here, NULL, 1, two.first);
		register_two_ids(&pair, &two, two.first, 1);
		cr_expect(two.here == CV_ENROLMENT_BAD_CREDENTIALS ||
			  two.there == CV_ENROLMENT_BAD_CREDENTIALS);
	}
	close_equal(&pair);
}

/* Two ids, one key: who is refused keeps nothing of it. */
Test(races, one_key_registers_one_device)
{
	struct pair pair;
	struct two_ids two;

	open_pair(&pair);
	for (int round = 0; round < ROUNDS; round++) {
		name_two_ids(&two, round);
		make_token(&pair.here, two.party.device, 1, two.first);
		make_token(&pair.here, two.other, 1, two.second);
		register_two_ids(&pair, &two, two.second, 0);
		cr_expect(two.here == CV_ENROLMENT_ISSUED || two.there == CV_ENROLMENT_ISSUED);
		cr_expect(
		    two.here == CV_ENROLMENT_KEY_IN_USE || two.there == CV_ENROLMENT_KEY_IN_USE);
	}
	close_equal(&pair);
}

#define CROWD 24

Test(races, a_crowd_of_first_uses_is_one_activation)
{
	struct pair pair;
	struct party party;
	struct looking looks[CROWD];
	pthread_t threads[CROWD];
	int activated = 0;

	open_pair(&pair);
	party_open(&pair, &party, 0);
	party_ask(&pair, &party, 1, &party.second);
	party_name(&pair, &party, 1);
	for (int i = 0; i < CROWD; i++) {
		looks[i] = (struct looking){
		    .instance = i % 2 ? &pair.here : &pair.there, .credential = &party.second};
		cr_assert_eq(pthread_create(&threads[i], NULL, do_look, &looks[i]), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
		cr_expect(cv_verdict_is_allowed(looks[i].verdict), "%s",
		    cv_verdict_name(looks[i].verdict));
		activated += looks[i].verdict == CV_VERDICT_ACTIVATED;
	}
	cr_expect_eq(activated, 1);
	cr_expect_eq(changes_of(&pair, party.device, "activated"), 1);
	cr_expect_eq(records_of(&pair, party.device, "activated"), 1);
	party_close(&party);
	close_equal(&pair);
}

/* Who is refused waits for no lock, so that a flood of strangers holds nobody up, and writes no
 * row of the device. */
Test(races, a_refusal_takes_no_lock)
{
	struct pair pair;
	struct party party;
	PGconn *holder;

	open_pair(&pair);
	party_open(&pair, &party, 0);
	sign_credential(&pair.world.offline, party.keys[1], party.device, NULL, &party.second);
	holder = database_connect(&pair.world.database);
	run_sql(holder, "BEGIN");
	run_sql(holder, "SELECT FROM certvendor.device WHERE id = '%s' FOR UPDATE", party.device);
	for (int i = 0; i < 100; i++) {
		credential_deinit(&party.third);
		sign_credential(
		    &pair.world.offline, party.keys[2], party.device, NULL, &party.third);
		cr_expect_eq(see(&pair.here, &party.third), CV_VERDICT_THIRD_KEY);
		cr_expect_eq(see(&pair.there, &party.second), CV_VERDICT_THIRD_KEY);
		cr_expect_eq(see(&pair.here, &party.first), CV_VERDICT_OK);
	}
	run_sql(holder, "ROLLBACK");
	PQfinish(holder);
	cr_expect_eq(
	    ask_number(&pair.world.database, "SELECT (SELECT count(*) FROM certvendor.slot_key)"
					     " + (SELECT count(*) FROM certvendor.certificate)"
					     " + (SELECT count(*) FROM certvendor.key_claim)"),
	    3);
	cr_expect_leq(
	    ask_number(&pair.world.database, "SELECT count(*) FROM certvendor.security_event"), 2);
	party_close(&party);
	close_equal(&pair);
}

/* ---- what waited decides by what is so when its turn comes ---- */

/* A transaction of somebody else, which holds one row. */
static PGconn *
hold_row(const struct pair *pair, const char *table, const char *id)
{
	PGconn *holder = database_connect(&pair->world.database);

	run_sql(holder, "BEGIN; SELECT FROM certvendor.%s WHERE id = '%s' FOR UPDATE", table, id);
	return holder;
}

static void
let_go(PGconn *holder)
{
	run_sql(holder, "ROLLBACK");
	PQfinish(holder);
}

static void
start_waiting(const struct pair *pair, void *(*function)(void *), void *context, int64_t place,
    pthread_t *ret_thread)
{
	cr_assert_eq(pthread_create(ret_thread, NULL, function, context), 0);
	until_waiting(&pair->world.database, place);
}

/* What was made while an act waited is older than the act. */
Test(races, an_act_that_waited_voids_the_tokens_made_meanwhile)
{
	static void *(*const acts[])(void *) = {do_act, do_act, do_act, do_revoke};
	static const enum cv_lifecycle_act kinds[] = {
	    CV_LIFECYCLE_DELETE, CV_LIFECYCLE_HOLD, CV_LIFECYCLE_REVOKE, CV_LIFECYCLE_REVOKE};
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < 4; round++) {
		struct party party;
		struct acting acting = {
		    .instance = &pair.here, .device = party.device, .act = kinds[round]};
		struct revoking revoking = {
		    .instance = &pair.here, .device = party.device, .credential = &party.first};
		char meanwhile[CV_SECRET_SIZE], after[CV_SECRET_SIZE];
		enum cv_enrolment_outcome outcome;
		PGconn *holder;
		pthread_t thread;

		party_open(&pair, &party, round);
		holder = hold_row(&pair, "device", party.device);
		start_waiting(&pair, acts[round],
		    acts[round] == do_act ? (void *)&acting : (void *)&revoking, 1, &thread);
		make_token(&pair.there, party.device, 1, meanwhile);
		let_go(holder);
		pthread_join(thread, NULL);
		outcome = enrol_with_token(
		    &pair.there, meanwhile, party.keys[1], party.device, &party.second);
		cr_expect(outcome == CV_ENROLMENT_REFUSED || outcome == CV_ENROLMENT_NOT_AUTHORISED,
		    "round %d: %s", round, cv_enrolment_outcome_name(outcome));
		make_token(&pair.there, party.device, 1, after);
		cr_expect_eq(
		    enrol_with_token(&pair.there, after, party.keys[2], party.device, &party.third),
		    CV_ENROLMENT_ISSUED);
		party_close(&party);
	}
	close_equal(&pair);
}

static int64_t
database_now_us(const struct pair *pair)
{
	return ask_number(
	    &pair->world.database, "SELECT (extract(epoch FROM now()) * 1000000)::bigint");
}

/* With a token that an operator approved for this device. */
static enum cv_enrolment_outcome
register_with_grant(struct pair *pair, struct party *party, size_t key, int64_t made_at_us)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_operator operator_ = {.actor = "operator:test",
	    .name = "test",
	    .role = CV_ROLE_OPERATOR,
	    .has_every_factory = true,
	    .made_at_us = made_at_us};
	const struct cv_device_order order = {.operator_ = &operator_, .request_id = "request"};
	struct cv_enrolment_answer answer;
	struct cv_error err = CV_ERROR_INIT;

	cv_text_copy(operator_.device, sizeof(operator_.device), party->device);
	make_request(party->keys[key], party->device, FACTORY, &csr);
	must(cv_register_device(
		 pair->there.service, NULL, cv_buffer_bytes(&csr), &order, &answer, &der, &err),
	    "registration", &err);
	return answer.outcome;
}

Test(races, an_act_that_waited_outlasts_what_was_granted_meanwhile)
{
	struct pair pair;
	struct party party;
	struct acting acting = {
	    .instance = &pair.here, .device = party.device, .act = CV_LIFECYCLE_DELETE};
	int64_t meanwhile_us;
	PGconn *holder;
	pthread_t thread;

	open_pair(&pair);
	party_open(&pair, &party, 0);
	holder = hold_row(&pair, "device", party.device);
	start_waiting(&pair, do_act, &acting, 1, &thread);
	meanwhile_us = database_now_us(&pair);
	let_go(holder);
	pthread_join(thread, NULL);
	cr_expect_eq(
	    register_with_grant(&pair, &party, 1, meanwhile_us), CV_ENROLMENT_NOT_AUTHORISED);
	cr_expect_eq(
	    register_with_grant(&pair, &party, 1, database_now_us(&pair)), CV_ENROLMENT_ISSUED);
	party_close(&party);
	close_equal(&pair);
}

Test(races, a_token_that_was_revoked_meanwhile_enrols_nobody)
{
	struct pair pair;

	open_pair(&pair);
	for (int round = 0; round < 2; round++) {
		bool is_revoked = round == 1;
		char secret[CV_SECRET_SIZE], device[32];
		AUTO_KEY EVP_PKEY *key = make_key();
		struct registering registering = {
		    .instance = &pair.here, .secret = secret, .device = device, .key = key};
		PGconn *holder;
		pthread_t thread;

		snprintf(device, sizeof(device), "unit-%d", round);
		make_token(&pair.here, NULL, 1, secret);
		holder = hold_row(&pair, "authority", pair.world.online.id);
		start_waiting(&pair, do_register, &registering, 1, &thread);
		if (is_revoked)
			change_database(&pair.world.database,
			    "UPDATE certvendor.enrolment_token SET revoked_at = now(), "
			    "expires_at = least(expires_at, now())");
		let_go(holder);
		pthread_join(thread, NULL);
		cr_expect_eq(registering.outcome,
		    is_revoked ? CV_ENROLMENT_BAD_CREDENTIALS : CV_ENROLMENT_ISSUED, "%s",
		    cv_enrolment_outcome_name(registering.outcome));
		credential_deinit(&registering.credential);
	}
	close_equal(&pair);
}

/* The second key is asked for while the act waits behind that request. */
static void
act_behind_a_request(struct pair *pair, struct party *party, struct acting *acting)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct enrolling enrolling = {
	    .instance = &pair->here, .over = &party->first, .key = party->keys[1]};
	PGconn *holder = hold_row(pair, "device", party->device);
	pthread_t requester, operator_;

	make_request(party->keys[1], party->device, FACTORY, &csr);
	enrolling.csr = cv_buffer_bytes(&csr);
	start_waiting(pair, do_enrol, &enrolling, 1, &requester);
	start_waiting(pair, do_act, acting, 2, &operator_);
	let_go(holder);
	pthread_join(requester, NULL);
	pthread_join(operator_, NULL);
	cr_assert_eq(enrolling.answer.outcome, CV_ENROLMENT_ISSUED);
	party->second = enrolling.credential;
}

Test(races, a_cancellation_that_waited_takes_the_key_asked_for_meanwhile)
{
	struct pair pair;
	struct party party;
	struct acting acting = {
	    .instance = &pair.there, .device = party.device, .act = CV_LIFECYCLE_CANCEL};

	open_pair(&pair);
	change_database(&pair.world.database, "UPDATE certvendor.factory SET announce = 'implied'");
	instance_refresh(&pair.here);
	instance_refresh(&pair.there);
	party_open(&pair, &party, 0);
	act_behind_a_request(&pair, &party, &acting);
	cr_expect_eq(acting.outcome, CV_LIFECYCLE_DONE);
	cr_expect_eq(see(&pair.here, &party.second), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(see(&pair.here, &party.first), CV_VERDICT_OK);
	party_close(&party);
	close_equal(&pair);
}

Test(races, an_approval_that_waited_announces_the_key_asked_for_meanwhile)
{
	struct pair pair;
	struct party party;
	struct acting acting = {
	    .instance = &pair.there, .device = party.device, .act = CV_LIFECYCLE_APPROVE};

	open_pair(&pair);
	party_open(&pair, &party, 0);
	party_ask(&pair, &party, 2, &party.third);
	act_behind_a_request(&pair, &party, &acting);
	cr_expect_eq(acting.outcome, CV_LIFECYCLE_DONE);
	cr_expect_eq(see(&pair.here, &party.third), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(see(&pair.here, &party.second), CV_VERDICT_ACTIVATED);
	party_close(&party);
	close_equal(&pair);
}
