#include "cv/service/service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cv/index/feed.h"
#include "cv/service/issue_count.h"
#include "cv/model/source.h"
#include "cv/service/key_block_list.h"
#include "cv/util/log.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "report_table_internal.h"
#include "realm_keys_internal.h"
#include "service_internal.h"
#include "device_pace_internal.h"

#define REFUSALS 4096
#define REFUSAL_MS 1000
#define CHANGE_PLACES 4096
#define EVENTS_MAX 512
/* One: while it waits for the disk the next one gathers, and the larger a batch the cheaper. */
#define RENEWAL_BATCHES 1

struct refusal {
	struct cv_digest fingerprint;
	uint64_t door;
	int64_t until_boot_ms;
	uint64_t began_at; /* changes that its judgement knew of */
	struct cv_sight sight;
};

/* Settings that were replaced stay to the end: somebody may be reading them. */
struct kept_settings {
	struct cv_service_settings settings;
	struct kept_settings *before;
};

struct cv_service {
	struct cv_service_parts parts;
	_Atomic(struct kept_settings *) settings;
	struct cv_service_counters counters;
	struct cv_issue_counts *issue_counts;
	struct cv_combiner *renewals;
	pthread_mutex_t realm_mutex;
	struct cv_realm *realm;
	pthread_mutex_t refusal_mutex;
	struct refusal *refusals;
	_Atomic uint64_t changes;             /* that end refusals, counted */
	uint64_t last_changes[CHANGE_PLACES]; /* by device: the last of them */
	pthread_mutex_t own_keys_mutex;
	struct cv_digest own_keys[CV_OWN_KEYS_MAX];
	size_t own_key_count;
	pthread_mutex_t event_mutex;
	struct cv_security_event events[EVENTS_MAX];
	size_t event_count;
	struct cv_report_table *reports;
	struct cv_device_pace *change_pace;
	struct cv_device_pace *request_pace;
};

/* ---- refusals ---- */

static struct refusal *
refusal_place(struct cv_service *service, const struct cv_digest *fingerprint)
{
	uint32_t word;

	memcpy(&word, fingerprint->bytes, sizeof(word));
	return &service->refusals[word % REFUSALS];
}

/* What a door allows is part of the question: a refusal at one door says nothing about another. */
static uint64_t
door_of(const struct cv_evidence *evidence)
{
	uint64_t door = (uint64_t)evidence->evidence << 3 | (evidence->may_activate ? 1U : 0U) |
			(evidence->accepts_every_slot ? 2U : 0U) |
			(evidence->honours_expired_grace ? 4U : 0U);

	return evidence->factories ? cv_text_hash(door, evidence->factories) : door;
}

/* Devices share places. Place 0 is that of every change: what nobody knows may be about anybody. */
static uint64_t *
last_change_of(struct cv_service *service, const char *device)
{
	if (device[0] == '\0')
		return &service->last_changes[0];
	return &service->last_changes[1 + cv_text_hash(0, device) % (CHANGE_PLACES - 1)];
}

uint64_t
cv_service_refusals_begin(struct cv_service *service)
{
	return atomic_load(&service->changes);
}

void
cv_service_remember_refusal(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, uint64_t began_at)
{
	struct refusal *refusal = refusal_place(service, &evidence->fingerprint);

	pthread_mutex_lock(&service->refusal_mutex);
	refusal->fingerprint = evidence->fingerprint;
	refusal->door = door_of(evidence);
	refusal->until_boot_ms = cv_clock_boot_ms(service->parts.clock) + REFUSAL_MS;
	refusal->began_at = began_at;
	refusal->sight = *sight;
	pthread_mutex_unlock(&service->refusal_mutex);
}

bool
cv_service_recall_refusal(
    struct cv_service *service, const struct cv_evidence *evidence, struct cv_sight *ret_sight)
{
	const struct refusal *refusal = refusal_place(service, &evidence->fingerprint);
	int64_t now = cv_clock_boot_ms(service->parts.clock);
	bool is_known;

	pthread_mutex_lock(&service->refusal_mutex);
	is_known = refusal->until_boot_ms > now && refusal->door == door_of(evidence) &&
		   cv_digest_equal(&refusal->fingerprint, &evidence->fingerprint) &&
		   *last_change_of(service, refusal->sight.party.device) <= refusal->began_at;
	if (is_known) {
		int64_t age_ms = ret_sight->age_ms;

		*ret_sight = refusal->sight;
		ret_sight->age_ms = age_ms;
	}
	pthread_mutex_unlock(&service->refusal_mutex);
	return is_known;
}

/* device NULL: all of them. What was refused, or is being judged, may rest on what was so before.
 */
static void
forget_refusals(struct cv_service *service, const char *device)
{
	uint64_t change;

	pthread_mutex_lock(&service->refusal_mutex);
	change = atomic_fetch_add(&service->changes, 1) + 1;
	service->last_changes[0] = change;
	if (device)
		*last_change_of(service, device) = change;
	for (size_t i = 1; !device && i < CHANGE_PLACES; i++)
		service->last_changes[i] = change;
	pthread_mutex_unlock(&service->refusal_mutex);
}

/* ---- realm ---- */

/* Only what some gateway asks by costs memory. */
static void
want_names(struct cv_index *index, const struct cv_sources *sources)
{
	if (cv_sources_read(sources, CV_SOURCE_HEADER_SHA1))
		cv_index_want_names(index, CV_INDEX_SHA1);
	if (cv_sources_read(sources, CV_SOURCE_HEADER_SERIAL) ||
	    cv_sources_read(sources, CV_SOURCE_HEADER_TRAEFIK_INFO))
		cv_index_want_names(index, CV_INDEX_SERIAL);
}

static bool
tell_index(struct cv_service *service, const struct cv_realm *realm, struct cv_error *err)
{
	want_names(service->parts.index, &service->parts.settings.socket_sources);
	for (size_t i = 0; i < realm->gateway_count; i++)
		want_names(service->parts.index, &realm->gateways[i].sources);
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_authority_row *row = &realm->authorities[i].row;

		if (!cv_index_set_authority(service->parts.index, row->id, row->state, err))
			return false;
	}
	return true;
}

static bool
load_realm(struct cv_service *service, struct cv_connection *connection, struct cv_error *err)
{
	struct cv_realm *realm, *old;
	bool is_told = true;

	if (!cv_realm_load(connection, &realm, err))
		return false;
	/* Before anybody can be told to sign with them. */
	cv_realm_give_keys(realm, service->parts.signer);
	/* Under one lock: an older realm that was read meanwhile must not speak last to the index.
	 */
	pthread_mutex_lock(&service->realm_mutex);
	old = service->realm;
	if (old && old->version > realm->version)
		old = realm;
	else if (tell_index(service, realm, err))
		service->realm = realm;
	else
		is_told = false;
	pthread_mutex_unlock(&service->realm_mutex);
	cv_realm_free(is_told ? old : realm);
	if (!is_told)
		return false;
	forget_refusals(service, NULL);
	return true;
}

struct cv_realm *
cv_service_realm(struct cv_service *service)
{
	struct cv_realm *realm;

	pthread_mutex_lock(&service->realm_mutex);
	realm = cv_realm_ref(service->realm);
	pthread_mutex_unlock(&service->realm_mutex);
	return realm;
}

/* ---- own changes ---- */

bool
cv_service_take_change(struct cv_service *service, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err)
{
	bool is_good = cv_feed_refresh_slot(service->parts.index, connection, party, err);

	forget_refusals(service, party->device);
	return is_good || cv_error_context(err, "own change not yet in memory");
}

bool
cv_service_take_device(struct cv_service *service, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err)
{
	struct cv_party every_slot = *party;

	every_slot.slot[0] = '\0';
	return cv_service_take_change(service, connection, &every_slot, err);
}

/* ---- security events ---- */

static bool
is_same_event(const struct cv_security_event *event, const struct cv_security_event *other)
{
	return cv_digest_equal(&event->subject, &other->subject) &&
	       strcmp(event->kind, other->kind) == 0 && strcmp(event->device, other->device) == 0 &&
	       strcmp(event->factory, other->factory) == 0;
}

static void
count_event(struct cv_service *service, const struct cv_security_event *event)
{
	for (size_t i = 0; i < service->event_count; i++) {
		if (is_same_event(&service->events[i], event)) {
			service->events[i].count += event->count;
			return;
		}
	}
	if (service->event_count == EVENTS_MAX)
		service->counters.security_events_dropped++;
	else
		service->events[service->event_count++] = *event;
}

static void
copy_if_any(char *destination, size_t size, const char *text)
{
	(void)cv_text_copy(destination, size, text ? text : "");
}

void
cv_service_note_event(struct cv_service *service, const struct cv_party *party, const char *kind,
    const struct cv_digest *key_id, const struct cv_event_origin *origin)
{
	struct cv_security_event event = {.count = 1};

	if (key_id)
		event.key_id = *key_id;
	event.subject = origin->credentials ? *origin->credentials : event.key_id;
	cv_text_copy(event.factory, sizeof(event.factory), party->factory);
	if (!origin->claimed_device)
		cv_text_copy(event.device, sizeof(event.device), party->device);
	copy_if_any(event.claimed_device, sizeof(event.claimed_device), origin->claimed_device);
	cv_text_copy(event.kind, sizeof(event.kind), kind);
	copy_if_any(event.actor, sizeof(event.actor), origin->actor);
	copy_if_any(event.request_id, sizeof(event.request_id), origin->request_id);
	copy_if_any(event.label, sizeof(event.label), origin->label);
	service->counters.security_events++;
	pthread_mutex_lock(&service->event_mutex);
	count_event(service, &event);
	pthread_mutex_unlock(&service->event_mutex);
}

static void
name_audit_rows(const struct cv_service *service, struct cv_security_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cv_uuid7(cv_clock_wall_ms(service->parts.clock), events[i].audit_id);
}

bool
cv_service_write_events(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err)
{
	CV_AUTO_MEMORY struct cv_security_event *events = NULL;
	size_t count;

	pthread_mutex_lock(&service->event_mutex);
	count = service->event_count;
	if (count && (events = malloc(count * sizeof(*events)))) {
		memcpy(events, service->events, count * sizeof(*events));
		service->event_count = 0;
	}
	pthread_mutex_unlock(&service->event_mutex);
	if (!events)
		return true;
	name_audit_rows(service, events, count);
	if (cv_change_store_write_events(connection, events, count, err))
		return true;
	pthread_mutex_lock(&service->event_mutex);
	for (size_t i = 0; i < count; i++)
		count_event(service, &events[i]);
	pthread_mutex_unlock(&service->event_mutex);
	return false;
}

/* ---- settings ---- */

bool
cv_service_change_settings(
    struct cv_service *service, const struct cv_service_settings *settings, struct cv_error *err)
{
	struct kept_settings *kept = malloc(sizeof(*kept));

	if (!kept)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	*kept = (struct kept_settings){*settings, atomic_load(&service->settings)};
	atomic_store(&service->settings, kept);
	return true;
}

static void
free_settings(struct kept_settings *kept)
{
	while (kept) {
		struct kept_settings *before = kept->before;

		free(kept);
		kept = before;
	}
}

/* ---- life ---- */

bool
cv_service_new(
    const struct cv_service_parts *parts, struct cv_service **ret_service, struct cv_error *err)
{
	CV_AUTO(cv_service) struct cv_service *service = calloc(1, sizeof(*service));
	struct cv_connection *connection;
	bool is_loaded;

	if (!service)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	service->parts = *parts;
	atomic_init(&service->counters.outbox_pending, -1);
	pthread_mutex_init(&service->realm_mutex, NULL);
	pthread_mutex_init(&service->refusal_mutex, NULL);
	pthread_mutex_init(&service->own_keys_mutex, NULL);
	pthread_mutex_init(&service->event_mutex, NULL);
	if (!cv_service_change_settings(service, &parts->settings, err))
		return false;
	service->refusals = calloc(REFUSALS, sizeof(*service->refusals));
	service->renewals =
	    cv_combiner_new(CV_RENEWALS_TOGETHER, RENEWAL_BATCHES, cv_reenrol_together);
	service->issue_counts = cv_issue_counts_new();
	service->reports = cv_report_table_new();
	service->change_pace = cv_device_pace_new();
	service->request_pace = cv_device_pace_new();
	if (!service->refusals || !service->renewals || !service->issue_counts ||
	    !service->reports || !service->change_pace || !service->request_pace)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_pool_borrow(parts->pool, &connection, err))
		return false;
	is_loaded = load_realm(service, connection, err);
	cv_pool_return(connection);
	if (!is_loaded)
		return false;
	*ret_service = CV_TAKE(service);
	return true;
}

void
cv_service_free(struct cv_service *service)
{
	if (!service)
		return;
	cv_combiner_free(service->renewals);
	cv_issue_counts_free(service->issue_counts);
	cv_report_table_free(service->reports);
	cv_device_pace_free(service->change_pace);
	cv_device_pace_free(service->request_pace);
	free_settings(atomic_load(&service->settings));
	cv_realm_free(service->realm);
	free(service->refusals);
	pthread_mutex_destroy(&service->realm_mutex);
	pthread_mutex_destroy(&service->refusal_mutex);
	pthread_mutex_destroy(&service->own_keys_mutex);
	pthread_mutex_destroy(&service->event_mutex);
	free(service);
}

bool
cv_service_refresh(
    struct cv_service *service, struct cv_connection *connection, struct cv_error *err)
{
	struct cv_realm *realm = cv_service_realm(service);
	int64_t known = realm->version;
	int64_t version;

	cv_realm_free(realm);
	if (!cv_realm_store_version(connection, &version, err))
		return false;
	return version == known || load_realm(service, connection, err);
}

bool
cv_service_take_realm(struct cv_service *service, struct cv_connection *connection, bool takes_away,
    struct cv_error *err)
{
	struct cv_error failure = CV_ERROR_INIT;

	if (cv_service_refresh(service, connection, &failure))
		return true;
	cv_log_error(CV_LOG_WARNING, "realm-not-read",
	    "what was configured is not in memory yet: the change feed reads it", &failure);
	if (takes_away)
		*err = failure;
	return !takes_away;
}

const struct cv_service_settings *
cv_service_settings(const struct cv_service *service)
{
	return &atomic_load(&service->settings)->settings;
}

struct cv_service_counters *
cv_service_counters(struct cv_service *service)
{
	return &service->counters;
}

struct cv_issue_counts *
cv_service_issue_counts(struct cv_service *service)
{
	return service->issue_counts;
}

struct cv_combiner *
cv_service_renewals(struct cv_service *service)
{
	return service->renewals;
}

struct cv_report_table *
cv_service_reports(struct cv_service *service)
{
	return service->reports;
}

struct cv_device_pace *
cv_service_change_pace(struct cv_service *service)
{
	return service->change_pace;
}

struct cv_device_pace *
cv_service_request_pace(struct cv_service *service)
{
	return service->request_pace;
}

struct cv_index *
cv_service_index(struct cv_service *service)
{
	return service->parts.index;
}

struct cv_pool *
cv_service_pool(struct cv_service *service)
{
	return service->parts.pool;
}

struct cv_signer *
cv_service_signer(struct cv_service *service)
{
	return service->parts.signer;
}

struct cv_event_signer *
cv_service_event_signer(struct cv_service *service)
{
	return service->parts.event_signer;
}

const struct cv_clock *
cv_service_clock(const struct cv_service *service)
{
	return service->parts.clock;
}

void
cv_service_set_own_keys(struct cv_service *service, const struct cv_digest *keys, size_t count)
{
	pthread_mutex_lock(&service->own_keys_mutex);
	service->own_key_count = count < CV_OWN_KEYS_MAX ? count : CV_OWN_KEYS_MAX;
	memcpy(service->own_keys, keys, service->own_key_count * sizeof(*keys));
	pthread_mutex_unlock(&service->own_keys_mutex);
}

static bool
uses_key(struct cv_service *service, const struct cv_digest *key_id)
{
	bool is_own = false;

	pthread_mutex_lock(&service->own_keys_mutex);
	for (size_t i = 0; i < service->own_key_count && !is_own; i++)
		is_own = cv_digest_equal(&service->own_keys[i], key_id);
	pthread_mutex_unlock(&service->own_keys_mutex);
	return is_own;
}

const char *
cv_service_key_refusal(struct cv_service *service, const struct cv_realm *realm,
    const char *factory, const struct cv_public_key *key)
{
	const struct cv_digest *key_id = cv_public_key_id(key);

	if (cv_key_block_list_has(service->parts.blocked_keys, key))
		return "the key is on the list of known keys";
	if ((realm && cv_realm_uses_key(realm, factory, key_id)) || uses_key(service, key_id))
		return "the key is one of this service";
	return NULL;
}

bool
cv_service_is_fresh(const struct cv_service *service)
{
	return cv_service_is_young(service, cv_index_age_ms(service->parts.index));
}

bool
cv_service_is_young(const struct cv_service *service, int64_t age_ms)
{
	return age_ms <= cv_service_settings(service)->max_age_seconds * 1000;
}
