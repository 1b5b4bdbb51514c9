/*
 * The status of every unexpired certificate in memory. Readers take no lock: any thread may find at
 * any time. Writers (the feed, and the worker that made a change) are serialised inside. Memory
 * answers only allowed and denied; everything else is undecided and belongs to the primary
 * database.
 *
 * A certificate costs 32 bytes at a load of 4/5; a slot about 200. Each kind of name by which
 * certificates are also to be found costs as much again, from the moment somebody wants it.
 */
#ifndef CV_INDEX_INDEX_H
#define CV_INDEX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/model/state.h"
#include "cv/store/change_store.h"
#include "cv/util/auto.h"
#include "cv/util/bytes.h"
#include "cv/util/clock.h"
#include "cv/util/error.h"

struct cv_index;

bool cv_index_new(const struct cv_clock *clock, struct cv_index **ret_index, struct cv_error *err);
void cv_index_free(struct cv_index *index);
CV_DEFINE_CLEANUP(cv_index);

enum cv_index_status {
	CV_INDEX_MISSING,
	CV_INDEX_UNDECIDED,      /* issued, announced, not yet seen: ask the database */
	CV_INDEX_ALLOWED,        /* key is current */
	CV_INDEX_TALKS,          /* replaced key within its grace */
	CV_INDEX_DENIED,         /* its key ended or it was itself revoked */
	CV_INDEX_DEVICE_REFUSED, /* held, deleted or revoked device */
	CV_INDEX_AUTHORITY_REFUSED,
	CV_INDEX_EXPIRED,
};

struct cv_index_answer {
	enum cv_index_status status;
	enum cv_certificate_state state;
	const struct cv_party *party; /* lent as long as the index; NULL when missing */
	const char *authority;        /* uuid; lent as long as the index; NULL when missing */
	int64_t version;
	int64_t not_after_utc;
	int64_t talks_until_utc; /* the end of a replaced key's grace; 0: none is in its grace */
	bool has_pending;        /* another key of the slot is announced */
	uint32_t group;          /* id of the device's group; 0: none */
	uint64_t identity;       /* the same for the same certificate; 0 when missing */
};

void cv_index_find(const struct cv_index *index, const struct cv_digest *fingerprint,
    struct cv_index_answer *ret_answer);

/* Other names of certificates. Serial numbers are of our own authorities, and one number may be of
 * several: the answer says of which. */
enum cv_index_name { CV_INDEX_SHA1, CV_INDEX_SERIAL, CV_INDEX_NAMES };
/* Missing also when the name is of several certificates, or is not wanted, or not yet taken in. */
void cv_index_find_by_name(const struct cv_index *index, enum cv_index_name kind,
    struct cv_bytes name, struct cv_index_answer *ret_answer);
/* From now on names of this kind are taken in; those of what is held already with the next load. */
void cv_index_want_names(struct cv_index *index, enum cv_index_name kind);
/* The kinds that are wanted, one bit each; and whether some of them were never loaded. */
unsigned cv_index_wanted_names(const struct cv_index *index);
bool cv_index_lacks_names(const struct cv_index *index);
/* After a load that began when these kinds were wanted. */
void cv_index_mark_names_loaded(struct cv_index *index, unsigned kinds);

/* Notes that a device was seen; written to the database in batches. Lock-free. */
void cv_index_mark_seen(const struct cv_index *index, const struct cv_index_answer *answer);
/* Moves up to limit collected times out. */
size_t cv_index_take_seen(struct cv_index *index, struct cv_last_seen *ret_rows, size_t limit);

/*
 * Takes the present state of one slot: all its unexpired certificates. Ignored unless version is
 * higher than what the index holds; denials are written before allowances. CV_E_MEMORY only.
 */
bool cv_index_apply(
    struct cv_index *index, const struct cv_status_row *rows, size_t count, struct cv_error *err);
/*
 * Takes one more certificate of a slot, by a change of this instance that left the rest of the slot
 * as it was and gave it row->version. Of the row, what is not of the certificate is not looked at.
 * Ignored unless the index holds the version before, and where memory is short: the feed brings it.
 */
void cv_index_add(struct cv_index *index, const struct cv_status_row *row);
/* The version of a slot that the index holds; 0: none. */
int64_t cv_index_version(struct cv_index *index, const struct cv_party *party);
/* States of authorities (by uuid); revoked ones refuse at the next find. */
bool cv_index_set_authority(struct cv_index *index, const char *authority,
    enum cv_authority_state state, struct cv_error *err);

/* A read that began at these times saw every committed row. */
void cv_index_mark_fresh(struct cv_index *index, int64_t boot_ms, int64_t wall_ms);
/* Milliseconds since then, by the larger of boot time and wall clock; INT64_MAX before the first.
 */
int64_t cv_index_age_ms(const struct cv_index *index);
/* Certificates held; slots held. */
size_t cv_index_count(const struct cv_index *index);
/* Slots of which another key is announced and was not used yet. */
size_t cv_index_pending_count(const struct cv_index *index);
/* The position in the change feed up to which every change is taken in. */
void cv_index_note_position(struct cv_index *index, int64_t position);
int64_t cv_index_position(const struct cv_index *index);
/* Makes room beforehand. */
bool cv_index_reserve(struct cv_index *index, size_t certificates, struct cv_error *err);

#endif
