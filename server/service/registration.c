#include "enrolment_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/pki/digest.h"
#include "cv/pki/subject.h"
#include "cv/util/text.h"

/* What entitles to a first certificate: a token, or a certificate of a bootstrap authority. */
struct registration {
	struct enrolment base; /* first */
	bool has_token;
	struct cv_enrolment_token_row token;
	const struct cv_realm_authority *bootstrap;
	char certified_device[CV_DEVICE_ID_MAX + 1]; /* by the certificate of that */
};

static void
registration_deinit(struct registration *registration)
{
	cv_enrolment_deinit(&registration->base);
}
#define AUTO_REGISTRATION __attribute__((cleanup(registration_deinit)))

static bool
is_for_this_id(const struct registration *registration)
{
	return registration->has_token && registration->token.device[0] != '\0';
}

/* A device that used it may come again. */
static bool
check_uses(struct registration *registration)
{
	const struct cv_enrolment_token_row *token = &registration->token;

	return token->uses < token->uses_max || token->is_used_by_device ||
	       cv_enrolment_refuse(
		   &registration->base, CV_ENROLMENT_BAD_CREDENTIALS, "the token is used up");
}

static bool
check_token(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_enrolment_token_row *token = &registration->token;

	if (token->device[0] && strcmp(token->device, enrolment->csr->common_name) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is for another device");
	if (token->label[0] && strcmp(token->label, enrolment->label->name) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is for another label");
	return check_uses(registration);
}

/* The device is still what the request says. */
static void
take_factory(struct enrolment *enrolment, const char *factory)
{
	struct cv_party *party = &enrolment->answer->party;

	(void)cv_text_copy(party->factory, sizeof(party->factory), factory);
}

static bool
find_token(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const char *secret = enrolment->request->token;
	struct cv_digest hash;
	bool exists;

	cv_digest_sha256(cv_bytes(secret, strlen(secret)), &hash);
	if (!cv_enrolment_connect(enrolment, err) ||
	    !cv_realm_store_find_enrolment_token(enrolment->connection, &hash,
		enrolment->csr ? enrolment->csr->common_name : "", &exists, &registration->token,
		err))
		return false;
	if (!exists)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CREDENTIALS, "the token is not valid");
	registration->has_token = true;
	snprintf(enrolment->answer->actor, sizeof(enrolment->answer->actor), "token:%s",
	    registration->token.id);
	take_factory(enrolment, registration->token.factory);
	return check_uses(registration);
}

/* A manufacturer's certificate: of a trusted bootstrap authority, in date. */
static bool
find_bootstrap(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_evidence *evidence = enrolment->request->evidence;
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error parse_error = CV_ERROR_INIT;
	enum cv_chain_outcome outcome = CV_CHAIN_NOT_ISSUED;
	int64_t now = cv_clock_wall_seconds(cv_service_clock(enrolment->service));
	int64_t skew = cv_service_settings(enrolment->service)->skew_seconds;

	if (!cv_certificate_parse_leaf(evidence->certificate, &certificate, &parse_error)) {
		if (cv_error_blames_input(&parse_error))
			return cv_enrolment_refuse_verdict(
			    enrolment, CV_VERDICT_BAD_CERTIFICATE, NULL);
		*err = parse_error;
		return false;
	}
	if (!cv_realm_find_issuer(
		enrolment->realm, certificate, now, &registration->bootstrap, &outcome, NULL, err))
		return false;
	if (outcome != CV_CHAIN_GOOD || registration->bootstrap->row.kind != CV_AUTHORITY_BOOTSTRAP)
		return cv_enrolment_refuse_verdict(
		    enrolment, enrolment->request->sight->verdict, NULL);
	if (cv_realm_authority_state(registration->bootstrap, now) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_AUTHORITY_REFUSED, NULL);
	if (certificate->not_after_utc < now)
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_EXPIRED, NULL);
	if (certificate->not_before_utc > now + skew)
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_NOT_YET_VALID, NULL);
	memcpy(registration->certified_device, certificate->common_name,
	    sizeof(registration->certified_device));
	snprintf(enrolment->answer->actor, sizeof(enrolment->answer->actor), "bootstrap:%s",
	    registration->bootstrap->row.name);
	take_factory(enrolment, registration->bootstrap->row.factory);
	return true;
}

/* May this token, and this certificate, ask for this very id here? */
static bool
authorise(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_realm_authority *bootstrap = registration->bootstrap;

	if (bootstrap && strcmp(registration->certified_device, enrolment->csr->common_name) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the certificate names another device");
	if (!registration->has_token)
		return cv_enrolment_choose_factory(enrolment, bootstrap->row.factory);
	if (!check_token(registration) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if (bootstrap && strcmp(bootstrap->row.factory, registration->token.factory) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is of another factory");
	return cv_enrolment_choose_factory(enrolment, registration->token.factory);
}

/* What registering does to the keys of the device. */
enum registration_plan {
	PLAN_REFUSED,
	PLAN_REGISTER, /* no record: the key becomes current */
	PLAN_ANEW, /* refused id: cleared, every earlier certificate denied, the key becomes current
		    */
	PLAN_FIRST_KEY, /* a record without current key: the key becomes current */
	PLAN_SAME_KEY,  /* another certificate for the current key */
	PLAN_ANNOUNCE,  /* the operator's announcement of the next key */
};

/* Nothing but a certificate of this manufacturer made the device, and nobody saw it since. */
static bool
began_it(const struct registration *registration, const struct cv_device_record *record)
{
	const struct cv_realm_authority *origin =
	    cv_realm_authority_by_id(registration->base.realm, record->origin);

	return registration->bootstrap && !record->is_seen && !record->registered_by[0] && origin &&
	       cv_realm_is_same_ca(origin, registration->bootstrap);
}

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
	/* Its first answer was lost. */
	if (registration->bootstrap && !record->is_seen &&
	    cv_digest_equal(&record->current_key, key))
		return PLAN_SAME_KEY;
	/* And with it a key that nobody has. */
	if (began_it(registration, record) && registration->base.request->ret_private_key)
		return PLAN_ANNOUNCE;
	if (!is_own_token && !is_token_of_registration)
		return PLAN_REFUSED;
	return cv_digest_equal(&record->current_key, key) ? PLAN_SAME_KEY : PLAN_ANNOUNCE;
}

/* Does a device begin with it, or begin anew? */
static bool
registers(enum registration_plan chosen)
{
	return chosen == PLAN_REGISTER || chosen == PLAN_ANEW || chosen == PLAN_FIRST_KEY;
}

/* The device begins, or begins anew, with this key. */
static void
begin_with_key(const struct registration *registration, struct cv_device_change *change)
{
	const struct cv_public_key *key = cv_enrolment_key(&registration->base);
	const struct cv_realm_authority *origin =
	    registration->bootstrap ? registration->bootstrap : registration->base.issuer;
	bool is_production = cv_subject_is_production(registration->base.csr->subject);
	const char *token = registration->has_token ? registration->token.id : NULL;

	cv_device_change_register(change, cv_realm_authority_owner(origin), origin->row.id, token);
	cv_device_change_describe(change, NULL, &is_production);
	cv_device_change_set_first_key(change, cv_public_key_id(key), cv_public_key_spki(key));
}

static void
take_plan(const struct registration *registration, enum registration_plan chosen,
    struct cv_device_change *change)
{
	const struct cv_digest *key = cv_public_key_id(cv_enrolment_key(&registration->base));
	struct cv_bytes spki = cv_public_key_spki(cv_enrolment_key(&registration->base));
	const char *token = registration->has_token ? registration->token.id : NULL;

	switch (chosen) {
	case PLAN_REFUSED:
		break;
	case PLAN_ANEW:
		cv_device_change_end_all_keys(change, "superseded");
		begin_with_key(registration, change);
		break;
	case PLAN_REGISTER:
	case PLAN_FIRST_KEY:
		begin_with_key(registration, change);
		break;
	case PLAN_SAME_KEY:
		break;
	case PLAN_ANNOUNCE:
		cv_device_change_ask_key(change, key, spki);
		cv_device_change_announce_too(change, key, spki);
		break;
	}
	if (!token)
		return;
	cv_device_change_use_token(change, token, key);
	/* An older one for this id would let another key take the place of this one. */
	if (registers(chosen))
		cv_device_change_void_older_tokens(change, token);
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
	struct cv_party changed = enrolment->answer->party;

	if (!cv_enrolment_check_issuer(enrolment) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if (cv_device_change_authority_state(change) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the authority signs nothing now");
	if (chosen != PLAN_REGISTER && !cv_enrolment_check_allowance(enrolment, change))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_issue(enrolment, change, enrolment->csr->san, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	take_plan(registration, chosen, change);
	cv_enrolment_write_note(
	    enrolment, enrolment->certificate, plan_kind(chosen), enrolment->answer->actor);
	if (chosen == PLAN_ANEW) {
		enrolment->note.touches_all_slots = true;
		changed.slot[0] = '\0';
	}
	if (!cv_device_change_commit(change, &enrolment->note, NULL, err))
		return false;
	cv_enrolment_take_issued(enrolment, CV_ISSUE_ENROLMENT);
	if (registers(chosen))
		cv_service_counters(enrolment->service)->registered++;
	return cv_service_take_change(enrolment->service, enrolment->connection, &changed, err);
}

/* The same request again: the same certificate; a key that was only asked for is still announced.
 */
static bool
repeat(struct registration *registration, enum registration_plan chosen,
    struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_device_record *record = cv_device_change_record(change);

	if (record->named.state == CV_KEY_ASKED) {
		take_plan(registration, chosen, change);
		cv_enrolment_write_announcement(enrolment, enrolment->answer->actor);
		if (!cv_device_change_commit(change, &enrolment->note, NULL, err) ||
		    !cv_service_take_change(
			enrolment->service, enrolment->connection, &enrolment->answer->party, err))
			return false;
	}
	return cv_enrolment_refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
}

/* Only what it gave for the current key may still be asked for; a key that is made here is none. */
static bool
is_spent(const struct registration *registration, const struct cv_device_record *record)
{
	const struct enrolment *enrolment = &registration->base;

	return registration->token.is_spent_by_device &&
	       (enrolment->request->ret_private_key || record->device_state != CV_DEVICE_OK ||
		   !record->has_current ||
		   !cv_digest_equal(&record->current_key, cv_public_key_id(enrolment->csr->key)));
}

static bool
refuse_spent(struct enrolment *enrolment)
{
	return cv_enrolment_refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED,
	    "a certificate that the token gave was seen, or ended: the token is used up");
}

static bool
refuse_plan(struct enrolment *enrolment, const struct cv_device_record *record)
{
	if (record->device_state != CV_DEVICE_OK)
		return cv_enrolment_refuse_verdict(
		    enrolment, CV_VERDICT_DEVICE_REFUSED, "the device is held, deleted or revoked");
	return cv_enrolment_refuse(
	    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the device is registered already");
}

static void
object_to_plan(struct enrolment *enrolment, const struct cv_device_record *record)
{
	const struct registration *registration = (const struct registration *)enrolment;

	if (is_spent(registration, record))
		(void)refuse_spent(enrolment);
	else if (plan(registration, record, cv_public_key_id(enrolment->csr->key)) == PLAN_REFUSED)
		(void)refuse_plan(enrolment, record);
}

/* Under the lock: token, authority and record as they are now. */
static bool
check_locked(struct registration *registration, struct cv_device_change *change,
    enum registration_plan *ret_plan)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_device_record *record = cv_device_change_record(change);

	/* Who vouches for it must be trusted; an issuer signs nothing where the answer is repeated.
	 */
	if (registration->bootstrap &&
	    cv_device_change_authority_state(change) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the authority signs nothing now");
	if (registration->has_token && !cv_device_change_token(change, &registration->token))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CREDENTIALS, "the token is not valid");
	if (registration->has_token &&
	    (!check_token(registration) || !cv_enrolment_is_going_on(enrolment)))
		return true;
	if (is_spent(registration, record))
		return refuse_spent(enrolment);
	if (!cv_enrolment_check_named_key(enrolment, record) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	*ret_plan = plan(registration, record, cv_public_key_id(cv_enrolment_key(enrolment)));
	/* None of the keys that end now can be the first again. */
	if (*ret_plan == PLAN_ANEW && record->named.state != CV_KEY_UNKNOWN)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_KEY_IN_USE,
		    "registering anew ends every earlier key of the device");
	return *ret_plan != PLAN_REFUSED || refuse_plan(enrolment, record);
}

static bool
attempt_registration(struct enrolment *enrolment, struct cv_error *err)
{
	struct registration *registration = (struct registration *)enrolment;
	const struct cv_digest *key = cv_public_key_id(cv_enrolment_key(enrolment));
	struct cv_record_query query = {
	    .party = &enrolment->answer->party,
	    .named_key = key,
	    .csr_digest = cv_enrolment_replay_digest(enrolment),
	    .label = cv_enrolment_replay_label(enrolment),
	    .replay_window_seconds = cv_service_settings(enrolment->service)->replay_window_seconds,
	};
	/* The one whose word is taken: who vouches for a registration must be trusted now. */
	const struct cv_realm_authority *voucher =
	    registration->bootstrap ? registration->bootstrap : enrolment->issuer;
	struct cv_change_options options = {
	    .claimed_key = key,
	    .creates_device = true,
	    .authority = voucher ? voucher->row.id : NULL,
	    .token = registration->has_token ? registration->token.id : NULL,
	};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	enum registration_plan chosen = PLAN_REFUSED;
	bool is_repeat = false;

	if (!cv_enrolment_connect(enrolment, err) ||
	    !cv_device_change_begin(enrolment->connection, &query, &options, &change, err))
		return false;
	if (!check_locked(registration, change, &chosen) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if ((chosen == PLAN_SAME_KEY || chosen == PLAN_ANNOUNCE) &&
	    !cv_enrolment_find_repeat(enrolment, change, enrolment->csr->san, &is_repeat, err))
		return false;
	/* What it gave for the current key may still be asked for: an answer was lost. */
	if (registration->token.is_spent_by_device && !is_repeat)
		return refuse_spent(enrolment);
	return is_repeat ? repeat(registration, chosen, change, err)
			 : issue_registration(registration, chosen, change, err);
}

static bool
authenticate(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	int64_t ways = enrolment->label->enrols;

	if (enrolment->request->evidence) {
		if ((ways & (CV_ENROL_BOOTSTRAP | CV_ENROL_BOTH)) == 0)
			return cv_enrolment_refuse_verdict(
			    enrolment, enrolment->request->sight->verdict, NULL);
		if (!find_bootstrap(registration, err))
			return false;
		if ((ways & CV_ENROL_BOOTSTRAP) != 0 || !cv_enrolment_is_going_on(enrolment))
			return true;
	} else if ((ways & CV_ENROL_TOKEN) == 0) {
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_NO_CERTIFICATE, NULL);
	}
	if (!enrolment->request->token)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_NO_CREDENTIALS, NULL);
	return find_token(registration, err);
}

/* A token asks for as many devices as it has uses, whatever it calls them. */
static int64_t
approvals_max(const struct registration *registration)
{
	const struct cv_service_settings *settings =
	    cv_service_settings(registration->base.service);
	int64_t most = settings->approvals_per_identity;

	if (registration->has_token &&
	    registration->token.uses_max * settings->approvals_per_device < most)
		most = registration->token.uses_max * settings->approvals_per_device;
	return most;
}

static bool
register_device(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;

	if (!cv_enrolment_read_csr(enrolment, err))
		return false;
	if (enrolment->csr)
		(void)cv_text_copy(enrolment->answer->party.device,
		    sizeof(enrolment->answer->party.device), enrolment->csr->common_name);
	if (!authenticate(registration, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_judge_csr(enrolment, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment) || !cv_enrolment_check_new_subject(enrolment) ||
	    !cv_enrolment_is_going_on(enrolment) || !authorise(registration) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (enrolment->csr->san.len &&
	    !cv_san_is_listed(enrolment->csr->san, enrolment->label->san))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_EXTENSION,
		    "this subjectAltName is not allowed at enrolment");
	if (!cv_party_set(&enrolment->answer->party, enrolment->factory->name,
		enrolment->csr->common_name, CV_SLOT_CLIENT))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CSR, "the CN is not a device id");
	if (!cv_enrolment_look_ahead(enrolment, object_to_plan, err))
		return false;
	if (cv_enrolment_is_going_on(enrolment) &&
	    !cv_enrolment_check_approval(
		enrolment, enrolment->answer->actor, approvals_max(registration), err))
		return false;
	if (cv_enrolment_is_going_on(enrolment) && !cv_enrolment_make_key(enrolment, err))
		return false;
	return !cv_enrolment_is_going_on(enrolment) ||
	       cv_enrolment_attempt_until_settled(enrolment, attempt_registration, NULL, err);
}

bool
cv_enrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err)
{
	AUTO_REGISTRATION struct registration registration = {.base = {.service = service}};

	cv_enrolment_start(&registration.base, service, request, ret_answer, ret_der);
	if (request->evidence && cv_verdict_is_allowed(request->sight->verdict)) {
		if ((registration.base.label->enrols & CV_ENROL_DEVICE) != 0)
			return cv_reenrol(service, request, ret_answer, ret_der, err);
		(void)cv_enrolment_refuse(&registration.base, CV_ENROLMENT_NOT_AUTHORISED,
		    "an enrolled device renews at simplereenroll");
		return cv_enrolment_finish(&registration.base, true);
	}
	if (!request->evidence && !request->token) {
		if ((registration.base.label->enrols & CV_ENROL_TOKEN) != 0)
			ret_answer->outcome = CV_ENROLMENT_NO_CREDENTIALS;
		else
			(void)cv_enrolment_refuse_verdict(
			    &registration.base, CV_VERDICT_NO_CERTIFICATE, NULL);
		return cv_enrolment_finish(&registration.base, true);
	}
	return cv_enrolment_finish(&registration.base, register_device(&registration, err));
}
