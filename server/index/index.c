#include "cv/index/index.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-bp.h>

#include "cv/util/text.h"

#include "entry_table_internal.h"
#include "slot_table_internal.h"

#define FIRST_CAPACITY 1024
#define AUTHORITIES_MAX 4096

#if defined(__SANITIZE_THREAD__)
/* liburcu is not instrumented: tell the race detector what its grace period orders. */
void __tsan_acquire(void *address);
void __tsan_release(void *address);
/* On an address that no atomic store uses: such a store would wipe out what readers released. */
#define ORDER_ACQUIRE(index) __tsan_acquire((void *)(uintptr_t)(index))
#define ORDER_RELEASE(index) __tsan_release((void *)(uintptr_t)(index))
#else
#define ORDER_ACQUIRE(index) ((void)(index))
#define ORDER_RELEASE(index) ((void)(index))
#endif

struct cv_index {
	const struct cv_clock *clock;
	pthread_mutex_t writer;
	struct cv_entry_table *_Atomic entries;
	/* From the last 20 octets of a name to the first word of a fingerprint; see take_name. */
	struct cv_entry_table *_Atomic names[CV_INDEX_NAMES];
	_Atomic unsigned wanted_names, loaded_names; /* one bit a kind */
	struct cv_slot_table slots;
	/* Written once, before an entry that refers to it is published. */
	char authorities[AUTHORITIES_MAX][CV_UUID_SIZE];
	uint16_t authority_count;
	_Atomic uint8_t authority_states[AUTHORITIES_MAX];
	_Atomic size_t count;
	_Atomic size_t pending_count; /* of slots */
	_Atomic int64_t position;
	_Atomic int64_t fresh_boot_ms, fresh_wall_ms;
	_Atomic bool was_fresh;
	uint32_t seen_cursor; /* where the next cv_index_take_seen goes on */
};

bool
cv_index_new(const struct cv_clock *clock, struct cv_index **ret_index, struct cv_error *err)
{
	CV_AUTO(cv_index) struct cv_index *index = calloc(1, sizeof(*index));

	if (!index)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	index->clock = clock;
	pthread_mutex_init(&index->writer, NULL);
	index->entries = cv_entry_table_new(FIRST_CAPACITY);
	if (!cv_slot_table_init(&index->slots) || !index->entries)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	*ret_index = CV_TAKE(index);
	return true;
}

void
cv_index_free(struct cv_index *index)
{
	if (!index)
		return;
	free(atomic_load(&index->entries));
	for (size_t i = 0; i < CV_INDEX_NAMES; i++)
		free(atomic_load(&index->names[i]));
	cv_slot_table_deinit(&index->slots);
	pthread_mutex_destroy(&index->writer);
	free(index);
}

/* ---- readers ---- */

/* 0: it is over, or there was none. */
static int64_t
end_of_grace(const struct cv_index *index, const struct cv_slot_record *slot)
{
	int64_t until = atomic_load(&slot->talks_until_utc);

	return until != 0 && cv_clock_wall_seconds(index->clock) < until ? until : 0;
}

static enum cv_index_status
status_of(
    const struct cv_index *index, const struct cv_slot_record *slot, struct cv_condition condition)
{
	int64_t now = cv_clock_wall_seconds(index->clock);

	if (condition.status == CV_ENTRY_DENIED)
		return CV_INDEX_DENIED;
	if (condition.status == CV_ENTRY_TALKS && end_of_grace(index, slot) == 0)
		return CV_INDEX_DENIED;
	if (atomic_load(&slot->is_refused))
		return CV_INDEX_DEVICE_REFUSED;
	if (atomic_load(&index->authority_states[condition.authority]) == CV_AUTHORITY_REVOKED)
		return CV_INDEX_AUTHORITY_REFUSED;
	if (now > (int64_t)condition.not_after_utc)
		return CV_INDEX_EXPIRED;
	switch ((enum cv_entry_status)condition.status) {
	case CV_ENTRY_ALLOWED:
		return CV_INDEX_ALLOWED;
	case CV_ENTRY_TALKS:
		return CV_INDEX_TALKS;
	case CV_ENTRY_UNDECIDED:
	case CV_ENTRY_DENIED:
		break;
	}
	return CV_INDEX_UNDECIDED;
}

static void
describe(
    const struct cv_index *index, const struct cv_entry *entry, struct cv_index_answer *ret_answer)
{
	struct cv_condition condition =
	    cv_condition_unpack(atomic_load_explicit(&entry->condition, memory_order_acquire));
	const struct cv_slot_record *slot = cv_slot_table_at(&index->slots, cv_entry_slot(entry));

	ret_answer->status = status_of(index, slot, condition);
	ret_answer->state = (enum cv_certificate_state)condition.state;
	ret_answer->party = &slot->party;
	ret_answer->authority = index->authorities[condition.authority];
	ret_answer->version = atomic_load(&slot->version);
	ret_answer->not_after_utc = (int64_t)condition.not_after_utc;
	ret_answer->has_pending = atomic_load(&slot->has_pending);
	ret_answer->talks_until_utc = end_of_grace(index, slot);
	ret_answer->group = atomic_load(&slot->group);
	ret_answer->identity = atomic_load_explicit(&entry->prefix_0, memory_order_relaxed);
}

void
cv_index_find(const struct cv_index *index, const struct cv_digest *fingerprint,
    struct cv_index_answer *ret_answer)
{
	const struct cv_entry *entry;

	memset(ret_answer, 0, sizeof(*ret_answer));
	rcu_read_lock();
	entry = cv_entry_table_find(
	    atomic_load_explicit(&index->entries, memory_order_acquire), fingerprint);
	if (entry)
		describe(index, entry, ret_answer);
	ORDER_RELEASE(index);
	rcu_read_unlock();
}

/* Serial numbers may be short, and random only at their end: the last octet comes first. */
static struct cv_digest
name_key(struct cv_bytes name)
{
	struct cv_digest key = {{0}};

	for (size_t i = 0; i < name.len && i < CV_SERIAL_OCTETS_MAX; i++)
		key.bytes[i] = name.data[name.len - 1 - i];
	return key;
}

static const struct cv_entry *
find_named(const struct cv_index *index, enum cv_index_name kind, struct cv_bytes name)
{
	const struct cv_entry_table *names =
	    atomic_load_explicit(&index->names[kind], memory_order_acquire);
	struct cv_digest key = name_key(name);
	const struct cv_entry *alias = names ? cv_entry_table_find(names, &key) : NULL;
	uint64_t word = alias ? atomic_load_explicit(&alias->condition, memory_order_acquire) : 0;

	if (!word)
		return NULL;
	return cv_entry_table_find_word(
	    atomic_load_explicit(&index->entries, memory_order_acquire), word);
}

void
cv_index_find_by_name(const struct cv_index *index, enum cv_index_name kind, struct cv_bytes name,
    struct cv_index_answer *ret_answer)
{
	const struct cv_entry *entry;

	memset(ret_answer, 0, sizeof(*ret_answer));
	rcu_read_lock();
	entry = find_named(index, kind, name);
	if (entry)
		describe(index, entry, ret_answer);
	ORDER_RELEASE(index);
	rcu_read_unlock();
}

void
cv_index_mark_seen(const struct cv_index *index, const struct cv_index_answer *answer)
{
	struct cv_slot_record *slot;
	uint32_t now = (uint32_t)cv_clock_wall_seconds(index->clock);

	if (!answer->party)
		return;
	/* The party is the first member of its record. */
	slot = (struct cv_slot_record *)(uintptr_t)answer->party;
	if (atomic_load_explicit(&slot->seen_utc, memory_order_relaxed) != now)
		atomic_store_explicit(&slot->seen_utc, now, memory_order_relaxed);
}

size_t
cv_index_take_seen(struct cv_index *index, struct cv_last_seen *ret_rows, size_t limit)
{
	uint32_t count = atomic_load(&index->slots.count);
	size_t taken = 0;

	for (uint32_t looked = 0; looked < count && taken < limit; looked++) {
		uint32_t at = (index->seen_cursor + looked) % count;
		struct cv_slot_record *slot = cv_slot_table_at(&index->slots, at);
		uint32_t seen = atomic_exchange_explicit(&slot->seen_utc, 0, memory_order_relaxed);

		if (seen) {
			ret_rows[taken].party = slot->party;
			ret_rows[taken++].seen_utc = seen;
		}
		if (taken == limit)
			index->seen_cursor = at + 1;
	}
	return taken;
}

/* ---- writers ---- */

static bool
authority_reference(struct cv_index *index, const char *authority, uint16_t *ret_reference)
{
	for (uint16_t i = 0; i < index->authority_count; i++) {
		if (strcmp(index->authorities[i], authority) == 0) {
			*ret_reference = i;
			return true;
		}
	}
	if (index->authority_count == AUTHORITIES_MAX)
		return false;
	cv_text_copy(index->authorities[index->authority_count], CV_UUID_SIZE, authority);
	*ret_reference = index->authority_count++;
	return true;
}

bool
cv_index_set_authority(struct cv_index *index, const char *authority, enum cv_authority_state state,
    struct cv_error *err)
{
	uint16_t reference;
	bool is_known;

	pthread_mutex_lock(&index->writer);
	is_known = authority_reference(index, authority, &reference);
	if (is_known)
		atomic_store(&index->authority_states[reference], (uint8_t)state);
	pthread_mutex_unlock(&index->writer);
	return is_known || cv_fail(err, CV_E_LIMIT, "more than %d authorities", AUTHORITIES_MAX);
}

/* Puts a larger copy in the place of a table, and frees that when no reader can hold it. */
static bool
replace(const struct cv_index *index, struct cv_entry_table *_Atomic *place, size_t capacity,
    cv_entry_filter *is_kept, const void *context, struct cv_error *err)
{
	struct cv_entry_table *old = atomic_load(place);
	struct cv_entry_table *table = cv_entry_table_copy(old, capacity, is_kept, context);

	if (!table)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	atomic_store_explicit(place, table, memory_order_release);
	synchronize_rcu();
	ORDER_ACQUIRE(index);
	free(old);
	return true;
}

#define KEPT_SECONDS (86400 * 400)

static bool
ended_lately(const void *now_utc, uint64_t condition)
{
	return cv_condition_unpack(condition).not_after_utc >=
	       *(const int64_t *)now_utc - KEPT_SECONDS;
}

static bool
resize(struct cv_index *index, size_t capacity, struct cv_error *err)
{
	int64_t now = cv_clock_wall_seconds(index->clock);

	if (!replace(index, &index->entries, capacity, ended_lately, &now, err))
		return false;
	atomic_store(&index->count, atomic_load(&index->entries)->count);
	return true;
}

bool
cv_index_reserve(struct cv_index *index, size_t certificates, struct cv_error *err)
{
	size_t capacity = certificates / 13 * 16 + FIRST_CAPACITY;
	bool is_good = true;

	pthread_mutex_lock(&index->writer);
	if (capacity > atomic_load(&index->entries)->capacity)
		is_good = resize(index, capacity, err);
	pthread_mutex_unlock(&index->writer);
	return is_good;
}

/* ---- names ---- */

void
cv_index_want_names(struct cv_index *index, enum cv_index_name kind)
{
	atomic_fetch_or(&index->wanted_names, 1U << kind);
}

unsigned
cv_index_wanted_names(const struct cv_index *index)
{
	return atomic_load(&index->wanted_names);
}

bool
cv_index_lacks_names(const struct cv_index *index)
{
	return (atomic_load(&index->wanted_names) & ~atomic_load(&index->loaded_names)) != 0;
}

void
cv_index_mark_names_loaded(struct cv_index *index, unsigned kinds)
{
	atomic_fetch_or(&index->loaded_names, kinds);
}

/* Names go with the entries that they lead to; that a name is of several is never forgotten. */
static bool
is_held(const void *entries, uint64_t word)
{
	return word == 0 || cv_entry_table_find_word(entries, word) != NULL;
}

static bool
make_room_for_name(struct cv_index *index, enum cv_index_name kind, struct cv_error *err)
{
	const struct cv_entry_table *entries = atomic_load(&index->entries);
	struct cv_entry_table *names = atomic_load(&index->names[kind]);

	if (!names) {
		names = cv_entry_table_new(entries->capacity);
		if (!names)
			return cv_fail(err, CV_E_MEMORY, "out of memory");
		atomic_store_explicit(&index->names[kind], names, memory_order_release);
	}
	return !cv_entry_table_is_full(names) ||
	       replace(index, &index->names[kind], names->capacity / 8 * 9 + FIRST_CAPACITY,
		   is_held, entries, err);
}

/*
 * A name leads to the first word of a fingerprint; one that is of several certificates leads
 * nowhere, which leaves the question to the database.
 */
static bool
take_name(struct cv_index *index, enum cv_index_name kind, struct cv_bytes name,
    const struct cv_digest *fingerprint, struct cv_error *err)
{
	struct cv_digest key = name_key(name);
	uint64_t word = cv_entry_word(fingerprint);
	struct cv_entry_table *names;
	struct cv_entry *alias;
	bool is_new;

	if (!make_room_for_name(index, kind, err))
		return false;
	names = atomic_load(&index->names[kind]);
	alias = cv_entry_table_place(names, &key, &is_new);
	if (is_new)
		cv_entry_publish(names, alias, &key, 0, word);
	else if (atomic_load(&alias->condition) != word)
		atomic_store_explicit(&alias->condition, 0, memory_order_release);
	return true;
}

static bool
take_names(struct cv_index *index, const struct cv_status_row *row, struct cv_error *err)
{
	unsigned wanted = cv_index_wanted_names(index);

	if (wanted & 1U << CV_INDEX_SHA1 &&
	    !take_name(index, CV_INDEX_SHA1, CV_BYTES(row->sha1), &row->fingerprint, err))
		return false;
	return !(wanted & 1U << CV_INDEX_SERIAL) || row->serial_len == 0 ||
	       take_name(index, CV_INDEX_SERIAL, cv_bytes(row->serial, row->serial_len),
		   &row->fingerprint, err);
}

/* ---- states ---- */

static enum cv_entry_status
entry_status(const struct cv_status_row *row, int64_t now_utc)
{
	if (row->is_revoked)
		return CV_ENTRY_DENIED;
	if (row->key_state == CV_KEY_RETIRED && row->talks_until_utc > now_utc)
		return CV_ENTRY_TALKS;
	if (cv_key_state_is_denied(row->key_state))
		return CV_ENTRY_DENIED;
	/* The first sight of a device is written down, so memory does not answer it. */
	if (row->key_state != CV_KEY_CURRENT || !row->is_seen || row->not_before_utc > now_utc)
		return CV_ENTRY_UNDECIDED;
	return CV_ENTRY_ALLOWED;
}

static bool
apply_row(
    struct cv_index *index, uint32_t slot, const struct cv_status_row *row, struct cv_error *err)
{
	struct cv_entry_table *table = atomic_load(&index->entries);
	struct cv_condition condition = {
	    .not_after_utc =
		row->not_after_utc > UINT32_MAX ? UINT32_MAX : (uint32_t)row->not_after_utc,
	    .status = (uint8_t)entry_status(row, cv_clock_wall_seconds(index->clock)),
	    .state = (uint8_t)(row->key_state == CV_KEY_COMPROMISED
				   ? CV_CERTIFICATE_REVOKED
				   : cv_certificate_state_of(row->key_state, row->is_revoked)),
	};
	struct cv_entry *entry;
	bool is_new;

	if (!authority_reference(index, row->authority, &condition.authority))
		return cv_fail(err, CV_E_LIMIT, "more than %d authorities", AUTHORITIES_MAX);
	if (cv_entry_table_is_full(table)) {
		if (!resize(index, table->capacity / 8 * 9 + FIRST_CAPACITY, err))
			return false;
		table = atomic_load(&index->entries);
	}
	entry = cv_entry_table_place(table, &row->fingerprint, &is_new);
	if (is_new) {
		cv_entry_publish(
		    table, entry, &row->fingerprint, slot, cv_condition_pack(condition));
		atomic_store(&index->count, table->count);
	} else {
		atomic_store_explicit(
		    &entry->condition, cv_condition_pack(condition), memory_order_release);
	}
	return true;
}

/* Denials first: at no moment does a reader see the new key allowed and the old one not yet denied.
 */
static bool
apply_rows(struct cv_index *index, uint32_t slot, const struct cv_status_row *rows, size_t count,
    struct cv_error *err)
{
	int64_t now = cv_clock_wall_seconds(index->clock);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < count; i++) {
			bool is_denial = entry_status(&rows[i], now) == CV_ENTRY_DENIED;

			if (is_denial == (pass == 0) && !apply_row(index, slot, &rows[i], err))
				return false;
		}
	}
	return true;
}

static int64_t
talks_until(const struct cv_status_row *rows, size_t count)
{
	int64_t until = 0;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].talks_until_utc > until)
			until = rows[i].talks_until_utc;
	}
	return until;
}

static bool
apply_slot(struct cv_index *index, uint32_t reference, const struct cv_status_row *rows,
    size_t count, struct cv_error *err)
{
	struct cv_slot_record *slot = cv_slot_table_at(&index->slots, reference);

	if (rows[0].version <= atomic_load(&slot->version))
		return true;
	if (rows[0].device_state != CV_DEVICE_OK)
		atomic_store(&slot->is_refused, true);
	atomic_store(&slot->talks_until_utc, talks_until(rows, count));
	if (atomic_exchange(&slot->has_pending, rows[0].has_pending) != rows[0].has_pending)
		atomic_fetch_add(&index->pending_count, rows[0].has_pending ? 1 : (size_t)-1);
	atomic_store(&slot->group, rows[0].group);
	if (!apply_rows(index, reference, rows, count, err))
		return false;
	atomic_store(&slot->is_refused, rows[0].device_state != CV_DEVICE_OK);
	atomic_store(&slot->version, rows[0].version);
	return true;
}

static bool
apply_locked(
    struct cv_index *index, const struct cv_status_row *rows, size_t count, struct cv_error *err)
{
	uint32_t reference;

	if (!cv_slot_table_find_or_add(&index->slots, &rows[0].party, &reference))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!apply_slot(index, reference, rows, count, err))
		return false;
	/* Names never change, and may be wanted later than what they are of. */
	for (size_t i = 0; i < count; i++) {
		if (!take_names(index, &rows[i], err))
			return false;
	}
	return true;
}

bool
cv_index_apply(
    struct cv_index *index, const struct cv_status_row *rows, size_t count, struct cv_error *err)
{
	bool is_good;

	if (count == 0)
		return true;
	pthread_mutex_lock(&index->writer);
	is_good = apply_locked(index, rows, count, err);
	pthread_mutex_unlock(&index->writer);
	return is_good;
}

/* 0: the index does not hold it. */
static int64_t
version_of(const struct cv_index *index, const struct cv_party *party, uint32_t *ret_reference)
{
	if (!cv_slot_table_find(&index->slots, party, ret_reference))
		return 0;
	return atomic_load(&cv_slot_table_at(&index->slots, *ret_reference)->version);
}

void
cv_index_add(struct cv_index *index, const struct cv_status_row *row)
{
	struct cv_error ignored = CV_ERROR_INIT;
	uint32_t reference;
	int64_t held;

	pthread_mutex_lock(&index->writer);
	held = version_of(index, &row->party, &reference);
	if (held > 0 && held == row->version - 1 && apply_row(index, reference, row, &ignored) &&
	    take_names(index, row, &ignored))
		atomic_store(&cv_slot_table_at(&index->slots, reference)->version, row->version);
	pthread_mutex_unlock(&index->writer);
}

int64_t
cv_index_version(struct cv_index *index, const struct cv_party *party)
{
	uint32_t reference;
	int64_t version;

	pthread_mutex_lock(&index->writer);
	version = version_of(index, party, &reference);
	pthread_mutex_unlock(&index->writer);
	return version;
}

/* ---- age ---- */

void
cv_index_mark_fresh(struct cv_index *index, int64_t boot_ms, int64_t wall_ms)
{
	atomic_store(&index->fresh_boot_ms, boot_ms);
	atomic_store(&index->fresh_wall_ms, wall_ms);
	atomic_store(&index->was_fresh, true);
}

int64_t
cv_index_age_ms(const struct cv_index *index)
{
	int64_t boot, wall;

	if (!atomic_load(&index->was_fresh))
		return INT64_MAX;
	boot = cv_clock_boot_ms(index->clock) - atomic_load(&index->fresh_boot_ms);
	wall = cv_clock_wall_ms(index->clock) - atomic_load(&index->fresh_wall_ms);
	return boot > wall ? boot : wall;
}

size_t
cv_index_count(const struct cv_index *index)
{
	return atomic_load(&index->count);
}

size_t
cv_index_pending_count(const struct cv_index *index)
{
	return atomic_load(&index->pending_count);
}

void
cv_index_note_position(struct cv_index *index, int64_t position)
{
	atomic_store(&index->position, position);
}

int64_t
cv_index_position(const struct cv_index *index)
{
	return atomic_load(&index->position);
}
