#include "cv/service/device_lifecycle.h"

#include <stdio.h>
#include <string.h>

#include "cv/store/certificate_store.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

#include "service_internal.h"

#define STATE_SIZE 160

const char *
cv_lifecycle_act_name(enum cv_lifecycle_act act)
{
	switch (act) {
	case CV_LIFECYCLE_HOLD:
		return "held";
	case CV_LIFECYCLE_RELEASE:
		return "released";
	case CV_LIFECYCLE_DELETE:
		return "deleted";
	case CV_LIFECYCLE_REVOKE:
		return "revoked";
	case CV_LIFECYCLE_ALLOW:
		return "allowed";
	case CV_LIFECYCLE_CANCEL:
		return "cancelled";
	case CV_LIFECYCLE_APPROVE:
		return "approved";
	case CV_LIFECYCLE_JOIN:
		return "joined-group";
	case CV_LIFECYCLE_LEAVE:
		return "left-group";
	}
	return "none";
}

/* One act under way. */
struct act {
	struct cv_service *service;
	enum cv_lifecycle_act kind;
	const struct cv_lifecycle_request *request;
	struct cv_connection *connection;
	struct cv_party party;
	struct cv_asked_key asked; /* APPROVE, CANCEL: the newest that waits */
	enum cv_lifecycle_outcome outcome;
	char before[STATE_SIZE]; /* for the audit */
	char after[STATE_SIZE];
};

static void
act_deinit(struct act *act)
{
	cv_pool_return(act->connection);
	cv_buffer_deinit(&act->asked.spki);
}
#define AUTO_ACT __attribute__((cleanup(act_deinit)))

/* ---- what an act does to the record it finds under the lock ---- */

/* With which the device might be registered once more. */
static void
void_credentials(struct cv_device_change *change)
{
	cv_device_change_void_tokens(change);
	cv_device_change_end_grants(change);
}

static enum cv_lifecycle_outcome
set_state(struct cv_device_change *change, enum cv_device_state from, enum cv_device_state to,
    const char *remark)
{
	enum cv_device_state present = cv_device_change_record(change)->device_state;

	if (present == to)
		return CV_LIFECYCLE_UNCHANGED;
	if (present != from)
		return CV_LIFECYCLE_NOT_POSSIBLE;
	cv_device_change_set_state(change, to, remark);
	/* What was waiting may not undo what the operator does now. */
	if (to != CV_DEVICE_OK)
		void_credentials(change);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
revoke_device(struct cv_device_change *change, enum cv_reason reason)
{
	const struct cv_device_record *record = cv_device_change_record(change);
	const char *name = cv_reason_name(reason);

	if (record->device_state == CV_DEVICE_REVOKED && !record->has_current)
		return CV_LIFECYCLE_UNCHANGED;
	if (record->has_current && reason == CV_REASON_KEY_COMPROMISE)
		cv_device_change_end_key(change, &record->current_key, CV_KEY_COMPROMISED, name);
	cv_device_change_end_all_keys(change, name);
	cv_device_change_set_state(change, CV_DEVICE_REVOKED, name);
	void_credentials(change);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
allow_device(struct cv_device_change *change)
{
	switch (cv_device_change_record(change)->device_state) {
	case CV_DEVICE_OK:
		return CV_LIFECYCLE_UNCHANGED;
	case CV_DEVICE_HELD:
		return CV_LIFECYCLE_NOT_POSSIBLE;
	case CV_DEVICE_DELETED:
	case CV_DEVICE_REVOKED:
		break;
	}
	cv_device_change_set_state(change, CV_DEVICE_OK, NULL);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
cancel_announcement(const struct act *act, struct cv_device_change *change)
{
	/* Where no announcement is needed, a key that was only asked for waits for its first use,
	 * too. */
	if (cv_device_change_record(change)->announced_count == 0 &&
	    (act->asked.state == CV_KEY_UNKNOWN || act->asked.is_withdrawn))
		return CV_LIFECYCLE_UNCHANGED;
	cv_device_change_cancel_keys(change);
	return CV_LIFECYCLE_DONE;
}

/* The operator announces what a device under the wrong `announce` setting only asked for. */
static enum cv_lifecycle_outcome
approve_key(const struct act *act, struct cv_device_change *change)
{
	if (act->asked.state == CV_KEY_ANNOUNCED)
		return CV_LIFECYCLE_UNCHANGED;
	if (act->asked.state != CV_KEY_ASKED)
		return CV_LIFECYCLE_NOT_POSSIBLE;
	cv_device_change_announce_key(change, &act->asked.id, cv_buffer_bytes(&act->asked.spki));
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
join_group(const struct act *act, struct cv_device_change *change)
{
	const char *group = act->request->group;

	if (!cv_device_change_group_exists(change))
		return CV_LIFECYCLE_NOT_FOUND;
	if (strcmp(cv_device_change_record(change)->group, group) == 0)
		return CV_LIFECYCLE_UNCHANGED;
	cv_device_change_set_group(change, group);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
leave_group(const struct act *act, struct cv_device_change *change)
{
	if (!cv_device_change_group_exists(change))
		return CV_LIFECYCLE_NOT_FOUND;
	if (strcmp(cv_device_change_record(change)->group, act->request->group) != 0)
		return CV_LIFECYCLE_UNCHANGED;
	cv_device_change_set_group(change, NULL);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
edit(const struct act *act, struct cv_device_change *change)
{
	if (!cv_device_change_record(change)->exists)
		return CV_LIFECYCLE_NOT_FOUND;
	switch (act->kind) {
	case CV_LIFECYCLE_HOLD:
		return set_state(change, CV_DEVICE_OK, CV_DEVICE_HELD, act->request->remark);
	case CV_LIFECYCLE_RELEASE:
		return set_state(change, CV_DEVICE_HELD, CV_DEVICE_OK, NULL);
	case CV_LIFECYCLE_DELETE:
		return set_state(change, CV_DEVICE_OK, CV_DEVICE_DELETED, act->request->remark);
	case CV_LIFECYCLE_REVOKE:
		return revoke_device(change, act->request->reason);
	case CV_LIFECYCLE_ALLOW:
		return allow_device(change);
	case CV_LIFECYCLE_CANCEL:
		return cancel_announcement(act, change);
	case CV_LIFECYCLE_APPROVE:
		return approve_key(act, change);
	case CV_LIFECYCLE_JOIN:
		return join_group(act, change);
	case CV_LIFECYCLE_LEAVE:
		return leave_group(act, change);
	}
	return CV_LIFECYCLE_NOT_POSSIBLE;
}

/* ---- running it ---- */

static void
log_act(const struct act *act)
{
	cv_log(CV_LOG_INFO, cv_lifecycle_act_name(act->kind), "device changed by an operator",
	    CV_LOG_TEXT("request_id", act->request->request_id),
	    CV_LOG_TEXT("actor", act->request->actor), CV_LOG_TEXT("factory", act->party.factory),
	    CV_LOG_TEXT("device", act->party.device));
}

/* Names and states need no escapes in JSON. "": none. */
static void
describe_group(char ret_text[STATE_SIZE], const char *group)
{
	if (group[0] == '\0')
		snprintf(ret_text, STATE_SIZE, "{\"group\":null}");
	else
		snprintf(ret_text, STATE_SIZE, "{\"group\":\"%s\"}", group);
}

static void
describe_state(char ret_text[STATE_SIZE], enum cv_device_state state)
{
	snprintf(ret_text, STATE_SIZE, "{\"state\":\"%s\"}", cv_device_state_name(state));
}

static void
describe_announced(char ret_text[STATE_SIZE], unsigned count)
{
	snprintf(ret_text, STATE_SIZE, "{\"announced_keys\":%u}", count);
}

static void
describe_key(char ret_text[STATE_SIZE], const struct cv_digest *key)
{
	char hex[2 * CV_DIGEST_LEN + 1];

	cv_hex_encode(key->bytes, CV_DIGEST_LEN, hex);
	snprintf(ret_text, STATE_SIZE, "{\"announced_key\":\"%s\"}", hex);
}

/* What the act changes, before and after it. */
static void
describe(struct act *act, const struct cv_device_record *record)
{
	switch (act->kind) {
	case CV_LIFECYCLE_HOLD:
	case CV_LIFECYCLE_RELEASE:
	case CV_LIFECYCLE_DELETE:
	case CV_LIFECYCLE_REVOKE:
	case CV_LIFECYCLE_ALLOW:
		describe_state(act->before, record->device_state);
		describe_state(act->after, act->kind == CV_LIFECYCLE_HOLD     ? CV_DEVICE_HELD
					   : act->kind == CV_LIFECYCLE_DELETE ? CV_DEVICE_DELETED
					   : act->kind == CV_LIFECYCLE_REVOKE ? CV_DEVICE_REVOKED
									      : CV_DEVICE_OK);
		return;
	case CV_LIFECYCLE_CANCEL:
		describe_announced(act->before, record->announced_count);
		describe_announced(act->after, 0);
		return;
	case CV_LIFECYCLE_APPROVE:
		describe_announced(act->before, record->announced_count);
		describe_key(act->after, &act->asked.id);
		return;
	case CV_LIFECYCLE_JOIN:
	case CV_LIFECYCLE_LEAVE:
		describe_group(act->before, record->group);
		describe_group(
		    act->after, act->kind == CV_LIFECYCLE_JOIN ? act->request->group : "");
		return;
	}
}

static void
count_act(const struct act *act)
{
	struct cv_service_counters *counters = cv_service_counters(act->service);

	switch (act->kind) {
	case CV_LIFECYCLE_REVOKE:
		counters->revocations[act->request->reason]++;
		return;
	case CV_LIFECYCLE_HOLD:
		counters->revocations[CV_REVOCATION_HELD]++;
		return;
	case CV_LIFECYCLE_DELETE:
		counters->revocations[CV_REVOCATION_DELETED]++;
		return;
	case CV_LIFECYCLE_CANCEL:
		counters->cancelled++;
		return;
	case CV_LIFECYCLE_RELEASE:
	case CV_LIFECYCLE_ALLOW:
	case CV_LIFECYCLE_APPROVE:
	case CV_LIFECYCLE_JOIN:
	case CV_LIFECYCLE_LEAVE:
		return;
	}
}

static bool
commit(struct act *act, struct cv_device_change *change, struct cv_error *err)
{
	struct cv_change_note note = {.kind = cv_lifecycle_act_name(act->kind),
	    .actor = act->request->actor,
	    .reason = act->kind == CV_LIFECYCLE_REVOKE ? cv_reason_name(act->request->reason)
						       : act->request->remark,
	    .request_id = act->request->request_id,
	    .before_json = act->before,
	    .after_json = act->after,
	    .touches_all_slots = true};

	describe(act, cv_device_change_record(change));
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	count_act(act);
	log_act(act);
	return true;
}

static bool
read_asked(struct act *act, struct cv_device_change *change, struct cv_error *err)
{
	if (act->kind != CV_LIFECYCLE_APPROVE && act->kind != CV_LIFECYCLE_CANCEL)
		return true;
	cv_buffer_reset(&act->asked.spki);
	return cv_device_change_newest_asked_key(change, &act->asked, err);
}

static bool
attempt(struct act *act, struct cv_error *err)
{
	struct cv_record_query query = {.party = &act->party};
	struct cv_change_options options = {.group = act->request->group};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_device_change_begin(act->connection, &query, &options, &change, err) ||
	    !read_asked(act, change, err))
		return false;
	act->outcome = edit(act, change);
	return act->outcome != CV_LIFECYCLE_DONE || commit(act, change, err);
}

/*
 * What an operator is told to be so is so here, even when another instance made it so, or an
 * attempt whose answer was lost.
 */
static bool
take_in(struct act *act, struct cv_error *err)
{
	if (act->outcome != CV_LIFECYCLE_DONE && act->outcome != CV_LIFECYCLE_UNCHANGED)
		return true;
	return cv_service_take_device(act->service, act->connection, &act->party, err);
}

static bool
attempt_until_settled(struct act *act, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (attempt(act, err))
			return take_in(act, err);
		/* A constraint: somebody took the name that the device was to have again. */
		if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT)
			return false;
	}
	return false;
}

bool
cv_lifecycle_device(struct cv_service *service, enum cv_lifecycle_act kind,
    const struct cv_lifecycle_request *request, enum cv_lifecycle_outcome *ret_outcome,
    struct cv_error *err)
{
	AUTO_ACT struct act act = {.service = service, .kind = kind, .request = request};

	*ret_outcome = CV_LIFECYCLE_NOT_FOUND;
	if (!cv_party_set(&act.party, request->factory, request->device, NULL))
		return true;
	if (!cv_pool_borrow(cv_service_pool(service), &act.connection, err) ||
	    !attempt_until_settled(&act, err))
		return false;
	*ret_outcome = act.outcome;
	return true;
}

/* ---- one certificate ---- */

struct revocation {
	struct cv_service *service;
	const struct cv_lifecycle_request *request;
	struct cv_connection *connection;
	struct cv_found_certificate found;
	enum cv_lifecycle_outcome outcome;
	bool ends_key;
};

static bool
is_last_of_current_key(const struct cv_device_record *record)
{
	return record->presented.state == CV_KEY_CURRENT && !record->has_usable_certificate;
}

static void
edit_revocation(struct revocation *revocation, struct cv_device_change *change)
{
	const struct cv_device_record *record = cv_device_change_record(change);
	enum cv_reason reason = revocation->request->reason;
	const char *name = cv_reason_name(reason);
	bool is_compromise = reason == CV_REASON_KEY_COMPROMISE;

	revocation->ends_key =
	    is_compromise || (reason != CV_REASON_SUPERSEDED && is_last_of_current_key(record));
	if (!record->certificate_is_revoked)
		cv_device_change_revoke_certificate(change, &revocation->found.fingerprint, name);
	if (!revocation->ends_key)
		return;
	cv_device_change_end_key(change, &revocation->found.key_id,
	    is_compromise ? CV_KEY_COMPROMISED : CV_KEY_RETIRED, name);
	if (record->presented.state != CV_KEY_CURRENT)
		return;
	/* An announcement is worth as much as the key that made it. */
	cv_device_change_discard_open_keys(change, name);
	void_credentials(change);
}

static bool
is_done_before(const struct revocation *revocation, const struct cv_device_record *record)
{
	return record->certificate_is_revoked &&
	       (revocation->request->reason != CV_REASON_KEY_COMPROMISE ||
		   record->presented.state == CV_KEY_COMPROMISED);
}

static bool
attempt_revocation(struct revocation *revocation, struct cv_error *err)
{
	const struct cv_party *party = &revocation->found.party;
	struct cv_record_query query = {.party = party,
	    .presented_key = &revocation->found.key_id,
	    .named_key = &revocation->found.key_id,
	    .presented_tbs = &revocation->found.tbs_digest};
	struct cv_change_options options = {.proved_keys = {NULL}};
	struct cv_change_note note = {.kind = "certificate-revoked",
	    .actor = revocation->request->actor,
	    .reason = cv_reason_name(revocation->request->reason),
	    .request_id = revocation->request->request_id,
	    .before_json = "{\"revoked\":false}",
	    .after_json = "{\"revoked\":true,\"ends_key\":false}"};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_device_change_begin(revocation->connection, &query, &options, &change, err))
		return false;
	if (is_done_before(revocation, cv_device_change_record(change))) {
		revocation->outcome = CV_LIFECYCLE_UNCHANGED;
		revocation->ends_key =
		    cv_key_state_is_denied(cv_device_change_record(change)->presented.state);
		return true;
	}
	edit_revocation(revocation, change);
	if (revocation->ends_key)
		note.after_json = "{\"revoked\":true,\"ends_key\":true}";
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	revocation->outcome = CV_LIFECYCLE_DONE;
	cv_service_counters(revocation->service)->revocations[revocation->request->reason]++;
	cv_log(CV_LOG_INFO, note.kind, "certificate changed by an operator",
	    CV_LOG_TEXT("request_id", note.request_id), CV_LOG_TEXT("actor", note.actor),
	    CV_LOG_TEXT("factory", party->factory), CV_LOG_TEXT("device", party->device),
	    CV_LOG_TEXT("reason", note.reason));
	return true;
}

static bool
revoke_certificate(
    struct revocation *revocation, const struct cv_digest *fingerprint, struct cv_error *err)
{
	bool exists;

	if (!cv_certificate_store_find(
		revocation->connection, fingerprint, NULL, &exists, &revocation->found, err))
		return false;
	if (!exists || strcmp(revocation->found.party.factory, revocation->request->factory) != 0) {
		revocation->outcome = CV_LIFECYCLE_NOT_FOUND;
		return true;
	}
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (attempt_revocation(revocation, err))
			return cv_service_take_change(revocation->service, revocation->connection,
			    &revocation->found.party, err);
		if (err->code != CV_E_CONFLICT)
			return false;
	}
	return false;
}

bool
cv_lifecycle_revoke_certificate(struct cv_service *service,
    const struct cv_lifecycle_request *request, const struct cv_digest *fingerprint,
    enum cv_lifecycle_outcome *ret_outcome, bool *ret_ends_key, struct cv_error *err)
{
	struct revocation revocation = {.service = service, .request = request};
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &revocation.connection, err))
		return false;
	is_good = revoke_certificate(&revocation, fingerprint, err);
	cv_pool_return(revocation.connection);
	if (!is_good)
		return false;
	*ret_outcome = revocation.outcome;
	*ret_ends_key = revocation.ends_key;
	return true;
}
