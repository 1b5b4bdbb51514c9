#include "cv/service/decision.h"

static struct cv_decision
decide(enum cv_verdict verdict, enum cv_step step)
{
	return (struct cv_decision){.verdict = verdict, .step = step};
}

static struct cv_decision
refuse(enum cv_verdict verdict)
{
	return decide(verdict, CV_STEP_NONE);
}

/* A certificate that claims our own authority and is not recorded was never sent: our key may be
 * abused. */
static struct cv_decision
raise_alarm(void)
{
	struct cv_decision decision = refuse(CV_VERDICT_UNKNOWN);

	decision.is_alarm = true;
	return decision;
}

static bool
is_vouched_for(const struct cv_presented *presented)
{
	return presented->has_authority && presented->authority_kind != CV_AUTHORITY_ROOT &&
	       presented->authority_kind != CV_AUTHORITY_BOOTSTRAP;
}

static bool
is_current(const struct cv_device_record *record)
{
	return record->presented.state == CV_KEY_CURRENT;
}

/* Only the current key, whose owner is in no doubt, may come late. */
static bool
is_expired(const struct cv_presented *presented, const struct cv_device_record *record,
    const struct cv_decision_policy *policy)
{
	if (record->now_utc <= presented->not_after_utc)
		return false;
	return !is_current(record) ||
	       record->now_utc > presented->not_after_utc + policy->expired_grace_seconds;
}

/* A group's setting goes before that of its factory. */
static bool
announce_is_implied(const struct cv_device_record *record, const struct cv_decision_policy *policy)
{
	switch (record->group_announce) {
	case CV_ANNOUNCE_OF_FACTORY:
		return policy->announce_is_implied;
	case CV_ANNOUNCE_EXPLICIT:
		return false;
	case CV_ANNOUNCE_IMPLIED:
		return true;
	}
	return false;
}

static bool
is_pending(const struct cv_device_record *record, const struct cv_decision_policy *policy)
{
	const struct cv_key_view *key = &record->presented;

	if (!key->is_asked_by_current)
		return false;
	return key->state == CV_KEY_ANNOUNCED ||
	       (key->state == CV_KEY_ASKED && announce_is_implied(record, policy));
}

static bool
may_move(const struct cv_presented *presented)
{
	return presented->may_activate && presented->evidence != CV_EVIDENCE_NAME;
}

/* Only what we issue ourselves is known by its name. */
static bool
is_known_enough(const struct cv_presented *presented)
{
	return presented->evidence != CV_EVIDENCE_NAME ||
	       presented->authority_kind == CV_AUTHORITY_ONLINE;
}

static struct cv_decision
decide_current(const struct cv_presented *presented, const struct cv_device_record *record)
{
	/* It was registered by its certificate alone, and another device proved it first. */
	if (record->presented.is_of_another)
		return refuse(CV_VERDICT_KEY_IN_USE);
	if (!record->certificate_is_known && presented->is_full && may_move(presented) &&
	    record->current_certificates < CV_RECORDED_MAX)
		return decide(CV_VERDICT_OK, CV_STEP_RECORD);
	/* A name is no sight. */
	if ((record->is_seen && !record->is_cleared) || presented->evidence == CV_EVIDENCE_NAME)
		return decide(CV_VERDICT_OK, CV_STEP_NONE);
	return decide(CV_VERDICT_OK, CV_STEP_MARK_SEEN);
}

/* A gateway that may not activate leaves the key waiting until it is seen elsewhere. */
static struct cv_decision
decide_pending(const struct cv_presented *presented, const struct cv_device_record *record)
{
	if (record->presented.is_of_another)
		return refuse(CV_VERDICT_KEY_IN_USE);
	/* It was named, which takes it from nobody; by now it is another's, or known to others. */
	if (presented->key_refusal)
		return refuse(CV_VERDICT_BAD_CERTIFICATE);
	if (!may_move(presented))
		return refuse(CV_VERDICT_UNAVAILABLE);
	return decide(CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE);
}

static struct cv_decision
decide_first_contact(const struct cv_presented *presented, const struct cv_device_record *record,
    const struct cv_decision_policy *policy)
{
	if (!policy->registers_first_contact || !presented->is_full)
		return refuse(CV_VERDICT_UNKNOWN);
	if (presented->authority_state != CV_AUTHORITY_TRUSTED)
		return refuse(CV_VERDICT_AUTHORITY_REFUSED);
	if (presented->key_refusal)
		return refuse(CV_VERDICT_BAD_CERTIFICATE);
	if (record->presented.is_of_another)
		return refuse(CV_VERDICT_KEY_IN_USE);
	if (!presented->may_activate)
		return refuse(CV_VERDICT_UNAVAILABLE);
	return decide(CV_VERDICT_REGISTERED, CV_STEP_FIRST_CONTACT);
}

struct cv_decision
cv_decide(const struct cv_presented *presented, const struct cv_device_record *record,
    const struct cv_decision_policy *policy)
{
	struct cv_decision decision;

	if (!presented->slot_is_accepted)
		return refuse(CV_VERDICT_UNKNOWN);
	if (!is_vouched_for(presented) || !is_known_enough(presented))
		return refuse(CV_VERDICT_UNKNOWN);
	if (presented->authority_state == CV_AUTHORITY_REVOKED)
		return refuse(CV_VERDICT_AUTHORITY_REFUSED);
	if (presented->not_before_utc > record->now_utc + policy->skew_seconds)
		return refuse(CV_VERDICT_NOT_YET_VALID);
	if (is_expired(presented, record, policy))
		return refuse(CV_VERDICT_EXPIRED);
	if (record->certificate_is_revoked)
		return refuse(CV_VERDICT_DENIED);
	if (cv_key_state_is_denied(record->presented.state) &&
	    record->presented.talks_until_utc <= record->now_utc)
		return refuse(CV_VERDICT_DENIED);
	if (record->exists && record->device_state != CV_DEVICE_OK)
		return refuse(CV_VERDICT_DEVICE_REFUSED);
	if (record->presented.state == CV_KEY_RETIRED)
		return decide(CV_VERDICT_TALKS, CV_STEP_NONE);
	if (presented->authority_kind == CV_AUTHORITY_ONLINE && !record->certificate_is_known)
		return raise_alarm();
	if (is_current(record))
		return decide_current(presented, record);
	if (is_pending(record, policy))
		return decide_pending(presented, record);
	if (!record->exists)
		return decide_first_contact(presented, record, policy);
	decision = refuse(CV_VERDICT_THIRD_KEY);
	decision.key_was_asked =
	    record->presented.state == CV_KEY_ASKED && record->presented.is_asked_by_current;
	return decision;
}
