/*
 * The certificates of the index: open addressing over entries of 32 bytes. Three words of an entry
 * are written once, before the first is published; the fourth is one atomic word that says
 * everything that can change. So readers need no lock. A table that is outgrown is replaced and
 * freed when no reader can hold it (RCU).
 */
#ifndef CV_INDEX_ENTRY_TABLE_INTERNAL_H
#define CV_INDEX_ENTRY_TABLE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"

/*
 * prefix: 20 octets of the fingerprint. A second certificate with the same 160 bits takes 2^160
 * work to make on purpose for a given one.
 */
struct cv_entry {
	_Atomic uint64_t prefix_0; /* 0: free */
	_Atomic uint64_t prefix_1;
	_Atomic uint64_t prefix_2;  /* 4 octets, then the slot's reference */
	_Atomic uint64_t condition; /* see cv_condition */
};

struct cv_entry_table {
	size_t capacity;
	size_t count;
	struct cv_entry entries[];
};

/* What can change of an entry, packed into one word. */
enum cv_entry_status {
	CV_ENTRY_UNDECIDED,
	CV_ENTRY_ALLOWED,
	CV_ENTRY_TALKS,
	CV_ENTRY_DENIED,
};

struct cv_condition {
	uint32_t not_after_utc; /* later times read as the last one that fits */
	uint16_t authority;
	uint8_t status; /* enum cv_entry_status */
	uint8_t state;  /* enum cv_certificate_state */
};

uint64_t cv_condition_pack(struct cv_condition condition);
struct cv_condition cv_condition_unpack(uint64_t word);

/* The first word of the prefix. */
uint64_t cv_entry_word(const struct cv_digest *fingerprint);

struct cv_entry_table *cv_entry_table_new(size_t capacity);
/* Lock-free. NULL: not there. */
const struct cv_entry *cv_entry_table_find(
    const struct cv_entry_table *table, const struct cv_digest *fingerprint);
/* The only entry whose prefix begins with this word; NULL: none, or several. */
const struct cv_entry *cv_entry_table_find_word(const struct cv_entry_table *table, uint64_t word);
/* Writers only. The entry of this fingerprint, or a free one that cv_entry_publish fills. */
struct cv_entry *cv_entry_table_place(
    struct cv_entry_table *table, const struct cv_digest *fingerprint, bool *ret_is_new);
void cv_entry_publish(struct cv_entry_table *table, struct cv_entry *entry,
    const struct cv_digest *fingerprint, uint32_t slot, uint64_t condition);
static inline uint32_t
cv_entry_slot(const struct cv_entry *entry)
{
	return (uint32_t)(atomic_load_explicit(&entry->prefix_2, memory_order_relaxed) >> 32);
}
/* A larger copy of the entries whose condition is to be kept. NULL: out of memory. */
typedef bool cv_entry_filter(const void *context, uint64_t condition);
struct cv_entry_table *cv_entry_table_copy(const struct cv_entry_table *table, size_t capacity,
    cv_entry_filter *is_kept, const void *context);
/* Full enough that the next entry should go into a larger table. */
bool cv_entry_table_is_full(const struct cv_entry_table *table);

#endif
