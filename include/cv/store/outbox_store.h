/*
 * The outbox: events are written in the transaction of what they tell, and only where somebody
 * subscribes; instances share the deliveries, each taking over what another left. Blocking; one
 * connection, one thread.
 */
#ifndef CV_STORE_OUTBOX_STORE_H
#define CV_STORE_OUTBOX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/event.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

/* What is told beside the kind; NULL: nothing. */
struct cv_event_note {
	enum cv_event_kind kind;
	const struct cv_digest *new_key; /* of the party's slot */
	const struct cv_digest *old_key;
	const char *reason;
	const struct cv_digest *certificate;
};

/*
 * Writes an event in the transaction that is open on the connection (or in one of its own). Call it
 * under the device's lock, else events of one device may arrive in another order. Changes that are
 * made with cv_device_change tell what they do themselves: cv_device_change_tell.
 */
bool cv_outbox_write(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_event_note *note, struct cv_error *err);

/* A subscription that is being sent to. */
struct cv_outbox_load {
	char subscription[CV_UUID_SIZE];
	int64_t count;
};

struct cv_outbox_claim {
	int64_t limit;                  /* in all */
	int64_t limit_per_subscription; /* load included */
	int64_t lease_seconds;          /* then another instance may claim it again */
	const struct cv_outbox_load *load;
	size_t load_count;
};

/* Receives what was claimed, in the order of events, and owns it from then on. */
typedef void cv_delivery_sink(void *context, struct cv_delivery *delivery);

/* Claims what is due, of each device the oldest only. */
bool cv_outbox_claim(struct cv_connection *connection, const struct cv_outbox_claim *claim,
    cv_delivery_sink *sink, void *context, struct cv_error *err);

/* What came of an attempt. */
struct cv_delivery_outcome {
	enum cv_delivery_state state;
	int64_t retry_ms;  /* PENDING: when it is tried next */
	const char *error; /* one line; NULL: none */
};
/* Nothing is changed when the lease ended and another instance has it. */
bool cv_outbox_settle(struct cv_connection *connection, const struct cv_delivery *delivery,
    const struct cv_delivery_outcome *outcome, struct cv_error *err);

bool cv_outbox_count(struct cv_connection *connection, int64_t *ret_pending, struct cv_error *err);
/* Drops what ended longer ago, a thousand at a time. */
bool cv_outbox_trim(struct cv_connection *connection, int64_t keep_seconds, struct cv_error *err);

/* ---- the key that signs for event queues ---- */

#define CV_EVENT_KID_SIZE 41

struct cv_event_key {
	char kid[CV_EVENT_KID_SIZE];
	struct cv_buffer certificate; /* DER */
	struct cv_buffer sealed;      /* encrypted PKCS#8 PEM */
};
void cv_event_key_deinit(struct cv_event_key *key);
#define CV_AUTO_EVENT_KEY __attribute__((cleanup(cv_event_key_deinit)))

/* The key that signs now; ret_exists false: there is none yet. */
bool cv_outbox_current_key(struct cv_connection *connection, bool *ret_exists,
    struct cv_event_key *ret_key, struct cv_error *err);
/* The first key; nothing happens when there is one already. */
bool cv_outbox_insert_key(
    struct cv_connection *connection, const struct cv_event_key *key, struct cv_error *err);
/* Certificates of keys that receivers may meet, the newest first. The sink borrows. */
typedef void cv_event_key_sink(void *context, const char *kid, struct cv_bytes certificate);
bool cv_outbox_published_keys(
    struct cv_connection *connection, cv_event_key_sink *sink, void *context, struct cv_error *err);

#endif
