#include "cv/service/announcement.h"

#include <stdio.h>

#include "cv/pki/public_key.h"
#include "cv/util/log.h"

#include "device_write_internal.h"

/* One announcement under way. */
struct announcement {
	const struct cv_public_key *key;
	enum cv_announcement_outcome outcome;
	char after[128]; /* for the audit */
};

static bool
settle(struct announcement *announcement, enum cv_announcement_outcome outcome)
{
	announcement->outcome = outcome;
	return true;
}

static void
note_event(const struct cv_device_write *write, const char *kind, const struct cv_public_key *key)
{
	const struct cv_event_origin origin = {
	    .actor = write->evidence->actor, .request_id = write->request_id};

	cv_service_note_event(
	    write->service, &write->presenter.party, kind, cv_public_key_id(key), &origin);
}

static void
note_key_in_use(const struct cv_device_write *write, const struct announcement *announcement)
{
	const struct cv_party *party = &write->presenter.party;

	cv_log(CV_LOG_WARNING, "key-in-use", "another device proved this key before",
	    CV_LOG_TEXT("request_id", write->request_id), CV_LOG_TEXT("factory", party->factory),
	    CV_LOG_TEXT("device", party->device));
	note_event(write, "key-in-use", announcement->key);
}

/* True when the key may be announced and is not yet; otherwise the outcome is settled. */
static bool
may_announce(const struct cv_device_write *write, struct announcement *announcement,
    const struct cv_device_record *record)
{
	if (record->named.is_of_another) {
		note_key_in_use(write, announcement);
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
		note_event(write, "key-reused", announcement->key);
		return !settle(announcement, CV_ANNOUNCEMENT_KEY_ENDED);
	case CV_KEY_UNKNOWN:
	case CV_KEY_ASKED:
		break;
	}
	if (cv_service_key_refusal(write->service, write->presenter.realm,
		write->presenter.party.factory, announcement->key))
		return !settle(announcement, CV_ANNOUNCEMENT_MALFORMED);
	return true;
}

static bool
edit(struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	struct announcement *announcement = write->context;
	const struct cv_digest *key = cv_public_key_id(announcement->key);
	char hex[CV_DIGEST_HEX_SIZE];

	if (!may_announce(write, announcement, cv_device_change_record(change)))
		return false;
	announcement->outcome = CV_ANNOUNCEMENT_DONE;
	cv_digest_format(key, hex);
	snprintf(
	    announcement->after, sizeof(announcement->after), "{\"announced_key\":\"%s\"}", hex);
	note->kind = "announced";
	note->after_json = announcement->after;
	cv_device_change_announce_key(change, key, cv_public_key_spki(announcement->key));
	return true;
}

bool
cv_announce(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, const char *pem, size_t pem_len, const char *request_id,
    enum cv_announcement_outcome *ret_outcome, enum cv_verdict *ret_verdict, struct cv_error *err)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	enum cv_key_outcome outcome;

	*ret_verdict = sight->verdict;
	if (!cv_public_key_parse_pem(pem, pem_len, &outcome, &key, err))
		return false;
	if (outcome != CV_KEY_USABLE) {
		*ret_outcome = CV_ANNOUNCEMENT_MALFORMED;
		return true;
	}
	struct announcement announcement = {.key = key};
	CV_AUTO_DEVICE_WRITE struct cv_device_write write = {
	    .service = service,
	    .evidence = evidence,
	    .request_id = request_id,
	    .named_key = cv_public_key_id(key),
	    .edit = edit,
	    .context = &announcement,
	};
	if (!cv_device_write(&write, err))
		return false;
	if (write.has_written)
		cv_service_counters(service)->announced++;
	*ret_outcome = write.is_refused     ? CV_ANNOUNCEMENT_REFUSED
		       : write.is_too_often ? CV_ANNOUNCEMENT_BUSY
					    : announcement.outcome;
	if (write.is_refused)
		*ret_verdict = write.verdict;
	return true;
}
