#include "cv/service/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "cv/index/feed.h"
#include "cv/pki/csr.h"
#include "cv/pki/digest.h"
#include "cv/store/certificate_store.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

#include "issuance_internal.h"
#include "service_internal.h"

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
	case CV_ENROLMENT_BUSY:
		return "busy";
	case CV_ENROLMENT_NO_ISSUER:
		return "no-issuer";
	}
	return "unknown";
}

/* One enrolment under way. */
struct enrolment {
	struct cv_service *service;
	const struct cv_enrolment_request *request;
	struct cv_enrolment_answer *answer;
	struct cv_buffer *ret_der;
	struct cv_connection *connection;
	struct cv_csr *csr;
	struct cv_realm *realm;
	const struct cv_realm_authority *issuer; /* lent by the realm */
	const struct cv_factory_row *factory;    /* lent by the realm */
	bool must_repeat;        /* the record changed since the sight: judge again */
	struct cv_digest repeat; /* fingerprint of the answer to this CSR */
};

static void
enrolment_deinit(struct enrolment *enrolment)
{
	if (enrolment->connection)
		cv_pool_return(cv_service_pool(enrolment->service), enrolment->connection);
	cv_csr_free(enrolment->csr);
	cv_realm_free(enrolment->realm);
}
#define AUTO_ENROLMENT __attribute__((cleanup(enrolment_deinit)))

/* An expected no; true, because nothing failed. */
static bool
refuse(struct enrolment *enrolment, enum cv_enrolment_outcome outcome, const char *detail)
{
	enrolment->answer->outcome = outcome;
	enrolment->answer->detail = detail;
	return true;
}

static bool
refuse_verdict(struct enrolment *enrolment, enum cv_verdict verdict, const char *detail)
{
	enrolment->answer->verdict = verdict;
	return refuse(enrolment, CV_ENROLMENT_REFUSED, detail);
}

static bool
is_going_on(const struct enrolment *enrolment)
{
	return enrolment->answer->outcome == CV_ENROLMENT_ISSUED && !enrolment->must_repeat;
}

/* ---- the request itself ---- */

static bool
parse_csr(struct enrolment *enrolment, struct cv_error *err)
{
	enum cv_csr_outcome outcome;
	const char *detail = NULL;

	if (!cv_csr_parse(enrolment->request->csr, &outcome, &detail, &enrolment->csr, err))
		return false;
	switch (outcome) {
	case CV_CSR_GOOD:
		return true;
	case CV_CSR_MALFORMED:
		return refuse(enrolment, CV_ENROLMENT_BAD_CSR, detail);
	case CV_CSR_BAD_SIGNATURE:
		return refuse(enrolment, CV_ENROLMENT_BAD_SIGNATURE, detail);
	case CV_CSR_BAD_EXTENSION:
		return refuse(enrolment, CV_ENROLMENT_BAD_EXTENSION, detail);
	case CV_CSR_WEAK_KEY:
		return refuse(enrolment, CV_ENROLMENT_WEAK_KEY, detail);
	}
	return true;
}

static bool
is_our_own_key(const struct enrolment *enrolment)
{
	const struct cv_digest *key = cv_public_key_id(enrolment->csr->key);
	const struct cv_realm *realm = enrolment->realm;

	for (size_t i = 0; i < realm->authority_count; i++) {
		if (cv_digest_equal(&realm->authorities[i].certificate->key_id, key))
			return true;
	}
	for (size_t i = 0; i < realm->gateway_count; i++) {
		if (cv_digest_equal(&realm->gateways[i].certificate->key_id, key))
			return true;
	}
	return false;
}

/* The factory by whatever named it; a label or OU that contradicts is refused. */
static bool
choose_factory(struct enrolment *enrolment, const char *factory)
{
	const char *label = enrolment->request->factory;
	const struct cv_csr *csr = enrolment->csr;

	if (label && strcmp(label, factory) != 0)
		return refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the label is of another factory");
	if (csr->organizational_unit_count > 0 && strcmp(csr->organizational_unit, factory) != 0)
		return refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the OU is not the factory");
	enrolment->factory = cv_realm_factory(enrolment->realm, factory);
	enrolment->issuer = cv_realm_issuer(
	    enrolment->realm, factory, cv_clock_wall_seconds(cv_service_clock(enrolment->service)));
	if (!enrolment->factory || !enrolment->issuer)
		return refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the factory has no usable authority");
	if (is_our_own_key(enrolment))
		return refuse(
		    enrolment, CV_ENROLMENT_BLOCKED_KEY, "the key belongs to an authority");
	return true;
}

/* What the record says of the requested key; the presented one was decided on before. */
static bool
check_named_key(struct enrolment *enrolment, const struct cv_device_record *record)
{
	switch (record->named.state) {
	case CV_KEY_COMPROMISED:
		return refuse(
		    enrolment, CV_ENROLMENT_BLOCKED_KEY, "the key was revoked as compromised");
	case CV_KEY_RETIRED:
	case CV_KEY_DISCARDED:
		cv_service_note_event(enrolment->service, &enrolment->answer->party, "key-reused",
		    cv_public_key_id(enrolment->csr->key));
		return refuse(
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
		cv_service_note_event(enrolment->service, &enrolment->answer->party, "key-in-use",
		    cv_public_key_id(enrolment->csr->key));
		return refuse(enrolment, CV_ENROLMENT_KEY_IN_USE, "another device uses this key");
	}
	return true;
}

static bool
check_allowance(struct enrolment *enrolment, struct cv_device_change *change)
{
	int64_t debt, wait;

	if (!cv_issuance_allowance(cv_service_settings(enrolment->service),
		cv_device_change_record(change), &debt, &wait)) {
		enrolment->answer->retry_after_seconds = wait;
		cv_service_counters(enrolment->service)->rate_limited++;
		return refuse(
		    enrolment, CV_ENROLMENT_BUSY, "too many certificates for this device");
	}
	cv_device_change_set_issue_debt(change, debt);
	return true;
}

/* ---- issuing ---- */

static bool
make_certificate(struct enrolment *enrolment, int64_t now_utc, struct cv_bytes san,
    struct cv_certificate **ret_certificate, struct cv_error *err)
{
	struct cv_issuance_order order = {
	    .profile = CV_PROFILE_DEVICE,
	    .issuer = enrolment->issuer->certificate,
	    .subject = enrolment->csr->subject,
	    .spki = cv_public_key_spki(enrolment->csr->key),
	    .san = san,
	    .now_utc = now_utc,
	    .lifetime_days = enrolment->factory->lifetime_days,
	};
	bool is_usable;

	if (!cv_issuance_make(enrolment->service, &order, &is_usable, ret_certificate, err))
		return false;
	if (!is_usable)
		return refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the issuing authority ends too soon");
	return true;
}

static void
record_certificate(struct enrolment *enrolment, struct cv_device_change *change,
    const struct cv_certificate *certificate)
{
	struct cv_certificate_row row;

	cv_certificate_to_row(certificate, enrolment->issuer->row.id, true, &row);
	row.has_csr_digest = true;
	row.csr_digest = enrolment->csr->digest;
	cv_device_change_add_certificate(change, &row);
}

static bool
commit(struct enrolment *enrolment, struct cv_device_change *change, const char *kind,
    const char *actor, const struct cv_certificate *certificate, struct cv_error *err)
{
	char fingerprint[CV_DIGEST_HEX_SIZE], key[CV_DIGEST_HEX_SIZE], after[256];
	struct cv_change_note note = {.kind = kind,
	    .actor = actor,
	    .request_id = enrolment->request->request_id,
	    .after_json = after};

	cv_digest_format(&certificate->fingerprint, fingerprint);
	cv_digest_format(&certificate->key_id, key);
	snprintf(after, sizeof(after), "{\"fingerprint\":\"%s\",\"key\":\"%s\"}", fingerprint, key);
	if (!cv_device_change_commit(change, &note, NULL, err))
		return false;
	cv_hex_encode(certificate->serial.data, certificate->serial.len, enrolment->answer->serial);
	cv_buffer_append(enrolment->ret_der, certificate->der.data, certificate->der.len);
	cv_service_counters(enrolment->service)->issued++;
	return true;
}

/* The answer that was lost: read after the change, which wrote nothing, is over. */
static bool
answer_again(struct enrolment *enrolment, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;

	if (!cv_certificate_store_der(
		enrolment->connection, &enrolment->repeat, enrolment->ret_der, err) ||
	    !cv_certificate_parse(cv_buffer_bytes(enrolment->ret_der), &certificate, err))
		return false;
	cv_hex_encode(certificate->serial.data, certificate->serial.len, enrolment->answer->serial);
	cv_service_counters(enrolment->service)->repeated++;
	return true;
}

/* Runs one attempt until it neither collides with another transaction nor finds the record changed.
 */
static bool
attempt_until_settled(struct enrolment *enrolment,
    bool (*attempt)(struct enrolment *enrolment, struct cv_error *err),
    bool (*judge_again)(struct enrolment *enrolment, struct cv_error *err), struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		enrolment->answer->outcome = CV_ENROLMENT_ISSUED;
		enrolment->must_repeat = false;
		cv_buffer_reset(enrolment->ret_der);
		if (attempt(enrolment, err)) {
			if (!enrolment->must_repeat)
				return enrolment->answer->outcome != CV_ENROLMENT_REPEATED ||
				       answer_again(enrolment, err);
			if (judge_again && !judge_again(enrolment, err))
				return false;
			if (!is_going_on(enrolment) && !enrolment->must_repeat)
				return true;
		} else if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT) {
			return false;
		}
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

/* ---- re-enrolment ---- */

struct reenrolment {
	struct enrolment base; /* first, so that an attempt finds its way back */
	struct cv_presenter presenter;
};

static void
reenrolment_deinit(struct reenrolment *reenrolment)
{
	cv_presenter_deinit(&reenrolment->presenter);
	enrolment_deinit(&reenrolment->base);
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
		return refuse(enrolment, CV_ENROLMENT_SUBJECT_MISMATCH,
		    "the subject differs from that of the certificate");
	if (csr->san.len == 0 && enrolment->request->inherits_san)
		return true;
	if (!cv_bytes_equal(csr->san, old->san))
		return refuse(enrolment, CV_ENROLMENT_SAN_MISMATCH,
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
		return refuse_verdict(enrolment, CV_VERDICT_DENIED, "a replaced key may not enrol");
	if (!cv_verdict_is_allowed(decision.verdict))
		return refuse_verdict(enrolment, decision.verdict, NULL);
	enrolment->must_repeat = decision.step != CV_STEP_NONE;
	return true;
}

static bool
is_late(const struct reenrolment *reenrolment, const struct cv_device_record *record)
{
	return record->now_utc > reenrolment->presenter.presented.not_after_utc;
}

static bool
issue_renewal(
    struct reenrolment *reenrolment, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;
	const struct cv_device_record *record = cv_device_change_record(change);
	const struct cv_digest *key = cv_public_key_id(enrolment->csr->key);
	struct cv_bytes spki = cv_public_key_spki(enrolment->csr->key);
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	bool is_rekey = !cv_digest_equal(key, &reenrolment->presenter.key_id);

	if (!check_allowance(enrolment, change) || !is_going_on(enrolment))
		return true;
	if (!make_certificate(enrolment, record->now_utc, reenrolment->presenter.certificate->san,
		&certificate, err) ||
	    !is_going_on(enrolment))
		return enrolment->answer->outcome != CV_ENROLMENT_ISSUED;
	if (is_rekey)
		cv_device_change_ask_key(change, key, spki);
	/* Who renews late could not announce: the request is the announcement. */
	if (is_rekey && is_late(reenrolment, record))
		cv_device_change_announce_key(change, key, spki);
	record_certificate(enrolment, change, certificate);
	return commit(enrolment, change, is_rekey ? "rekeyed" : "renewed",
	    enrolment->request->evidence->actor, certificate, err);
}

static bool
attempt_reenrolment(struct enrolment *enrolment, struct cv_error *err)
{
	struct reenrolment *reenrolment = (struct reenrolment *)enrolment;
	struct cv_record_query query =
	    cv_presenter_query(enrolment->service, &reenrolment->presenter,
		cv_public_key_id(enrolment->csr->key), &enrolment->csr->digest);
	struct cv_change_options options = {.proved_keys = {cv_public_key_id(enrolment->csr->key)}};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	const struct cv_device_record *record;

	if (!cv_device_change_begin(enrolment->connection, &query, &options, &change, err))
		return false;
	record = cv_device_change_record(change);
	if (!check_presented(reenrolment, record) || !is_going_on(enrolment) ||
	    !check_named_key(enrolment, record) || !is_going_on(enrolment))
		return true;
	if (record->has_repeat) {
		enrolment->repeat = record->repeat_fingerprint;
		return refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
	}
	return issue_renewal(reenrolment, change, err);
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
		return refuse_verdict(enrolment, sight.verdict, sight.detail);
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

	if (!cv_presenter_identify(enrolment->service, enrolment->connection,
		enrolment->request->evidence, &reenrolment->presenter, &is_refused, &verdict,
		&detail, err))
		return false;
	enrolment->answer->party = reenrolment->presenter.party;
	return is_refused ? refuse_verdict(enrolment, verdict, detail) : true;
}

static void
start(struct enrolment *enrolment, struct cv_service *service,
    const struct cv_enrolment_request *request, struct cv_enrolment_answer *ret_answer,
    struct cv_buffer *ret_der)
{
	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->outcome = CV_ENROLMENT_ISSUED;
	enrolment->service = service;
	enrolment->request = request;
	enrolment->answer = ret_answer;
	enrolment->ret_der = ret_der;
	enrolment->realm = cv_service_realm(service);
}

/* Every refusal is counted once, whatever the way to it. */
static bool
finish(const struct enrolment *enrolment, bool is_good)
{
	enum cv_enrolment_outcome outcome = enrolment->answer->outcome;

	if (is_good && outcome != CV_ENROLMENT_ISSUED && outcome != CV_ENROLMENT_REPEATED)
		cv_service_counters(enrolment->service)->issue_refusals++;
	return is_good;
}

static bool
reenrol(struct reenrolment *reenrolment, struct cv_error *err)
{
	struct enrolment *enrolment = &reenrolment->base;

	if (!parse_csr(enrolment, err) || !is_going_on(enrolment))
		return enrolment->answer->outcome != CV_ENROLMENT_ISSUED;
	if (!cv_pool_borrow(cv_service_pool(enrolment->service), &enrolment->connection, err))
		return false;
	if (!identify_presenter(reenrolment, err))
		return false;
	/* Before the key is claimed: a request that names another device proves nothing for this
	 * one. */
	if (!is_going_on(enrolment) || !check_names(reenrolment) || !is_going_on(enrolment) ||
	    !choose_factory(enrolment, reenrolment->presenter.party.factory) ||
	    !is_going_on(enrolment))
		return true;
	return attempt_until_settled(enrolment, attempt_reenrolment, judge_again, err);
}

bool
cv_reenrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err)
{
	AUTO_REENROLMENT struct reenrolment reenrolment = {.base = {.service = service}};

	start(&reenrolment.base, service, request, ret_answer, ret_der);
	return finish(&reenrolment.base, reenrol(&reenrolment, err));
}

/* ---- registration ---- */

/* What entitles to a first certificate: a token, or a certificate of a bootstrap authority. */
struct registration {
	struct enrolment base; /* first */
	bool has_token;
	struct cv_enrolment_token_row token;
	const struct cv_realm_authority *bootstrap;
	char actor[CV_UUID_SIZE + CV_AUTHORITY_NAME_SIZE + 16];
};

static void
registration_deinit(struct registration *registration)
{
	enrolment_deinit(&registration->base);
}
#define AUTO_REGISTRATION __attribute__((cleanup(registration_deinit)))

static bool
is_for_this_id(const struct registration *registration)
{
	return registration->has_token && registration->token.device[0] != '\0';
}

static bool
check_token(struct registration *registration, const struct cv_enrolment_token_row *token)
{
	struct enrolment *enrolment = &registration->base;

	if (token->device[0] && strcmp(token->device, enrolment->csr->common_name) != 0)
		return refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is for another device");
	if (token->is_spent_by_device)
		return refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED,
		    "the certificate that the token gave was seen: the token is used up");
	if (token->uses >= token->uses_max && !token->is_used_by_device)
		return refuse(enrolment, CV_ENROLMENT_BAD_CREDENTIALS, "the token is used up");
	return true;
}

static bool
find_token(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const char *secret = enrolment->request->token;
	struct cv_digest hash;
	bool exists;

	cv_digest_sha256(cv_bytes(secret, strlen(secret)), &hash);
	if (!cv_realm_store_find_enrolment_token(enrolment->connection, &hash,
		enrolment->csr->common_name, &exists, &registration->token, err))
		return false;
	if (!exists)
		return refuse(enrolment, CV_ENROLMENT_BAD_CREDENTIALS, "the token is not valid");
	registration->has_token = true;
	snprintf(
	    registration->actor, sizeof(registration->actor), "token:%s", registration->token.id);
	if (!check_token(registration, &registration->token) || !is_going_on(enrolment))
		return true;
	return choose_factory(enrolment, registration->token.factory);
}

/* A manufacturer's certificate: of a trusted bootstrap authority, in date, naming the very id. */
static bool
check_bootstrap(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_evidence *evidence = enrolment->request->evidence;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error parse_error = CV_ERROR_INIT;
	enum cv_chain_outcome outcome = CV_CHAIN_NOT_ISSUED;
	int64_t now = cv_clock_wall_seconds(cv_service_clock(enrolment->service));
	int64_t skew = cv_service_settings(enrolment->service)->skew_seconds;

	if (!cv_certificate_parse(evidence->certificate, &certificate, &parse_error))
		return refuse_verdict(enrolment, CV_VERDICT_BAD_CERTIFICATE, NULL);
	if (!cv_realm_find_issuer(
		enrolment->realm, certificate, &registration->bootstrap, &outcome, NULL, err))
		return false;
	if (outcome != CV_CHAIN_GOOD || registration->bootstrap->row.kind != CV_AUTHORITY_BOOTSTRAP)
		return refuse_verdict(enrolment, enrolment->request->sight->verdict, NULL);
	if (registration->bootstrap->row.state != CV_AUTHORITY_TRUSTED)
		return refuse_verdict(enrolment, CV_VERDICT_AUTHORITY_REFUSED, NULL);
	if (certificate->not_after_utc < now)
		return refuse_verdict(enrolment, CV_VERDICT_EXPIRED, NULL);
	if (certificate->not_before_utc > now + skew)
		return refuse_verdict(enrolment, CV_VERDICT_NOT_YET_VALID, NULL);
	if (strcmp(certificate->common_name, enrolment->csr->common_name) != 0)
		return refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the certificate names another device");
	snprintf(registration->actor, sizeof(registration->actor), "bootstrap:%s",
	    registration->bootstrap->row.name);
	return choose_factory(enrolment, registration->bootstrap->row.factory);
}

/* What registering does to the keys of the device. */
enum registration_plan {
	PLAN_REFUSED,
	PLAN_REGISTER, /* no record: the key becomes current */
	PLAN_ANEW, /* refused id: cleared, every earlier certificate denied, the key becomes current
		    */
	PLAN_FIRST_KEY, /* a record without current key: the key becomes current */
	PLAN_SAME_KEY,  /* another certificate for the current key, which was never seen */
	PLAN_ANNOUNCE,  /* the operator's announcement of the next key */
};

static enum registration_plan
plan(const struct registration *registration, const struct cv_device_record *record,
    const struct cv_digest *key)
{
	bool is_own_token = is_for_this_id(registration);
	bool is_token_of_registration = registration->has_token && !record->is_seen &&
					strcmp(record->registered_by, registration->token.id) == 0;

	if (!record->exists)
		return PLAN_REGISTER;
	if (registration->has_token &&
	    registration->token.made_at_us < record->tokens_void_before_us)
		return PLAN_REFUSED;
	if (record->device_state != CV_DEVICE_OK)
		return is_own_token ? PLAN_ANEW : PLAN_REFUSED;
	if (!record->has_current)
		return is_own_token ? PLAN_FIRST_KEY : PLAN_REFUSED;
	if (!is_own_token && !is_token_of_registration)
		return PLAN_REFUSED;
	return cv_digest_equal(&record->current_key, key) ? PLAN_SAME_KEY : PLAN_ANNOUNCE;
}

static void
take_plan(const struct registration *registration, enum registration_plan chosen,
    struct cv_device_change *change)
{
	const struct cv_csr *csr = registration->base.csr;
	const struct cv_digest *key = cv_public_key_id(csr->key);
	struct cv_bytes spki = cv_public_key_spki(csr->key);
	const struct cv_realm_authority *origin =
	    registration->bootstrap ? registration->bootstrap : registration->base.issuer;
	const char *owner = origin->row.owner[0] ? origin->row.owner : NULL;
	const char *token = registration->has_token ? registration->token.id : NULL;

	switch (chosen) {
	case PLAN_REFUSED:
		break;
	case PLAN_ANEW:
		cv_device_change_end_all_keys(change, "superseded");
		cv_device_change_register(change, owner, origin->row.id, token);
		cv_device_change_set_first_key(change, key, spki);
		break;
	case PLAN_REGISTER:
	case PLAN_FIRST_KEY:
		cv_device_change_register(change, owner, origin->row.id, token);
		cv_device_change_set_first_key(change, key, spki);
		break;
	case PLAN_SAME_KEY:
		break;
	case PLAN_ANNOUNCE:
		cv_device_change_ask_key(change, key, spki);
		cv_device_change_announce_key(change, key, spki);
		break;
	}
	if (token)
		cv_device_change_use_token(change, token, key);
}

static const char *
plan_kind(enum registration_plan chosen)
{
	switch (chosen) {
	case PLAN_REFUSED:
		break;
	case PLAN_REGISTER:
		return "registered";
	case PLAN_ANEW:
	case PLAN_FIRST_KEY:
		return "registered-anew";
	case PLAN_SAME_KEY:
		return "renewed";
	case PLAN_ANNOUNCE:
		return "announced";
	}
	return "none";
}

static bool
issue_registration(struct registration *registration, enum registration_plan chosen,
    struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	int64_t now_utc = cv_device_change_record(change)->now_utc;

	if (!make_certificate(enrolment, now_utc, cv_bytes(NULL, 0), &certificate, err) ||
	    !is_going_on(enrolment))
		return enrolment->answer->outcome != CV_ENROLMENT_ISSUED;
	take_plan(registration, chosen, change);
	record_certificate(enrolment, change, certificate);
	if (chosen != PLAN_REGISTER && !check_allowance(enrolment, change))
		return true;
	if (!is_going_on(enrolment))
		return true;
	if (!commit(enrolment, change, plan_kind(chosen), registration->actor, certificate, err))
		return false;
	if (chosen == PLAN_REGISTER || chosen == PLAN_ANEW || chosen == PLAN_FIRST_KEY)
		cv_service_counters(enrolment->service)->registered++;
	return cv_service_take_change(
	    enrolment->service, enrolment->connection, &enrolment->answer->party, err);
}

/* Under the lock: token, authority and record as they are now. */
static bool
check_locked(struct registration *registration, struct cv_device_change *change,
    enum registration_plan *ret_plan)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_device_record *record = cv_device_change_record(change);

	if (cv_device_change_authority_state(change) != CV_AUTHORITY_TRUSTED)
		return refuse(enrolment, CV_ENROLMENT_NO_ISSUER, "the authority signs nothing now");
	if (registration->has_token && !cv_device_change_token(change, &registration->token))
		return refuse(enrolment, CV_ENROLMENT_BAD_CREDENTIALS, "the token is not valid");
	if (registration->has_token &&
	    (!check_token(registration, &registration->token) || !is_going_on(enrolment)))
		return true;
	if (!check_named_key(enrolment, record) || !is_going_on(enrolment))
		return true;
	*ret_plan = plan(registration, record, cv_public_key_id(enrolment->csr->key));
	if (*ret_plan != PLAN_REFUSED)
		return true;
	if (record->device_state != CV_DEVICE_OK)
		return refuse_verdict(
		    enrolment, CV_VERDICT_DEVICE_REFUSED, "the device is held, deleted or revoked");
	return refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the device is registered already");
}

static bool
attempt_registration(struct enrolment *enrolment, struct cv_error *err)
{
	struct registration *registration = (struct registration *)enrolment;
	const struct cv_digest *key = cv_public_key_id(enrolment->csr->key);
	struct cv_record_query query = {
	    .party = &enrolment->answer->party,
	    .named_key = key,
	    .csr_digest = &enrolment->csr->digest,
	    .replay_window_seconds = cv_service_settings(enrolment->service)->replay_window_seconds,
	};
	struct cv_change_options options = {
	    .proved_keys = {key},
	    .creates_device = true,
	    /* The one whose word is taken: who vouches for a registration must be trusted now. */
	    .authority = registration->bootstrap ? registration->bootstrap->row.id
						 : enrolment->issuer->row.id,
	    .token = registration->has_token ? registration->token.id : NULL,
	};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	enum registration_plan chosen = PLAN_REFUSED;

	if (!cv_device_change_begin(enrolment->connection, &query, &options, &change, err))
		return false;
	if (!check_locked(registration, change, &chosen) || !is_going_on(enrolment))
		return true;
	if (cv_device_change_record(change)->has_repeat &&
	    (chosen == PLAN_SAME_KEY || chosen == PLAN_ANNOUNCE)) {
		enrolment->repeat = cv_device_change_record(change)->repeat_fingerprint;
		return refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
	}
	return issue_registration(registration, chosen, change, err);
}

static bool
check_credentials(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;

	if (enrolment->request->evidence)
		return check_bootstrap(registration, err);
	if (!enrolment->request->token)
		return refuse(enrolment, CV_ENROLMENT_NO_CREDENTIALS, NULL);
	return find_token(registration, err);
}

static bool
register_device(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;

	if (!parse_csr(enrolment, err) || !is_going_on(enrolment))
		return enrolment->answer->outcome != CV_ENROLMENT_ISSUED;
	if (!cv_pool_borrow(cv_service_pool(enrolment->service), &enrolment->connection, err))
		return false;
	if (!check_credentials(registration, err))
		return false;
	if (!is_going_on(enrolment))
		return true;
	if (enrolment->csr->san.len)
		return refuse(enrolment, CV_ENROLMENT_BAD_EXTENSION,
		    "no subjectAltName is allowed at enrolment");
	if (!cv_party_set(&enrolment->answer->party, enrolment->factory->name,
		enrolment->csr->common_name, CV_SLOT_CLIENT))
		return refuse(enrolment, CV_ENROLMENT_BAD_CSR, "the CN is not a device id");
	return attempt_until_settled(enrolment, attempt_registration, NULL, err);
}

bool
cv_enrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err)
{
	AUTO_REGISTRATION struct registration registration = {.base = {.service = service}};

	if (request->evidence && cv_verdict_is_allowed(request->sight->verdict))
		return cv_reenrol(service, request, ret_answer, ret_der, err);
	start(&registration.base, service, request, ret_answer, ret_der);
	if (!request->evidence && !request->token) {
		ret_answer->outcome = CV_ENROLMENT_NO_CREDENTIALS;
		return finish(&registration.base, true);
	}
	return finish(&registration.base, register_device(&registration, err));
}

size_t
cv_enrolment_ca_certificates(const struct cv_realm *realm, const char *factory, int64_t now_utc,
    void (*sink)(void *context, struct cv_bytes der), void *context)
{
	static const enum cv_authority_kind order[] = {CV_AUTHORITY_ONLINE, CV_AUTHORITY_ROOT};
	size_t count = 0;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < realm->authority_count; i++) {
			const struct cv_realm_authority *authority = &realm->authorities[i];

			if (authority->row.kind != order[k] ||
			    authority->row.state == CV_AUTHORITY_REVOKED ||
			    strcmp(authority->row.factory, factory) != 0 ||
			    authority->certificate->not_before_utc > now_utc ||
			    authority->certificate->not_after_utc < now_utc)
				continue;
			sink(context, authority->certificate->der);
			count++;
		}
	}
	return count;
}
