/*
 * Random steps against two instances and against the model of the rules: every answer, the record
 * and both memories must agree after each of them.
 *
 * CV_SEED=n repeats the run that failed with it, CV_STEPS=n makes a run longer. What fails is tried
 * again without each of its steps in turn, and printed as a list of those that it needs.
 */
#include "model.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/random.h"

#include "support.h"

#define STEPS_DEFAULT 1500
#define PLAY_STEPS 56
#define FIRST_STEP 4 /* those before make the first credentials */
#define TOKEN_STEPS 10
#define PLAY_MAX (FIRST_STEP + PLAY_STEPS)
#define LIFETIME_DAYS 20
#define GRACE_DAYS 5
#define STEP_MS 1100 /* longer than a refusal is remembered */

/* ---- random numbers: the same everywhere, unlike those of the C library ---- */

static uint32_t
draw(uint64_t *state, uint32_t below)
{
	uint64_t mixed;

	*state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (*state ^ (*state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((mixed ^ (mixed >> 31)) % below);
}

/* ---- steps ---- */

enum step_kind {
	STEP_SEE,
	STEP_SEE_FINGERPRINT,
	STEP_SEE_WEAK, /* at a gateway that may not activate */
	STEP_SEE_DEVICE,
	STEP_REENROL,
	STEP_ANNOUNCE,
	STEP_ACT,
	STEP_REVOKE,
	STEP_MINT,  /* a certificate of the offline authority */
	STEP_FORGE, /* one of our own authority that is not recorded */
	STEP_TOKEN,
	STEP_ENROL,
	STEP_SET,
	STEP_WAIT,
	STEP_READ,
	STEP_KINDS
};

static const struct {
	const char *name;
	uint32_t weight;
} kinds[STEP_KINDS] = {
    [STEP_SEE] = {"check", 20},
    [STEP_SEE_FINGERPRINT] = {"check by fingerprint", 6},
    [STEP_SEE_WEAK] = {"check where nothing activates", 3},
    [STEP_SEE_DEVICE] = {"request of the device", 5},
    [STEP_REENROL] = {"re-enrol", 22},
    [STEP_ANNOUNCE] = {"announce", 18},
    [STEP_ACT] = {"operator", 7},
    [STEP_REVOKE] = {"revoke", 3},
    [STEP_MINT] = {"offline certificate", 6},
    [STEP_FORGE] = {"unrecorded certificate", 1},
    [STEP_TOKEN] = {"token", 6},
    [STEP_ENROL] = {"enrol", 8},
    [STEP_SET] = {"setting", 2},
    [STEP_WAIT] = {"wait", 4},
    [STEP_READ] = {"read feed", 10},
};

/* What it makes, credential or token, bears its number: leaving others out changes no name. */
struct step {
	int number;
	enum step_kind kind;
	int instance;
	int credential, token; /* numbers of steps */
	int device, key;
	int choice;
};

/* ---- what the database holds, in the words of the model ---- */

struct record {
	struct {
		int exists, state, is_seen;
		struct {
			int exists, version, is_locked;
			int keys[MODEL_KEYS];
		} slots[MODEL_SLOTS];
	} devices[MODEL_DEVICES];
	uint64_t recorded, revoked;
};

/* ---- the world of a run, and one play in it ---- */

struct stage {
	struct world world;
	struct instance instances[2];
	PGconn *database;
	int plays;
};

struct play {
	struct stage *stage;
	char devices[MODEL_DEVICES][32];
	EVP_PKEY *keys[MODEL_KEYS];
	struct cv_digest key_ids[MODEL_KEYS];
	struct credential credentials[PLAY_MAX];
	char tokens[PLAY_MAX][CV_SECRET_SIZE];
	struct cv_buffer requests[MODEL_DEVICES][MODEL_KEYS];
	int64_t ahead_ms;
	struct model model;
	struct model_memory memories[2];
	struct record record;
	const struct step *step;
	char answer[64];
	char failure[512];
};

static const char *const slot_names[] = {CV_SLOT_CLIENT, "online", "node/um"};

static void fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
fail(struct play *play, const char *format, ...)
{
	va_list arguments;

	if (play->failure[0])
		return;
	va_start(arguments, format);
	vsnprintf(play->failure, sizeof(play->failure), format, arguments);
	va_end(arguments);
}

static void
expect(struct play *play, const char *what, const char *expected, const char *found)
{
	snprintf(play->answer, sizeof(play->answer), "%s", found);
	if (strcmp(expected, found) != 0)
		fail(play, "%s: the model says %s, the service %s", what, expected, found);
}

/* ---- comparing the record ---- */

static struct record
expected_record(const struct play *play)
{
	struct record record;

	memset(&record, 0, sizeof(record));
	for (int d = 0; d < MODEL_DEVICES; d++) {
		const struct model_device *device = &play->model.devices[d];

		record.devices[d].exists = device->exists;
		record.devices[d].state = (int)device->state;
		record.devices[d].is_seen = device->is_seen;
		for (int s = 0; s < MODEL_SLOTS; s++) {
			const struct model_slot *slot = &device->slots[s];

			record.devices[d].slots[s].exists = slot->exists;
			record.devices[d].slots[s].version = slot->version;
			record.devices[d].slots[s].is_locked = slot->is_locked;
			for (int k = 0; k < MODEL_KEYS; k++)
				record.devices[d].slots[s].keys[k] = (int)slot->keys[k].state;
		}
	}
	for (int i = 0; i < MODEL_CERTIFICATES; i++) {
		const struct model_certificate *it = &play->model.certificates[i];

		record.recorded |= (uint64_t)it->is_recorded << i;
		record.revoked |= (uint64_t)it->is_revoked << i;
	}
	return record;
}

static int
find_name(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return MODEL_NONE;
}

static int
find_key(const struct play *play, const char *hex)
{
	char text[CV_DIGEST_HEX_SIZE];

	for (int k = 0; k < MODEL_KEYS; k++) {
		cv_digest_format(&play->key_ids[k], text);
		if (strcmp(text, hex) == 0)
			return k;
	}
	return MODEL_NONE;
}

static int
find_certificate(const struct play *play, const char *hex)
{
	char text[CV_DIGEST_HEX_SIZE];

	for (int i = 0; i < PLAY_MAX; i++) {
		cv_digest_format(&play->credentials[i].fingerprint, text);
		if (play->model.certificates[i].exists && strcmp(text, hex) == 0)
			return i;
	}
	return MODEL_NONE;
}

/* Columns: kind, device, slot, digest, state, flag, version. */
static void
take_row(struct play *play, PGresult *rows, int row, struct record *record)
{
	const char *const devices[] = {play->devices[0], play->devices[1]};
	const char *digest = PQgetvalue(rows, row, 3), *state = PQgetvalue(rows, row, 4);
	int d = find_name(PQgetvalue(rows, row, 1), devices, MODEL_DEVICES);
	int s = find_name(PQgetvalue(rows, row, 2), slot_names, MODEL_SLOTS);
	int flag = PQgetvalue(rows, row, 5)[0] == 't';
	int certificate, key;
	enum cv_device_state device_state = CV_DEVICE_OK;
	enum cv_key_state key_state = CV_KEY_UNKNOWN;

	switch (PQgetvalue(rows, row, 0)[0]) {
	case 'd':
		cv_device_state_parse(state, &device_state);
		record->devices[d].exists = 1;
		record->devices[d].state = (int)device_state;
		record->devices[d].is_seen = flag;
		break;
	case 's':
		record->devices[d].slots[s].exists = 1;
		record->devices[d].slots[s].is_locked = flag;
		record->devices[d].slots[s].version = atoi(PQgetvalue(rows, row, 6));
		break;
	case 'k':
		key = find_key(play, digest);
		cv_key_state_parse(state, &key_state);
		if (key == MODEL_NONE || key_state == CV_KEY_UNKNOWN)
			fail(play, "the record has a key that nobody made");
		else
			record->devices[d].slots[s].keys[key] = (int)key_state;
		break;
	default:
		certificate = find_certificate(play, digest);
		if (certificate == MODEL_NONE)
			fail(play, "the record has a certificate that nobody holds");
		else
			record->recorded |= UINT64_C(1) << certificate;
		if (certificate != MODEL_NONE && flag)
			record->revoked |= UINT64_C(1) << certificate;
	}
}

static struct record
read_record(struct play *play)
{
	char text[1024];
	struct record record;
	PGresult *rows;

	memset(&record, 0, sizeof(record));
	snprintf(text, sizeof(text),
	    "WITH one AS (SELECT unnest(ARRAY['%s', '%s']) AS id)"
	    " SELECT 'd', d.id, '', '', d.state::text, first_seen_at IS NOT NULL, 0"
	    " FROM certvendor.device d JOIN one USING (id)"
	    " UNION ALL SELECT 's', device, name, '', '', locked_since IS NOT NULL, version"
	    " FROM certvendor.slot JOIN one ON device = one.id"
	    " UNION ALL SELECT 'k', device, slot, encode(key_id, 'hex'), state::text, false, 0"
	    " FROM certvendor.slot_key JOIN one ON device = one.id"
	    " UNION ALL SELECT 'c', device, slot, encode(fingerprint, 'hex'), '',"
	    " revoked_at IS NOT NULL, 0 FROM certvendor.certificate JOIN one ON device = one.id",
	    play->devices[0], play->devices[1]);
	rows = PQexec(play->stage->database, text);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		fail(play, "%s", PQerrorMessage(play->stage->database));
	for (int row = 0; row < PQntuples(rows); row++)
		take_row(play, rows, row, &record);
	PQclear(rows);
	return record;
}

static void
compare_slot(
    struct play *play, const struct record *expected, const struct record *found, int d, int s)
{
	if (expected->devices[d].slots[s].version != found->devices[d].slots[s].version)
		fail(play, "slot %d/%d: the model says version %d, the record %d", d, s,
		    expected->devices[d].slots[s].version, found->devices[d].slots[s].version);
	if (expected->devices[d].slots[s].is_locked != found->devices[d].slots[s].is_locked)
		fail(play, "slot %d/%d: its lock differs", d, s);
	for (int k = 0; k < MODEL_KEYS; k++) {
		int wanted = expected->devices[d].slots[s].keys[k];
		int is = found->devices[d].slots[s].keys[k];

		if (wanted != is)
			fail(play, "key %d in slot %d/%d: the model says %s, the record %s", k, d,
			    s, cv_key_state_name((enum cv_key_state)wanted),
			    cv_key_state_name((enum cv_key_state)is));
	}
}

static void
compare_record(struct play *play, const struct record *found)
{
	struct record expected = expected_record(play);

	if (memcmp(&expected, found, sizeof(expected)) == 0)
		return;
	for (int i = 0; i < MODEL_DEVICES * MODEL_SLOTS; i++)
		compare_slot(play, &expected, found, i / MODEL_SLOTS, i % MODEL_SLOTS);
	fail(play,
	    "certificates %" PRIx64 " recorded and %" PRIx64 " revoked, not %" PRIx64
	    " and %" PRIx64 "; or devices differ",
	    found->recorded, found->revoked, expected.recorded, expected.revoked);
}

/* One that did not read for longer than changes are kept loads everything anew, but for what
 * expired before its grace: the database is asked about that, or memory says of what it had before
 * no more than that it expired. */
static bool
was_left_out(
    struct play *play, struct model_memory *memory, int certificate, enum cv_index_status is)
{
	const struct model_certificate *it = &play->model.certificates[certificate];

	if (play->model.now <= it->not_after + play->model.expired_grace)
		return false;
	if (is == CV_INDEX_MISSING)
		memory->slots[it->device][it->slot].recorded &= ~(UINT64_C(1) << certificate);
	return is == CV_INDEX_MISSING || is == CV_INDEX_EXPIRED;
}

static void
compare_memories(struct play *play)
{
	for (int i = 0; i < 2 * PLAY_MAX; i++) {
		const struct instance *instance = &play->stage->instances[i / PLAY_MAX];
		enum cv_index_status wanted, is;

		if (!play->model.certificates[i % PLAY_MAX].exists)
			continue;
		wanted =
		    model_remembered(&play->model, &play->memories[i / PLAY_MAX], i % PLAY_MAX);
		is = status_in_memory(instance, &play->credentials[i % PLAY_MAX].fingerprint);
		if (wanted != is &&
		    !was_left_out(play, &play->memories[i / PLAY_MAX], i % PLAY_MAX, is))
			fail(play, "instance %d remembers certificate %d as %d, the model as %d",
			    i / PLAY_MAX, i % PLAY_MAX, (int)is, (int)wanted);
	}
}

/* ---- what holds whatever the model says ---- */

static int
count_state(const struct record *record, int d, int s, enum cv_key_state state)
{
	int count = 0;

	for (int k = 0; k < MODEL_KEYS; k++)
		count += record->devices[d].slots[s].keys[k] == (int)state;
	return count;
}

static void
check_slot(struct play *play, const struct record *before, const struct record *after, int d, int s)
{
	enum step_kind kind = play->step->kind;
	int current = count_state(after, d, s, CV_KEY_CURRENT);
	int rise = after->devices[d].slots[s].version - before->devices[d].slots[s].version;

	if (current > 1)
		fail(play, "slot %d/%d has %d current keys", d, s, current);
	if (current == 0 && count_state(before, d, s, CV_KEY_CURRENT) && kind != STEP_ACT &&
	    kind != STEP_REVOKE && kind != STEP_ENROL)
		fail(play, "slot %d/%d lost its key, and no operator acted", d, s);
	/* A request of a pending key is its sight, and then itself. */
	if (rise < 0 || rise > 3)
		fail(play, "slot %d/%d rose by %d versions", d, s, rise);
	for (int k = 0; k < MODEL_KEYS; k++) {
		enum cv_key_state was = (enum cv_key_state)before->devices[d].slots[s].keys[k];
		enum cv_key_state is = (enum cv_key_state)after->devices[d].slots[s].keys[k];

		if (cv_key_state_is_denied(was) && is != was && is != CV_KEY_COMPROMISED)
			fail(play, "key %d of slot %d/%d came back from its end", k, d, s);
	}
}

static void
check_record(struct play *play)
{
	struct record after = read_record(play);

	compare_record(play, &after);
	for (int i = 0; i < MODEL_DEVICES * MODEL_SLOTS; i++)
		check_slot(play, &play->record, &after, i / MODEL_SLOTS, i % MODEL_SLOTS);
	if (play->record.revoked & ~after.revoked || play->record.recorded & ~after.recorded)
		fail(play, "a certificate or its revocation was forgotten");
	play->record = after;
}

/* An instance that lags may allow what it remembers; one that does not allows the current key. */
static void
check_allowed(struct play *play, enum cv_verdict verdict)
{
	const struct step *step = play->step;
	const struct model_certificate *it = &play->model.certificates[step->credential];
	const struct model_slot *slot = &play->model.devices[it->device].slots[it->slot];
	const struct model_slot *remembered =
	    &play->memories[step->instance].slots[it->device][it->slot].device.slots[it->slot];
	bool lags = remembered->version < slot->version;
	struct record now;

	if (!cv_verdict_is_allowed(verdict) || verdict == CV_VERDICT_TALKS ||
	    (verdict == CV_VERDICT_OK && lags))
		return;
	now = read_record(play);
	if (now.revoked >> step->credential & 1 || now.devices[it->device].state != CV_DEVICE_OK ||
	    now.devices[it->device].slots[it->slot].keys[it->key] != (int)CV_KEY_CURRENT)
		fail(play, "%s for a certificate whose key is not the current one",
		    cv_verdict_name(verdict));
}

/* A certificate was issued or not: that alone moves no key. */
static void
check_issuance(struct play *play, const struct record *before)
{
	struct record after = read_record(play);

	for (int i = 0; i < MODEL_DEVICES * MODEL_SLOTS * MODEL_KEYS; i++) {
		int d = i / MODEL_KEYS / MODEL_SLOTS, s = i / MODEL_KEYS % MODEL_SLOTS;
		int was = before->devices[d].slots[s].keys[i % MODEL_KEYS];
		int is = after.devices[d].slots[s].keys[i % MODEL_KEYS];

		if (was != is && !(was == (int)CV_KEY_UNKNOWN && is == (int)CV_KEY_ASKED))
			fail(play, "issuance made key %d of slot %d/%d %s", i % MODEL_KEYS, d, s,
			    cv_key_state_name((enum cv_key_state)is));
	}
}

/* ---- doing a step ---- */

static struct instance *
instance_of(struct play *play)
{
	return &play->stage->instances[play->step->instance];
}

static struct model_memory *
memory_of(struct play *play)
{
	return &play->memories[play->step->instance];
}

static void
set_ahead(struct play *play, int64_t ahead_ms)
{
	play->ahead_ms = ahead_ms;
	database_set_ahead(play->stage->database, ahead_ms);
	for (int i = 0; i < 2; i++)
		atomic_store(&play->stage->instances[i].clock.ahead_ms, ahead_ms);
	play->model.now = cv_clock_wall_seconds(&play->stage->instances[0].clock.clock);
}

static enum cv_verdict
see_at(struct play *play, const struct model_door *door)
{
	const struct credential *credential = &play->credentials[play->step->credential];
	struct cv_evidence evidence =
	    door->is_device ? handshake_of(credential) : evidence_of(credential);
	enum cv_verdict expected, verdict;

	evidence.may_activate = door->may_activate;
	if (door->has_fingerprint_only) {
		evidence.evidence = CV_EVIDENCE_FINGERPRINT;
		evidence.certificate = cv_bytes(NULL, 0);
	}
	verdict = see_evidence(instance_of(play), &evidence).verdict;
	expected = model_see(&play->model, memory_of(play), play->step->credential, door);
	expect(play, "sight", cv_verdict_name(expected), cv_verdict_name(verdict));
	check_allowed(play, verdict);
	return verdict;
}

static void
do_see(struct play *play)
{
	struct model_door door = {
	    .is_device = play->step->kind == STEP_SEE_DEVICE,
	    .has_fingerprint_only = play->step->kind == STEP_SEE_FINGERPRINT,
	    .may_activate = play->step->kind != STEP_SEE_WEAK,
	};

	see_at(play, &door);
}

/* The same bytes again, as after a lost answer, or another request for the same key. */
static int
request_for(struct play *play, int device, struct cv_buffer *ret_csr)
{
	const struct step *step = play->step;
	struct cv_buffer *kept = &play->requests[device][step->key];

	if (step->choice % 3 == 0) {
		make_request(play->keys[step->key], play->devices[device], FACTORY, ret_csr);
		return 1000 + step->number;
	}
	if (kept->len == 0)
		make_request(play->keys[step->key], play->devices[device], FACTORY, kept);
	cv_buffer_append(ret_csr, kept->data, kept->len);
	return 1 + device * MODEL_KEYS + step->key;
}

static void
expect_certificate(struct play *play, enum cv_enrolment_outcome outcome,
    const struct model_answer *expected, struct credential *found)
{
	expect(play, "outcome", cv_enrolment_outcome_name(expected->outcome),
	    cv_enrolment_outcome_name(outcome));
	if (outcome == CV_ENROLMENT_REPEATED && expected->outcome == outcome &&
	    !cv_digest_equal(
		&found->fingerprint, &play->credentials[expected->certificate].fingerprint))
		fail(play, "another certificate than %d was repeated", expected->certificate);
	if (outcome == CV_ENROLMENT_ISSUED && expected->outcome == outcome)
		credential_set(&play->credentials[expected->certificate], found->key,
		    cv_buffer_bytes(&found->der));
}

static void
do_reenrol(struct play *play)
{
	static const struct model_door door = {.is_device = true, .may_activate = true};
	const struct step *step = play->step;
	const struct model_certificate *over = &play->model.certificates[step->credential];
	AUTO_CREDENTIAL struct credential found = CREDENTIAL_INIT;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	int request = request_for(play, over->device, &csr);
	struct cv_enrolment_answer answer;
	struct model_answer expected;
	struct record before;

	/* As the listener does: who may not talk does not come so far. */
	if (!cv_verdict_is_allowed(see_at(play, &door)))
		return;
	before = read_record(play);
	answer = reenrol_request(instance_of(play), &play->credentials[step->credential],
	    cv_buffer_bytes(&csr), play->keys[step->key], &found);
	expected = model_reenrol(&play->model, memory_of(play), step->credential, step->key,
	    request, step->number, LIFETIME_DAYS * DAY);
	expect_certificate(play, answer.outcome, &expected, &found);
	/* A late renewal is its own announcement. */
	if (play->model.now <= over->not_after)
		check_issuance(play, &before);
	if (answer.outcome == CV_ENROLMENT_REFUSED && expected.outcome == answer.outcome)
		expect(play, "refusal", cv_verdict_name(expected.verdict),
		    cv_verdict_name(answer.verdict));
}

static void
do_announce(struct play *play)
{
	static const char *const names[] = {
	    "announced", "malformed", "same key", "key ended", "key in use", "refused"};
	static const struct model_door door = {.is_device = true, .may_activate = true};
	const struct step *step = play->step;
	enum cv_announcement_outcome outcome, expected;
	enum cv_verdict verdict, expected_verdict;

	if (!cv_verdict_is_allowed(see_at(play, &door)))
		return;
	outcome = announce(instance_of(play), &play->credentials[step->credential],
	    play->keys[step->key], &verdict);
	expected = model_announce(
	    &play->model, memory_of(play), step->credential, step->key, &expected_verdict);
	expect(play, "announcement", names[expected], names[outcome]);
	if (outcome == CV_ANNOUNCEMENT_REFUSED && expected == outcome)
		expect(
		    play, "refusal", cv_verdict_name(expected_verdict), cv_verdict_name(verdict));
}

static const char *const act_outcomes[] = {"done", "unchanged", "not found", "not possible"};

static enum cv_lifecycle_act
act_of(const struct step *step)
{
	static const enum cv_lifecycle_act acts[] = {CV_LIFECYCLE_HOLD, CV_LIFECYCLE_RELEASE,
	    CV_LIFECYCLE_RELEASE, CV_LIFECYCLE_DELETE, CV_LIFECYCLE_ALLOW, CV_LIFECYCLE_ALLOW,
	    CV_LIFECYCLE_REVOKE, CV_LIFECYCLE_CANCEL, CV_LIFECYCLE_APPROVE, CV_LIFECYCLE_APPROVE};

	return acts[step->choice % 10];
}

static void
do_act(struct play *play)
{
	int device = play->step->device;
	enum cv_lifecycle_act what = act_of(play->step);
	enum cv_lifecycle_outcome outcome = act(instance_of(play), what, play->devices[device]);

	expect(play, cv_lifecycle_act_name(what),
	    act_outcomes[model_act(&play->model, memory_of(play), what, device)],
	    act_outcomes[outcome]);
}

static enum cv_reason
reason_of(const struct step *step)
{
	static const enum cv_reason reasons[] = {CV_REASON_KEY_COMPROMISE, CV_REASON_SUPERSEDED,
	    CV_REASON_SUPERSEDED, CV_REASON_CESSATION_OF_OPERATION};

	return reasons[step->choice % 4];
}

static void
do_revoke(struct play *play)
{
	int credential = play->step->credential;
	int device = play->model.certificates[credential].device;
	enum cv_reason reason = reason_of(play->step);
	bool ends_key, expected_ends_key;
	enum cv_lifecycle_outcome expected, outcome;

	outcome = revoke_credential(instance_of(play), play->devices[device],
	    &play->credentials[credential], reason, &ends_key);
	expected =
	    model_revoke(&play->model, memory_of(play), credential, reason, &expected_ends_key);
	expect(play, cv_reason_name(reason), act_outcomes[expected], act_outcomes[outcome]);
	if (outcome == CV_LIFECYCLE_DONE && ends_key != expected_ends_key)
		fail(play, "the operator is told wrongly whether the key ends");
}

static void
do_mint(struct play *play)
{
	const struct step *step = play->step;
	struct model_certificate *it = &play->model.certificates[step->number];
	const struct world *world = &play->stage->world;

	*it = (struct model_certificate){.exists = true,
	    .is_ours = step->kind == STEP_FORGE,
	    .device = step->device,
	    .slot = MODEL_CLIENT,
	    .key = step->key,
	    .not_after = play->model.now - play->ahead_ms / 1000 + 365 * DAY};
	sign_credential(it->is_ours ? &world->online : &world->offline, play->keys[step->key],
	    play->devices[step->device], FACTORY, &play->credentials[step->number]);
}

static void
do_token(struct play *play)
{
	const struct step *step = play->step;
	struct model_token *it = &play->model.tokens[step->number];
	bool is_for_any = step->choice % 3 == 0;

	*it = (struct model_token){.exists = true,
	    .device = is_for_any ? MODEL_NONE : step->device,
	    .made = play->model.step,
	    .expires = play->model.now + 3600};
	for (int d = 0; d < MODEL_DEVICES; d++)
		it->gave[d] = MODEL_NONE;
	make_token(instance_of(play), is_for_any ? NULL : play->devices[step->device], 1,
	    play->tokens[step->number]);
}

static void
do_enrol(struct play *play)
{
	const struct step *step = play->step;
	AUTO_CREDENTIAL struct credential found = CREDENTIAL_INIT;
	enum cv_enrolment_outcome outcome;
	struct model_answer expected;

	outcome = enrol_with_token(instance_of(play), play->tokens[step->token],
	    play->keys[step->key], play->devices[step->device], &found);
	expected = model_enrol(&play->model, memory_of(play), step->token, step->device, step->key,
	    1000 + step->number, step->number, LIFETIME_DAYS * DAY);
	expect_certificate(play, outcome, &expected, &found);
}

static void
write_settings(struct play *play)
{
	change_database(&play->stage->world.database,
	    "UPDATE certvendor.factory SET announce = '%s', first_contact = '%s',"
	    " retire_after_days = %d, lifetime_days = %d",
	    play->model.announce_is_implied ? "implied" : "explicit",
	    play->model.registers_first_contact ? "register" : "refuse", play->model.retire_days,
	    LIFETIME_DAYS);
	for (int i = 0; i < 2; i++)
		instance_refresh(&play->stage->instances[i]);
}

static void
do_set(struct play *play)
{
	switch (play->step->choice % 3) {
	case 0:
		play->model.announce_is_implied = !play->model.announce_is_implied;
		break;
	case 1:
		play->model.registers_first_contact = !play->model.registers_first_contact;
		break;
	default:
		play->model.retire_days = play->model.retire_days ? 0 : 3;
	}
	write_settings(play);
}

static void
do_read(struct play *play)
{
	instance_read_feed(instance_of(play));
	model_read_feed(&play->model, memory_of(play));
}

static void
do_wait(struct play *play)
{
	static const int hours[] = {2, 2, 30, 30, 4 * 24, 9 * 24};
	int64_t ahead_s = play->ahead_ms / 1000 + 3600 * hours[play->step->choice % 6];

	while (model_has_edge_near(&play->model, play->model.now + ahead_s - play->ahead_ms / 1000))
		ahead_s += 3600;
	set_ahead(play, ahead_s * 1000);
	/* Mostly the other one goes on without having read. */
	do_read(play);
}

static bool
needs_credential(enum step_kind kind)
{
	return kind <= STEP_ANNOUNCE || kind == STEP_REVOKE;
}

/* False: what it speaks of is not there, because other steps were left out. */
static bool
is_possible(const struct play *play, const struct step *step)
{
	if (needs_credential(step->kind))
		return play->model.certificates[step->credential].exists;
	return step->kind != STEP_ENROL || play->model.tokens[step->token].exists;
}

static void
do_step(struct play *play, const struct step *step)
{
	static void (*const doing[STEP_KINDS])(struct play *) = {do_see, do_see, do_see, do_see,
	    do_reenrol, do_announce, do_act, do_revoke, do_mint, do_mint, do_token, do_enrol,
	    do_set, do_wait, do_read};

	play->step = step;
	play->answer[0] = '\0';
	if (!is_possible(play, step))
		return;
	play->model.step = step->number;
	set_ahead(play, play->ahead_ms + STEP_MS);
	doing[step->kind](play);
	check_record(play);
	compare_memories(play);
}

static void
describe(const struct play *play, const struct step *step, FILE *out)
{
	fprintf(
	    out, "  %2d  instance %d: %s", step->number, step->instance, kinds[step->kind].name);
	if (needs_credential(step->kind))
		fprintf(out, " with certificate %d of device %d, slot %d, key %d", step->credential,
		    play->model.certificates[step->credential].device,
		    play->model.certificates[step->credential].slot,
		    play->model.certificates[step->credential].key);
	if (step->kind == STEP_REENROL || step->kind == STEP_ANNOUNCE)
		fprintf(out, ": key %d", step->key);
	if (step->kind == STEP_MINT || step->kind == STEP_FORGE || step->kind == STEP_ENROL)
		fprintf(out, " of device %d, key %d", step->device, step->key);
	if (step->kind == STEP_ENROL)
		fprintf(out, ", token %d", step->token);
	if (step->kind == STEP_ACT)
		fprintf(out, ": %s device %d", cv_lifecycle_act_name(act_of(step)), step->device);
	if (step->kind == STEP_REVOKE)
		fprintf(out, ": %s", cv_reason_name(reason_of(step)));
	if (step->kind == STEP_TOKEN)
		fprintf(out, " for device %d%s", step->device, step->choice % 3 ? "" : " or any");
	if (step->kind == STEP_SET)
		fprintf(out, " %d", step->choice % 3);
	fprintf(out, "%s%s\n", play->answer[0] ? " -> " : "", play->answer);
}

/* ---- choosing the next step ---- */

/* The living more often than the dead. */
static int
choose_credential(const struct play *play, uint64_t *state)
{
	int chosen = 0;

	for (int tries = 0; tries < 12; tries++) {
		const struct model_certificate *it;
		const struct model_key *key;

		chosen = (int)draw(state, PLAY_MAX);
		it = &play->model.certificates[chosen];
		if (!it->exists)
			continue;
		key = &play->model.devices[it->device].slots[it->slot].keys[it->key];
		if (!cv_key_state_is_denied(key->state) || draw(state, 4) == 0)
			return chosen;
	}
	return play->model.certificates[chosen].exists ? chosen : 0;
}

static int
choose_token(const struct play *play, uint64_t *state)
{
	int chosen = 0;

	for (int tries = 0; tries < PLAY_MAX; tries++) {
		chosen = (int)draw(state, PLAY_MAX);
		if (play->model.tokens[chosen].exists)
			break;
	}
	return chosen;
}

/* Each slot has keys of its own, and sometimes takes one of the other device. */
static int
choose_key(int device, int slot, uint64_t *state)
{
	static const struct {
		int first;
		uint32_t count;
	} own[] = {{0, 5}, {10, 2}, {12, 2}}, foreign[] = {{5, 3}, {8, 1}, {9, 1}};
	bool is_foreign = draw(state, 10) == 0;

	if (device == 1)
		return is_foreign ? (int)draw(state, 14) : 5 + (int)draw(state, 5);
	return is_foreign ? foreign[slot].first + (int)draw(state, foreign[slot].count)
			  : own[slot].first + (int)draw(state, own[slot].count);
}

static enum step_kind
choose_kind(uint64_t *state)
{
	uint32_t sum = 0, at;
	int kind = 0;

	for (int i = 0; i < STEP_KINDS; i++)
		sum += kinds[i].weight;
	at = draw(state, sum);
	while (at >= kinds[kind].weight)
		at -= kinds[kind++].weight;
	return (enum step_kind)kind;
}

/* Tokens soon end: plays begin with some, so that a device meets more than one of them. */
static enum step_kind
choose_kind_at(int number, uint64_t *state)
{
	if (number < FIRST_STEP + TOKEN_STEPS && draw(state, 2))
		return draw(state, 2) ? STEP_ENROL : STEP_TOKEN;
	return choose_kind(state);
}

static struct step
choose_step(const struct play *play, int number, uint64_t *state)
{
	struct step step = {.number = number,
	    .kind = choose_kind_at(number, state),
	    .instance = (int)draw(state, 2),
	    .credential = choose_credential(play, state),
	    .token = choose_token(play, state),
	    .device = (int)draw(state, MODEL_DEVICES),
	    .choice = (int)draw(state, 60)};
	const struct model_certificate *it = &play->model.certificates[step.credential];
	int device = needs_credential(step.kind) ? it->device : step.device;

	if (step.kind == STEP_ENROL && play->model.tokens[step.token].device != MODEL_NONE &&
	    draw(state, 4))
		step.device = device = play->model.tokens[step.token].device;
	step.key = choose_key(device, needs_credential(step.kind) ? it->slot : MODEL_CLIENT, state);
	return step;
}

/* ---- a play: a device with three slots, another that is not known yet ---- */

static void
play_open(struct play *play, struct stage *stage)
{
	static const struct step first = {0};
	static const int first_keys[] = {0, 10, 12};

	memset(play, 0, sizeof(*play));
	play->stage = stage;
	play->step = &first;
	model_init(&play->model);
	play->model.expired_grace = GRACE_DAYS * DAY;
	set_ahead(play, 0);
	write_settings(play);
	stage->plays++;
	for (int d = 0; d < MODEL_DEVICES; d++)
		snprintf(play->devices[d], sizeof(play->devices[d]), "unit-%d-%d", stage->plays, d);
	for (int k = 0; k < MODEL_KEYS; k++) {
		play->keys[k] = make_key();
		key_id_of(play->keys[k], &play->key_ids[k]);
	}
	for (int slot = 0; slot < MODEL_SLOTS; slot++) {
		give_slot(&stage->instances[0], play->devices[0], slot_names[slot],
		    play->keys[first_keys[slot]], &play->credentials[slot]);
		model_give_slot(&play->model, 0, slot, first_keys[slot], slot, 365 * DAY);
	}
	for (int i = 0; i < 2; i++) {
		instance_read_feed(&stage->instances[i]);
		model_read_feed(&play->model, &play->memories[i]);
	}
	play->record = read_record(play);
}

static void
play_close(struct play *play)
{
	for (int i = 0; i < PLAY_MAX; i++)
		credential_deinit(&play->credentials[i]);
	for (int k = 0; k < MODEL_KEYS; k++) {
		EVP_PKEY_free(play->keys[k]);
		for (int d = 0; d < MODEL_DEVICES; d++)
			cv_buffer_deinit(&play->requests[d][k]);
	}
}

/* When the process is to end, because a fixture failed: how far it came. */
static struct {
	const struct play *play;
	const struct step *steps;
	int count;
	uint64_t seed;
} going_on;

static void
say_where(int signal_number)
{
	(void)signal_number;
	fprintf(stderr, "CV_SEED=%" PRIu64 ": ended at\n", going_on.seed);
	for (int i = 0; i < going_on.count; i++)
		describe(going_on.play, &going_on.steps[i], stderr);
}

/* Up to the first number or explanation: what kind of failure it is. */
static bool
is_same_failure(const char *a, const char *b)
{
	size_t len = strcspn(a, ":0123456789");

	return *b && len == strcspn(b, ":0123456789") && memcmp(a, b, len) == 0;
}

/* Plays the steps again, without those that are left out; to out if it is not NULL. */
static bool
fails_again(struct stage *stage, const struct step *steps, int count, const bool *is_left_out,
    const char *failure, FILE *out)
{
	struct play play;
	bool is_same;

	play_open(&play, stage);
	for (int i = 0; i < count && !play.failure[0]; i++) {
		if (is_left_out[i])
			continue;
		do_step(&play, &steps[i]);
		if (out && is_possible(&play, &steps[i]))
			describe(&play, &steps[i], out);
	}
	is_same = is_same_failure(failure, play.failure);
	if (out)
		fprintf(out, "      %s\n", is_same ? play.failure : "which now works");
	play_close(&play);
	return is_same;
}

static void
report(struct stage *stage, const struct step *steps, int count, uint64_t seed, const char *failure)
{
	bool is_left_out[PLAY_STEPS] = {false};

	fprintf(stderr, "CV_SEED=%" PRIu64 " fails: %s\nShortened:\n", seed, failure);
	for (int i = count - 2; i >= 0; i--) {
		is_left_out[i] = true;
		is_left_out[i] = fails_again(stage, steps, count, is_left_out, failure, NULL);
	}
	fails_again(stage, steps, count, is_left_out, failure, stderr);
	cr_assert_fail("CV_SEED=%" PRIu64 ": %s", seed, failure);
}

static void
play_random(struct stage *stage, uint64_t seed)
{
	struct step steps[PLAY_STEPS];
	struct play play;
	uint64_t state = seed;
	int count = 0;

	play_open(&play, stage);
	going_on.play = &play;
	going_on.steps = steps;
	going_on.seed = seed;
	while (count < PLAY_STEPS && !play.failure[0]) {
		steps[count] = choose_step(&play, FIRST_STEP + count, &state);
		going_on.count = ++count;
		do_step(&play, &steps[count - 1]);
	}
	going_on.count = 0;
	if (play.failure[0])
		report(stage, steps, count, seed, play.failure);
	play_close(&play);
}

/* ---- the run ---- */

static uint64_t
number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

Test(model, two_instances_keep_the_rules)
{
	struct cv_service_settings settings = default_settings();
	uint64_t seed, steps = number_from_environment("CV_STEPS", STEPS_DEFAULT);
	struct stage stage = {.plays = 0};
	uint8_t random[4];

	cv_random_bytes(random, sizeof(random));
	seed = number_from_environment("CV_SEED", (uint64_t)random[0] << 24 |
						      (uint64_t)random[1] << 16 |
						      (uint64_t)random[2] << 8 | random[3]);
	settings.expired_grace_seconds = GRACE_DAYS * DAY;
	world_open(&stage.world);
	database_take_clock(&stage.world.database);
	stage.database = database_connect(&stage.world.database);
	run_sql(stage.database, "SET synchronous_commit = off");
	for (int i = 0; i < 2; i++)
		instance_open_held(&stage.world, &settings, &stage.instances[i]);
	signal(SIGABRT, say_where);
	for (uint64_t done = 0; done < steps; done += PLAY_STEPS)
		play_random(&stage, seed++);
	for (int i = 0; i < 2; i++)
		instance_close(&stage.instances[i]);
	PQfinish(stage.database);
	world_close(&stage.world);
}
