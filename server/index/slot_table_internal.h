/*
 * The slots of the index: records that are made once and never move or go, so that readers may hold
 * a reference without a lock. Writers are serialised by the index.
 */
#ifndef CV_INDEX_SLOT_TABLE_INTERNAL_H
#define CV_INDEX_SLOT_TABLE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"

#define CV_SLOT_CHUNK 4096
#define CV_SLOT_CHUNKS_MAX 16384 /* 67 million slots */

struct cv_slot_record {
	struct cv_party party; /* written before the reference is published */
	_Atomic int64_t version;
	_Atomic int64_t talks_until_utc; /* of the replaced key in its grace */
	_Atomic uint32_t seen_utc;       /* 0: nothing to write to the database */
	_Atomic uint32_t group;          /* of the device; 0: none */
	_Atomic bool has_pending;
	_Atomic bool is_refused; /* the device is held, deleted or revoked */
};

struct cv_slot_table {
	struct cv_slot_record *_Atomic chunks[CV_SLOT_CHUNKS_MAX];
	_Atomic uint32_t count;
	uint32_t *buckets; /* reference + 1, by hash of the party; 0: free */
	uint32_t bucket_count;
	uint64_t seed;
};

bool cv_slot_table_init(struct cv_slot_table *table);
void cv_slot_table_deinit(struct cv_slot_table *table);
/* Writers only: the reference of a party, made when new. False: out of memory. */
bool cv_slot_table_find_or_add(
    struct cv_slot_table *table, const struct cv_party *party, uint32_t *ret_reference);
/* Writers only; false: there is none. */
bool cv_slot_table_find(
    const struct cv_slot_table *table, const struct cv_party *party, uint32_t *ret_reference);
/* Any thread. */
struct cv_slot_record *cv_slot_table_at(const struct cv_slot_table *table, uint32_t reference);

#endif
