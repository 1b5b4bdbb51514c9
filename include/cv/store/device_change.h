/*
 * One change of one device as an object: begun under the device's lock, edited, then committed or,
 * when it leaves scope uncommitted, rolled back. What the rules decide on is read after the lock
 * was taken, by statements of their own (a joined read in the locking statement would see old
 * rows). Edits are only queued; commit sends them in one round trip, raises the slot's version and
 * writes the feed and audit rows. One connection, one thread.
 */
#ifndef CV_STORE_DEVICE_CHANGE_H
#define CV_STORE_DEVICE_CHANGE_H

#include <stdbool.h>

#include "cv/model/certificate_row.h"
#include "cv/model/device_record.h"
#include "cv/model/event.h"
#include "cv/store/pool.h"
#include "cv/store/realm_store.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"

/* What is to be read; NULL pointers: not asked. */
struct cv_record_query {
	const struct cv_party *party;
	const struct cv_digest *presented_key;
	const struct cv_digest *presented_tbs;
	const struct cv_digest *named_key;
	const struct cv_digest *csr_digest;
	const char *label; /* of the request: at another it is not a repeated one */
	int64_t replay_window_seconds;
	/* A proved key is not claimed while the slot owes more than this (see
	 * key_claim_insert.sql): a device over its allowance cannot fill the table with fresh keys.
	 */
	bool claims_within_debt;
	int64_t claim_debt_max_seconds;
};

/* Without lock: only says whether a change is worth trying. One round trip. */
bool cv_device_record_read(struct cv_connection *connection, const struct cv_record_query *query,
    struct cv_device_record *ret_record, struct cv_error *err);

struct cv_change_options {
	/* Proved in this request, recorded in a transaction of their own before the lock is taken;
	 * NULL: none. */
	const struct cv_digest *proved_keys[2];
	/* Proved, too, but recorded by the change itself, where it is not sure yet that this
	 * device may have it: a change that is not committed leaves it to others. NULL. */
	const struct cv_digest *claimed_key;
	bool creates_device; /* INSERT ... ON CONFLICT DO NOTHING before the lock */
	const char
	    *authority;    /* uuid to lock FOR SHARE first (first contact, registration); NULL */
	const char *token; /* uuid of an enrolment token to lock first; NULL */
	const char *group; /* name of a group to lock first; NULL */
	const char *name;  /* of a device, to be looked for; NULL */
	/* Name of a rotation group whose turn this device may have: neither its lock nor that of
	 * the device is waited for, see cv_device_change_turn. NULL. */
	const char *rotation_group;
};

struct cv_device_change;
struct cv_change_set;

bool cv_device_change_begin(struct cv_connection *connection, const struct cv_record_query *query,
    const struct cv_change_options *options, struct cv_device_change **ret_change,
    struct cv_error *err);
/* Rolls back what was not committed. */
void cv_device_change_free(struct cv_device_change *change);
CV_DEFINE_CLEANUP(cv_device_change);

/*
 * Changes of several devices, each once, in one transaction. The keys that the queries name count
 * as proved. A device that somebody else holds is left out, so that sets neither wait nor
 * deadlock: its change is NULL.
 */
bool cv_change_set_begin(struct cv_connection *connection, const struct cv_record_query *queries,
    size_t count, struct cv_change_set **ret_set, struct cv_error *err);
struct cv_device_change *cv_change_set_change(struct cv_change_set *set, size_t index);
/* Rolls back what was not committed; its changes end with it. */
void cv_change_set_free(struct cv_change_set *set);
CV_DEFINE_CLEANUP(cv_change_set);

/* Lent; as of after the lock. A device that this change created shows exists = false. */
const struct cv_device_record *cv_device_change_record(const struct cv_device_change *change);
/* The certificates that answered this CSR, or one for the same waiting key, in the replay window
 * and are neither denied nor of a revoked authority: DER, one after the other, that of this very
 * CSR first, then the newest; empty: none. Lent. */
struct cv_bytes cv_device_change_repeats(const struct cv_device_change *change);
/* With options.token: the token as of after its lock; exists false when gone or expired. */
bool cv_device_change_token(
    const struct cv_device_change *change, struct cv_enrolment_token_row *ret_token);
/* With options.group: it is there, and stays until the commit. */
bool cv_device_change_group_exists(const struct cv_device_change *change);
/* With options.name: no other device of the factory has that name, or that id. */
bool cv_device_change_name_is_free(const struct cv_device_change *change);
/* With options.rotation_group. */
struct cv_rotation_turn {
	bool is_given;   /* both locks were free, the group runs, and the device waits in it */
	int64_t next_ms; /* when the next device may be told, by the database's clock */
	int64_t now_ms;  /* of that clock */
};
struct cv_rotation_turn cv_device_change_turn(const struct cv_device_change *change);
/* With options.authority. */
enum cv_authority_state cv_device_change_authority_state(const struct cv_device_change *change);

/* Edits: queued, nothing fails here. */

/* The device is registered: owner, origin authority and token may be NULL. Makes the slot. */
void cv_device_change_register(
    struct cv_device_change *change, const char *owner, const char *origin, const char *token);
/* What people call it; the commit fails with CV_E_CONSTRAINT when another device is called so. */
void cv_device_change_set_name(struct cv_device_change *change, const char *name);
void cv_device_change_set_owner(struct cv_device_change *change, const char *owner);
/* Who changed what people call it, whose it is, or its group. */
void cv_device_change_touch(struct cv_device_change *change, const char *who);
/* hardware_id NULL, is_production NULL: as it was. */
void cv_device_change_describe(
    struct cv_device_change *change, const char *hardware_id, const bool *is_production);
void cv_device_change_set_state(
    struct cv_device_change *change, enum cv_device_state state, const char *reason);
/* group NULL: the device leaves its group. */
void cv_device_change_set_group(struct cv_device_change *change, const char *group);
/* Enrolment tokens made until now do not count for this device any more. */
void cv_device_change_void_tokens(struct cv_device_change *change);
/* What operators approved for this device at its own asking ends, and the tokens that came of it.
 */
void cv_device_change_end_grants(struct cv_device_change *change);
/* Enrolment tokens that were made before this one; it counts itself, because an answer may have
 * been lost. */
void cv_device_change_void_older_tokens(struct cv_device_change *change, const char *token);
void cv_device_change_mark_seen(struct cv_device_change *change);
/* The token gives this device a certificate for this key: one use, however often it asks until that
 * is seen. */
void cv_device_change_use_token(
    struct cv_device_change *change, const char *token, const struct cv_digest *key);
/* Unlike the edits it is answered: an approval that is good for a certificate is not so any more,
 * once this change is committed. */
bool cv_device_change_use_approval(
    struct cv_device_change *change, const char *id, bool *ret_is_good, struct cv_error *err);
/* The newest key that the current key asked for, announced or not; a withdrawn one only where all
 * are. Answered, too. state UNKNOWN: none. */
struct cv_asked_key {
	enum cv_key_state state;
	bool is_withdrawn;
	struct cv_digest id;
	struct cv_buffer spki; /* appended */
};
bool cv_device_change_newest_asked_key(
    struct cv_device_change *change, struct cv_asked_key *ret_key, struct cv_error *err);
/* Records one certificate with the commit; until then what it points to must live. */
void cv_device_change_add_certificate(
    struct cv_device_change *change, const struct cv_certificate_row *row);
/* The first current key of a slot that has none. spki: canonical. */
void cv_device_change_set_first_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki);
/* The current key asked for a certificate of this key; a known key keeps its state. spki must live
 * until the commit. */
void cv_device_change_ask_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki);
/* Announces: withdraws the announced keys that were not issued after it, keeps the newest 8, locks
 * the configuration. */
void cv_device_change_announce_key(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki);
/* The same, but withdraws none of the newest 8: any of them may be the one that is used. */
void cv_device_change_announce_too(
    struct cv_device_change *change, const struct cv_digest *key, struct cv_bytes spki);
/* Activation: this key current; the old one retired, with a grace of so many days; every other open
 * key but those that this key asked for discarded; older graces ended; lock off; what was staged
 * for it becomes the device's layer of configuration. */
void cv_device_change_activate_key(
    struct cv_device_change *change, const struct cv_digest *key, int grace_days);
/* No key waits for its first use any longer, until it is asked for or announced anew. */
void cv_device_change_cancel_keys(struct cv_device_change *change);
/* Ends a key: retired (was current), discarded, or compromised. */
void cv_device_change_end_key(struct cv_device_change *change, const struct cv_digest *key,
    enum cv_key_state state, const char *reason);
/* Ends every open key of every slot, graces too. */
void cv_device_change_end_all_keys(struct cv_device_change *change, const char *reason);
/* Everything the current key announced and asked for is discarded; lock off; graces ended. */
void cv_device_change_discard_open_keys(struct cv_device_change *change, const char *reason);
void cv_device_change_revoke_certificate(
    struct cv_device_change *change, const struct cv_digest *fingerprint, const char *reason);
/* Every one that is recorded; not the one that this change adds. */
void cv_device_change_revoke_all_certificates(struct cv_device_change *change, const char *reason);
void cv_device_change_set_issue_debt(struct cv_device_change *change, int64_t debt_until_utc);

/* Layers of configuration. */

enum cv_layer_how {
	CV_LAYER_MERGE,   /* by name of the files */
	CV_LAYER_REPLACE, /* all of them */
	CV_LAYER_REMOVE,  /* the files of these names */
};
struct cv_layer_write {
	enum cv_layer_how how;
	const char *files;      /* JSON array, see layer_store.h; lives until the edit is queued */
	const char *reason;     /* "": none */
	const char *created_by; /* name of an operator's token, or the device */
	bool is_by_device;
};
/* The device's own layer. The commit fails with CV_E_LIMIT when it becomes too large. */
void cv_device_change_write_layer(
    struct cv_device_change *change, const struct cv_layer_write *write);
/* Merges into what the announced key will find; that ends with its announcement. */
void cv_device_change_stage_layer(struct cv_device_change *change, const struct cv_digest *key,
    const struct cv_layer_write *write);
/* Merges into what every announced key will find. */
void cv_device_change_merge_stages(
    struct cv_device_change *change, const struct cv_layer_write *write);

/* With options.rotation_group: the device is told by this change, and the next of the group not
 * before next_ms. rotation_id: what it finds in its layer. */
void cv_device_change_take_turn(
    struct cv_device_change *change, const char *group, const char *rotation_id, int64_t next_ms);

/*
 * Subscribers are told of it, with the commit. Activation, first sight, registration, state and
 * revocation tell of themselves; here is for what else happens to a device.
 */
void cv_device_change_tell(struct cv_device_change *change, enum cv_event_kind kind);

/* Who did what; every change has exactly one. Texts may be NULL but actor and action. */
struct cv_change_note {
	const char *
	    kind; /* of the feed row and the audit row: issued announced activated registered ... */
	const char *actor; /* device:..., gateway:..., operator:..., token:... */
	const char *reason;
	const char *request_id;
	const char *before_json; /* JSON objects for the audit row; NULL: none */
	const char *after_json;
	bool touches_all_slots; /* state of the device: every slot's version rises */
};

/*
 * Commits. CV_E_CONFLICT: repeat the whole operation. CV_E_DATABASE: outcome unknown.
 * CV_E_CONSTRAINT: the database refused it. On success ret_version is the slot's new version.
 */
bool cv_device_change_commit(struct cv_device_change *change, const struct cv_change_note *note,
    int64_t *ret_version, struct cv_error *err);

/* For a set: every change to be committed gets its note, which must live until then; what was
 * edited without one is a mistake. */
void cv_device_change_note(struct cv_device_change *change, const struct cv_change_note *note);
bool cv_change_set_commit(struct cv_change_set *set, struct cv_error *err);

#endif
