#include "cv/index/index.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NOW 1800000000
#define DAY 86400
#define AUTHORITY "0190a8c0-0000-7000-8000-000000000001"

struct fake_clock {
	struct cv_clock clock; /* first */
	int64_t wall_ms, boot_ms;
};

static int64_t
fake_wall_ms(const struct cv_clock *clock)
{
	return ((const struct fake_clock *)clock)->wall_ms;
}

static int64_t
fake_boot_ms(const struct cv_clock *clock)
{
	return ((const struct fake_clock *)clock)->boot_ms;
}

static struct fake_clock
make_clock(void)
{
	return (struct fake_clock){.clock = {.wall_ms = fake_wall_ms, .boot_ms = fake_boot_ms},
	    .wall_ms = (int64_t)NOW * 1000,
	    .boot_ms = 5000};
}

static struct cv_index *
make_index(const struct fake_clock *clock)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_index *index = NULL;

	cr_assert(cv_index_new(&clock->clock, &index, &err), "%s", err.text);
	cr_assert(
	    cv_index_set_authority(index, AUTHORITY, CV_AUTHORITY_TRUSTED, &err), "%s", err.text);
	return index;
}

/* Uniform, as fingerprints are. */
static struct cv_digest
fingerprint_of(uint32_t n)
{
	uint64_t state = n + 1;
	struct cv_digest digest;

	for (size_t i = 0; i < CV_DIGEST_LEN; i += 8) {
		uint64_t word;

		state += 0x9e3779b97f4a7c15ULL;
		word = state;
		word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
		word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
		word ^= word >> 31;
		memcpy(digest.bytes + i, &word, 8);
	}
	return digest;
}

/* The current key of a device that was seen. */
static struct cv_status_row
make_row(uint32_t device, uint32_t certificate, int64_t version)
{
	struct cv_status_row row = {.version = version,
	    .device_state = CV_DEVICE_OK,
	    .is_seen = true,
	    .fingerprint = fingerprint_of(certificate),
	    .key_state = CV_KEY_CURRENT,
	    .authority = AUTHORITY,
	    .not_before_utc = NOW - DAY,
	    .not_after_utc = NOW + DAY};
	char name[32];

	memcpy(row.sha1, fingerprint_of(certificate + 1000000).bytes, sizeof(row.sha1));
	memcpy(row.serial, fingerprint_of(certificate + 2000000).bytes, 16);
	row.serial_len = 16;
	snprintf(name, sizeof(name), "unit-%u", device);
	cr_assert(cv_party_set(&row.party, "alpha", name, NULL));
	return row;
}

static void
apply(struct cv_index *index, const struct cv_status_row *rows, size_t count)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_index_apply(index, rows, count, &err), "%s", err.text);
}

static bool
is_in_overlap(const struct cv_index *index, uint32_t certificate)
{
	struct cv_digest fingerprint = fingerprint_of(certificate);
	struct cv_index_answer answer;

	cv_index_find(index, &fingerprint, &answer);
	return answer.talks_until_utc != 0;
}

static enum cv_index_status
status_of(const struct cv_index *index, uint32_t certificate)
{
	struct cv_digest fingerprint = fingerprint_of(certificate);
	struct cv_index_answer answer;

	cv_index_find(index, &fingerprint, &answer);
	return answer.status;
}

Test(index, what_was_applied_is_found)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 7);
	struct cv_index_answer answer;

	row.has_pending = true;
	row.group = 70000;
	apply(index, &row, 1);
	cv_index_find(index, &row.fingerprint, &answer);
	cr_expect_eq(answer.status, CV_INDEX_ALLOWED);
	cr_expect_eq(answer.group, 70000);
	cr_expect_eq(answer.state, CV_CERTIFICATE_ACTIVE);
	cr_assert_not_null(answer.party);
	cr_expect_str_eq(answer.party->device, "unit-1");
	cr_expect_eq(answer.version, 7);
	cr_expect(answer.has_pending);
	cr_expect_eq(cv_index_count(index), 1);
	cr_expect_eq(status_of(index, 2), CV_INDEX_MISSING);
	apply(index, NULL, 0);
	cr_expect_eq(cv_index_count(index), 1);

	/* The group changes with the version of the slot, and not without it. */
	row.group = 0;
	apply(index, &row, 1);
	cv_index_find(index, &row.fingerprint, &answer);
	cr_expect_eq(answer.group, 70000);
	row.version = 8;
	apply(index, &row, 1);
	cv_index_find(index, &row.fingerprint, &answer);
	cr_expect_eq(answer.group, 0);
}

/* One certificate in each state that a row can have. */
Test(index, states)
{
	static const struct {
		enum cv_key_state key_state;
		bool is_revoked, is_seen;
		int64_t talks_until_utc, not_before_utc, not_after_utc;
		enum cv_device_state device_state;
		enum cv_index_status status;
		enum cv_certificate_state state;
	} cases[] = {
	    {CV_KEY_CURRENT, false, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_ALLOWED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_CURRENT, true, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_DENIED,
		CV_CERTIFICATE_REVOKED},
	    {CV_KEY_CURRENT, false, false, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_UNDECIDED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_CURRENT, false, true, 0, NOW + 1, NOW + 2, CV_DEVICE_OK, CV_INDEX_UNDECIDED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_CURRENT, false, true, 0, NOW - 2, NOW - 1, CV_DEVICE_OK, CV_INDEX_EXPIRED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_CURRENT, false, true, 0, NOW, NOW, CV_DEVICE_HELD, CV_INDEX_DEVICE_REFUSED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_CURRENT, false, true, 0, NOW, NOW, CV_DEVICE_DELETED, CV_INDEX_DEVICE_REFUSED,
		CV_CERTIFICATE_ACTIVE},
	    {CV_KEY_ASKED, false, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_UNDECIDED,
		CV_CERTIFICATE_ISSUED},
	    {CV_KEY_ANNOUNCED, false, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_UNDECIDED,
		CV_CERTIFICATE_ANNOUNCED},
	    {CV_KEY_RETIRED, false, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_DENIED,
		CV_CERTIFICATE_RETIRED},
	    {CV_KEY_RETIRED, false, true, NOW + 1, NOW, NOW, CV_DEVICE_OK, CV_INDEX_TALKS,
		CV_CERTIFICATE_RETIRED},
	    {CV_KEY_RETIRED, false, true, NOW, NOW, NOW, CV_DEVICE_OK, CV_INDEX_DENIED,
		CV_CERTIFICATE_RETIRED},
	    {CV_KEY_RETIRED, true, true, NOW + 1, NOW, NOW, CV_DEVICE_OK, CV_INDEX_DENIED,
		CV_CERTIFICATE_REVOKED},
	    {CV_KEY_DISCARDED, false, true, 0, NOW, NOW, CV_DEVICE_HELD, CV_INDEX_DENIED,
		CV_CERTIFICATE_DISCARDED},
	    {CV_KEY_COMPROMISED, false, true, 0, NOW, NOW, CV_DEVICE_OK, CV_INDEX_DENIED,
		CV_CERTIFICATE_REVOKED},
	};
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_status_row row = make_row(i, i, 1);
		struct cv_index_answer answer;

		row.key_state = cases[i].key_state;
		row.is_revoked = cases[i].is_revoked;
		row.is_seen = cases[i].is_seen;
		row.talks_until_utc = cases[i].talks_until_utc;
		row.not_before_utc = cases[i].not_before_utc;
		row.not_after_utc = cases[i].not_after_utc;
		row.device_state = cases[i].device_state;
		apply(index, &row, 1);
		cv_index_find(index, &row.fingerprint, &answer);
		cr_expect_eq(
		    answer.status, cases[i].status, "case %u: status %d", i, (int)answer.status);
		cr_expect_eq(
		    answer.state, cases[i].state, "case %u: state %d", i, (int)answer.state);
	}
}

Test(index, a_version_never_goes_back)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 5);

	row.key_state = CV_KEY_RETIRED;
	apply(index, &row, 1);
	row.key_state = CV_KEY_CURRENT;
	row.version = 4;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_DENIED);
	row.version = 5;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_DENIED);
	row.version = 6;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_ALLOWED);
	/* Another slot has its own versions. */
	row = make_row(2, 2, 1);
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 2), CV_INDEX_ALLOWED);
}

/* By the change that followed what the index holds, and by no other. */
Test(index, takes_one_more_certificate_of_a_slot)
{
	static const struct {
		uint32_t device;
		int64_t version;
		bool is_taken;
		int64_t held; /* of that slot, afterwards */
	} cases[] = {
	    {2, 1, false, 0}, /* nothing is known of this slot */
	    {1, 7, false, 7},
	    {1, 9, false, 7},
	    {1, 8, true, 8},
	    {1, 8, false, 8},
	    {1, 9, true, 9},
	};
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 7);

	row.has_pending = true;
	row.group = 70000;
	row.device_state = CV_DEVICE_HELD;
	apply(index, &row, 1);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_status_row more = make_row(cases[i].device, 10 + i, cases[i].version);
		struct cv_index_answer answer;

		cv_index_add(index, &more);
		cv_index_find(index, &more.fingerprint, &answer);
		cr_expect_eq(cv_index_version(index, &more.party), cases[i].held, "case %u", i);
		if (!cases[i].is_taken) {
			cr_expect_eq(answer.status, CV_INDEX_MISSING, "case %u", i);
			continue;
		}
		/* The rest of the slot stays. */
		cr_expect_eq(answer.status, CV_INDEX_DEVICE_REFUSED, "case %u", i);
		cr_expect_eq(answer.version, cases[i].held);
		cr_expect(answer.has_pending);
		cr_expect_eq(answer.group, 70000);
	}
	row.device_state = CV_DEVICE_OK;
	row.version = 9;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 13), CV_INDEX_DEVICE_REFUSED, "it was overtaken");
	row.version = 10;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 13), CV_INDEX_ALLOWED);
}

Test(index, a_rotation_denies_one_and_allows_the_other)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row rows[] = {make_row(1, 1, 1), make_row(1, 2, 1)};

	rows[1].key_state = CV_KEY_ANNOUNCED;
	apply(index, rows, 2);
	cr_expect_eq(status_of(index, 1), CV_INDEX_ALLOWED);
	cr_expect_eq(status_of(index, 2), CV_INDEX_UNDECIDED);
	rows[0].version = rows[1].version = 2;
	rows[0].key_state = CV_KEY_RETIRED;
	rows[1].key_state = CV_KEY_CURRENT;
	apply(index, rows, 2);
	cr_expect_eq(status_of(index, 1), CV_INDEX_DENIED);
	cr_expect_eq(status_of(index, 2), CV_INDEX_ALLOWED);
	cr_expect_eq(cv_index_count(index), 2);
}

Test(index, time_passes_without_an_event)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row rows[] = {make_row(1, 1, 1), make_row(1, 2, 1)};

	rows[0].key_state = CV_KEY_RETIRED;
	rows[0].talks_until_utc = NOW + 100;
	rows[1].not_after_utc = NOW + 100;
	apply(index, rows, 2);
	clock.wall_ms += 99 * 1000;
	cr_expect_eq(status_of(index, 1), CV_INDEX_TALKS);
	cr_expect_eq(status_of(index, 2), CV_INDEX_ALLOWED);
	cr_expect(is_in_overlap(index, 1) && is_in_overlap(index, 2), "it is of the slot");
	clock.wall_ms += 1000;
	cr_expect_eq(status_of(index, 1), CV_INDEX_DENIED);
	cr_expect_eq(status_of(index, 2), CV_INDEX_ALLOWED);
	cr_expect_not(is_in_overlap(index, 1) || is_in_overlap(index, 2));
	clock.wall_ms += 1000;
	cr_expect_eq(status_of(index, 2), CV_INDEX_EXPIRED);
}

Test(index, a_refused_device_comes_back_with_its_next_version)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 1);

	row.device_state = CV_DEVICE_HELD;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_DEVICE_REFUSED);
	row.device_state = CV_DEVICE_OK;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_DEVICE_REFUSED);
	row.version = 2;
	apply(index, &row, 1);
	cr_expect_eq(status_of(index, 1), CV_INDEX_ALLOWED);
}

Test(index, a_revoked_authority_refuses_at_the_next_find)
{
	static const char other[] = "0190a8c0-0000-7000-8000-000000000002";
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 1);
	struct cv_status_row denied = make_row(2, 2, 1);
	struct cv_status_row foreign = make_row(3, 3, 1);
	struct cv_error err = CV_ERROR_INIT;

	denied.is_revoked = true;
	memcpy(foreign.authority, other, sizeof(other));
	cr_assert(cv_index_set_authority(index, other, CV_AUTHORITY_TRUSTED, &err));
	apply(index, &row, 1);
	apply(index, &denied, 1);
	apply(index, &foreign, 1);
	cr_assert(cv_index_set_authority(index, AUTHORITY, CV_AUTHORITY_REVOKED, &err));
	cr_expect_eq(status_of(index, 1), CV_INDEX_AUTHORITY_REFUSED);
	cr_expect_eq(status_of(index, 2), CV_INDEX_DENIED);
	cr_expect_eq(status_of(index, 3), CV_INDEX_ALLOWED);
	cr_assert(cv_index_set_authority(index, AUTHORITY, CV_AUTHORITY_DISABLED, &err));
	cr_expect_eq(status_of(index, 1), CV_INDEX_ALLOWED);
}

Test(index, age_runs_by_the_larger_clock)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);

	cr_expect_eq(cv_index_age_ms(index), INT64_MAX);
	cv_index_mark_fresh(index, clock.boot_ms, clock.wall_ms);
	cr_expect_eq(cv_index_age_ms(index), 0);
	clock.boot_ms += 700;
	clock.wall_ms += 300;
	cr_expect_eq(cv_index_age_ms(index), 700);
	clock.wall_ms += 900;
	cr_expect_eq(cv_index_age_ms(index), 1200);
	clock.wall_ms -= 5000;
	cr_expect_eq(cv_index_age_ms(index), 700);
}

Test(index, sights_are_taken_once_and_in_portions)
{
	enum { COUNT = 5 };
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_last_seen seen[COUNT];
	bool was_taken[COUNT] = {false};
	size_t taken;

	for (uint32_t i = 0; i < COUNT; i++) {
		struct cv_status_row row = make_row(i, i, 1);
		struct cv_index_answer answer;

		apply(index, &row, 1);
		cv_index_find(index, &row.fingerprint, &answer);
		cv_index_mark_seen(index, &answer);
		cv_index_mark_seen(index, &answer);
	}
	while ((taken = cv_index_take_seen(index, seen, 2)) > 0) {
		for (size_t i = 0; i < taken; i++) {
			size_t device = (size_t)(seen[i].party.device[5] - '0');

			cr_expect_eq(seen[i].seen_utc, NOW);
			cr_assert_lt(device, COUNT);
			cr_expect_not(was_taken[device]);
			was_taken[device] = true;
		}
	}
	for (size_t i = 0; i < COUNT; i++)
		cr_expect(was_taken[i]);
}

/* Twenty thousand slots with ten certificates each, the first of them current. */
static void
fill(struct cv_index *index, uint32_t slots)
{
	for (uint32_t slot = 0; slot < slots; slot++) {
		struct cv_status_row rows[10];

		for (uint32_t i = 0; i < 10; i++) {
			rows[i] = make_row(slot, slot * 10 + i, 1);
			rows[i].key_state = i == 0 ? CV_KEY_CURRENT : CV_KEY_RETIRED;
		}
		apply(index, rows, 10);
	}
}

static uint32_t
count_wrong(const struct cv_index *index, uint32_t slots)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < slots * 10; i++)
		wrong += status_of(index, i) != (i % 10 == 0 ? CV_INDEX_ALLOWED : CV_INDEX_DENIED);
	return wrong;
}

Test(index, grows_to_two_hundred_thousand)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	CV_AUTO(cv_index) struct cv_index *reserved = make_index(&clock);
	struct cv_error err = CV_ERROR_INIT;

	fill(index, 20000);
	cr_expect_eq(cv_index_count(index), 200000);
	cr_expect_eq(count_wrong(index, 20000), 0);
	cr_expect_eq(status_of(index, 200000), CV_INDEX_MISSING);
	cr_assert(cv_index_reserve(reserved, 50000, &err), "%s", err.text);
	fill(reserved, 5000);
	cr_assert(cv_index_reserve(reserved, 1, &err), "%s", err.text);
	cr_expect_eq(cv_index_count(reserved), 50000);
	cr_expect_eq(count_wrong(reserved, 5000), 0);
}

/* Readers run while slots rotate from their first certificate to their second, and while the table
 * grows. */
#define ROTATING 6000

struct reading {
	const struct cv_index *index;
	_Atomic bool *is_over;
	_Atomic uint32_t reads;
	uint32_t wrong;
};

static void *
read_on(void *context)
{
	struct reading *reading = context;
	uint32_t slot = 0;

	while (!atomic_load(reading->is_over)) {
		/* Once the new certificate is allowed, the old one is denied. */
		enum cv_index_status new = status_of(reading->index, 2 * slot + 1);
		enum cv_index_status old = status_of(reading->index, 2 * slot);

		if (new == CV_INDEX_ALLOWED)
			reading->wrong += old != CV_INDEX_DENIED;
		else
			reading->wrong += new != CV_INDEX_UNDECIDED &&new != CV_INDEX_MISSING;
		reading->reads++;
		slot = (slot + 7) % ROTATING;
	}
	return NULL;
}

static void
rotate(struct cv_index *index, uint32_t slot)
{
	struct cv_status_row rows[] = {
	    make_row(slot, 2 * slot, 1), make_row(slot, 2 * slot + 1, 1)};

	rows[1].key_state = CV_KEY_ANNOUNCED;
	apply(index, rows, 2);
	rows[0].version = rows[1].version = 2;
	rows[0].key_state = CV_KEY_RETIRED;
	rows[1].key_state = CV_KEY_CURRENT;
	/* The allowed one first, so that the order of the rows does not help. */
	apply(index, (struct cv_status_row[]){rows[1], rows[0]}, 2);
}

Test(index, readers_never_see_two_keys_allowed)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	_Atomic bool is_over = false;
	struct reading readings[2] = {
	    {.index = index, .is_over = &is_over}, {.index = index, .is_over = &is_over}};
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, read_on, &readings[i]), 0);
	while (atomic_load(&readings[0].reads) == 0 || atomic_load(&readings[1].reads) == 0)
		sched_yield();
	for (uint32_t slot = 0; slot < ROTATING; slot++)
		rotate(index, slot);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < 2; i++)
		cr_expect_eq(readings[i].wrong, 0);
	cr_expect_eq(cv_index_count(index), 2 * ROTATING);
	for (uint32_t slot = 0; slot < ROTATING; slot++)
		cr_expect(status_of(index, 2 * slot) == CV_INDEX_DENIED &&
			  status_of(index, 2 * slot + 1) == CV_INDEX_ALLOWED);
}

#define COMING 150000

static void *
read_strangers(void *context)
{
	struct reading *reading = context;
	uint32_t stranger = 0;

	while (!atomic_load(reading->is_over)) {
		reading->wrong += status_of(reading->index, COMING + stranger) != CV_INDEX_MISSING;
		reading->reads++;
		stranger = (stranger + 1) % 1000;
	}
	return NULL;
}

/* The free place where a search ends may be taken by another certificate at that very moment. */
Test(index, a_stranger_stays_missing_while_others_come)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	_Atomic bool is_over = false;
	struct reading readings[2] = {
	    {.index = index, .is_over = &is_over}, {.index = index, .is_over = &is_over}};
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, read_strangers, &readings[i]), 0);
	while (atomic_load(&readings[0].reads) == 0 || atomic_load(&readings[1].reads) == 0)
		sched_yield();
	for (uint32_t i = 0; i < COMING; i++) {
		struct cv_status_row row = make_row(i, i, 1);

		apply(index, &row, 1);
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(readings[0].wrong, 0);
	cr_expect_eq(readings[1].wrong, 0);
}

/* ---- other names ---- */

static enum cv_index_status
status_by_name(const struct cv_index *index, enum cv_index_name kind, const void *name, size_t len)
{
	struct cv_index_answer answer;

	cv_index_find_by_name(index, kind, cv_bytes(name, len), &answer);
	return answer.status;
}

static enum cv_index_status
status_by_sha1(const struct cv_index *index, const struct cv_status_row *row)
{
	return status_by_name(index, CV_INDEX_SHA1, row->sha1, sizeof(row->sha1));
}

static enum cv_index_status
status_by_serial(const struct cv_index *index, const struct cv_status_row *row)
{
	return status_by_name(index, CV_INDEX_SERIAL, row->serial, row->serial_len);
}

Test(index, names_that_are_wanted_are_found)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 1);
	struct cv_index_answer by_sha1, by_fingerprint;

	cv_index_want_names(index, CV_INDEX_SHA1);
	apply(index, &row, 1);
	cr_expect_eq(status_by_sha1(index, &row), CV_INDEX_ALLOWED);
	cr_expect_eq(status_by_serial(index, &row), CV_INDEX_MISSING);
	cv_index_find_by_name(index, CV_INDEX_SHA1, CV_BYTES(row.sha1), &by_sha1);
	cv_index_find(index, &row.fingerprint, &by_fingerprint);
	cr_expect_eq(by_sha1.identity, by_fingerprint.identity);
	cr_expect_neq(by_sha1.identity, 0);
	cr_expect_str_eq(by_sha1.authority, AUTHORITY);
	row.sha1[19] ^= 1;
	cr_expect_eq(status_by_sha1(index, &row), CV_INDEX_MISSING);
}

/* A gateway that asks by serial number may come long after the certificates. */
Test(index, names_are_taken_in_by_a_later_load)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 1);

	apply(index, &row, 1);
	cr_expect_not(cv_index_lacks_names(index));
	cv_index_want_names(index, CV_INDEX_SERIAL);
	cr_expect(cv_index_lacks_names(index));
	cr_expect_eq(cv_index_wanted_names(index), 1U << CV_INDEX_SERIAL);
	apply(index, &row, 1);
	cv_index_mark_names_loaded(index, cv_index_wanted_names(index));
	cr_expect_not(cv_index_lacks_names(index));
	cr_expect_eq(status_by_serial(index, &row), CV_INDEX_ALLOWED);
	row.is_revoked = true;
	row.version = 2;
	apply(index, &row, 1);
	cr_expect_eq(status_by_serial(index, &row), CV_INDEX_DENIED);
}

Test(index, a_name_of_two_certificates_leads_nowhere)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row rows[] = {make_row(1, 1, 1), make_row(2, 2, 1)};

	cv_index_want_names(index, CV_INDEX_SHA1);
	cv_index_want_names(index, CV_INDEX_SERIAL);
	memcpy(rows[1].sha1, rows[0].sha1, sizeof(rows[0].sha1));
	apply(index, &rows[0], 1);
	cr_expect_eq(status_by_sha1(index, &rows[0]), CV_INDEX_ALLOWED);
	apply(index, &rows[1], 1);
	cr_expect_eq(status_by_sha1(index, &rows[0]), CV_INDEX_MISSING);
	cr_expect_eq(status_by_serial(index, &rows[0]), CV_INDEX_ALLOWED);
	cr_expect_eq(status_by_serial(index, &rows[1]), CV_INDEX_ALLOWED);
}

Test(index, a_serial_number_of_another_authority_is_no_name)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 1);

	cv_index_want_names(index, CV_INDEX_SERIAL);
	row.serial_len = 0;
	apply(index, &row, 1);
	cr_expect_eq(status_by_serial(index, &row), CV_INDEX_MISSING);
	cr_expect_eq(status_by_name(index, CV_INDEX_SERIAL, row.serial, 16), CV_INDEX_MISSING);
}

/* Many more than the first table holds, with short serial numbers among them. */
Test(index, names_survive_growth)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row twins[] = {make_row(9001, 9001, 1), make_row(9002, 9002, 1)};

	cv_index_want_names(index, CV_INDEX_SHA1);
	cv_index_want_names(index, CV_INDEX_SERIAL);
	memcpy(twins[1].sha1, twins[0].sha1, sizeof(twins[0].sha1));
	apply(index, &twins[0], 1);
	apply(index, &twins[1], 1);
	/* Ten certificates a slot: the table grows while some of them are taken in. */
	for (uint32_t slot = 0; slot < 500; slot++) {
		struct cv_status_row rows[10];

		for (uint32_t i = 0; i < 10; i++) {
			rows[i] = make_row(slot, 10 * slot + i, 1);
			rows[i].serial_len = i % 2 ? 16 : 4;
		}
		apply(index, rows, 10);
	}
	twins[1].version = 2;
	apply(index, &twins[1], 1);
	cr_expect_eq(status_by_sha1(index, &twins[1]), CV_INDEX_MISSING);
	for (uint32_t i = 0; i < 5000; i++) {
		struct cv_status_row row = make_row(i, i, 1);

		row.serial_len = i % 2 ? 16 : 4;
		cr_assert_eq(status_by_sha1(index, &row), CV_INDEX_ALLOWED, "%u", i);
		cr_assert_eq(status_by_serial(index, &row), CV_INDEX_ALLOWED, "%u", i);
	}
}

static enum cv_index_status
status_of_named(const struct cv_index *index, uint32_t certificate)
{
	struct cv_digest name = fingerprint_of(certificate + 1000000);

	return status_by_name(index, CV_INDEX_SHA1, name.bytes, CV_SHA1_LEN);
}

static void *
read_by_name(void *context)
{
	struct reading *reading = context;
	uint32_t slot = 0;

	while (!atomic_load(reading->is_over)) {
		enum cv_index_status new = status_of_named(reading->index, 2 * slot + 1);
		enum cv_index_status old = status_of_named(reading->index, 2 * slot);

		reading->wrong += new == CV_INDEX_ALLOWED &&old != CV_INDEX_DENIED;
		reading->reads++;
		slot = (slot + 7) % ROTATING;
	}
	return NULL;
}

/* Both tables grow while they are read. */
Test(index, readers_by_name_never_see_two_keys_allowed)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	_Atomic bool is_over = false;
	struct reading reading = {.index = index, .is_over = &is_over};
	pthread_t thread;

	cv_index_want_names(index, CV_INDEX_SHA1);
	cr_assert_eq(pthread_create(&thread, NULL, read_by_name, &reading), 0);
	for (uint32_t slot = 0; slot < ROTATING; slot++)
		rotate(index, slot);
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	cr_expect_eq(reading.wrong, 0);
	for (uint32_t slot = 0; slot < ROTATING; slot++)
		cr_expect(status_of_named(index, 2 * slot) == CV_INDEX_DENIED &&
			  status_of_named(index, 2 * slot + 1) == CV_INDEX_ALLOWED);
}

Test(index, counts_slots_with_an_announced_key)
{
	struct fake_clock clock = make_clock();
	CV_AUTO(cv_index) struct cv_index *index = make_index(&clock);
	struct cv_status_row row = make_row(1, 1, 7);
	struct cv_status_row other = make_row(2, 2, 7);

	cr_expect_eq(cv_index_pending_count(index), 0);
	row.has_pending = other.has_pending = true;
	apply(index, &row, 1);
	apply(index, &other, 1);
	cr_expect_eq(cv_index_pending_count(index), 2);
	row.version = 8;
	apply(index, &row, 1);
	cr_expect_eq(cv_index_pending_count(index), 2, "it is the same slot");
	row.has_pending = false;
	apply(index, &row, 1);
	cr_expect_eq(cv_index_pending_count(index), 2, "an old state takes nothing back");
	row.version = 9;
	apply(index, &row, 1);
	cr_expect_eq(cv_index_pending_count(index), 1);
}
