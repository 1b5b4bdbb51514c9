#include "cv/service/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/store/certificate_store.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

#include "cv/service/label_policy.h"

#include "enrolment_internal.h"
#include "issuance_internal.h"

bool
cv_enrolment_is_refusal(enum cv_enrolment_outcome outcome)
{
	return outcome != CV_ENROLMENT_ISSUED && outcome != CV_ENROLMENT_REPEATED &&
	       outcome != CV_ENROLMENT_PENDING;
}

const char *
cv_enrolment_outcome_name(enum cv_enrolment_outcome outcome)
{
	switch (outcome) {
	case CV_ENROLMENT_ISSUED:
		return "issued";
	case CV_ENROLMENT_REPEATED:
		return "repeated";
	case CV_ENROLMENT_BAD_CSR:
		return "bad-csr";
	case CV_ENROLMENT_BAD_SIGNATURE:
		return "bad-signature";
	case CV_ENROLMENT_BAD_EXTENSION:
		return "bad-extension";
	case CV_ENROLMENT_WEAK_KEY:
		return "weak-key";
	case CV_ENROLMENT_BLOCKED_KEY:
		return "blocked-key";
	case CV_ENROLMENT_KEY_IN_USE:
		return "key-in-use";
	case CV_ENROLMENT_SUBJECT_MISMATCH:
		return "subject-mismatch";
	case CV_ENROLMENT_SAN_MISMATCH:
		return "san-mismatch";
	case CV_ENROLMENT_NO_CREDENTIALS:
		return "no-credentials";
	case CV_ENROLMENT_BAD_CREDENTIALS:
		return "bad-credentials";
	case CV_ENROLMENT_NOT_AUTHORISED:
		return "not-authorised";
	case CV_ENROLMENT_REFUSED:
		return "refused";
	case CV_ENROLMENT_POP_MISSING:
		return "pop-missing";
	case CV_ENROLMENT_POP_MISMATCH:
		return "pop-mismatch";
	case CV_ENROLMENT_PENDING:
		return "pending";
	case CV_ENROLMENT_BUSY:
		return "busy";
	case CV_ENROLMENT_NO_ISSUER:
		return "no-issuer";
	case CV_ENROLMENT_TAKEN:
		return "exists";
	case CV_ENROLMENT_BAD_NAME:
		return "bad-name";
	case CV_ENROLMENT_NO_GROUP:
		return "no-group";
	case CV_ENROLMENT_BAD_CERTIFICATE:
		return "bad-certificate";
	}
	return "unknown";
}

/* Asks for nothing beyond what every request is asked for. */
static const struct cv_label plain_label = {
    .enrols = CV_ENROL_DEVICE | CV_ENROL_BOOTSTRAP | CV_ENROL_TOKEN,
    .keys = (1 << CV_KEY_TYPE_COUNT) - 1,
    .extended_key_usage = CV_EXCESS_REFUSE,
};

void
cv_enrolment_deinit(struct enrolment *enrolment)
{
	cv_pool_return(enrolment->connection);
	cv_certificate_free(enrolment->certificate);
	cv_csr_free(enrolment->csr);
	cv_public_key_free(enrolment->generated);
	cv_certificate_free(enrolment->recipient);
	cv_realm_free(enrolment->realm);
}

bool
cv_enrolment_connect(struct enrolment *enrolment, struct cv_error *err)
{
	return enrolment->connection ||
	       cv_pool_borrow(cv_service_pool(enrolment->service), &enrolment->connection, err);
}

bool
cv_enrolment_refuse(
    struct enrolment *enrolment, enum cv_enrolment_outcome outcome, const char *detail)
{
	enrolment->answer->outcome = outcome;
	enrolment->answer->detail = detail;
	return true;
}

bool
cv_enrolment_refuse_verdict(
    struct enrolment *enrolment, enum cv_verdict verdict, const char *detail)
{
	enrolment->answer->verdict = verdict;
	return cv_enrolment_refuse(enrolment, CV_ENROLMENT_REFUSED, detail);
}

bool
cv_enrolment_is_going_on(const struct enrolment *enrolment)
{
	return enrolment->answer->outcome == CV_ENROLMENT_ISSUED && !enrolment->must_repeat;
}

/* ---- the request itself ---- */

const struct cv_public_key *
cv_enrolment_key(const struct enrolment *enrolment)
{
	return enrolment->generated ? enrolment->generated : enrolment->csr->key;
}

const struct cv_digest *
cv_enrolment_replay_digest(const struct enrolment *enrolment)
{
	return enrolment->generated ? NULL : &enrolment->csr->digest;
}

/* A path that names the factory has the rules of paths without label, but not their authority. */
const char *
cv_enrolment_replay_label(const struct enrolment *enrolment)
{
	return enrolment->request->names_factory ? enrolment->request->factory
						 : enrolment->label->name;
}

void
cv_enrolment_note_event(
    const struct enrolment *enrolment, const char *kind, const struct cv_digest *subject)
{
	const struct cv_event_origin origin = {.actor = enrolment->answer->actor,
	    .request_id = enrolment->request->request_id,
	    .label = enrolment->label->name};

	cv_service_note_event(
	    enrolment->service, &enrolment->answer->party, kind, subject, &origin);
}

/* A certificate, or by what else somebody is an actor: a token, an operator. */
static void
name_credentials(const struct enrolment *enrolment, struct cv_digest *ret_credentials)
{
	const char *actor = enrolment->answer->actor;

	if (enrolment->request->evidence)
		*ret_credentials = enrolment->request->evidence->fingerprint;
	else
		cv_digest_sha256(cv_bytes(actor, strlen(actor)), ret_credentials);
}

/* A device with a certificate is named by that, not by the CSR. */
void
cv_enrolment_note_claim(
    const struct enrolment *enrolment, const char *kind, const struct cv_public_key *key)
{
	const struct cv_sight *sight = enrolment->request->sight;
	bool is_certified = sight && cv_verdict_is_allowed(sight->verdict);
	const struct cv_party *party = is_certified ? &sight->party : &enrolment->answer->party;
	const char *claimed =
	    enrolment->csr ? enrolment->csr->common_name : enrolment->answer->party.device;
	struct cv_digest credentials;
	const struct cv_event_origin origin = {.actor = enrolment->answer->actor,
	    .request_id = enrolment->request->request_id,
	    .label = enrolment->label->name,
	    .claimed_device = is_certified ? NULL : claimed,
	    .credentials = &credentials};

	name_credentials(enrolment, &credentials);
	cv_service_note_event(enrolment->service, party, kind, cv_public_key_id(key), &origin);
}

static bool
accept_csr(struct enrolment *enrolment, struct cv_error *err)
{
	const struct cv_enrolment_request *request = enrolment->request;

	if (!request->ret_private_key) {
		(void)cv_label_accepts(
		    enrolment->label, enrolment->csr, request->binding, enrolment->answer);
		return true;
	}
	return !cv_label_accepts_for_new_key(
		   enrolment->label, enrolment->csr, request->binding, enrolment->answer) ||
	       cv_enrolment_judge_wish(enrolment, err);
}

bool
cv_enrolment_read_csr(struct enrolment *enrolment, struct cv_error *err)
{
	return cv_csr_parse(enrolment->request->csr, &enrolment->csr_outcome,
	    &enrolment->csr_detail, &enrolment->csr, err);
}

bool
cv_enrolment_judge_csr(struct enrolment *enrolment, struct cv_error *err)
{
	const char *detail = enrolment->csr_detail;

	switch (enrolment->csr_outcome) {
	case CV_CSR_GOOD:
		return accept_csr(enrolment, err);
	case CV_CSR_MALFORMED:
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_CSR, detail);
	case CV_CSR_BAD_SIGNATURE:
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_SIGNATURE, detail);
	case CV_CSR_BAD_EXTENSION:
		if (enrolment->csr->asks_for_ca)
			cv_enrolment_note_claim(enrolment, "ca-request", enrolment->csr->key);
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_EXTENSION, detail);
	case CV_CSR_WEAK_KEY:
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_WEAK_KEY, detail);
	}
	return true;
}

bool
cv_enrolment_check_new_subject(struct enrolment *enrolment)
{
	const char *flaw = enrolment->csr->subject_flaw;

	return !flaw || cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_CSR, flaw);
}

bool
cv_enrolment_check_key(
    struct enrolment *enrolment, const char *factory, const struct cv_public_key *key)
{
	const char *refusal =
	    cv_service_key_refusal(enrolment->service, enrolment->realm, factory, key);

	return !refusal || cv_enrolment_refuse(enrolment, CV_ENROLMENT_BLOCKED_KEY, refusal);
}

bool
cv_enrolment_choose_factory(struct enrolment *enrolment, const char *factory)
{
	const char *label = enrolment->request->factory;
	const struct cv_csr *csr = enrolment->csr;

	if (label && strcmp(label, factory) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the label is of another factory");
	if (csr->organizational_unit_count > 0 && strcmp(csr->organizational_unit, factory) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the OU is not the factory");
	enrolment->factory = cv_realm_factory(enrolment->realm, factory);
	enrolment->issuer = cv_realm_issuer(enrolment->realm, factory,
	    cv_label_authority(enrolment->label, enrolment->realm, factory),
	    cv_service_settings(enrolment->service)->publish_ahead_seconds,
	    cv_clock_wall_seconds(cv_service_clock(enrolment->service)));
	if (!enrolment->factory)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the factory has no usable authority");
	return cv_enrolment_check_key(enrolment, factory, enrolment->csr->key);
}

bool
cv_enrolment_check_issuer(struct enrolment *enrolment)
{
	return enrolment->issuer || cv_enrolment_refuse(enrolment, CV_ENROLMENT_NO_ISSUER,
					"the factory has no usable authority");
}

bool
cv_enrolment_check_named_key(struct enrolment *enrolment, const struct cv_device_record *record)
{
	switch (record->named.state) {
	case CV_KEY_COMPROMISED:
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BLOCKED_KEY, "the key was revoked as compromised");
	case CV_KEY_RETIRED:
	case CV_KEY_DISCARDED:
		cv_enrolment_note_event(
		    enrolment, "key-reused", cv_public_key_id(cv_enrolment_key(enrolment)));
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_KEY_IN_USE, "the device has replaced this key before");
	case CV_KEY_UNKNOWN:
	case CV_KEY_ASKED:
	case CV_KEY_ANNOUNCED:
	case CV_KEY_CURRENT:
		break;
	}
	if (record->named.is_of_another) {
		cv_log(CV_LOG_WARNING, "key-in-use", "another device proved this key before",
		    CV_LOG_TEXT("request_id", enrolment->request->request_id),
		    CV_LOG_TEXT("factory", enrolment->answer->party.factory),
		    CV_LOG_TEXT("device", enrolment->answer->party.device));
		cv_enrolment_note_claim(enrolment, "key-in-use", cv_enrolment_key(enrolment));
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_KEY_IN_USE, "another device uses this key");
	}
	return true;
}

void
cv_enrolment_refuse_busy(struct enrolment *enrolment, int64_t wait_seconds)
{
	enrolment->answer->retry_after_seconds = wait_seconds;
	cv_service_counters(enrolment->service)->rate_limited++;
	(void)cv_enrolment_refuse(
	    enrolment, CV_ENROLMENT_BUSY, "too many certificates for this device");
}

bool
cv_enrolment_check_allowance(struct enrolment *enrolment, struct cv_device_change *change)
{
	int64_t debt, wait;

	if (cv_issuance_allowance(cv_service_settings(enrolment->service),
		cv_device_change_record(change), &debt, &wait))
		cv_device_change_set_issue_debt(change, debt);
	else
		cv_enrolment_refuse_busy(enrolment, wait);
	return true;
}

bool
cv_enrolment_look_ahead(struct enrolment *enrolment,
    void (*objects)(struct enrolment *enrolment, const struct cv_device_record *record),
    struct cv_error *err)
{
	bool makes_key = enrolment->request->ret_private_key != NULL;
	struct cv_record_query query = {
	    .party = &enrolment->answer->party,
	    .named_key = makes_key ? NULL : cv_public_key_id(enrolment->csr->key),
	};
	struct cv_device_record record;
	int64_t debt, wait;

	if (!makes_key && !enrolment->label->needs_approval)
		return true;
	if (makes_key &&
	    (!cv_enrolment_check_issuer(enrolment) || !cv_enrolment_is_going_on(enrolment)))
		return true;
	if (!cv_enrolment_connect(enrolment, err) ||
	    !cv_device_record_read(enrolment->connection, &query, &record, err))
		return false;
	/* What is repeated costs nothing, and a key that we make never is. */
	if (makes_key &&
	    !cv_issuance_allowance(cv_service_settings(enrolment->service), &record, &debt, &wait))
		cv_enrolment_refuse_busy(enrolment, wait);
	else
		(void)cv_enrolment_check_named_key(enrolment, &record);
	if (objects && cv_enrolment_is_going_on(enrolment))
		objects(enrolment, &record);
	return true;
}

static bool
refuse_until_decided(
    struct enrolment *enrolment, enum cv_enrolment_outcome outcome, const char *detail)
{
	enrolment->answer->retry_after_seconds =
	    cv_service_settings(enrolment->service)->approval_retry_seconds;
	return cv_enrolment_refuse(enrolment, outcome, detail);
}

static bool
ask_operator(struct enrolment *enrolment, struct cv_error *err)
{
	enum cv_approval_state state;

	if (!cv_enrolment_connect(enrolment, err) ||
	    !cv_approval_ask(enrolment->service, enrolment->connection, &enrolment->approval,
		&state, enrolment->approval_id, err))
		return false;
	if (state == CV_APPROVAL_APPROVED)
		return true;
	if (state == CV_APPROVAL_REFUSED)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "an operator refused this request");
	if (state == CV_APPROVAL_PENDING)
		return refuse_until_decided(enrolment, CV_ENROLMENT_PENDING, NULL);
	return refuse_until_decided(
	    enrolment, CV_ENROLMENT_BUSY, "too many requests wait for approval");
}

bool
cv_enrolment_check_approval(
    struct enrolment *enrolment, const char *identity, int64_t most, struct cv_error *err)
{
	bool makes_key = enrolment->request->ret_private_key != NULL;

	if (!enrolment->label->needs_approval)
		return true;
	/* What is approved is that we make the key. */
	snprintf(enrolment->approval_identity, sizeof(enrolment->approval_identity), "%s%s",
	    identity, makes_key ? " serverkeygen" : "");
	enrolment->approval = (struct cv_approval_request){
	    .label = enrolment->label->name,
	    .factory = enrolment->factory->name,
	    .identity = enrolment->approval_identity,
	    .most_by_identity = most,
	    .used_is_over = makes_key,
	    .csr = enrolment->csr,
	    .request_id = enrolment->request->request_id,
	};
	return ask_operator(enrolment, err);
}

static bool
use_approval(struct enrolment *enrolment, struct cv_device_change *change, struct cv_error *err)
{
	bool is_good;

	if (!enrolment->approval_id[0])
		return true;
	if (!cv_device_change_use_approval(change, enrolment->approval_id, &is_good, err))
		return false;
	enrolment->approval_is_used = !is_good;
	return is_good || refuse_until_decided(enrolment, CV_ENROLMENT_PENDING, NULL);
}

/* After the change is over, in which there was nothing to repeat. */
static bool
ask_operator_again(struct enrolment *enrolment, struct cv_error *err)
{
	enrolment->approval.used_is_over = true;
	return ask_operator(enrolment, err);
}

/* ---- issuing ---- */

bool
cv_enrolment_issue(struct enrolment *enrolment, struct cv_device_change *change,
    struct cv_bytes san, struct cv_error *err)
{
	struct cv_issuance_order order = {
	    .profile = CV_PROFILE_DEVICE,
	    .issuer = enrolment->issuer->certificate,
	    .subject = enrolment->csr->subject,
	    .spki = cv_public_key_spki(cv_enrolment_key(enrolment)),
	    .san = san,
	    .now_utc = cv_device_change_record(change)->now_utc,
	    .lifetime_days = enrolment->label->lifetime_days > 0
				 ? enrolment->label->lifetime_days
				 : enrolment->factory->lifetime_days,
	    .jitter_percent = enrolment->label->jitter_percent,
	    .crl_url = enrolment->label->crl_url,
	    .ocsp_url = enrolment->label->ocsp_url,
	    .issuer_url = enrolment->label->issuer_url,
	};
	struct cv_certificate_row *row = &enrolment->row;
	enum cv_issuance_outcome outcome;

	if (!use_approval(enrolment, change, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_issuance_make(cv_service_settings(enrolment->service),
		cv_service_signer(enrolment->service), &order, &outcome, &enrolment->certificate,
		err))
		return false;
	if (outcome == CV_ISSUANCE_NAME_REFUSED)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED,
		    "the issuing authority may not name this");
	if (outcome == CV_ISSUANCE_ISSUER_ENDS)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the issuing authority ends too soon");
	cv_certificate_to_row(enrolment->certificate, enrolment->issuer->row.id, true, row);
	row->has_csr_digest = cv_enrolment_replay_digest(enrolment) != NULL;
	row->label = cv_enrolment_replay_label(enrolment);
	if (row->has_csr_digest)
		row->csr_digest = *cv_enrolment_replay_digest(enrolment);
	cv_device_change_add_certificate(change, row);
	return true;
}

/* One member more; all that there are fit, and none needs an escape. */
static void
add_to_note(struct enrolment *enrolment, const char *name, const char *text)
{
	char *after = enrolment->note_after;
	size_t len = strlen(after);

	if (text && text[0])
		snprintf(after + len, sizeof(enrolment->note_after) - len, "%s\"%s\":\"%s\"",
		    len > 1 ? "," : "", name, text);
}

void
cv_enrolment_write_note(struct enrolment *enrolment, const struct cv_certificate *certificate,
    const char *kind, const char *actor)
{
	const struct cv_evidence *evidence = enrolment->request->evidence;
	char *after = enrolment->note_after;
	char text[CV_DIGEST_HEX_SIZE];
	size_t len;

	snprintf(after, sizeof(enrolment->note_after), "{");
	cv_digest_format(&certificate->fingerprint, text);
	add_to_note(enrolment, "fingerprint", text);
	cv_digest_format(&certificate->key_id, text);
	add_to_note(enrolment, "key", text);
	cv_hex_encode(certificate->serial.data, certificate->serial.len, text);
	add_to_note(enrolment, "serial", text);
	if (evidence) {
		cv_digest_format(&evidence->fingerprint, text);
		add_to_note(enrolment, "presented", text);
	}
	if (enrolment->label)
		add_to_note(enrolment, "label", enrolment->label->name);
	len = strlen(after);
	snprintf(after + len, sizeof(enrolment->note_after) - len, "%s}",
	    enrolment->generated ? ",\"key_was_made_here\":true" : "");
	enrolment->note = (struct cv_change_note){.kind = kind,
	    .actor = actor,
	    .request_id = enrolment->request->request_id,
	    .after_json = after};
}

void
cv_enrolment_write_announcement(struct enrolment *enrolment, const char *actor)
{
	char key[CV_DIGEST_HEX_SIZE];

	cv_digest_format(cv_public_key_id(cv_enrolment_key(enrolment)), key);
	snprintf(enrolment->note_after, sizeof(enrolment->note_after), "{\"announced_key\":\"%s\"}",
	    key);
	enrolment->note = (struct cv_change_note){.kind = "announced",
	    .actor = actor,
	    .request_id = enrolment->request->request_id,
	    .after_json = enrolment->note_after};
}

void
cv_enrolment_take_issued(struct enrolment *enrolment, enum cv_issue_kind kind)
{
	const struct cv_certificate *certificate = enrolment->certificate;

	cv_hex_encode(certificate->serial.data, certificate->serial.len, enrolment->answer->serial);
	cv_buffer_append(enrolment->ret_der, certificate->der.data, certificate->der.len);
	cv_issue_counts_add(cv_service_issue_counts(enrolment->service), enrolment->issuer->row.id,
	    enrolment->generated ? CV_ISSUE_KEYGEN : kind);
}

void
cv_enrolment_begin_attempt(struct enrolment *enrolment)
{
	enrolment->answer->outcome = CV_ENROLMENT_ISSUED;
	enrolment->answer->serial[0] = '\0';
	enrolment->must_repeat = false;
	enrolment->approval_is_used = false;
	enrolment->note = (struct cv_change_note){.kind = NULL};
	cv_buffer_reset(enrolment->ret_der);
	cv_certificate_free(CV_TAKE(enrolment->certificate));
}

/* The same key may have been asked for under other names before: those are another request. */
static bool
is_for_names(const struct enrolment *enrolment, const struct cv_certificate *certificate,
    struct cv_bytes san)
{
	return cv_bytes_equal(certificate->subject, enrolment->csr->subject) &&
	       cv_bytes_equal(certificate->san, san);
}

bool
cv_enrolment_answer_with(
    struct enrolment *enrolment, const struct cv_certificate *certificate, struct cv_error *err)
{
	cv_hex_encode(certificate->serial.data, certificate->serial.len, enrolment->answer->serial);
	cv_buffer_append(enrolment->ret_der, certificate->der.data, certificate->der.len);
	return !enrolment->ret_der->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

bool
cv_enrolment_find_repeat(struct enrolment *enrolment, const struct cv_device_change *change,
    struct cv_bytes san, bool *ret_is_repeat, struct cv_error *err)
{
	struct cv_der_reader reader = cv_der_reader(cv_device_change_repeats(change));
	struct cv_bytes der;

	*ret_is_repeat = false;
	while (!*ret_is_repeat && cv_der_read_whole(&reader, CV_DER_SEQUENCE, &der)) {
		CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;

		if (!cv_certificate_parse(der, &certificate, err))
			return false;
		*ret_is_repeat = is_for_names(enrolment, certificate, san);
		if (*ret_is_repeat && !cv_enrolment_answer_with(enrolment, certificate, err))
			return false;
	}
	return true;
}

/* After the change is over. What ended with it the first time must have ended here, too. */
bool
cv_enrolment_take_repeated(struct enrolment *enrolment, struct cv_error *err)
{
	return cv_enrolment_connect(enrolment, err) &&
	       cv_service_take_device(
		   enrolment->service, enrolment->connection, &enrolment->answer->party, err);
}

bool
cv_enrolment_answer_again(struct enrolment *enrolment, struct cv_error *err)
{
	if (enrolment->answer->outcome != CV_ENROLMENT_REPEATED)
		return true;
	if (!cv_enrolment_take_repeated(enrolment, err))
		return false;
	cv_service_counters(enrolment->service)->repeated++;
	return true;
}

bool
cv_enrolment_attempt_until_settled(struct enrolment *enrolment,
    bool (*attempt)(struct enrolment *enrolment, struct cv_error *err),
    bool (*judge_again)(struct enrolment *enrolment, struct cv_error *err), struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		cv_enrolment_begin_attempt(enrolment);
		if (attempt(enrolment, err)) {
			if (enrolment->approval_is_used)
				return ask_operator_again(enrolment, err);
			if (!enrolment->must_repeat)
				return cv_enrolment_answer_again(enrolment, err);
			if (judge_again && !judge_again(enrolment, err))
				return false;
			if (!cv_enrolment_is_going_on(enrolment) && !enrolment->must_repeat)
				return true;
		} else if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT) {
			return false;
		}
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

void
cv_enrolment_start(struct enrolment *enrolment, struct cv_service *service,
    const struct cv_enrolment_request *request, struct cv_enrolment_answer *ret_answer,
    struct cv_buffer *ret_der)
{
	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->outcome = CV_ENROLMENT_ISSUED;
	enrolment->service = service;
	if (request->evidence)
		cv_text_copy(
		    ret_answer->actor, sizeof(ret_answer->actor), request->evidence->actor);
	enrolment->request = request;
	enrolment->label = request->label ? request->label : &plain_label;
	enrolment->answer = ret_answer;
	enrolment->ret_der = ret_der;
	enrolment->realm = cv_service_realm(service);
}

bool
cv_enrolment_finish(const struct enrolment *enrolment, bool is_good)
{
	enum cv_enrolment_outcome outcome = enrolment->answer->outcome;

	if (is_good && cv_enrolment_is_refusal(outcome))
		cv_service_counters(enrolment->service)->issue_refusals[outcome]++;
	return is_good;
}
