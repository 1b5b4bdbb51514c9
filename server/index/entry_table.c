#include "entry_table_internal.h"

#include <stdlib.h>
#include <string.h>

struct prefix {
	uint64_t words[3];
};

static struct prefix
prefix_of(const struct cv_digest *fingerprint)
{
	struct prefix prefix = {{0}};

	memcpy(prefix.words, fingerprint->bytes, 20);
	if (prefix.words[0] == 0)
		prefix.words[0] = 1; /* 0 marks a free entry */
	return prefix;
}

uint64_t
cv_entry_word(const struct cv_digest *fingerprint)
{
	return prefix_of(fingerprint).words[0];
}

uint64_t
cv_condition_pack(struct cv_condition condition)
{
	return (uint64_t)condition.not_after_utc | (uint64_t)condition.authority << 32 |
	       (uint64_t)condition.status << 48 | (uint64_t)condition.state << 56;
}

struct cv_condition
cv_condition_unpack(uint64_t word)
{
	return (struct cv_condition){
	    .not_after_utc = (uint32_t)word,
	    .authority = (uint16_t)(word >> 32),
	    .status = (uint8_t)(word >> 48),
	    .state = (uint8_t)(word >> 56),
	};
}

struct cv_entry_table *
cv_entry_table_new(size_t capacity)
{
	struct cv_entry_table *table;

	table = calloc(1, sizeof(*table) + capacity * sizeof(table->entries[0]));
	if (table)
		table->capacity = capacity;
	return table;
}

bool
cv_entry_table_is_full(const struct cv_entry_table *table)
{
	return table->count >= table->capacity / 8 * 7;
}

__extension__ typedef unsigned __int128 cv_wide;

/* Fingerprints are uniform: the high bits scale to a place. */
static size_t
place_of(const struct cv_entry_table *table, uint64_t word)
{
	return (size_t)(((cv_wide)word * table->capacity) >> 64);
}

static bool
matches(const struct cv_entry *entry, const struct prefix *prefix)
{
	return atomic_load_explicit(&entry->prefix_1, memory_order_relaxed) == prefix->words[1] &&
	       (uint32_t)atomic_load_explicit(&entry->prefix_2, memory_order_relaxed) ==
		   (uint32_t)prefix->words[2];
}

/*
 * The entry that holds the prefix, or the free one at the end of its run; there is always a free
 * one. Which of the two is said by the one load that was decided on: a free entry may be taken a
 * moment later.
 */
static const struct cv_entry *
probe(const struct cv_entry_table *table, const struct prefix *prefix, bool *ret_is_held)
{
	size_t at = place_of(table, prefix->words[0]);

	for (;;) {
		const struct cv_entry *entry = &table->entries[at];
		uint64_t word = atomic_load_explicit(&entry->prefix_0, memory_order_acquire);

		if (word == 0 || (word == prefix->words[0] && matches(entry, prefix))) {
			*ret_is_held = word != 0;
			return entry;
		}
		at = at + 1 == table->capacity ? 0 : at + 1;
	}
}

const struct cv_entry *
cv_entry_table_find(const struct cv_entry_table *table, const struct cv_digest *fingerprint)
{
	struct prefix prefix = prefix_of(fingerprint);
	bool is_held;
	const struct cv_entry *entry = probe(table, &prefix, &is_held);

	return is_held ? entry : NULL;
}

const struct cv_entry *
cv_entry_table_find_word(const struct cv_entry_table *table, uint64_t word)
{
	const struct cv_entry *found = NULL;
	size_t at = place_of(table, word);

	for (;;) {
		const struct cv_entry *entry = &table->entries[at];
		uint64_t held = atomic_load_explicit(&entry->prefix_0, memory_order_acquire);

		if (held == 0)
			return found;
		if (held == word && found)
			return NULL;
		if (held == word)
			found = entry;
		at = at + 1 == table->capacity ? 0 : at + 1;
	}
}

struct cv_entry *
cv_entry_table_place(
    struct cv_entry_table *table, const struct cv_digest *fingerprint, bool *ret_is_new)
{
	struct prefix prefix = prefix_of(fingerprint);
	bool is_held;
	size_t at = (size_t)(probe(table, &prefix, &is_held) - table->entries);

	*ret_is_new = !is_held;
	return &table->entries[at];
}

void
cv_entry_publish(struct cv_entry_table *table, struct cv_entry *entry,
    const struct cv_digest *fingerprint, uint32_t slot, uint64_t condition)
{
	struct prefix prefix = prefix_of(fingerprint);

	atomic_store_explicit(&entry->prefix_1, prefix.words[1], memory_order_relaxed);
	atomic_store_explicit(&entry->prefix_2, (uint32_t)prefix.words[2] | (uint64_t)slot << 32,
	    memory_order_relaxed);
	atomic_store_explicit(&entry->condition, condition, memory_order_relaxed);
	atomic_store_explicit(&entry->prefix_0, prefix.words[0], memory_order_release);
	table->count++;
}

static void
copy_entry(struct cv_entry_table *to, const struct cv_entry *entry, uint64_t word)
{
	size_t at = place_of(to, word);

	while (atomic_load_explicit(&to->entries[at].prefix_0, memory_order_relaxed))
		at = at + 1 == to->capacity ? 0 : at + 1;
	to->entries[at].prefix_1 = atomic_load(&entry->prefix_1);
	to->entries[at].prefix_2 = atomic_load(&entry->prefix_2);
	to->entries[at].condition = atomic_load(&entry->condition);
	to->entries[at].prefix_0 = word;
	to->count++;
}

struct cv_entry_table *
cv_entry_table_copy(const struct cv_entry_table *table, size_t capacity, cv_entry_filter *is_kept,
    const void *context)
{
	struct cv_entry_table *copy = cv_entry_table_new(capacity);

	if (!copy)
		return NULL;
	for (size_t i = 0; i < table->capacity; i++) {
		const struct cv_entry *entry = &table->entries[i];
		uint64_t word = atomic_load(&entry->prefix_0);

		if (word && is_kept(context, atomic_load(&entry->condition)))
			copy_entry(copy, entry, word);
	}
	return copy;
}
