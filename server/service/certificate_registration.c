#include "device_registration_internal.h"

#include <string.h>

#include "cv/pki/subject.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

struct registration {
	struct enrolment base; /* first; without a CSR */
	const struct cv_device_order *order;
	const char *name;
	struct cv_certificate *certificate;
	struct cv_public_key *key;
	const struct cv_realm_authority *authority; /* lent by the realm */
};

static void
registration_deinit(struct registration *registration)
{
	cv_certificate_free(registration->certificate);
	cv_public_key_free(registration->key);
	cv_enrolment_deinit(&registration->base);
}
#define AUTO_REGISTRATION __attribute__((cleanup(registration_deinit)))

static bool
refuse_certificate(struct registration *registration, const char *detail)
{
	return cv_enrolment_refuse(&registration->base, CV_ENROLMENT_BAD_CERTIFICATE, detail);
}

/* ---- the certificate by itself ---- */

static bool
parse(struct registration *registration, struct cv_bytes der, struct cv_error *err)
{
	struct cv_error parse_error = CV_ERROR_INIT;
	enum cv_key_outcome outcome;

	if (!cv_certificate_parse(der, &registration->certificate, &parse_error)) {
		if (cv_error_blames_input(&parse_error))
			return refuse_certificate(registration, "the certificate is malformed");
		*err = parse_error;
		return false;
	}
	if (!cv_public_key_parse(
		registration->certificate->spki, &outcome, &registration->key, err))
		return false;
	return outcome == CV_KEY_USABLE ||
	       refuse_certificate(registration, "the key is not of an accepted type or size");
}

static bool
check_dates(struct registration *registration)
{
	const struct cv_service *service = registration->base.service;
	int64_t now = cv_clock_wall_seconds(cv_service_clock(service));

	if (registration->certificate->not_after_utc < now)
		return refuse_certificate(registration, "the certificate has expired");
	if (registration->certificate->not_before_utc >
	    now + cv_service_settings(service)->skew_seconds)
		return refuse_certificate(registration, "the certificate is not valid yet");
	return true;
}

/* A CA that is disabled or outside its dates admits nobody new; one that is revoked, nobody. */
static bool
find_authority(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	enum cv_chain_outcome outcome = CV_CHAIN_NOT_ISSUED;
	const char *reason = NULL;
	int64_t now = cv_clock_wall_seconds(cv_service_clock(enrolment->service));

	if (!cv_realm_find_issuer(enrolment->realm, registration->certificate, now,
		&registration->authority, &outcome, &reason, err))
		return false;
	if (outcome == CV_CHAIN_REFUSED)
		return refuse_certificate(registration, reason);
	if (outcome == CV_CHAIN_NOT_ISSUED ||
	    registration->authority->row.kind == CV_AUTHORITY_BOOTSTRAP ||
	    !cv_access_sees_factory(
		registration->order->operator_, registration->authority->row.factory))
		return refuse_certificate(
		    registration, "no device CA of the factory issued the certificate");
	if (cv_realm_authority_state(registration->authority, now) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_AUTHORITY_REFUSED,
		    "the device CA is disabled, revoked or outside its dates");
	return true;
}

static bool
check_subject(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_device_order *order = registration->order;
	const struct cv_certificate *certificate = registration->certificate;
	const char *factory = registration->authority->row.factory;
	const char *device = certificate->common_name;
	const char *refusal;

	if (certificate->organizational_unit_count != 1 ||
	    strcmp(certificate->organizational_unit, factory) != 0 ||
	    (order->factory && strcmp(order->factory, factory) != 0))
		return refuse_certificate(registration, "the OU is not the factory");
	if (!cv_party_set(&enrolment->answer->party, factory, device, CV_SLOT_CLIENT))
		return refuse_certificate(registration, "the CN is not a device id");
	if (order->operator_->device[0] && strcmp(order->operator_->device, device) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is for another device");
	if (!cv_enrolment_check_key(enrolment, factory, registration->key) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	registration->name = order->name ? order->name : device;
	refusal = cv_device_name_refusal(registration->name, device);
	return !refusal || cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_NAME, refusal);
}

static bool
check_certificate(struct registration *registration, struct cv_bytes der, struct cv_error *err)
{
	const struct enrolment *enrolment = &registration->base;

	if (!parse(registration, der, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment) || !check_dates(registration) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (!find_authority(registration, err))
		return false;
	return !cv_enrolment_is_going_on(enrolment) || check_subject(registration);
}

/* ---- under the lock ---- */

static bool
check_key(struct registration *registration, const struct cv_device_record *record)
{
	struct enrolment *enrolment = &registration->base;
	enum cv_key_state state = record->named.state;

	if (record->named.is_of_another) {
		cv_enrolment_note_claim(enrolment, "key-in-use", registration->key);
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_TAKEN, "another device uses this key");
	}
	if (state == CV_KEY_RETIRED || state == CV_KEY_DISCARDED || state == CV_KEY_COMPROMISED ||
	    (record->has_current && state != CV_KEY_UNKNOWN))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_TAKEN, "the device had this key before");
	return true;
}

/* Whoever claims our own authority and is not recorded has its key, or makes a mistake. */
static bool
check_origin(struct registration *registration, const struct cv_device_record *record)
{
	const struct enrolment *enrolment = &registration->base;

	if (registration->authority->row.kind != CV_AUTHORITY_ONLINE ||
	    record->certificate_is_known)
		return true;
	cv_log(CV_LOG_WARNING, "unrecorded-certificate",
	    "a certificate of our own authority is not in the database: the CA key may be abused",
	    CV_LOG_TEXT("request_id", enrolment->request->request_id),
	    CV_LOG_TEXT("factory", enrolment->answer->party.factory),
	    CV_LOG_TEXT("device", enrolment->answer->party.device));
	cv_enrolment_note_event(enrolment, "unrecorded", &registration->certificate->fingerprint);
	return refuse_certificate(registration, "this server did not issue the certificate");
}

static bool
check_record(struct registration *registration, const struct cv_device_record *record)
{
	struct enrolment *enrolment = &registration->base;

	if (record->exists && record->device_state != CV_DEVICE_OK)
		return cv_enrolment_refuse_verdict(
		    enrolment, CV_VERDICT_DEVICE_REFUSED, "the device is held, deleted or revoked");
	if (record->certificate_is_revoked)
		return cv_enrolment_refuse_verdict(
		    enrolment, CV_VERDICT_DENIED, "the certificate is denied");
	if (!check_origin(registration, record) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if (record->has_current &&
	    cv_digest_equal(&record->current_key, cv_public_key_id(registration->key)))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
	if (record->has_current && !record->is_cleared)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_TAKEN, "the device is registered with another key");
	return check_key(registration, record);
}

/* Its key takes the place of the one of a device that was deleted and cleared. */
static bool
is_anew(const struct cv_device_change *change)
{
	const struct cv_device_record *record = cv_device_change_record(change);

	return record->has_current && record->is_cleared;
}

static void
edit(const struct registration *registration, struct cv_device_change *change)
{
	const struct cv_device_order *order = registration->order;
	const struct cv_realm_authority *authority = registration->authority;
	bool is_production = cv_subject_is_production(registration->certificate->subject);
	const char *owner = cv_realm_authority_owner(authority);
	struct cv_certificate_row row;

	if (is_anew(change))
		cv_device_change_end_all_keys(change, "superseded");
	cv_device_change_register(
	    change, owner ? owner : order->operator_->name, authority->row.id, NULL);
	cv_device_change_set_first_key(
	    change, cv_public_key_id(registration->key), cv_public_key_spki(registration->key));
	cv_device_change_describe(change, order->hardware_id, &is_production);
	cv_device_change_set_name(change, registration->name);
	if (order->group)
		cv_device_change_set_group(change, order->group);
	cv_device_change_void_tokens(change);
	if (cv_device_change_record(change)->certificate_is_known)
		return;
	cv_certificate_to_row(registration->certificate, authority->row.id, false, &row);
	cv_device_change_add_certificate(change, &row);
}

static bool
commit(struct registration *registration, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	struct cv_party changed = enrolment->answer->party;

	edit(registration, change);
	cv_enrolment_write_note(enrolment, registration->certificate,
	    is_anew(change) ? "registered-anew" : "registered",
	    registration->order->operator_->actor);
	if (is_anew(change)) {
		enrolment->note.touches_all_slots = true;
		changed.slot[0] = '\0';
	}
	if (!cv_device_change_commit(change, &enrolment->note, NULL, err))
		return false;
	cv_service_counters(enrolment->service)->registered++;
	return cv_service_take_change(enrolment->service, enrolment->connection, &changed, err);
}

static bool
attempt(struct enrolment *enrolment, struct cv_error *err)
{
	struct registration *registration = (struct registration *)enrolment;
	struct cv_record_query query = {
	    .party = &enrolment->answer->party,
	    .presented_tbs = &registration->certificate->tbs_digest,
	    .named_key = cv_public_key_id(registration->key),
	};
	/* Nobody has proved the key yet: it is claimed when the device uses it. */
	struct cv_change_options options = {
	    .creates_device = true,
	    .authority = registration->authority->row.id,
	    .group = registration->order->group,
	    .name = registration->name,
	};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_device_change_begin(enrolment->connection, &query, &options, &change, err))
		return false;
	if (cv_device_change_authority_state(change) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse_verdict(enrolment, CV_VERDICT_AUTHORITY_REFUSED,
		    "the device CA is disabled or revoked");
	if (!check_record(registration, cv_device_change_record(change)) ||
	    !cv_enrolment_is_going_on(enrolment) ||
	    !cv_registration_check_place(enrolment, registration->order, change) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	return commit(registration, change, err);
}

/* There is nothing to read for a repeat, so this does without cv_enrolment_attempt_until_settled.
 */
static bool
attempt_until_settled(struct enrolment *enrolment, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		cv_enrolment_begin_attempt(enrolment);
		if (attempt(enrolment, err))
			return enrolment->answer->outcome != CV_ENROLMENT_REPEATED ||
			       cv_enrolment_take_repeated(enrolment, err);
		if (err->code != CV_E_CONFLICT && err->code != CV_E_CONSTRAINT)
			return false;
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

bool
cv_register_certificate(struct cv_service *service, struct cv_bytes certificate,
    const struct cv_device_order *order, struct cv_enrolment_answer *ret_answer,
    struct cv_error *err)
{
	AUTO_REGISTRATION struct registration registration = {
	    .base = {.service = service}, .order = order};
	const struct cv_enrolment_request request = {.request_id = order->request_id};
	CV_AUTO_BUFFER struct cv_buffer nothing = CV_BUFFER_INIT;
	struct enrolment *enrolment = &registration.base;
	bool is_good;

	cv_enrolment_start(enrolment, service, &request, ret_answer, &nothing);
	cv_text_copy(ret_answer->actor, sizeof(ret_answer->actor), order->operator_->actor);
	is_good = check_certificate(&registration, certificate, err);
	if (is_good && cv_enrolment_is_going_on(enrolment))
		is_good =
		    cv_enrolment_connect(enrolment, err) && attempt_until_settled(enrolment, err);
	return cv_enrolment_finish(enrolment, is_good);
}
