/* The decision, row by row: each refusal next to the acceptance that it nearly was. */
#include "cv/service/decision.h"

#include <criterion/criterion.h>

#define NOW 1000000
#define DAY 86400

/* The current key of a device that was seen, with a recorded certificate of an offline authority.
 */
static const struct cv_presented usual_presented = {
    .evidence = CV_EVIDENCE_CERTIFICATE,
    .has_authority = true,
    .authority_kind = CV_AUTHORITY_OFFLINE,
    .authority_state = CV_AUTHORITY_TRUSTED,
    .not_before_utc = NOW - DAY,
    .not_after_utc = NOW + DAY,
    .is_full = true,
    .may_activate = true,
    .slot_is_accepted = true,
};
static const struct cv_device_record usual_record = {
    .now_utc = NOW,
    .exists = true,
    .device_state = CV_DEVICE_OK,
    .is_seen = true,
    .has_slot = true,
    .version = 3,
    .has_current = true,
    .current_certificates = 1,
    .presented = {.state = CV_KEY_CURRENT},
    .certificate_is_known = true,
};
static const struct cv_decision_policy usual_policy = {
    .registers_first_contact = true,
    .skew_seconds = 300,
};

struct situation {
	struct cv_presented presented;
	struct cv_device_record record;
	struct cv_decision_policy policy;
};

struct row {
	const char *name;
	void (*set)(struct situation *s); /* NULL: the usual situation */
	enum cv_verdict verdict;
	enum cv_step step;
};

/* Rows of a table stand alone: each starts from `base`, which may be NULL. */
static void
expect_rows(void (*base)(struct situation *s), const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct situation s = {usual_presented, usual_record, usual_policy};
		struct cv_decision decision;

		if (base)
			base(&s);
		if (rows[i].set)
			rows[i].set(&s);
		decision = cv_decide(&s.presented, &s.record, &s.policy);
		cr_expect_eq(decision.verdict, rows[i].verdict, "%s: %s", rows[i].name,
		    cv_verdict_name(decision.verdict));
		cr_expect_eq(
		    decision.step, rows[i].step, "%s: step %d", rows[i].name, (int)decision.step);
	}
}

#define EXPECT_ROWS(base, rows) expect_rows(base, rows, sizeof(rows) / sizeof((rows)[0]))
/* A row whose name is its change. */
#define CHANGE(name, statements)                                                                   \
	static void name(struct situation *s)                                                      \
	{                                                                                          \
		statements;                                                                        \
	}
#define ROW(change, verdict, step)                                                                 \
	{                                                                                          \
#change, change, verdict, step                                                     \
	}

/* ---- evidence ---- */

CHANGE(only_a_name, s->presented.evidence = CV_EVIDENCE_NAME; s->presented.is_full = false;
       s->presented.authority_kind = CV_AUTHORITY_ONLINE)
CHANGE(name_of_another_authority, only_a_name(s);
       s->presented.authority_kind = CV_AUTHORITY_OFFLINE)
CHANGE(a_sha1, s->presented.evidence = CV_EVIDENCE_SHA1; s->presented.is_full = false)
CHANGE(a_fingerprint, s->presented.evidence = CV_EVIDENCE_FINGERPRINT; s->presented.is_full = false)
CHANGE(own_handshake, s->presented.evidence = CV_EVIDENCE_HANDSHAKE)
CHANGE(other_slot, s->presented.slot_is_accepted = false)

Test(decision, evidence_comes_first)
{
	static const struct row rows[] = {
	    {"usual", NULL, CV_VERDICT_OK, CV_STEP_NONE},
	    ROW(a_fingerprint, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(own_handshake, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(a_sha1, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(only_a_name, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(name_of_another_authority, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(other_slot, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

/* ---- authority ---- */

CHANGE(no_authority, s->presented.has_authority = false)
CHANGE(of_a_root, s->presented.authority_kind = CV_AUTHORITY_ROOT)
CHANGE(of_a_bootstrap, s->presented.authority_kind = CV_AUTHORITY_BOOTSTRAP)
CHANGE(of_ours, s->presented.authority_kind = CV_AUTHORITY_ONLINE)
CHANGE(of_a_disabled, s->presented.authority_state = CV_AUTHORITY_DISABLED)
CHANGE(of_a_revoked, s->presented.authority_state = CV_AUTHORITY_REVOKED)
CHANGE(of_a_revoked_and_expired, s->presented.authority_state = CV_AUTHORITY_REVOKED;
       s->presented.not_after_utc = NOW - 1)

Test(decision, authority_must_vouch)
{
	static const struct row rows[] = {
	    ROW(of_ours, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(no_authority, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(of_a_root, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(of_a_bootstrap, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(of_a_disabled, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(of_a_revoked, CV_VERDICT_AUTHORITY_REFUSED, CV_STEP_NONE),
	    ROW(of_a_revoked_and_expired, CV_VERDICT_AUTHORITY_REFUSED, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

/* ---- dates ---- */

CHANGE(begins_within_skew, s->presented.not_before_utc = NOW + 300)
CHANGE(begins_after_skew, s->presented.not_before_utc = NOW + 301)
CHANGE(ends_now, s->presented.not_after_utc = NOW)
CHANGE(ended, s->presented.not_after_utc = NOW - 1)
CHANGE(ended_within_grace, s->presented.not_after_utc = NOW - DAY;
       s->policy.expired_grace_seconds = DAY)
CHANGE(ended_after_grace, s->presented.not_after_utc = NOW - DAY - 1;
       s->policy.expired_grace_seconds = DAY)
CHANGE(announced_ended_within_grace, ended_within_grace(s);
       s->record.presented.state = CV_KEY_ANNOUNCED; s->record.presented.is_asked_by_current = true)
CHANGE(revoked_ended_within_grace, ended_within_grace(s); s->record.certificate_is_revoked = true)
CHANGE(revoked_ended, ended(s); s->record.certificate_is_revoked = true)

Test(decision, dates_with_skew_and_grace)
{
	static const struct row rows[] = {
	    ROW(begins_within_skew, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(begins_after_skew, CV_VERDICT_NOT_YET_VALID, CV_STEP_NONE),
	    ROW(ends_now, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(ended, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	    ROW(ended_within_grace, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(ended_after_grace, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	    ROW(announced_ended_within_grace, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	    ROW(revoked_ended_within_grace, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(revoked_ended, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

/* ---- denials ---- */

CHANGE(certificate_revoked, s->record.certificate_is_revoked = true)
CHANGE(retired_key, s->record.presented.state = CV_KEY_RETIRED)
CHANGE(discarded_key, s->record.presented.state = CV_KEY_DISCARDED)
CHANGE(compromised_key, s->record.presented.state = CV_KEY_COMPROMISED)
CHANGE(retired_key_in_grace, retired_key(s); s->record.presented.talks_until_utc = NOW + 1)
CHANGE(retired_key_after_grace, retired_key(s); s->record.presented.talks_until_utc = NOW)
CHANGE(revoked_certificate_in_grace, retired_key_in_grace(s);
       s->record.certificate_is_revoked = true)
CHANGE(held_in_grace, retired_key_in_grace(s); s->record.device_state = CV_DEVICE_HELD)
CHANGE(held_and_discarded, discarded_key(s); s->record.device_state = CV_DEVICE_HELD)

Test(decision, denials)
{
	static const struct row rows[] = {
	    ROW(certificate_revoked, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(discarded_key, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(compromised_key, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(retired_key, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(retired_key_in_grace, CV_VERDICT_TALKS, CV_STEP_NONE),
	    ROW(retired_key_after_grace, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(revoked_certificate_in_grace, CV_VERDICT_DENIED, CV_STEP_NONE),
	    ROW(held_in_grace, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	    ROW(held_and_discarded, CV_VERDICT_DENIED, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

/* ---- device ---- */

CHANGE(held, s->record.device_state = CV_DEVICE_HELD)
CHANGE(deleted, s->record.device_state = CV_DEVICE_DELETED)
CHANGE(revoked, s->record.device_state = CV_DEVICE_REVOKED)
CHANGE(held_and_announced, held(s); s->record.presented.state = CV_KEY_ANNOUNCED;
       s->record.presented.is_asked_by_current = true)
CHANGE(deleted_and_unknown, deleted(s); s->record.presented.state = CV_KEY_UNKNOWN)

Test(decision, device_state)
{
	static const struct row rows[] = {
	    ROW(held, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	    ROW(deleted, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	    ROW(revoked, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	    ROW(held_and_announced, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	    ROW(deleted_and_unknown, CV_VERDICT_DEVICE_REFUSED, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

/* ---- the current key ---- */

CHANGE(not_seen, s->record.is_seen = false)
CHANGE(not_seen_by_name, not_seen(s); only_a_name(s))
CHANGE(not_seen_by_sha1, not_seen(s); a_sha1(s))
CHANGE(unrecorded, s->record.certificate_is_known = false)
CHANGE(unrecorded_by_fingerprint, unrecorded(s); s->presented.is_full = false)
CHANGE(unrecorded_without_activation, unrecorded(s); s->presented.may_activate = false)
CHANGE(unrecorded_last_place, unrecorded(s); s->record.current_certificates = CV_RECORDED_MAX - 1)
CHANGE(unrecorded_without_place, unrecorded(s); s->record.current_certificates = CV_RECORDED_MAX)
CHANGE(unrecorded_with_a_known_key, unrecorded(s); s->presented.key_refusal = "known")
CHANGE(unrecorded_of_ours, unrecorded(s); of_ours(s))
CHANGE(proved_by_another, s->record.presented.is_of_another = true)
CHANGE(proved_by_another_not_seen, not_seen(s); proved_by_another(s))
CHANGE(proved_by_another_by_name, not_seen_by_name(s); proved_by_another(s))
CHANGE(proved_by_another_unrecorded, unrecorded(s); proved_by_another(s))

Test(decision, current_key)
{
	static const struct row rows[] = {
	    ROW(not_seen, CV_VERDICT_OK, CV_STEP_MARK_SEEN),
	    ROW(not_seen_by_sha1, CV_VERDICT_OK, CV_STEP_MARK_SEEN),
	    ROW(not_seen_by_name, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(unrecorded, CV_VERDICT_OK, CV_STEP_RECORD),
	    ROW(unrecorded_by_fingerprint, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(unrecorded_without_activation, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(unrecorded_with_a_known_key, CV_VERDICT_OK, CV_STEP_RECORD),
	    ROW(unrecorded_last_place, CV_VERDICT_OK, CV_STEP_RECORD),
	    ROW(unrecorded_without_place, CV_VERDICT_OK, CV_STEP_NONE),
	    ROW(unrecorded_of_ours, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(proved_by_another, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	    ROW(proved_by_another_not_seen, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	    ROW(proved_by_another_by_name, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	    ROW(proved_by_another_unrecorded, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	};

	EXPECT_ROWS(NULL, rows);
}

Test(decision, only_an_unrecorded_certificate_of_ours_is_an_alarm)
{
	struct situation s = {usual_presented, usual_record, usual_policy};

	unrecorded_of_ours(&s);
	cr_expect(cv_decide(&s.presented, &s.record, &s.policy).is_alarm);
	s.record.certificate_is_known = true;
	cr_expect_not(cv_decide(&s.presented, &s.record, &s.policy).is_alarm);
	s.record.certificate_is_known = false;
	s.presented.authority_kind = CV_AUTHORITY_OFFLINE;
	cr_expect_not(cv_decide(&s.presented, &s.record, &s.policy).is_alarm);
}

/* ---- announced and asked keys ---- */

static void
announced_key(struct situation *s)
{
	s->record.presented.state = CV_KEY_ANNOUNCED;
	s->record.presented.is_asked_by_current = true;
	s->record.announced_count = 1;
}

CHANGE(as_announced, (void)s)
CHANGE(by_fingerprint, a_fingerprint(s))
CHANGE(without_activation, s->presented.may_activate = false)
CHANGE(of_another_device, s->record.presented.is_of_another = true)
CHANGE(with_a_known_key, s->presented.key_refusal = "known")
CHANGE(not_by_the_current_key, s->record.presented.is_asked_by_current = false)
CHANGE(only_asked, s->record.presented.state = CV_KEY_ASKED)
CHANGE(only_asked_where_implied, only_asked(s); s->policy.announce_is_implied = true)
CHANGE(only_asked_in_an_implied_group, only_asked(s);
       s->record.group_announce = CV_ANNOUNCE_IMPLIED)
CHANGE(only_asked_in_an_explicit_group, only_asked_where_implied(s);
       s->record.group_announce = CV_ANNOUNCE_EXPLICIT)
CHANGE(only_asked_in_a_group_that_leaves_it, only_asked_where_implied(s);
       s->record.group_announce = CV_ANNOUNCE_OF_FACTORY)
CHANGE(asked_by_an_older_key_where_implied, only_asked_where_implied(s);
       s->record.presented.is_asked_by_current = false)
CHANGE(unknown_key, s->record.presented.state = CV_KEY_UNKNOWN;
       s->record.presented.is_asked_by_current = false)
CHANGE(unknown_key_where_implied, unknown_key(s); s->policy.announce_is_implied = true)

Test(decision, pending_keys)
{
	static const struct row rows[] = {
	    ROW(as_announced, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	    ROW(by_fingerprint, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	    ROW(without_activation, CV_VERDICT_UNAVAILABLE, CV_STEP_NONE),
	    ROW(of_another_device, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	    ROW(with_a_known_key, CV_VERDICT_BAD_CERTIFICATE, CV_STEP_NONE),
	    ROW(not_by_the_current_key, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(only_asked, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(only_asked_where_implied, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	    ROW(only_asked_in_an_implied_group, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	    ROW(only_asked_in_an_explicit_group, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(only_asked_in_a_group_that_leaves_it, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	    ROW(asked_by_an_older_key_where_implied, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(unknown_key, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(unknown_key_where_implied, CV_VERDICT_THIRD_KEY, CV_STEP_NONE),
	    ROW(ended, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	    ROW(of_a_disabled, CV_VERDICT_ACTIVATED, CV_STEP_ACTIVATE),
	};

	EXPECT_ROWS(announced_key, rows);
}

Test(decision, a_third_key_that_was_asked_for_is_told_apart)
{
	struct situation s = {usual_presented, usual_record, usual_policy};

	announced_key(&s);
	only_asked(&s);
	cr_expect(cv_decide(&s.presented, &s.record, &s.policy).key_was_asked);
	s.record.presented.is_asked_by_current = false;
	cr_expect_not(cv_decide(&s.presented, &s.record, &s.policy).key_was_asked);
	unknown_key(&s);
	cr_expect_not(cv_decide(&s.presented, &s.record, &s.policy).key_was_asked);
}

/* ---- first contact ---- */

static void
no_record(struct situation *s)
{
	s->record = (struct cv_device_record){.now_utc = NOW};
}

CHANGE(as_unknown, (void)s)
CHANGE(where_refused, s->policy.registers_first_contact = false)
CHANGE(not_full, s->presented.is_full = false)

Test(decision, first_contact)
{
	static const struct row rows[] = {
	    ROW(as_unknown, CV_VERDICT_REGISTERED, CV_STEP_FIRST_CONTACT),
	    ROW(own_handshake, CV_VERDICT_REGISTERED, CV_STEP_FIRST_CONTACT),
	    ROW(where_refused, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(not_full, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(of_a_disabled, CV_VERDICT_AUTHORITY_REFUSED, CV_STEP_NONE),
	    ROW(with_a_known_key, CV_VERDICT_BAD_CERTIFICATE, CV_STEP_NONE),
	    ROW(of_another_device, CV_VERDICT_KEY_IN_USE, CV_STEP_NONE),
	    ROW(without_activation, CV_VERDICT_UNAVAILABLE, CV_STEP_NONE),
	    ROW(of_ours, CV_VERDICT_UNKNOWN, CV_STEP_NONE),
	    ROW(begins_after_skew, CV_VERDICT_NOT_YET_VALID, CV_STEP_NONE),
	    ROW(ended_within_grace, CV_VERDICT_EXPIRED, CV_STEP_NONE),
	};

	EXPECT_ROWS(no_record, rows);
}
