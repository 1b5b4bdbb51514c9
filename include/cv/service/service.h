/*
 * What every rule needs, in one place: pool, signer, index, realm, clock, settings and counters.
 * Built by app/; shared by all threads. The rules themselves are in the other headers of this room.
 */
#ifndef CV_SERVICE_SERVICE_H
#define CV_SERVICE_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/index/index.h"
#include "cv/model/source.h"
#include "cv/service/realm.h"
#include "cv/signer/event_signer.h"
#include "cv/signer/signer.h"
#include "cv/store/pool.h"
#include "cv/util/clock.h"
#include "cv/util/error.h"

/* As long as a DNS name, and a place for the name of a factory. */
#define CV_HOST_SIZE 272

struct cv_service_settings {
	int64_t max_age_seconds;          /* index older than this: 503 */
	int64_t expired_grace_seconds;    /* expired certificates may renew so long; 0: never */
	int64_t skew_seconds;             /* 300 */
	int64_t backdate_seconds;         /* notBefore = now - this; 300 */
	int64_t replay_window_seconds;    /* the same CSR gets the same certificate; 86,400 */
	int64_t min_validity_seconds;     /* an issuer with less left signs nothing; 86,400 */
	int64_t publish_ahead_seconds;    /* an authority is in cacerts so long before it signs */
	int64_t lock_seconds;             /* configuration lock of an announcement; 7 days */
	int issue_burst;                  /* issuances at once per device and slot; 20 */
	int64_t issue_interval_seconds;   /* then one per this; 1,800 */
	struct cv_sources socket_sources; /* of the gateway at the UNIX socket */
	int64_t approval_retry_seconds;   /* Retry-After while an operator has not decided */
	int64_t approval_days;          /* undecided and decided requests are forgotten after it */
	int64_t approvals_max;          /* that wait, of a factory */
	int64_t approvals_per_device;   /* that wait, of one device */
	int64_t approvals_per_identity; /* that wait, by one token or bootstrap authority */
	/* Of the servers that the devices of a factory reach; "{factory}" stands for its name. */
	char gateway_host[CV_HOST_SIZE];
	char ostree_host[CV_HOST_SIZE];
	char est_host[CV_HOST_SIZE];
	int64_t switch_after_seconds; /* an uploaded online CA signs so long after it */
};

/* Counters of the rules, for /metrics. */
#define CV_REVOCATION_HELD 10
#define CV_REVOCATION_DELETED 11
#define CV_REVOCATION_CAUSES 12

struct cv_service_counters {
	_Atomic uint64_t repeated;
	_Atomic uint64_t announced;
	_Atomic uint64_t activated; /* rotations completed */
	_Atomic uint64_t cancelled; /* rotations ended by operators */
	_Atomic uint64_t registered;
	/* Revocations, holds and deletions by operators; by enum cv_reason, and behind these. */
	_Atomic uint64_t revocations[CV_REVOCATION_CAUSES];
	_Atomic uint64_t judged_in_memory;
	_Atomic uint64_t judged_in_database;
	_Atomic uint64_t verdicts[32];       /* by enum cv_verdict */
	_Atomic uint64_t issue_refusals[32]; /* by enum cv_enrolment_outcome */
	_Atomic uint64_t rate_limited;
	_Atomic uint64_t changes_refused;  /* of themselves by devices: too often */
	_Atomic uint64_t requests_refused; /* see device_request.h */
	_Atomic uint64_t security_events;
	_Atomic uint64_t
	    security_events_dropped;    /* not counted per device: the bounded table was full */
	_Atomic int64_t outbox_pending; /* of all instances, as of the last look; -1: never */
	_Atomic uint64_t deliveries_done;
	_Atomic uint64_t deliveries_failed; /* to be tried again */
	_Atomic uint64_t deliveries_dead;   /* given up */
};

struct cv_service; /* opaque: also holds the realm pointer, refusal memory and event table */

struct cv_key_block_list;

struct cv_service_parts {
	struct cv_key_block_list *blocked_keys; /* lent; NULL: none */
	struct cv_pool *pool;
	struct cv_signer *signer;             /* not owned */
	struct cv_event_signer *event_signer; /* not owned; NULL: nobody can subscribe */
	struct cv_index *index;
	const struct cv_clock *clock;
	struct cv_service_settings settings;
};

/* Loads the realm. The parts must outlive the service. */
bool cv_service_new(
    const struct cv_service_parts *parts, struct cv_service **ret_service, struct cv_error *err);
void cv_service_free(struct cv_service *service);
CV_DEFINE_CLEANUP(cv_service);

/* A reference to the present realm; give it back with cv_realm_free. Never NULL. */
struct cv_realm *cv_service_realm(struct cv_service *service);
/* Loads the realm anew when its version rose, and tells the index the authorities' states. Called
 * by the feed after each read and by whoever changed the realm. */
bool cv_service_refresh(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err);
/* Writes the collected security events; what could not be written is kept as far as there is room.
 */
bool cv_service_write_events(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err);

/* Lent as long as the service. One call, one value: who needs two settings that fit asks once. */
const struct cv_service_settings *cv_service_settings(const struct cv_service *service);
/* Other settings from now on. CV_E_MEMORY: as before. One thread at a time. */
bool cv_service_change_settings(
    struct cv_service *service, const struct cv_service_settings *settings, struct cv_error *err);
struct cv_service_counters *cv_service_counters(struct cv_service *service);
struct cv_issue_counts *cv_service_issue_counts(struct cv_service *service);
struct cv_index *cv_service_index(struct cv_service *service);
struct cv_pool *cv_service_pool(struct cv_service *service);
struct cv_signer *cv_service_signer(struct cv_service *service);
/* NULL where nobody can subscribe. */
struct cv_event_signer *cv_service_event_signer(struct cv_service *service);
const struct cv_clock *cv_service_clock(const struct cv_service *service);
/*
 * The keys that this instance serves and signs with outside of the realm, which no device may have:
 * from now on these, copied. Any thread.
 */
#define CV_OWN_KEYS_MAX 8
void cv_service_set_own_keys(
    struct cv_service *service, const struct cv_digest *keys, size_t count);
/* Why nobody may begin with this key: it is on the list of known keys, or one of this service, or
 * of the realm for a device of the factory (realm NULL: not looked for there, whatever the
 * factory). Static; NULL: it may. */
const char *cv_service_key_refusal(struct cv_service *service, const struct cv_realm *realm,
    const char *factory, const struct cv_public_key *key);
/* Index and realm are loaded and young enough to answer. */
bool cv_service_is_fresh(const struct cv_service *service);
/* The same for an age that was looked up already. */
bool cv_service_is_young(const struct cv_service *service, int64_t age_ms);

#endif
