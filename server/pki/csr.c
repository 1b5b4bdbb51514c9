#include "cv/pki/csr.h"

#include <string.h>

#include "csr_internal.h"
#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "name_internal.h"

/* A 4096-bit key with its signature and a generous subject take 3 KiB. */
#define CSR_MAX_BYTES 16384

/* The parts that are not kept. */
struct csr_parts {
	struct cv_bytes info; /* whole CertificationRequestInfo: what is signed */
	struct cv_bytes spki;
	struct cv_bytes algorithm;
	struct cv_bytes signature;
};

static const struct cv_csr_judgement good = {CV_CSR_GOOD, ""};

static struct cv_csr_judgement
malformed(const char *detail)
{
	return (struct cv_csr_judgement){CV_CSR_MALFORMED, detail};
}

static struct cv_csr *
copy_bytes(struct cv_bytes der)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = calloc(1, sizeof(*csr));
	if (csr == NULL)
		return NULL;
	csr->der_copy = malloc(der.len);
	if (csr->der_copy == NULL)
		return NULL;
	memcpy(csr->der_copy, der.data, der.len);
	csr->der = cv_bytes(csr->der_copy, der.len);
	return CV_TAKE(csr);
}

/* CertificationRequest, RFC 2986 section 4.2. */
static struct cv_csr_judgement
read_outer(struct cv_bytes der, struct csr_parts *parts)
{
	struct cv_der_reader reader = cv_der_reader(der);
	struct cv_der_reader inner;
	struct cv_bytes bits;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &parts->info) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &parts->algorithm) ||
	    !cv_der_read(&inner, CV_DER_BIT_STRING, &bits) || !cv_der_at_end(&inner) ||
	    bits.data[0] != 0)
		return malformed("not a certification request (RFC 2986 section 4.2)");
	parts->signature = cv_bytes(bits.data + 1, bits.len - 1);
	return good;
}

/* CertificationRequestInfo, RFC 2986 section 4.1. Some clients leave empty attributes out. */
static struct cv_csr_judgement
read_info(struct csr_parts *parts, struct cv_csr *csr)
{
	struct cv_der_reader reader = cv_der_reader(parts->info);
	struct cv_der_reader inner;
	uint64_t version = 0;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_small(&inner, &version) || version != 0)
		return malformed("version is not 0 (RFC 2986 section 4.1)");
	if (!cv_der_read_whole(&inner, CV_DER_SEQUENCE, &csr->subject) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &parts->spki))
		return malformed("subject or public key is missing (RFC 2986 section 4.1)");
	if (cv_der_at_end(&inner))
		return good;
	if (!cv_der_read(&inner, CV_DER_CONTEXT_CONSTRUCTED(0), &csr->attributes) ||
	    !cv_der_at_end(&inner))
		return malformed("attributes do not decode (RFC 2986 section 4.1)");
	return good;
}

/* A point off its curve is an answer about the key, as is a curve that we do not accept. */
static struct cv_csr_judgement
judge_key(enum cv_key_outcome outcome)
{
	switch (outcome) {
	case CV_KEY_USABLE:
		return good;
	case CV_KEY_MALFORMED:
		break;
	case CV_KEY_WEAK:
		return (struct cv_csr_judgement){
		    CV_CSR_WEAK_KEY, "public key is of a type, size or curve that is not accepted"};
	}
	return (struct cv_csr_judgement){
	    CV_CSR_WEAK_KEY, "public key does not decode, or its point is not on the curve"};
}

static struct cv_csr_judgement
judge_signature(const struct csr_parts *parts, const struct cv_csr *csr)
{
	switch (cv_public_key_verify(csr->key, parts->algorithm, parts->info, parts->signature)) {
	case CV_SIGNATURE_GOOD:
		return good;
	case CV_SIGNATURE_BAD:
		break;
	case CV_SIGNATURE_ALGORITHM_REFUSED:
		return malformed("signature algorithm is not accepted, or not of the key's type");
	}
	return (struct cv_csr_judgement){
	    CV_CSR_BAD_SIGNATURE, "signature was not made by the key of the request"};
}

static struct cv_csr_judgement
judge_subject(struct cv_csr *csr)
{
	struct cv_name_facts facts;
	if (!cv_name_read_facts(csr->subject, &facts))
		return malformed("subject is not a name");
	const char *refusal = cv_subject_refusal(csr->subject, &facts);
	if (refusal != NULL)
		return malformed(refusal);
	csr->subject_flaw = cv_subject_flaw(csr->subject);
	memcpy(csr->common_name, facts.common_name, sizeof(facts.common_name));
	memcpy(
	    csr->organizational_unit, facts.organizational_unit, sizeof(facts.organizational_unit));
	csr->organizational_unit_count = facts.organizational_unit_count;
	return good;
}

static struct cv_csr_judgement
read_structure(struct csr_parts *parts, struct cv_csr *csr)
{
	const struct cv_csr_judgement judgement = read_outer(csr->der, parts);
	return judgement.outcome == CV_CSR_GOOD ? read_info(parts, csr) : judgement;
}

static struct cv_csr_judgement
judge_content(struct cv_csr *csr)
{
	const struct cv_csr_judgement judgement = judge_subject(csr);
	return judgement.outcome == CV_CSR_GOOD ? cv_csr_judge_attributes(csr) : judgement;
}

/* The signature comes before any use of the content: until then the bytes are anybody's. */
static bool
judge(struct cv_csr *csr, struct cv_csr_judgement *ret_judgement, struct cv_error *err)
{
	struct csr_parts parts = {.info = {NULL, 0}};
	enum cv_key_outcome key_outcome = CV_KEY_MALFORMED;
	*ret_judgement = read_structure(&parts, csr);
	if (ret_judgement->outcome != CV_CSR_GOOD)
		return true;
	if (!cv_public_key_parse(parts.spki, &key_outcome, &csr->key, err))
		return false;
	*ret_judgement = judge_key(key_outcome);
	if (ret_judgement->outcome == CV_CSR_GOOD)
		*ret_judgement = judge_signature(&parts, csr);
	if (ret_judgement->outcome == CV_CSR_GOOD)
		*ret_judgement = judge_content(csr);
	return true;
}

/* Answers with a judgement, and with the request where it is known whose it is. */
static void
answer(struct cv_csr_judgement judgement, struct cv_csr **csr, enum cv_csr_outcome *ret_outcome,
    const char **ret_detail, struct cv_csr **ret_csr)
{
	*ret_outcome = judgement.outcome;
	if (ret_detail != NULL)
		*ret_detail = judgement.detail;
	if (*csr != NULL && (*csr)->common_name[0] != '\0')
		*ret_csr = CV_TAKE(*csr);
}

bool
cv_csr_parse(struct cv_bytes der, enum cv_csr_outcome *ret_outcome, const char **ret_detail,
    struct cv_csr **ret_csr, struct cv_error *err)
{
	CV_AUTO(cv_csr) struct cv_csr *csr = NULL;
	struct cv_csr_judgement judgement = malformed("request is not strict DER, or too large");
	if (der.len > CSR_MAX_BYTES || !cv_der_is_strict(der)) {
		answer(judgement, &csr, ret_outcome, ret_detail, ret_csr);
		return true;
	}
	csr = copy_bytes(der);
	if (csr == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a certification request");
	if (!judge(csr, &judgement, err))
		return false;
	cv_digest_sha256(csr->der, &csr->digest);
	answer(judgement, &csr, ret_outcome, ret_detail, ret_csr);
	return true;
}

void
cv_csr_free(struct cv_csr *csr)
{
	if (csr == NULL)
		return;
	cv_public_key_free(csr->key);
	free(csr->der_copy);
	free(csr);
}
