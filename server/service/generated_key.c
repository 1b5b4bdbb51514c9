#include "cv/pki/key_envelope.h"
#include "cv/pki/key_package.h"
#include "cv/pki/new_key.h"
#include "cv/signer/signer.h"

#include "enrolment_internal.h"
#include "issuance_internal.h"

/* The certificate whose key this connection has proved; NULL: none, or one that does not decode. */
static bool
parse_recipient(const struct enrolment *enrolment, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	const struct cv_evidence *evidence = enrolment->request->evidence;

	if (!evidence || evidence->certificate.len == 0 ||
	    cv_certificate_parse(evidence->certificate, ret_certificate, err))
		return true;
	if (err->code != CV_E_INPUT && err->code != CV_E_LIMIT)
		return false;
	*err = (struct cv_error)CV_ERROR_INIT;
	return true;
}

/* keyUsage of what is issued here, signatures alone, says how a device talks TLS. It is not meant
 * to keep the device from naming its own key for its own secret. */
static bool
is_issued_here(const struct enrolment *enrolment, const struct cv_certificate *certificate,
    bool *ret_is, struct cv_error *err)
{
	const struct cv_realm_authority *authority;
	enum cv_chain_outcome outcome;

	if (!cv_realm_find_issuer(enrolment->realm, certificate,
		cv_clock_wall_seconds(cv_service_clock(enrolment->service)), &authority, &outcome,
		NULL, err))
		return false;
	*ret_is = outcome == CV_CHAIN_GOOD && authority->row.kind == CV_AUTHORITY_ONLINE;
	return true;
}

/* RFC 7030 section 4.4.1: who asks for encryption must not get the key in the clear. */
bool
cv_enrolment_judge_wish(struct enrolment *enrolment, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *recipient = NULL;
	const char *detail = NULL;
	bool is_ours;

	if (!cv_key_wish_read(enrolment->csr, &enrolment->wish, &detail))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_CSR, detail);
	if (!enrolment->wish.is_there)
		return true;
	if (!parse_recipient(enrolment, &recipient, err))
		return false;
	if (!recipient || !cv_key_wish_names(&enrolment->wish, recipient))
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_CSR,
		    "AsymmetricDecryptKeyIdentifier does not name the key of a client certificate "
		    "of this connection");
	if (!is_issued_here(enrolment, recipient, &is_ours, err))
		return false;
	detail = cv_key_envelope_refusal(recipient, !is_ours);
	if (detail)
		return cv_enrolment_refuse(enrolment, CV_ENROLMENT_BAD_CSR, detail);
	enrolment->recipient = CV_TAKE(recipient);
	return true;
}

/* By the authority that issues the certificate: we made the key, and clients trust it already. */
static bool
sign_package(const struct enrolment *enrolment, struct cv_bytes package,
    struct cv_buffer *ret_signed, struct cv_error *err)
{
	const struct cv_signer *signer = cv_service_signer(enrolment->service);
	const struct cv_certificate *issuer = enrolment->issuer->certificate;
	struct cv_package_digest digest;
	struct cv_signed_package parts = {.package = package, .digest = &digest, .signer = issuer};
	uint8_t signature[CV_SIGNATURE_MAX];
	size_t len = 0;

	if (!cv_signer_algorithm(signer, &issuer->key_id, &parts.algorithm))
		return cv_fail(err, CV_E_SIGNER, "signer does not have the key of this CA");
	if (!cv_package_digest_make(package, parts.algorithm, &digest, err) ||
	    !cv_signer_sign_package(signer, &issuer->key_id, &digest, signature, &len, err))
		return false;
	parts.signature = cv_bytes(signature, len);
	cv_signed_package_append(ret_signed, &parts);
	return !ret_signed->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a new key");
}

/* RFC 7030 section 4.4.2: EnvelopedData around SignedData around AsymmetricKeyPackage. */
static bool
make_enveloped(struct enrolment *enrolment, enum cv_new_key kind, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer info = {.is_secret = true};
	CV_AUTO_BUFFER struct cv_buffer package = {.is_secret = true};
	CV_AUTO_BUFFER struct cv_buffer signed_data = {.is_secret = true};

	if (!cv_new_key_make(kind, &enrolment->generated, &info, err))
		return false;
	cv_key_package_append(&package, cv_buffer_bytes(&info));
	if (package.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for a new key");
	enrolment->answer->is_key_enveloped = true;
	return sign_package(enrolment, cv_buffer_bytes(&package), &signed_data, err) &&
	       cv_key_envelope_append(enrolment->request->ret_private_key,
		   cv_buffer_bytes(&signed_data), enrolment->recipient, enrolment->wish.cipher,
		   err);
}

bool
cv_enrolment_make_key(struct enrolment *enrolment, struct cv_error *err)
{
	enum cv_new_key kind = (enum cv_new_key)enrolment->label->generated_key;

	if (!enrolment->request->ret_private_key)
		return true;
	return enrolment->recipient ? make_enveloped(enrolment, kind, err)
				    : cv_new_key_make(kind, &enrolment->generated,
					  enrolment->request->ret_private_key, err);
}
