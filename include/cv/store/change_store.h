/* The change feed: numbering, reading, and the slots that changed. Blocking; one connection, one
 * thread. */
#ifndef CV_STORE_CHANGE_STORE_H
#define CV_STORE_CHANGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/certificate_name.h"
#include "cv/model/device_record.h"
#include "cv/model/digest.h"
#include "cv/model/label.h"
#include "cv/model/name.h"
#include "cv/model/state.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

/* One certificate as the index needs it, with its slot's version. Rows of one slot come together.
 */
struct cv_status_row {
	struct cv_party party;
	int64_t version;
	enum cv_device_state device_state;
	bool is_seen;
	bool has_pending;        /* the slot has announced keys */
	int64_t talks_until_utc; /* of this certificate's key; 0 */
	struct cv_digest fingerprint;
	uint8_t sha1[CV_SHA1_LEN];
	uint8_t serial[CV_SERIAL_OCTETS_MAX]; /* of our own authorities only */
	size_t serial_len;                    /* 0: another's */
	enum cv_key_state key_state;
	bool is_revoked;
	char authority[CV_UUID_SIZE];
	int64_t not_before_utc;
	int64_t not_after_utc;
	uint32_t group; /* id of the device's group; 0: none */
};

typedef bool cv_status_sink(void *context, const struct cv_status_row *row);

/* All unexpired certificates in one snapshot, with the feed position to go on from. ret_total is
 * set before the first row. */
bool cv_change_store_load(struct cv_connection *connection, int64_t grace_seconds,
    cv_status_sink *sink, void *context, int64_t *ret_total, int64_t *ret_position,
    struct cv_error *err);
/* The certificates of slots, as they are now; a slot "": of every slot of the device. */
bool cv_change_store_slots(struct cv_connection *connection, const struct cv_party *slots,
    size_t count, cv_status_sink *sink, void *context, struct cv_error *err);

typedef bool cv_changed_sink(void *context, const struct cv_party *slot, int64_t version);

/*
 * The slots that changed, with the versions that they have now: those of numbered rows after
 * *position and of all rows not yet numbered. At most limit rows of either kind; *ret_is_complete
 * tells whether every committed row was seen. *position moves only over numbered rows.
 * CV_E_NOT_FOUND: rows after *position were trimmed, load anew.
 */
bool cv_change_store_read(struct cv_connection *connection, size_t limit, cv_changed_sink *sink,
    void *context, int64_t *position, bool *ret_is_complete, struct cv_error *err);

/* Sequencer: numbers the rows that it sees, in one short transaction; false when another one is at
 * it (not an error). */
bool cv_change_store_number(
    struct cv_connection *connection, size_t limit, size_t *ret_numbered, struct cv_error *err);
/* Drops numbered rows older than so many seconds. */
bool cv_change_store_trim(
    struct cv_connection *connection, int64_t older_than_seconds, struct cv_error *err);

/* Batches from memory. */
struct cv_last_seen {
	struct cv_party party;
	int64_t seen_utc;
};
bool cv_change_store_write_seen(struct cv_connection *connection, const struct cv_last_seen *rows,
    size_t count, struct cv_error *err);
/* Counted by the first four, of which no two rows have the same; the rest is of the request that
 * came first, for the audit row, which is written unless there was the same within a day. */
struct cv_security_event {
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1];
	char kind[32];
	struct cv_digest subject; /* a key, a certificate, or whose credentials came */
	int64_t count;
	char audit_id[CV_UUID_SIZE];
	char actor[CV_ACTOR_SIZE];
	char request_id[CV_REQUEST_ID_SIZE];
	char label[CV_LABEL_NAME_MAX + 1];
	char claimed_device[CV_DEVICE_ID_MAX + 1]; /* "": it is the device */
	struct cv_digest key_id;                   /* or of a certificate; zeros: not known */
};
bool cv_change_store_write_events(struct cv_connection *connection,
    const struct cv_security_event *rows, size_t count, struct cv_error *err);

#endif
