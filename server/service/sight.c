#include "cv/service/sight.h"

#include <stdio.h>
#include <string.h>

#include "cv/index/feed.h"
#include "cv/pki/public_key.h"
#include "cv/pki/subject.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

#include "service_internal.h"

/* ---- from memory ---- */

static void
settle(struct cv_sight *sight, enum cv_verdict verdict)
{
	sight->verdict = verdict;
	sight->is_decided = true;
}

/* A memory that is too old, or holds nothing of this, leaves the question to the database. */
static void
recall_status(const struct cv_evidence *evidence, const struct cv_service_settings *settings,
    enum cv_index_status status, struct cv_sight *sight)
{
	switch (status) {
	case CV_INDEX_ALLOWED:
		settle(sight, CV_VERDICT_OK);
		break;
	case CV_INDEX_TALKS:
		settle(sight, CV_VERDICT_TALKS);
		break;
	case CV_INDEX_DENIED:
		settle(sight, CV_VERDICT_DENIED);
		break;
	case CV_INDEX_DEVICE_REFUSED:
		settle(sight, CV_VERDICT_DEVICE_REFUSED);
		break;
	case CV_INDEX_AUTHORITY_REFUSED:
		settle(sight, CV_VERDICT_AUTHORITY_REFUSED);
		break;
	case CV_INDEX_EXPIRED:
		if (!evidence->honours_expired_grace || settings->expired_grace_seconds == 0)
			settle(sight, CV_VERDICT_EXPIRED);
		break;
	case CV_INDEX_UNDECIDED:
	case CV_INDEX_MISSING:
		break;
	}
}

/* NULL: it is not. */
static const char *
why_foreign(const struct cv_evidence *evidence, const struct cv_party *party)
{
	if (evidence->factories && !cv_realm_list_has(evidence->factories, party->factory))
		return "the certificate is of another factory";
	if (!evidence->accepts_every_slot && strcmp(party->slot, CV_SLOT_CLIENT) != 0 &&
	    strcmp(party->slot, "online") != 0)
		return "the certificate is of a slot that gateways do not serve";
	return NULL;
}

/* A gateway of another factory learns nothing of the device. */
static void
recall_found(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_index_answer *found, struct cv_sight *sight)
{
	sight->detail = why_foreign(evidence, found->party);
	if (sight->detail) {
		settle(sight, CV_VERDICT_UNKNOWN);
		return;
	}
	sight->party = *found->party;
	sight->state = found->state;
	sight->has_pending = found->has_pending;
	sight->talks_until_utc = found->talks_until_utc;
	sight->group = found->group;
	sight->epoch = found->version;
	sight->not_after_utc = found->not_after_utc;
	recall_status(evidence, cv_service_settings(service), found->status, sight);
}

static void
count_verdict(struct cv_service *service, const struct cv_sight *sight)
{
	cv_service_counters(service)->verdicts[sight->verdict]++;
}

static void
note_event(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_party *party, const char *kind, const struct cv_digest *key_id)
{
	const struct cv_event_origin origin = {
	    .actor = evidence->actor, .request_id = evidence->request_id};

	cv_service_note_event(service, party, kind, key_id, &origin);
}

void
cv_sight_recall(
    struct cv_service *service, const struct cv_evidence *evidence, struct cv_sight *ret_sight)
{
	struct cv_index_answer found;

	memset(ret_sight, 0, sizeof(*ret_sight));
	ret_sight->verdict = CV_VERDICT_UNAVAILABLE;
	ret_sight->age_ms = cv_index_age_ms(cv_service_index(service));
	if (!cv_service_is_young(service, ret_sight->age_ms)) {
		settle(ret_sight, CV_VERDICT_UNAVAILABLE);
		ret_sight->detail = "the index is too old";
		count_verdict(service, ret_sight);
		return;
	}
	if (evidence->name)
		cv_naming_recall(service, evidence, &found);
	else
		cv_index_find(cv_service_index(service), &evidence->fingerprint, &found);
	if (found.party)
		recall_found(service, evidence, &found, ret_sight);
	if (!ret_sight->is_decided && !cv_service_recall_refusal(service, evidence, ret_sight))
		return;
	if (cv_verdict_may_change(ret_sight->verdict) && evidence->evidence != CV_EVIDENCE_NAME)
		cv_index_mark_seen(cv_service_index(service), &found);
	if (ret_sight->verdict == CV_VERDICT_DENIED)
		note_event(service, evidence, &ret_sight->party, "denied",
		    evidence->evidence < CV_EVIDENCE_FINGERPRINT ? NULL : &evidence->fingerprint);
	cv_service_counters(service)->judged_in_memory++;
	count_verdict(service, ret_sight);
}

/* ---- in the database ---- */

struct judgement {
	struct cv_service *service;
	const struct cv_evidence *evidence;
	struct cv_connection *connection;
	struct cv_presenter presenter;
	struct cv_sight *sight;
};

/* The state is that of the certificate: of one that is not recorded there is none, unless its key
 * lets it in. */
static void
describe(struct cv_sight *sight, const struct judgement *judgement,
    const struct cv_device_record *record, const struct cv_decision *decision)
{
	sight->party = judgement->presenter.party;
	sight->epoch = record->version;
	sight->not_after_utc = judgement->presenter.presented.not_after_utc;
	sight->has_pending = record->announced_count > 0;
	sight->talks_until_utc =
	    decision->verdict == CV_VERDICT_TALKS ? record->presented.talks_until_utc : 0;
	sight->group = record->group_id;
	sight->state =
	    record->certificate_is_known || cv_verdict_is_allowed(decision->verdict)
		? cv_certificate_state_of(record->presented.state, record->certificate_is_revoked)
		: CV_CERTIFICATE_UNKNOWN;
}

static void
log_alarm(const struct judgement *judgement, const char *event, const char *message)
{
	char fingerprint[CV_DIGEST_HEX_SIZE];

	cv_digest_format(&judgement->evidence->fingerprint, fingerprint);
	cv_log(CV_LOG_WARNING, event, message,
	    CV_LOG_TEXT("request_id", judgement->evidence->request_id),
	    CV_LOG_TEXT("factory", judgement->presenter.party.factory),
	    CV_LOG_TEXT("device", judgement->presenter.party.device),
	    CV_LOG_TEXT("fingerprint", fingerprint));
}

/* Refusals count events, bounded per device and key. */
static void
note_refusal(const struct judgement *judgement, const struct cv_decision *decision)
{
	const struct cv_presenter *presenter = &judgement->presenter;

	if (decision->is_alarm) {
		log_alarm(judgement, "unrecorded-certificate",
		    "a certificate of our own authority is not in the database: the CA key may be "
		    "abused");
		note_event(judgement->service, judgement->evidence, &presenter->party, "unrecorded",
		    &judgement->evidence->fingerprint);
	} else if (decision->verdict == CV_VERDICT_THIRD_KEY) {
		note_event(judgement->service, judgement->evidence, &presenter->party,
		    decision->key_was_asked ? "asked-not-announced" : "third-key",
		    &presenter->key_id);
	} else if (decision->verdict == CV_VERDICT_KEY_IN_USE) {
		log_alarm(judgement, "key-in-use", "another device proved this key before");
		note_event(judgement->service, judgement->evidence, &presenter->party, "key-in-use",
		    &presenter->key_id);
	} else if (decision->verdict == CV_VERDICT_DENIED) {
		note_event(judgement->service, judgement->evidence, &presenter->party, "denied",
		    &judgement->evidence->fingerprint);
	}
}

static const char *
detail_of(const struct judgement *judgement, const struct cv_decision *decision)
{
	if (decision->verdict == CV_VERDICT_BAD_CERTIFICATE)
		return judgement->presenter.presented.key_refusal;
	if (decision->key_was_asked)
		return "this key was enrolled but not announced: announce it, or set announce = "
		       "implied";
	return NULL;
}

/* The canonical key of the presented certificate, for a key that has no row yet. */
static bool
presented_spki(const struct judgement *judgement, struct cv_buffer *ret_spki, struct cv_error *err)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	enum cv_key_outcome outcome;
	struct cv_bytes spki;

	if (!cv_public_key_parse(judgement->presenter.certificate->spki, &outcome, &key, err))
		return false;
	if (!key)
		return cv_fail(err, CV_E_INPUT, "key of the certificate is outside the policy");
	spki = cv_public_key_spki(key);
	cv_buffer_append(ret_spki, spki.data, spki.len);
	return true;
}

static void
add_presented_certificate(const struct judgement *judgement, struct cv_device_change *change)
{
	const struct cv_presenter *presenter = &judgement->presenter;
	struct cv_certificate_row row;

	if (!presenter->certificate || cv_device_change_record(change)->certificate_is_known)
		return;
	cv_certificate_to_row(presenter->certificate, presenter->authority->row.id, false, &row);
	cv_device_change_add_certificate(change, &row);
}

static bool
take_step(const struct judgement *judgement, const struct cv_decision *decision,
    struct cv_device_change *change, struct cv_error *err)
{
	const struct cv_presenter *presenter = &judgement->presenter;
	const struct cv_authority_row *authority = &presenter->authority->row;
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	bool is_production;

	switch (decision->step) {
	case CV_STEP_NONE:
		return true;
	case CV_STEP_ACTIVATE:
		cv_device_change_activate_key(
		    change, &presenter->key_id, presenter->factory->retire_after_days);
		break;
	case CV_STEP_FIRST_CONTACT:
		if (!presented_spki(judgement, &spki, err))
			return false;
		cv_device_change_register(
		    change, cv_realm_authority_owner(presenter->authority), authority->id, NULL);
		is_production = cv_subject_is_production(presenter->certificate->subject);
		cv_device_change_describe(change, NULL, &is_production);
		cv_device_change_set_first_key(change, &presenter->key_id, cv_buffer_bytes(&spki));
		break;
	case CV_STEP_RECORD:
	case CV_STEP_MARK_SEEN:
		break;
	}
	add_presented_certificate(judgement, change);
	cv_device_change_mark_seen(change);
	return true;
}

static const char *
kind_of(enum cv_step step)
{
	switch (step) {
	case CV_STEP_NONE:
		break;
	case CV_STEP_ACTIVATE:
		return "activated";
	case CV_STEP_FIRST_CONTACT:
		return "registered";
	case CV_STEP_RECORD:
		return "recorded";
	case CV_STEP_MARK_SEEN:
		return "first-seen";
	}
	return "none";
}

static bool
commit_step(struct judgement *judgement, const struct cv_decision *decision,
    struct cv_device_change *change, struct cv_error *err)
{
	const struct cv_device_record *record = cv_device_change_record(change);
	char key[CV_DIGEST_HEX_SIZE], old[CV_DIGEST_HEX_SIZE], before[128], after[128];
	struct cv_change_note note = {.kind = kind_of(decision->step),
	    .actor = judgement->evidence->actor,
	    .request_id = judgement->evidence->request_id,
	    .before_json = record->has_current ? before : NULL,
	    .after_json = after,
	    /* The first sight is of the device: memory may believe all of its slots from now on. */
	    .touches_all_slots = !record->is_seen || record->is_cleared};

	cv_digest_format(&judgement->presenter.key_id, key);
	cv_digest_format(&record->current_key, old);
	snprintf(before, sizeof(before), "{\"current_key\":\"%s\"}", old);
	snprintf(after, sizeof(after), "{\"current_key\":\"%s\"}", key);
	if (!cv_device_change_commit(change, &note, &judgement->sight->epoch, err))
		return false;
	if (note.touches_all_slots)
		return cv_service_take_device(
		    judgement->service, judgement->connection, &judgement->presenter.party, err);
	return cv_service_take_change(
	    judgement->service, judgement->connection, &judgement->presenter.party, err);
}

static void
log_step(const struct judgement *judgement, const struct cv_decision *decision)
{
	struct cv_service_counters *counters = cv_service_counters(judgement->service);

	if (decision->step == CV_STEP_ACTIVATE)
		counters->activated++;
	if (decision->step == CV_STEP_FIRST_CONTACT)
		counters->registered++;
	cv_log(CV_LOG_INFO, kind_of(decision->step), "device changed by its own sight",
	    CV_LOG_TEXT("request_id", judgement->evidence->request_id),
	    CV_LOG_TEXT("actor", judgement->evidence->actor),
	    CV_LOG_TEXT("factory", judgement->presenter.party.factory),
	    CV_LOG_TEXT("device", judgement->presenter.party.device));
}

/* Decides again under the lock and does what the decision asks for. */
static bool
judge_locked(struct judgement *judgement, enum cv_step expected, struct cv_decision *ret_decision,
    struct cv_error *err)
{
	struct cv_presenter *presenter = &judgement->presenter;
	bool is_first_contact = expected == CV_STEP_FIRST_CONTACT;
	enum cv_authority_state locked_state;
	struct cv_record_query query =
	    cv_presenter_query(judgement->service, presenter, NULL, NULL);
	struct cv_change_options options = {
	    .proved_keys = {&presenter->key_id},
	    .creates_device = is_first_contact,
	    .authority = is_first_contact ? presenter->authority->row.id : NULL,
	};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_device_change_begin(judgement->connection, &query, &options, &change, err))
		return false;
	locked_state = cv_device_change_authority_state(change);
	if (is_first_contact && locked_state != CV_AUTHORITY_TRUSTED)
		presenter->presented.authority_state = locked_state;
	*ret_decision =
	    cv_decide(&presenter->presented, cv_device_change_record(change), &presenter->policy);
	describe(judgement->sight, judgement, cv_device_change_record(change), ret_decision);
	if (ret_decision->step == CV_STEP_NONE)
		return true;
	if (ret_decision->step == CV_STEP_FIRST_CONTACT && !is_first_contact)
		return cv_fail(err, CV_E_CONFLICT, "the device went away");
	if (!take_step(judgement, ret_decision, change, err) ||
	    !commit_step(judgement, ret_decision, change, err))
		return false;
	judgement->sight->state = CV_CERTIFICATE_ACTIVE;
	log_step(judgement, ret_decision);
	return true;
}

static bool
judge_recorded(struct judgement *judgement, struct cv_decision *ret_decision, struct cv_error *err)
{
	struct cv_record_query query =
	    cv_presenter_query(judgement->service, &judgement->presenter, NULL, NULL);
	struct cv_device_record record;

	if (!cv_device_record_read(judgement->connection, &query, &record, err))
		return false;
	*ret_decision =
	    cv_decide(&judgement->presenter.presented, &record, &judgement->presenter.policy);
	describe(judgement->sight, judgement, &record, ret_decision);
	if (ret_decision->step != CV_STEP_NONE)
		return judge_locked(judgement, ret_decision->step, ret_decision, err);
	/* Memory lacked what the database allows or denies: take it in. */
	if (record.certificate_is_known &&
	    (ret_decision->verdict == CV_VERDICT_OK || ret_decision->verdict == CV_VERDICT_DENIED))
		return cv_feed_refresh_slot(cv_service_index(judgement->service),
		    judgement->connection, &judgement->presenter.party, err);
	return true;
}

static bool
judge_once(struct judgement *judgement, struct cv_error *err)
{
	struct cv_sight *sight = judgement->sight;
	struct cv_decision decision = {.verdict = CV_VERDICT_UNAVAILABLE};
	bool is_refused;

	if (!cv_presenter_identify(judgement->service, &judgement->connection, judgement->evidence,
		&judgement->presenter, &is_refused, &sight->verdict, &sight->detail, err))
		return false;
	if (is_refused)
		return true;
	if (!judge_recorded(judgement, &decision, err))
		return false;
	sight->verdict = decision.verdict;
	sight->detail = detail_of(judgement, &decision);
	note_refusal(judgement, &decision);
	return true;
}

static bool
judge(struct judgement *judgement, struct cv_error *err)
{
	for (int attempt = 0; attempt < CV_ATTEMPTS_MAX; attempt++) {
		bool is_good = judge_once(judgement, err);

		cv_presenter_deinit(&judgement->presenter);
		memset(&judgement->presenter, 0, sizeof(judgement->presenter));
		if (is_good)
			return true;
		if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT)
			return false;
	}
	return false;
}

/* Memory, which has the change by now, knows of the slot's other keys, and notes who was seen. A
 * certificate that is recorded nowhere it does not have. */
static void
ask_memory(const struct judgement *judgement, const struct cv_digest *fingerprint, bool is_seen)
{
	struct cv_index *index = cv_service_index(judgement->service);
	struct cv_index_answer found;

	cv_index_find(index, fingerprint, &found);
	if (!found.party)
		return;
	judgement->sight->has_pending = found.has_pending;
	if (found.talks_until_utc != 0)
		judgement->sight->talks_until_utc = found.talks_until_utc;
	if (is_seen && cv_verdict_may_change(judgement->sight->verdict))
		cv_index_mark_seen(index, &found);
}

static const char *
why_ambiguous(const struct cv_evidence *evidence)
{
	return evidence->name->issuer[0]
		   ? "another authority has the issuer's name, too, or another certificate its "
		     "serial number"
		   : "several certificates go by this name";
}

/* A name is turned into the fingerprint that it stands for, and then judged like that. */
static bool
resolve_and_judge(
    struct judgement *judgement, const struct cv_evidence *evidence, struct cv_error *err)
{
	struct cv_evidence resolved = *evidence;
	bool is_one = true;

	if (evidence->evidence < CV_EVIDENCE_FINGERPRINT &&
	    !cv_naming_resolve(judgement->service, judgement->connection, evidence,
		&resolved.fingerprint, &is_one, &judgement->sight->verdict, err))
		return false;
	judgement->evidence = &resolved;
	if (!is_one && judgement->sight->verdict == CV_VERDICT_AMBIGUOUS)
		judgement->sight->detail = why_ambiguous(evidence);
	if (is_one && !judge(judgement, err))
		return false;
	if (cv_verdict_is_allowed(judgement->sight->verdict))
		ask_memory(
		    judgement, &resolved.fingerprint, evidence->evidence != CV_EVIDENCE_NAME);
	return true;
}

/* What two names disagree about says nothing about the certificate of either. */
static bool
is_to_be_remembered(enum cv_verdict verdict)
{
	return !cv_verdict_is_allowed(verdict) && verdict != CV_VERDICT_UNAVAILABLE &&
	       verdict != CV_VERDICT_AMBIGUOUS;
}

void
cv_sight_judge(struct cv_service *service, const struct cv_evidence *evidence,
    struct cv_sight *ret_sight, struct cv_error *err)
{
	struct judgement judgement = {.service = service, .sight = ret_sight};
	uint64_t began_at = cv_service_refusals_begin(service);
	bool is_good;

	memset(ret_sight, 0, sizeof(*ret_sight));
	ret_sight->age_ms = cv_index_age_ms(cv_service_index(service));
	cv_service_counters(service)->judged_in_database++;
	is_good = cv_pool_borrow(cv_service_pool(service), &judgement.connection, err);
	if (is_good) {
		is_good = resolve_and_judge(&judgement, evidence, err);
		cv_pool_return(judgement.connection);
	}
	ret_sight->is_decided = true;
	if (!is_good) {
		ret_sight->verdict = CV_VERDICT_UNAVAILABLE;
		ret_sight->detail = "the database cannot be asked";
	} else if (is_to_be_remembered(ret_sight->verdict)) {
		cv_service_remember_refusal(service, evidence, ret_sight, began_at);
	}
	count_verdict(service, ret_sight);
}
