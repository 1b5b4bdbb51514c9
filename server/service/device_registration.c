#include "cv/service/device_registration.h"

#include <stdio.h>
#include <string.h>

#include "cv/pki/subject.h"
#include "cv/store/certificate_store.h"
#include "cv/util/text.h"

#include "device_registration_internal.h"

struct registration {
	struct enrolment base; /* first */
	const struct cv_device_order *order;
	const char *name;
	bool is_same_key; /* the device is registered with this key */
	bool keeps_key;   /* it was, before it was deleted */
};

static void
registration_deinit(struct registration *registration)
{
	cv_enrolment_deinit(&registration->base);
}
#define AUTO_REGISTRATION __attribute__((cleanup(registration_deinit)))

/* ---- what is asked for ---- */

/* Whatever else is wrong with the request, who may act there is to see it: in the factory that it
 * names, or else in the first of the operator. */
static void
take_factory(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_operator *operator_ = registration->order->operator_;
	const char *factory = registration->order->factory;
	struct cv_party *party = &enrolment->answer->party;

	if (!factory)
		factory = enrolment->csr ? enrolment->csr->organizational_unit : "";
	if (cv_realm_factory(enrolment->realm, factory) &&
	    cv_access_sees_factory(operator_, factory))
		(void)cv_text_copy(party->factory, sizeof(party->factory), factory);
	else
		(void)snprintf(party->factory, sizeof(party->factory), "%.*s",
		    (int)strcspn(operator_->factories, ","), operator_->factories);
}

/* The subject says who it is; the body may only say the same. */
static bool
check_subject(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_device_order *order = registration->order;
	const struct cv_csr *csr = enrolment->csr;

	if (order->uuid && strcmp(order->uuid, csr->common_name) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CSR, "the CN of the CSR is not the uuid");
	if (csr->organizational_unit_count != 1)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CSR, "the CSR must have one OU, the factory");
	if ((order->factory && strcmp(order->factory, csr->organizational_unit) != 0) ||
	    !cv_realm_factory(enrolment->realm, csr->organizational_unit) ||
	    !cv_access_sees_factory(order->operator_, csr->organizational_unit))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CSR, "the OU of the CSR is not the factory");
	if (order->operator_->device[0] && strcmp(order->operator_->device, csr->common_name) != 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NOT_AUTHORISED, "the token is for another device");
	return true;
}

const char *
cv_device_name_refusal(const char *name, const char *device)
{
	if (!cv_device_name_is_valid(name, strlen(name)))
		return "the name must be 1 to 64 of A-Za-z0-9._:@+- and blanks";
	if (cv_uuid_is_valid(name) && strcmp(name, device) != 0)
		return "the name is a UUID, and not that of the device";
	return NULL;
}

static bool
check_name(struct registration *registration)
{
	struct enrolment *enrolment = &registration->base;
	const char *device = enrolment->csr->common_name;
	const char *refusal;

	registration->name = registration->order->name ? registration->order->name : device;
	refusal = cv_device_name_refusal(registration->name, device);
	return !refusal || cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_NAME, refusal);
}

/* ---- under the lock ---- */

bool
cv_registration_check_place(struct enrolment *enrolment, const struct cv_device_order *order,
    const struct cv_device_change *change)
{
	/* It was approved for this device before an operator refused that, and may not undo it. */
	if (order->operator_->device[0] &&
	    order->operator_->made_at_us < cv_device_change_record(change)->tokens_void_before_us)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_NOT_AUTHORISED,
		    "the token is older than what an operator did to the device");
	if (!cv_device_change_name_is_free(change))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_TAKEN, "another device has this name");
	if (order->group && !cv_device_change_group_exists(change))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_GROUP, "there is no such group");
	return true;
}

/* What becomes of a device that is there. */
static bool
check_record(struct registration *registration, const struct cv_device_record *record)
{
	struct enrolment *enrolment = &registration->base;
	bool is_same = record->has_current &&
		       cv_digest_equal(&record->current_key, cv_public_key_id(enrolment->csr->key));

	if (record->exists && record->device_state == CV_DEVICE_OK && record->has_current &&
	    !is_same && !record->is_cleared)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_TAKEN, "the device is registered with another key");
	if (!cv_enrolment_check_named_key(enrolment, record) ||
	    !cv_enrolment_is_going_on(enrolment) || !record->exists)
		return true;
	switch (record->device_state) {
	case CV_DEVICE_HELD:
	case CV_DEVICE_REVOKED:
		return cv_enrolment_refuse_verdict(
		    enrolment, CV_VERDICT_DEVICE_REFUSED, "the device is held or revoked");
	case CV_DEVICE_DELETED:
		registration->keeps_key = is_same;
		if (is_same || record->named.state == CV_KEY_UNKNOWN)
			return true;
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_KEY_IN_USE,
		    "registering anew ends every earlier key of the device");
	case CV_DEVICE_OK:
		break;
	}
	if (!is_same && record->is_cleared && record->named.state != CV_KEY_UNKNOWN)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_KEY_IN_USE,
		    "registering anew ends every earlier key of the device");
	registration->is_same_key = is_same;
	if (is_same && record->has_usable_certificate)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_REPEATED, NULL);
	return true;
}

/* Registering anew denies every earlier certificate. A device that comes with the key that it had
 * when it was deleted keeps that: it was neither replaced nor revoked. */
static void
end_before(const struct registration *registration, struct cv_device_change *change)
{
	if (!registration->keeps_key) {
		cv_device_change_end_all_keys(change, "superseded");
		return;
	}
	cv_device_change_discard_open_keys(change, "superseded");
	cv_device_change_revoke_all_certificates(change, "superseded");
}

static void
edit(const struct registration *registration, struct cv_device_change *change)
{
	const struct enrolment *enrolment = &registration->base;
	const struct cv_device_order *order = registration->order;
	const struct cv_device_record *record = cv_device_change_record(change);
	const struct cv_csr *csr = enrolment->csr;
	bool is_production = cv_subject_is_production(csr->subject);

	if (registration->is_same_key)
		return;
	if (record->exists)
		end_before(registration, change);
	cv_device_change_register(change, order->operator_->name, enrolment->issuer->row.id, NULL);
	if (!registration->keeps_key)
		cv_device_change_set_first_key(
		    change, cv_public_key_id(csr->key), cv_public_key_spki(csr->key));
	cv_device_change_describe(change, order->hardware_id, &is_production);
	cv_device_change_set_name(change, registration->name);
	if (order->group)
		cv_device_change_set_group(change, order->group);
	/* One that was made for this id before would let another key take its place. */
	cv_device_change_void_tokens(change);
}

static bool
commit(struct registration *registration, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	bool was_there = cv_device_change_record(change)->exists;
	struct cv_party changed = enrolment->answer->party;

	edit(registration, change);
	cv_enrolment_write_note(enrolment, enrolment->certificate,
	    registration->is_same_key ? "renewed"
	    : was_there               ? "registered-anew"
				      : "registered",
	    registration->order->operator_->actor);
	if (was_there && !registration->is_same_key) {
		enrolment->note.touches_all_slots = true;
		changed.slot[0] = '\0';
	}
	if (!cv_device_change_commit(change, &enrolment->note, NULL, err))
		return false;
	cv_enrolment_take_issued(enrolment, CV_ISSUE_REGISTRATION);
	if (!registration->is_same_key)
		cv_service_counters(enrolment->service)->registered++;
	return cv_service_take_change(enrolment->service, enrolment->connection, &changed, err);
}

static bool
issue(struct registration *registration, struct cv_device_change *change, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;

	if (cv_device_change_record(change)->exists)
		(void)cv_enrolment_check_allowance(enrolment, change);
	if (!cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_issue(enrolment, change, enrolment->csr->san, err))
		return false;
	return !cv_enrolment_is_going_on(enrolment) || commit(registration, change, err);
}

static bool
decide_locked(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;
	const struct cv_digest *key = cv_public_key_id(enrolment->csr->key);
	struct cv_record_query query = {.party = &enrolment->answer->party, .named_key = key};
	struct cv_change_options options = {
	    .claimed_key = key,
	    .creates_device = true,
	    .authority = enrolment->issuer ? enrolment->issuer->row.id : NULL,
	    .group = registration->order->group,
	    .name = registration->name,
	};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;

	if (!cv_device_change_begin(enrolment->connection, &query, &options, &change, err))
		return false;
	if (!check_record(registration, cv_device_change_record(change)) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (!cv_enrolment_check_issuer(enrolment) || !cv_enrolment_is_going_on(enrolment))
		return true;
	if (cv_device_change_authority_state(change) != CV_AUTHORITY_TRUSTED)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the authority signs nothing now");
	if (!registration->is_same_key)
		(void)cv_registration_check_place(enrolment, registration->order, change);
	return !cv_enrolment_is_going_on(enrolment) || issue(registration, change, err);
}

/* The certificate of the key that it has, which may just have been replaced. */
static bool
find_repeat(struct enrolment *enrolment, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_digest fingerprint;
	int count;

	if (!cv_certificate_store_find_current(
		enrolment->connection, &enrolment->answer->party, &fingerprint, &count, err))
		return false;
	if (count > 0 &&
	    (!cv_certificate_store_der(enrolment->connection, &fingerprint, &der, err) ||
		!cv_certificate_parse(cv_buffer_bytes(&der), &certificate, err)))
		return false;
	if (!certificate ||
	    !cv_digest_equal(&certificate->key_id, cv_public_key_id(enrolment->csr->key)))
		return cv_fail(err, CV_E_CONFLICT, "the key of the device was replaced");
	return cv_enrolment_answer_with(enrolment, certificate, err);
}

static bool
attempt(struct enrolment *enrolment, struct cv_error *err)
{
	struct registration *registration = (struct registration *)enrolment;

	registration->is_same_key = false;
	registration->keeps_key = false;
	if (!decide_locked(registration, err))
		return false;
	return enrolment->answer->outcome != CV_ENROLMENT_REPEATED || find_repeat(enrolment, err);
}

static bool
check_request(struct registration *registration, struct cv_error *err)
{
	struct enrolment *enrolment = &registration->base;

	if (!cv_enrolment_read_csr(enrolment, err))
		return false;
	take_factory(registration);
	if (!cv_enrolment_judge_csr(enrolment, err))
		return false;
	if (!cv_enrolment_is_going_on(enrolment) || !cv_enrolment_check_new_subject(enrolment) ||
	    !cv_enrolment_is_going_on(enrolment) || !check_subject(registration) ||
	    !cv_enrolment_is_going_on(enrolment) || !check_name(registration) ||
	    !cv_enrolment_is_going_on(enrolment))
		return true;
	if (enrolment->csr->san.len)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_EXTENSION, "a subjectAltName is not issued here");
	if (!cv_party_set(&enrolment->answer->party, enrolment->csr->organizational_unit,
		enrolment->csr->common_name, CV_SLOT_CLIENT))
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_BAD_CSR, "the CN is not a device id");
	if (cv_realm_roots(enrolment->realm, enrolment->csr->organizational_unit, NULL, NULL) == 0)
		return cv_enrolment_refuse(
		    enrolment, CV_ENROLMENT_NO_ISSUER, "the factory has no root certificate");
	return cv_enrolment_choose_factory(enrolment, enrolment->csr->organizational_unit);
}

bool
cv_register_device(struct cv_service *service, const struct cv_label *label, struct cv_bytes csr,
    const struct cv_device_order *order, struct cv_enrolment_answer *ret_answer,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	AUTO_REGISTRATION struct registration registration = {
	    .base = {.service = service}, .order = order};
	const struct cv_enrolment_request request = {
	    .label = label, .csr = csr, .request_id = order->request_id};
	struct enrolment *enrolment = &registration.base;
	bool is_good;

	cv_enrolment_start(enrolment, service, &request, ret_answer, ret_der);
	cv_text_copy(ret_answer->actor, sizeof(ret_answer->actor), order->operator_->actor);
	is_good = check_request(&registration, err);
	if (is_good && cv_enrolment_is_going_on(enrolment))
		is_good = cv_enrolment_connect(enrolment, err) &&
			  cv_enrolment_attempt_until_settled(enrolment, attempt, NULL, err);
	return cv_enrolment_finish(enrolment, is_good);
}
