#include "enrolment_internal.h"
#include "issuance_internal.h"

#include <stddef.h>
#include <string.h>

#include "cv/util/combiner.h"

#define TOGETHER_MAX CV_RENEWALS_TOGETHER
#define ALONE_MS 400 /* that were spent together leave no time to try again alone */

struct reenrolment {
	struct enrolment base; /* first, so that an attempt finds its way back */
	struct cv_presenter presenter;
	struct cv_combiner_item item; /* while it is renewed together with others */
	bool is_settled;              /* that decided it */
	bool has_failed;              /* or the database was away, and is not waited for again */
	struct cv_error failure;
	struct cv_status_row status; /* of the certificate, as memory is to have it */
};

static void
reenrolment_deinit(struct reenrolment *reenrolment)
{
	cv_presenter_deinit(&reenrolment->presenter);
	cv_enrolment_deinit(&reenrolment->base);
}
#define AUTO_REENROLMENT __attribute__((cleanup(reenrolment_deinit)))

/* RFC 7030 section 4.2.2: subject and subjectAltName identical to those of the certificate being
 * renewed. */
static bool
check_names(struct reenrolment *reenrolment)
{
	struct enrolment *enrolment = &reenrolment->base;
	const struct cv_certificate *old = reenrolment->presenter.certificate;
	const struct cv_csr *csr = enrolment->csr;

	if (!cv_bytes_equal(csr->subject, old->subject))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_SUBJECT_MISMATCH,
		    "the subject differs from that of the certificate");
	if (csr->san.len == 0 && enrolment->request->inherits_san)
		return true;
	if (!cv_bytes_equal(csr->san, old->san))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_SAN_MISMATCH,
		    "the subjectAltName differs from that of the certificate");
	return true;
}

static bool
check_presented(struct reenrolment *reenrolment, const struct cv_device_record *record)
{
	struct enrolment *enrolment = &reenrolment->base;
	struct cv_decision decision =
	    cv_decide(&reenrolment->presenter.presented, record, &reenrolment->presenter.policy);

	if (decision.verdict == CV_VERDICT_TALKS)
		return cv_enrolment_refuse_verdict(
		    enrolment, CV_VERDICT_DENIED, "a replaced key may not enrol");
	if (!cv_verdict_is_allowed(decision.verdict))
		return cv_enrolment_refuse_verdict(enrolment, decision.verdict, NULL);
	enrolment->must_repeat = decision.step != CV_STEP_NONE;
	return true;
}

static bool
is_late(const struct reenrolment *reenrolment, const struct cv_device_record *record)
{
	return record->now_utc > reenrolment->presenter.presented.not_after_utc;
}

static bool
is_rekey(const struct reenrolment *reenrolment)
{
	return !cv_digest_equal(
	    cv_public_key_id(cv_enrolment_key(&reenrolment->base)), &reenrolment->presenter.key_id);
}

/* Who renews late could not announce: the request is the announcement. */
static void
announce_late(struct reenrolment *reenrolment, struct cv_device_change *change)
{
	const struct cv_public_key *key = cv_enrolment_key(&reenrolment->base);

	if (is_rekey(reenrolment) && is_late(reenrolment, cv_device_change_record(change)))
		cv_device_change_announce_too(
		    change, cv_public_key_id(key), cv_public_key_spki(key));
}

/* The same request again: the same certificate; a late one still announces its key. */
static bool
repeat(struct reenrolment *reenrolment, struct cv_device_change *change)
{
	struct enrolment *enrolment = &reenrolment->base;
	const struct cv_device_record *record = cv_device_change_record(change);

	if (is_late(reenrolment, record) && record->named.state == CV_KEY_ASKED) {
		announce_late(reenrolment, change);
		cv_enrolment_write_announcement(enrolment, enrolment->request->evidence->actor);
	}
	return cv_enrolment_refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
}

/* A renewal adds a certificate and changes nothing else that memory holds of the slot. */
static void
note_status(struct reenrolment *reenrolment, const struct cv_device_record *record)
{
	const struct enrolment *enrolment = &reenrolment->base;
	const struct cv_certificate_row *row = &enrolment->row;
	struct cv_status_row *status = &reenrolment->status;

	*status = (struct cv_status_row){
	    .party = reenrolment->presenter.party,
	    .version = record->version + 1,
	    .is_seen = record->is_seen && !record->is_cleared,
	    .fingerprint = row->fingerprint,
	    .serial_len = row->serial.len,
	    .key_state = CV_KEY_CURRENT,
	    .not_before_utc = row->not_before_utc,
	    .not_after_utc = row->not_after_utc,
	};
	/* As slot_key_ask.sql writes it. */
	if (is_rekey(reenrolment))
		status->key_state =
		    record->named.state == CV_KEY_UNKNOWN ? CV_KEY_ASKED : record->named.state;
	memcpy(status->sha1, row->sha1, sizeof(status->sha1));
	memcpy(status->serial, row->serial.data, row->serial.len);
	memcpy(status->authority, row->authority, sizeof(status->authority));
}

static bool
issue(struct reenrolment *reenrolment, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;
	const struct cv_public_key *key = cv_enrolment_key(enrolment);

	if (!cv_enrolment_check_issuer(enrolment) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_check_allowance(enrolment, change) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	/* It owed too much when the key was to be claimed, and no longer does. */
	if (!cv_device_change_record(change)->named.is_of_device)
		return cv_fail(err, CV_E_CONFLICT, "the requested key is not claimed yet");
	if (!cv_enrolment_issue(enrolment, change, reenrolment->presenter.certificate->san, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	note_status(reenrolment, cv_device_change_record(change));
	if (is_rekey(reenrolment))
		cv_device_change_ask_key(change, cv_public_key_id(key), cv_public_key_spki(key));
	announce_late(reenrolment, change);
	cv_enrolment_write_note(enrolment, enrolment->certificate,
	    is_rekey(reenrolment) ? "rekeyed" : "renewed", enrolment->request->evidence->actor);
	return true;
}

/* Everything but the commit, for which there is a note when there is something to commit. */
static bool
renew(struct reenrolment *reenrolment, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;
	const struct cv_device_record *record = cv_device_change_record(change);
	bool is_repeat = false;

	if (!check_presented(reenrolment, record) || !cv_enrolment_is_going_on(enrolment) ||
	    !cv_enrolment_check_named_key(enrolment, record) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_find_repeat(
		enrolment, change, reenrolment->presenter.certificate->san, &is_repeat, err))
		return false;
	return is_repeat ? repeat(reenrolment, change) : issue(reenrolment, change, err);
}

/* After the commit; what a late renewal announced must be in memory, too. */
static bool
take_in(
    struct reenrolment *reenrolment, const struct cv_device_record *record, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;

	if (is_late(reenrolment, record))
		return cv_service_take_change(
		    enrolment->service, enrolment->connection, &enrolment->answer->party, err);
	cv_index_add(cv_service_index(enrolment->service), &reenrolment->status);
	return true;
}

static struct cv_record_query
query_of(const struct reenrolment *reenrolment)
{
	const struct enrolment *enrolment = &reenrolment->base;
	struct cv_record_query query = cv_presenter_query(enrolment->service,
	    &reenrolment->presenter, cv_public_key_id(cv_enrolment_key(enrolment)),
	    cv_enrolment_replay_digest(enrolment));

	query.claims_within_debt = true;
	query.claim_debt_max_seconds =
	    cv_issuance_debt_max(cv_service_settings(enrolment->service));
	query.label = cv_enrolment_replay_label(enrolment);
	return query;
}

static bool
attempt_reenrolment(struct enrolment *enrolment, struct cv_error *err)
{
	struct reenrolment *reenrolment = (struct reenrolment *)enrolment;
	struct cv_record_query query = query_of(reenrolment);
	/* What cannot be issued claims no key. */
	struct cv_change_options options = {
	    .proved_keys = {enrolment->issuer ? query.named_key : NULL}};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_enrolment_connect(enrolment, err) ||
	    !cv_device_change_begin(enrolment->connection, &query, &options, &change, err) ||
	    !renew(reenrolment, change, err))
		return false;
	if (!enrolment->note.kind)
		return true;
	if (!cv_device_change_commit(change, &enrolment->note, NULL, err))
		return false;
	if (cv_enrolment_is_going_on(enrolment))
		cv_enrolment_take_issued(enrolment, CV_ISSUE_RENEWAL);
	return take_in(reenrolment, cv_device_change_record(change), err);
}

/* ---- together ---- */

/*
 * A fleet that renews at once: one transaction serves all that wait. It takes those that need
 * nothing but a decision and a certificate; whatever else turns up (a device that somebody else
 * holds, a late renewal, a failure) stays unsettled and is attempted alone.
 */
struct company {
	size_t count;
	struct reenrolment *members[TOGETHER_MAX];
	struct cv_record_query queries[TOGETHER_MAX];
};

static bool
has_device(const struct company *company, const struct cv_party *party)
{
	for (size_t i = 0; i < company->count; i++) {
		const struct cv_party *other = company->queries[i].party;

		if (strcmp(other->device, party->device) == 0 &&
		    strcmp(other->factory, party->factory) == 0)
			return true;
	}
	return false;
}

static void
gather(struct cv_combiner_item *const *items, size_t count, struct company *ret_company)
{
	ret_company->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct reenrolment *member =
		    (struct reenrolment *)(void *)((char *)items[i] -
						   offsetof(struct reenrolment, item));

		if (has_device(ret_company, &member->presenter.party))
			continue;
		ret_company->members[ret_company->count] = member;
		ret_company->queries[ret_company->count++] = query_of(member);
	}
}

/* true: the change is to be committed. A refusal is settled here and now. */
static bool
renew_member(struct reenrolment *member, struct cv_device_change *change)
{
	struct enrolment *enrolment = &member->base;
	struct cv_error ignored = CV_ERROR_INIT;

	cv_enrolment_begin_attempt(enrolment);
	if (is_late(member, cv_device_change_record(change)) || !renew(member, change, &ignored) ||
	    enrolment->must_repeat)
		return false;
	if (cv_enrolment_is_going_on(enrolment)) {
		cv_device_change_note(change, &enrolment->note);
		return true;
	}
	member->is_settled = true;
	return false;
}

static bool
renew_company(struct company *company, struct cv_connection *connection, struct cv_error *err)
{
	CV_AUTO(cv_change_set) struct cv_change_set *set = NULL;
	struct reenrolment *renewed[TOGETHER_MAX];
	size_t count = 0;

	if (!cv_change_set_begin(connection, company->queries, company->count, &set, err))
		return false;
	for (size_t i = 0; i < company->count; i++) {
		struct cv_device_change *change = cv_change_set_change(set, i);

		if (change && renew_member(company->members[i], change))
			renewed[count++] = company->members[i];
	}
	if (count == 0)
		return true;
	if (!cv_change_set_commit(set, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		cv_enrolment_take_issued(&renewed[i]->base, CV_ISSUE_RENEWAL);
		cv_index_add(cv_service_index(renewed[i]->base.service), &renewed[i]->status);
		renewed[i]->is_settled = true;
	}
	return true;
}

/* Each would wait alone as long as all did. What failed quickly may be the fault of one. */
static bool
is_out_of_time(const struct cv_error *err, int64_t began_ms)
{
	return (err->code == CV_E_DATABASE || err->code == CV_E_BUSY) &&
	       cv_clock_boot_ms(cv_clock_system()) - began_ms >= ALONE_MS;
}

static void
fail_company(struct company *company, const struct cv_error *err)
{
	for (size_t i = 0; i < company->count; i++) {
		company->members[i]->has_failed = !company->members[i]->is_settled;
		company->members[i]->failure = *err;
	}
}

void
cv_reenrol_together(struct cv_combiner_item *const *items, size_t count)
{
	struct company company;
	struct cv_connection *connection = NULL;
	struct cv_error err = CV_ERROR_INIT;
	int64_t began_ms = cv_clock_boot_ms(cv_clock_system());
	struct cv_pool *pool;

	gather(items, count, &company);
	pool = cv_service_pool(company.members[0]->base.service);
	if ((!cv_pool_borrow(pool, &connection, &err) ||
		!renew_company(&company, connection, &err)) &&
	    is_out_of_time(&err, began_ms))
		fail_company(&company, &err);
	cv_pool_return(connection);
}

static bool
judge_again(struct enrolment *enrolment, struct cv_error *err)
{
	struct cv_sight sight;
	struct cv_error judge_error = CV_ERROR_INIT;

	cv_sight_judge(enrolment->service, enrolment->request->evidence, &sight, &judge_error);
	if (sight.verdict == CV_VERDICT_UNAVAILABLE) {
		*err = judge_error;
		return false;
	}
	if (!cv_verdict_is_allowed(sight.verdict)) {
		enrolment->must_repeat = false;
		return cv_enrolment_refuse_verdict(enrolment, sight.verdict, sight.detail);
	}
	return true;
}

static bool
identify_presenter(struct reenrolment *reenrolment, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;
	enum cv_verdict verdict;
	const char *detail;
	bool is_refused;

	if (!cv_presenter_identify(enrolment->service, &enrolment->connection,
		enrolment->request->evidence, &reenrolment->presenter, &is_refused, &verdict,
		&detail, err))
		return false;
	enrolment->answer->party = reenrolment->presenter.party;
	return is_refused ? cv_enrolment_refuse_verdict(enrolment, verdict, detail) : true;
}

/* A repeated answer is for a key that is not presented yet. */
static bool
check_new_key(struct reenrolment *reenrolment)
{
	struct enrolment *enrolment = &reenrolment->base;

	if (enrolment->label->needs_new_key && !enrolment->request->ret_private_key &&
	    cv_digest_equal(cv_public_key_id(enrolment->csr->key), &reenrolment->presenter.key_id))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_KEY_IN_USE, "a new key is needed here");
	return true;
}

static bool
reenrol(struct reenrolment *reenrolment, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;

	if (!cv_enrolment_read_csr(enrolment, err) || !cv_enrolment_judge_csr(enrolment, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!identify_presenter(reenrolment, err))
		return false;
	/* Before the key is claimed: a request that names another device proves nothing for this
	 * one. */
	if (!cv_enrolment_is_going_on(enrolment) || !check_names(reenrolment) ||
	    !cv_enrolment_is_going_on(enrolment) ||
	    !cv_enrolment_choose_factory(enrolment, reenrolment->presenter.party.factory) ||
	    !cv_enrolment_is_going_on(enrolment) || !check_new_key(reenrolment) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_look_ahead(enrolment, NULL, err))
		return false;
	/* All devices are one identity here, and each has its own bound. */
	if (cv_enrolment_is_going_on(enrolment) &&
	    !cv_enrolment_check_approval(
		enrolment, "device", cv_service_settings(enrolment->service)->approvals_max, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_make_key(enrolment, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	/* Who was approved or got a key holds a connection already, which it must not do while
	 * others wait. */
	if (!enrolment->label->needs_approval && !enrolment->generated && enrolment->issuer)
		cv_combiner_join(cv_service_renewals(enrolment->service), &reenrolment->item);
	if (reenrolment->has_failed) {
		*err = reenrolment->failure;
		return false;
	}
	if (reenrolment->is_settled)
		return cv_enrolment_answer_again(enrolment, err);
	return cv_enrolment_attempt_until_settled(enrolment, attempt_reenrolment, judge_again, err);
}

bool
cv_reenrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err)
{
	AUTO_REENROLMENT struct reenrolment reenrolment = {.base = {.service = service}};

	cv_enrolment_start(&reenrolment.base, service, request, ret_answer, ret_der);
	return cv_enrolment_finish(&reenrolment.base, reenrol(&reenrolment, err));
}
