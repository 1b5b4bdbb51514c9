#include "service_internal.h"

#include <string.h>

#include "cv/pki/digest.h"
#include "cv/pki/public_key.h"
#include "cv/store/certificate_store.h"
#include "cv/util/text.h"

void
cv_presenter_deinit(struct cv_presenter *presenter)
{
	cv_certificate_free(presenter->certificate);
	cv_realm_free(presenter->realm);
}

/* Gateways and peers that consult the deny-list serve these; lesser slots of a unit never face
 * them. */
static bool
slot_is_accepted(const struct cv_evidence *evidence, const char *slot)
{
	return evidence->accepts_every_slot || strcmp(slot, CV_SLOT_CLIENT) == 0 ||
	       strcmp(slot, "online") == 0;
}

struct identification {
	struct cv_service *service;
	const struct cv_evidence *evidence;
	struct cv_presenter *presenter;
	bool is_refused;
	enum cv_verdict verdict;
	const char *detail;
};

static bool
refuse(struct identification *id, enum cv_verdict verdict, const char *detail)
{
	id->is_refused = true;
	id->verdict = verdict;
	id->detail = detail;
	return true;
}

static void
take_validity(struct identification *id, int64_t not_before_utc, int64_t not_after_utc)
{
	id->presenter->presented.not_before_utc = not_before_utc;
	id->presenter->presented.not_after_utc = not_after_utc;
}

static void
take_authority(struct identification *id, const struct cv_realm_authority *authority)
{
	struct cv_presented *presented = &id->presenter->presented;

	id->presenter->authority = authority;
	presented->has_authority = authority != NULL;
	if (!authority)
		return;
	presented->authority_kind = authority->row.kind;
	presented->authority_state = cv_realm_authority_state(
	    authority, cv_clock_wall_seconds(cv_service_clock(id->service)));
}

/* Whether the authority's key made this very signature, and the leaf is an end entity's. */
static bool
verify_chain(struct identification *id, struct cv_error *err)
{
	struct cv_presenter *presenter = id->presenter;
	const struct cv_realm_authority *authority = NULL;
	enum cv_chain_outcome outcome;
	const char *reason = NULL;

	if (!cv_realm_find_issuer(presenter->realm, presenter->certificate,
		cv_clock_wall_seconds(cv_service_clock(id->service)), &authority, &outcome, &reason,
		err))
		return false;
	switch (outcome) {
	case CV_CHAIN_NOT_ISSUED:
		return refuse(id, CV_VERDICT_UNKNOWN, "no authority issued this certificate");
	case CV_CHAIN_REFUSED:
		return refuse(id, CV_VERDICT_BAD_CERTIFICATE, reason);
	case CV_CHAIN_GOOD:
		break;
	}
	presenter->presented.is_full = true;
	take_authority(id, authority);
	return true;
}

static bool
identify_known(
    struct identification *id, const struct cv_found_certificate *found, struct cv_error *err)
{
	struct cv_presenter *presenter = id->presenter;

	presenter->party = found->party;
	presenter->key_id = found->key_id;
	presenter->tbs_digest = found->tbs_digest;
	take_validity(id, found->not_before_utc, found->not_after_utc);
	take_authority(id, cv_realm_authority_by_id(presenter->realm, found->authority));
	/* Another signature over the same TBSCertificate: the same certificate, if the signature is
	 * good. */
	if (!cv_digest_equal(&found->fingerprint, &id->evidence->fingerprint))
		return verify_chain(id, err);
	return true;
}

static bool
take_key_refusal(struct identification *id, struct cv_error *err)
{
	struct cv_presenter *presenter = id->presenter;
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	enum cv_key_outcome outcome;

	if (!cv_public_key_parse(presenter->certificate->spki, &outcome, &key, err))
		return false;
	presenter->presented.key_refusal =
	    key ? cv_service_key_refusal(
		      id->service, presenter->realm, presenter->authority->row.factory, key)
		: "the key is outside the policy";
	return true;
}

/* A certificate that was never recorded names its device by its CN, in the factory of its
 * authority. */
static bool
identify_unknown(struct identification *id, struct cv_error *err)
{
	struct cv_presenter *presenter = id->presenter;
	const struct cv_certificate *certificate = presenter->certificate;

	if (!certificate)
		return refuse(
		    id, CV_VERDICT_UNKNOWN, "no certificate of this fingerprint is known");
	if (!verify_chain(id, err) || id->is_refused)
		return id->is_refused;
	presenter->key_id = certificate->key_id;
	presenter->tbs_digest = certificate->tbs_digest;
	take_validity(id, certificate->not_before_utc, certificate->not_after_utc);
	if (!take_key_refusal(id, err))
		return false;
	if (!cv_party_set(&presenter->party, presenter->authority->row.factory,
		certificate->common_name, CV_SLOT_CLIENT))
		return refuse(id, CV_VERDICT_BAD_CERTIFICATE, "the CN is not a device id");
	return true;
}

/* The OU of a certificate is the name of its factory, where it has one. */
static bool
contradicts_factory(const struct cv_presenter *presenter)
{
	const struct cv_certificate *certificate = presenter->certificate;

	return certificate && certificate->organizational_unit_count > 0 &&
	       strcmp(certificate->organizational_unit, presenter->party.factory) != 0;
}

static bool
check_factory(struct identification *id)
{
	struct cv_presenter *presenter = id->presenter;
	const struct cv_evidence *evidence = id->evidence;

	presenter->factory = cv_realm_factory(presenter->realm, presenter->party.factory);
	if (!presenter->factory)
		return refuse(id, CV_VERDICT_UNKNOWN, "the factory is unknown");
	if (evidence->factories &&
	    !cv_realm_list_has(evidence->factories, presenter->party.factory))
		return refuse(id, CV_VERDICT_UNKNOWN, "the certificate is of another factory");
	if (contradicts_factory(presenter))
		return refuse(id, CV_VERDICT_UNKNOWN, "the OU is not the factory of the issuer");
	return true;
}

static void
take_policy(struct identification *id)
{
	const struct cv_service_settings *settings = cv_service_settings(id->service);
	struct cv_presenter *presenter = id->presenter;
	const struct cv_evidence *evidence = id->evidence;

	presenter->presented.evidence = evidence->evidence;
	presenter->presented.may_activate = evidence->may_activate;
	presenter->presented.slot_is_accepted = slot_is_accepted(evidence, presenter->party.slot);
	presenter->policy = (struct cv_decision_policy){
	    .announce_is_implied = presenter->factory->announce_is_implied,
	    .registers_first_contact = presenter->factory->registers_first_contact,
	    .skew_seconds = settings->skew_seconds,
	    .expired_grace_seconds =
		evidence->honours_expired_grace ? settings->expired_grace_seconds : 0,
	};
}

/* What memory holds of a recorded certificate never changes: no query is needed to know whose it
 * is. */
static bool
find_in_memory(const struct identification *id, struct cv_found_certificate *ret_found)
{
	const struct cv_certificate *certificate = id->presenter->certificate;
	struct cv_index_answer known;

	if (!certificate)
		return false;
	cv_index_find(cv_service_index(id->service), &id->evidence->fingerprint, &known);
	if (!known.party)
		return false;
	ret_found->party = *known.party;
	ret_found->fingerprint = certificate->fingerprint;
	ret_found->tbs_digest = certificate->tbs_digest;
	ret_found->key_id = certificate->key_id;
	ret_found->not_before_utc = certificate->not_before_utc;
	ret_found->not_after_utc = certificate->not_after_utc;
	return cv_text_copy(ret_found->authority, sizeof(ret_found->authority), known.authority);
}

static bool
find(const struct identification *id, struct cv_connection **connection, bool *ret_is_known,
    struct cv_found_certificate *ret_found, struct cv_error *err)
{
	const struct cv_certificate *certificate = id->presenter->certificate;

	*ret_is_known = find_in_memory(id, ret_found);
	if (*ret_is_known)
		return true;
	if (!*connection && !cv_pool_borrow(cv_service_pool(id->service), connection, err))
		return false;
	return cv_certificate_store_find(*connection, &id->evidence->fingerprint,
	    certificate ? &certificate->tbs_digest : NULL, ret_is_known, ret_found, err);
}

static struct cv_bytes
serial_of(const struct identification *id, const struct cv_found_certificate *found)
{
	const struct cv_certificate *certificate = id->presenter->certificate;

	return certificate ? certificate->serial : cv_bytes(found->serial, found->serial_len);
}

static bool
has_sha1(const struct identification *id, const struct cv_found_certificate *found,
    const uint8_t sha1[CV_SHA1_LEN])
{
	const struct cv_certificate *certificate = id->presenter->certificate;
	uint8_t own[CV_SHA1_LEN];

	if (!certificate)
		return memcmp(found->sha1, sha1, CV_SHA1_LEN) == 0;
	cv_digest_sha1(certificate->der, own);
	return memcmp(own, sha1, CV_SHA1_LEN) == 0;
}

/* What was said besides the certificate or its fingerprint must be true of it. */
static bool
goes_by_its_names(const struct identification *id, const struct cv_found_certificate *found)
{
	const struct cv_certificate_name *name = id->evidence->name;
	const struct cv_realm_authority *authority = id->presenter->authority;

	if (!name)
		return true;
	if (name->has_sha1 && !has_sha1(id, found, name->sha1))
		return false;
	if (name->party.device[0] && strcmp(id->presenter->party.device, name->party.device) != 0)
		return false;
	return !name->issuer[0] ||
	       (authority && cv_realm_authority_is_called(authority, name->issuer) &&
		   cv_bytes_equal(serial_of(id, found), cv_bytes(name->serial, name->serial_len)));
}

static bool
identify(struct identification *id, struct cv_connection **connection, struct cv_error *err)
{
	struct cv_presenter *presenter = id->presenter;
	const struct cv_evidence *evidence = id->evidence;
	struct cv_found_certificate found;
	struct cv_error parse_error = CV_ERROR_INIT;
	bool is_known;

	if (evidence->certificate.len && !cv_certificate_parse_leaf(evidence->certificate,
					     &presenter->certificate, &parse_error)) {
		if (cv_error_blames_input(&parse_error))
			return refuse(
			    id, CV_VERDICT_BAD_CERTIFICATE, "the certificate is malformed");
		*err = parse_error;
		return false;
	}
	if (!find(id, connection, &is_known, &found, err))
		return false;
	if (!(is_known ? identify_known(id, &found, err) : identify_unknown(id, err)))
		return false;
	if (!id->is_refused && !goes_by_its_names(id, &found))
		refuse(id, CV_VERDICT_AMBIGUOUS, "the names given are not of one certificate");
	if (!id->is_refused)
		check_factory(id);
	if (!id->is_refused)
		take_policy(id);
	return true;
}

bool
cv_presenter_identify(struct cv_service *service, struct cv_connection **connection,
    const struct cv_evidence *evidence, struct cv_presenter *ret_presenter, bool *ret_is_refused,
    enum cv_verdict *ret_verdict, const char **ret_detail, struct cv_error *err)
{
	struct identification id = {
	    .service = service, .evidence = evidence, .presenter = ret_presenter};

	memset(ret_presenter, 0, sizeof(*ret_presenter));
	ret_presenter->realm = cv_service_realm(service);
	if (!identify(&id, connection, err))
		return false;
	*ret_is_refused = id.is_refused;
	*ret_verdict = id.verdict;
	*ret_detail = id.detail;
	return true;
}

struct cv_record_query
cv_presenter_query(const struct cv_service *service, const struct cv_presenter *presenter,
    const struct cv_digest *named_key, const struct cv_digest *csr_digest)
{
	return (struct cv_record_query){
	    .party = &presenter->party,
	    .presented_key = &presenter->key_id,
	    .presented_tbs = &presenter->tbs_digest,
	    .named_key = named_key,
	    .csr_digest = csr_digest,
	    .replay_window_seconds = cv_service_settings(service)->replay_window_seconds,
	};
}

void
cv_certificate_to_row(const struct cv_certificate *certificate, const char *authority, bool is_ours,
    struct cv_certificate_row *ret_row)
{
	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->fingerprint = certificate->fingerprint;
	ret_row->tbs_digest = certificate->tbs_digest;
	cv_digest_sha1(certificate->der, ret_row->sha1);
	ret_row->key_id = certificate->key_id;
	memcpy(ret_row->authority, authority, sizeof(ret_row->authority));
	ret_row->is_ours = is_ours;
	ret_row->serial = certificate->serial;
	ret_row->not_before_utc = certificate->not_before_utc;
	ret_row->not_after_utc = certificate->not_after_utc;
	ret_row->der = certificate->der;
}
