/* Changes of devices and the transaction that they share; for the files device_*.c of this room. */
#ifndef CV_STORE_DEVICE_CHANGE_INTERNAL_H
#define CV_STORE_DEVICE_CHANGE_INTERNAL_H

#include "cv/store/device_change.h"
#include "cv/store/outbox_store.h"
#include "database_internal.h"

/* An event of a change, kept until the commit. */
struct cv_told_event {
	enum cv_event_kind kind;
	bool has_key, has_old_key, has_certificate;
	struct cv_digest key, old_key, certificate;
	const char *reason; /* lives until the commit; NULL: none */
};
#define CV_TOLD_EVENTS_MAX 6

struct cv_device_change {
	struct cv_change_set *set; /* it belongs to this */
	bool is_locked;
	struct cv_party party;
	struct cv_device_record record;
	struct cv_buffer repeats; /* empty: none */
	bool has_token;
	struct cv_enrolment_token_row token;
	bool has_group;
	bool name_is_free;
	struct cv_rotation_turn turn;
	enum cv_authority_state authority_state;

	/* What most changes write: kept, so that one statement writes it for the whole set. */
	bool has_asked;
	struct cv_digest asked_key;
	struct cv_bytes asked_spki;
	bool has_certificate;
	struct cv_certificate_row certificate;
	int64_t issue_debt_until_utc; /* 0: as it was */
	struct cv_told_event events[CV_TOLD_EVENTS_MAX];
	size_t event_count;
	const struct cv_change_note *note; /* NULL: nothing of this change is written */
};

struct cv_change_set {
	struct cv_connection *connection;
	bool has_failed; /* an edit could not be sent */
	struct cv_error error;
	bool is_committed;
	int64_t version; /* after the commit: of the slot of a change that is alone */
	size_t count;
	struct cv_device_change changes[];
};

/* One statement for as many queries; and its answer, a row for each. */
bool cv_device_records_send(struct cv_connection *connection, const struct cv_record_query *queries,
    size_t count, struct cv_error *err);
void cv_device_record_from_row(
    struct cv_row row, const struct cv_party *party, struct cv_device_record *ret_record);

/* Queues one statement. */
void cv_device_change_edit(
    struct cv_device_change *change, struct cv_sql sql, const struct cv_parameters *parameters);

/* The stage of the key that took over becomes the device's layer, all others of the slot end. */
void cv_device_change_promote_stage(struct cv_device_change *change, const struct cv_digest *key);
/* Adds reason, way and files. */
void cv_layer_parameters(struct cv_parameters *parameters, const struct cv_layer_write *write);

/* Writes what the change kept of asked keys: before an edit that builds on it. */
void cv_device_change_send_asked(struct cv_device_change *change);

#endif
