#include "slot_table_internal.h"

#include <stdlib.h>
#include <string.h>

#include "cv/util/random.h"
#include "cv/util/text.h"

#define FIRST_BUCKETS 1024

bool
cv_slot_table_init(struct cv_slot_table *table)
{
	memset(table, 0, sizeof(*table));
	cv_random_bytes(&table->seed, sizeof(table->seed));
	table->bucket_count = FIRST_BUCKETS;
	table->buckets = calloc(table->bucket_count, sizeof(*table->buckets));
	return table->buckets != NULL;
}

void
cv_slot_table_deinit(struct cv_slot_table *table)
{
	for (size_t i = 0; i < CV_SLOT_CHUNKS_MAX; i++)
		free(atomic_load(&table->chunks[i]));
	free(table->buckets);
}

struct cv_slot_record *
cv_slot_table_at(const struct cv_slot_table *table, uint32_t reference)
{
	struct cv_slot_record *chunk =
	    atomic_load_explicit(&table->chunks[reference / CV_SLOT_CHUNK], memory_order_acquire);

	return &chunk[reference % CV_SLOT_CHUNK];
}

/* Names come from outside, but only writers that already have a device pay for a collision. */
static uint32_t
bucket_of(const struct cv_slot_table *table, const struct cv_party *party)
{
	uint64_t hash = cv_text_hash(table->seed, party->factory);

	hash = cv_text_hash(cv_text_hash(hash, party->device), party->slot);
	return (uint32_t)((hash ^ (hash >> 32)) & (table->bucket_count - 1));
}

static bool
is_same(const struct cv_party *a, const struct cv_party *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->factory, b->factory) == 0 &&
	       strcmp(a->slot, b->slot) == 0;
}

/* The bucket that holds the party, or the free one where it belongs. */
static uint32_t *
probe(const struct cv_slot_table *table, const struct cv_party *party)
{
	uint32_t at = bucket_of(table, party);

	while (table->buckets[at] &&
	       !is_same(&cv_slot_table_at(table, table->buckets[at] - 1)->party, party))
		at = (at + 1) & (table->bucket_count - 1);
	return &table->buckets[at];
}

static bool
grow_buckets(struct cv_slot_table *table)
{
	uint32_t *old = table->buckets;
	uint32_t old_count = table->bucket_count;
	uint32_t *buckets = calloc((size_t)old_count * 2, sizeof(*buckets));

	if (!buckets)
		return false;
	table->buckets = buckets;
	table->bucket_count = old_count * 2;
	for (uint32_t i = 0; i < old_count; i++) {
		if (old[i])
			*probe(table, &cv_slot_table_at(table, old[i] - 1)->party) = old[i];
	}
	free(old);
	return true;
}

static bool
add_record(struct cv_slot_table *table, const struct cv_party *party, uint32_t *ret_reference)
{
	uint32_t reference = atomic_load(&table->count);
	uint32_t chunk = reference / CV_SLOT_CHUNK;
	struct cv_slot_record *records;

	if (chunk == CV_SLOT_CHUNKS_MAX)
		return false;
	records = atomic_load(&table->chunks[chunk]);
	if (!records) {
		records = calloc(CV_SLOT_CHUNK, sizeof(*records));
		if (!records)
			return false;
		atomic_store_explicit(&table->chunks[chunk], records, memory_order_release);
	}
	records[reference % CV_SLOT_CHUNK].party = *party;
	atomic_store(&table->count, reference + 1);
	*ret_reference = reference;
	return true;
}

bool
cv_slot_table_find(
    const struct cv_slot_table *table, const struct cv_party *party, uint32_t *ret_reference)
{
	uint32_t bucket = *probe(table, party);

	if (!bucket)
		return false;
	*ret_reference = bucket - 1;
	return true;
}

bool
cv_slot_table_find_or_add(
    struct cv_slot_table *table, const struct cv_party *party, uint32_t *ret_reference)
{
	if (cv_slot_table_find(table, party, ret_reference))
		return true;
	if (atomic_load(&table->count) >= table->bucket_count / 4 * 3 && !grow_buckets(table))
		return false;
	if (!add_record(table, party, ret_reference))
		return false;
	*probe(table, party) = *ret_reference + 1;
	return true;
}
