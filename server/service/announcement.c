#include "cv/service/announcement.h"

#include <stdio.h>

#include "cv/pki/public_key.h"
#include "cv/util/log.h"

#include "service_internal.h"

/* One announcement under way. */
struct announcement {
	struct cv_service *service;
	const struct cv_evidence *evidence;
	const char *request_id;
	struct cv_connection *connection;
	struct cv_presenter presenter;
	struct cv_public_key *key;
	enum cv_announcement_outcome outcome;
	enum cv_verdict verdict;
	bool must_repeat; /* the record changed since the sight: judge again */
};

static void
announcement_deinit(struct announcement *announcement)
{
	cv_presenter_deinit(&announcement->presenter);
	if (announcement->connection)
		cv_pool_return(cv_service_pool(announcement->service), announcement->connection);
	cv_public_key_free(announcement->key);
}
#define AUTO_ANNOUNCEMENT __attribute__((cleanup(announcement_deinit)))

static bool
settle(struct announcement *announcement, enum cv_announcement_outcome outcome)
{
	announcement->outcome = outcome;
	return true;
}

static bool
settle_refused(struct announcement *announcement, enum cv_verdict verdict)
{
	announcement->verdict = verdict;
	return settle(announcement, CV_ANNOUNCEMENT_REFUSED);
}

/* Whoever asks must hold the current key; a replaced key in its grace may only talk. */
static bool
is_from_current_key(struct announcement *announcement, const struct cv_device_record *record)
{
	struct cv_decision decision =
	    cv_decide(&announcement->presenter.presented, record, &announcement->presenter.policy);

	if (decision.verdict == CV_VERDICT_TALKS)
		return !settle_refused(announcement, CV_VERDICT_DENIED);
	if (!cv_verdict_is_allowed(decision.verdict))
		return !settle_refused(announcement, decision.verdict);
	announcement->must_repeat = decision.step != CV_STEP_NONE;
	return !announcement->must_repeat;
}

static void
note_key_in_use(struct announcement *announcement)
{
	const struct cv_party *party = &announcement->presenter.party;

	cv_log(CV_LOG_WARNING, "key-in-use", "another device proved this key before",
	    CV_LOG_TEXT("request_id", announcement->request_id),
	    CV_LOG_TEXT("factory", party->factory), CV_LOG_TEXT("device", party->device));
	cv_service_note_event(
	    announcement->service, party, "key-in-use", cv_public_key_id(announcement->key));
}

/* True when the key may be announced and is not yet; otherwise the outcome is settled. */
static bool
may_announce(struct announcement *announcement, const struct cv_device_record *record)
{
	if (record->named.is_of_another) {
		note_key_in_use(announcement);
		return !settle(announcement, CV_ANNOUNCEMENT_KEY_IN_USE);
	}
	switch (record->named.state) {
	case CV_KEY_CURRENT:
		return !settle(announcement,
		    record->current_was_named ? CV_ANNOUNCEMENT_DONE : CV_ANNOUNCEMENT_SAME_KEY);
	case CV_KEY_ANNOUNCED:
		return !settle(announcement, CV_ANNOUNCEMENT_DONE);
	case CV_KEY_RETIRED:
	case CV_KEY_DISCARDED:
	case CV_KEY_COMPROMISED:
		cv_service_note_event(announcement->service, &announcement->presenter.party,
		    "key-reused", cv_public_key_id(announcement->key));
		return !settle(announcement, CV_ANNOUNCEMENT_KEY_ENDED);
	case CV_KEY_UNKNOWN:
	case CV_KEY_ASKED:
		break;
	}
	return true;
}

static bool
commit(struct announcement *announcement, struct cv_device_change *change, struct cv_error *err)
{
	const struct cv_digest *key = cv_public_key_id(announcement->key);
	char hex[CV_DIGEST_HEX_SIZE], after[128];
	struct cv_change_note note = {.kind = "announced",
	    .actor = announcement->evidence->actor,
	    .request_id = announcement->request_id,
	    .after_json = after};

	cv_digest_format(key, hex);
	snprintf(after, sizeof(after), "{\"announced_key\":\"%s\"}", hex);
	cv_device_change_announce_key(change, key, cv_public_key_spki(announcement->key));
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	cv_service_counters(announcement->service)->announced++;
	return cv_service_take_change(
	    announcement->service, announcement->connection, &announcement->presenter.party, err);
}

static bool
attempt(struct announcement *announcement, struct cv_error *err)
{
	struct cv_record_query query = cv_presenter_query(announcement->service,
	    &announcement->presenter, cv_public_key_id(announcement->key), NULL);
	struct cv_change_options options = {.proved_keys = {NULL}};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	announcement->must_repeat = false;
	if (!cv_device_change_begin(announcement->connection, &query, &options, &change, err))
		return false;
	if (!is_from_current_key(announcement, cv_device_change_record(change)) ||
	    !may_announce(announcement, cv_device_change_record(change)))
		return true;
	announcement->outcome = CV_ANNOUNCEMENT_DONE;
	return commit(announcement, change, err);
}

static bool
judge_again(struct announcement *announcement, struct cv_error *err)
{
	struct cv_sight sight;
	struct cv_error judge_error = CV_ERROR_INIT;

	cv_sight_judge(announcement->service, announcement->evidence, &sight, &judge_error);
	if (sight.verdict == CV_VERDICT_UNAVAILABLE) {
		*err = judge_error;
		return false;
	}
	return true;
}

static bool
attempt_until_settled(struct announcement *announcement, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (attempt(announcement, err)) {
			if (!announcement->must_repeat)
				return true;
			if (!judge_again(announcement, err))
				return false;
		} else if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT) {
			return false;
		}
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

static bool
announce(struct announcement *announcement, struct cv_error *err)
{
	enum cv_verdict verdict;
	const char *detail;
	bool is_refused;

	if (!cv_pool_borrow(cv_service_pool(announcement->service), &announcement->connection, err))
		return false;
	if (!cv_presenter_identify(announcement->service, &announcement->connection,
		announcement->evidence, &announcement->presenter, &is_refused, &verdict, &detail,
		err))
		return false;
	if (is_refused)
		return settle_refused(announcement, verdict);
	return attempt_until_settled(announcement, err);
}

bool
cv_announce(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, const char *pem, size_t pem_len, const char *request_id,
    enum cv_announcement_outcome *ret_outcome, enum cv_verdict *ret_verdict, struct cv_error *err)
{
	AUTO_ANNOUNCEMENT struct announcement announcement = {
	    .service = service, .evidence = evidence, .request_id = request_id};
	enum cv_key_outcome key;

	*ret_verdict = sight->verdict;
	if (!cv_public_key_parse_pem(pem, pem_len, &key, &announcement.key, err))
		return false;
	if (key != CV_KEY_USABLE) {
		*ret_outcome = CV_ANNOUNCEMENT_MALFORMED;
		return true;
	}
	if (!announce(&announcement, err))
		return false;
	*ret_outcome = announcement.outcome;
	if (announcement.outcome == CV_ANNOUNCEMENT_REFUSED)
		*ret_verdict = announcement.verdict;
	return true;
}
