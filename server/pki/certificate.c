#include "cv/pki/certificate.h"

#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/extension.h"
#include "cv/pki/oid.h"
#include "cv/pki/public_key.h"
#include "cv/util/pem.h"
#include "name_internal.h"
#include "signature_internal.h"

#define VERSION_3 2 /* as encoded */

static bool
refuse(struct cv_error *err, const char *what, const char *section)
{
	return cv_fail(err, CV_E_INPUT, "certificate: %s (RFC 5280 section %s)", what, section);
}

static bool
read_signature(
    struct cv_der_reader *reader, struct cv_certificate *certificate, struct cv_error *err)
{
	struct cv_bytes bits;
	if (!cv_der_read_whole(reader, CV_DER_SEQUENCE, &certificate->algorithm))
		return refuse(err, "signature algorithm is missing", "4.1.1.2");
	if (!cv_der_read(reader, CV_DER_BIT_STRING, &bits) || bits.data[0] != 0 || bits.len == 1)
		return refuse(err, "signature is not whole octets", "4.1.1.3");
	certificate->signature = cv_bytes(bits.data + 1, bits.len - 1);
	if (cv_signature_is_ecdsa(certificate->algorithm) &&
	    !cv_signature_is_strict_ecdsa(certificate->signature))
		return refuse(
		    err, "ECDSA signature is not two positive integers in DER", "4.1.1.3");
	return true;
}

static bool
read_outer(struct cv_certificate *certificate, struct cv_der_reader *ret_tbs, struct cv_error *err)
{
	struct cv_der_reader reader = cv_der_reader(certificate->der);
	struct cv_der_reader inner;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &certificate->tbs))
		return refuse(err, "not a SEQUENCE with a TBSCertificate", "4.1.1.1");
	if (!read_signature(&inner, certificate, err))
		return false;
	if (!cv_der_at_end(&inner))
		return refuse(err, "bytes behind the signature", "4.1.1");
	struct cv_der_reader tbs = cv_der_reader(certificate->tbs);
	return cv_der_enter(&tbs, CV_DER_SEQUENCE, ret_tbs);
}

static bool
read_version(struct cv_der_reader *tbs, uint64_t *ret_version, struct cv_error *err)
{
	struct cv_der_reader inner;
	uint64_t version = 0; /* DEFAULT v1 */
	if (cv_der_peek(tbs) == CV_DER_CONTEXT_CONSTRUCTED(0) &&
	    (!cv_der_enter(tbs, CV_DER_CONTEXT_CONSTRUCTED(0), &inner) ||
		!cv_der_read_small(&inner, &version) || !cv_der_at_end(&inner) ||
		version > VERSION_3))
		return refuse(err, "version is not 1, 2 or 3", "4.1.2.1");
	*ret_version = version;
	return true;
}

/* Zero is borne as that section asks; a negative serial without its sign would be another's. */
static bool
read_serial(struct cv_der_reader *tbs, struct cv_bytes *ret_serial, struct cv_error *err)
{
	struct cv_bytes serial;
	if (!cv_der_read(tbs, CV_DER_INTEGER, &serial) || (serial.data[0] & 0x80) != 0)
		return refuse(err, "serial number is missing or negative", "4.1.2.2");
	if (serial.len > CV_SERIAL_MAX || (serial.len == CV_SERIAL_MAX && serial.data[0] != 0))
		return refuse(err, "serial number is longer than 20 octets", "4.1.2.2");
	if (serial.len > 1 && serial.data[0] == 0)
		serial = cv_bytes(serial.data + 1, serial.len - 1);
	*ret_serial = serial;
	return true;
}

static bool
read_inner_algorithm(
    struct cv_der_reader *tbs, const struct cv_certificate *certificate, struct cv_error *err)
{
	struct cv_bytes algorithm;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &algorithm) ||
	    !cv_bytes_equal(algorithm, certificate->algorithm))
		return refuse(err, "inner and outer signature algorithm differ", "4.1.2.3");
	return true;
}

static bool
read_issuer(struct cv_der_reader *tbs, struct cv_certificate *certificate, struct cv_error *err)
{
	struct cv_name_facts facts;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &certificate->issuer) ||
	    !cv_name_read_facts(certificate->issuer, &facts) || facts.attribute_count == 0)
		return refuse(err, "issuer is not a name, or empty", "4.1.2.4");
	return true;
}

static bool
read_validity(struct cv_der_reader *tbs, struct cv_certificate *certificate, struct cv_error *err)
{
	struct cv_der_reader validity;
	if (!cv_der_enter(tbs, CV_DER_SEQUENCE, &validity) ||
	    !cv_der_read_time(&validity, &certificate->not_before_utc) ||
	    !cv_der_read_time(&validity, &certificate->not_after_utc) || !cv_der_at_end(&validity))
		return refuse(err, "validity is not two times in UTC", "4.1.2.5");
	return true;
}

static bool
read_subject(struct cv_der_reader *tbs, struct cv_certificate *certificate, struct cv_error *err)
{
	struct cv_name_facts facts;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &certificate->subject) ||
	    !cv_name_read_facts(certificate->subject, &facts))
		return refuse(err, "subject is not a name", "4.1.2.6");
	memcpy(certificate->common_name, facts.common_name, sizeof(facts.common_name));
	memcpy(certificate->organizational_unit, facts.organizational_unit,
	    sizeof(facts.organizational_unit));
	certificate->common_name_count = facts.common_name_count;
	certificate->organizational_unit_count = facts.organizational_unit_count;
	return true;
}

/* The key itself only of what may be an issuer. */
static bool
take_key(struct cv_certificate *certificate, bool is_leaf, enum cv_key_outcome *ret_outcome,
    struct cv_error *err)
{
	if (is_leaf)
		return cv_public_key_identify(
		    certificate->spki, ret_outcome, &certificate->key_id, err);
	if (!cv_public_key_parse(certificate->spki, ret_outcome, &certificate->key, err))
		return false;
	if (certificate->key != NULL)
		certificate->key_id = *cv_public_key_id(certificate->key);
	return true;
}

static bool
read_key(struct cv_der_reader *tbs, struct cv_certificate *certificate, bool is_leaf,
    struct cv_error *err)
{
	enum cv_key_outcome outcome = CV_KEY_MALFORMED;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &certificate->spki))
		return refuse(err, "public key is missing", "4.1.2.7");
	if (!take_key(certificate, is_leaf, &outcome, err))
		return false;
	switch (outcome) {
	case CV_KEY_USABLE:
		return true;
	case CV_KEY_MALFORMED:
		return refuse(err, "public key does not decode", "4.1.2.7");
	case CV_KEY_WEAK:
		return refuse(
		    err, "public key is of a type, size or curve that is not read", "4.1.2.7");
	}
	return false;
}

/* Only version 2 and 3 have them; nobody uses them. */
static bool
skip_unique_identifiers(struct cv_der_reader *tbs, uint64_t version, struct cv_error *err)
{
	struct cv_bytes ignored;
	for (uint8_t number = 1; number <= 2; number++) {
		if (cv_der_peek(tbs) != CV_DER_CONTEXT(number))
			continue;
		if (version == 0 || !cv_der_read(tbs, (uint8_t)CV_DER_CONTEXT(number), &ignored))
			return refuse(err, "unique identifier in version 1", "4.1.2.8");
	}
	return true;
}

static bool
read_extension_list(struct cv_der_reader *tbs, uint64_t version, struct cv_extension_list *list,
    struct cv_error *err)
{
	struct cv_der_reader inner;
	struct cv_bytes extensions;
	list->count = 0;
	if (cv_der_at_end(tbs))
		return true;
	if (version != VERSION_3 || !cv_der_enter(tbs, CV_DER_CONTEXT_CONSTRUCTED(3), &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &extensions) || !cv_der_at_end(&inner) ||
	    !cv_der_at_end(tbs))
		return refuse(
		    err, "extensions in another version than 3, or other bytes", "4.1.2.9");
	switch (cv_extension_list_read(extensions, list)) {
	case CV_EXTENSION_GOOD:
		return true;
	case CV_EXTENSION_MALFORMED:
		return refuse(err, "extensions do not decode", "4.1.2.9");
	case CV_EXTENSION_REPEATED:
		return refuse(err, "an extension is repeated", "4.2");
	case CV_EXTENSION_TOO_MANY:
		return refuse(err, "too many extensions", "4.2");
	}
	return false;
}

static bool
read_identifiers(
    const struct cv_extension_list *list, struct cv_certificate *certificate, struct cv_error *err)
{
	const struct cv_extension *extension =
	    cv_extension_list_find(list, CV_OID(CV_OID_SUBJECT_ALT_NAME));
	if (extension != NULL && !cv_extension_is_filled_sequence(extension->value))
		return refuse(err, "subjectAltName does not decode", "4.2.1.6");
	if (extension != NULL)
		certificate->san = extension->value;
	extension = cv_extension_list_find(list, CV_OID(CV_OID_NAME_CONSTRAINTS));
	if (extension != NULL)
		certificate->name_constraints = extension->value;
	extension = cv_extension_list_find(list, CV_OID(CV_OID_SUBJECT_KEY));
	if (extension != NULL &&
	    !cv_extension_read_subject_key(extension->value, &certificate->subject_key))
		return refuse(err, "subjectKeyIdentifier does not decode", "4.2.1.2");
	extension = cv_extension_list_find(list, CV_OID(CV_OID_AUTHORITY_KEY));
	if (extension != NULL &&
	    !cv_extension_read_authority_key(extension->value, &certificate->authority_key))
		return refuse(err, "authorityKeyIdentifier does not decode", "4.2.1.1");
	return true;
}

/* What the certificate may be used for. An absent extension restricts nothing. */
static bool
read_powers(
    const struct cv_extension_list *list, struct cv_certificate *certificate, struct cv_error *err)
{
	unsigned usage = ~0u;
	struct cv_extended_key_usage extended = {.has_any = true};
	const struct cv_extension *extension =
	    cv_extension_list_find(list, CV_OID(CV_OID_BASIC_CONSTRAINTS));
	if (extension != NULL &&
	    !cv_extension_read_basic_constraints(extension->value, &certificate->is_ca))
		return refuse(err, "basicConstraints does not decode", "4.2.1.9");
	extension = cv_extension_list_find(list, CV_OID(CV_OID_KEY_USAGE));
	if (extension != NULL && !cv_extension_read_key_usage(extension->value, &usage))
		return refuse(err, "keyUsage does not decode", "4.2.1.3");
	extension = cv_extension_list_find(list, CV_OID(CV_OID_EXTENDED_KEY_USAGE));
	if (extension != NULL && !cv_extension_read_extended_key_usage(extension->value, &extended))
		return refuse(err, "extKeyUsage does not decode", "4.2.1.12");
	certificate->allows_client = (usage & CV_KEY_USAGE_DIGITAL_SIGNATURE) != 0 &&
				     (extended.has_client_auth || extended.has_any);
	certificate->allows_server =
	    (usage & CV_KEY_USAGE_DIGITAL_SIGNATURE) != 0 && extended.has_server_auth;
	certificate->may_sign_certificates =
	    certificate->is_ca && (usage & CV_KEY_USAGE_KEY_CERT_SIGN) != 0;
	certificate->allows_key_transport = (usage & CV_KEY_USAGE_KEY_ENCIPHERMENT) != 0;
	certificate->allows_key_agreement = (usage & CV_KEY_USAGE_KEY_AGREEMENT) != 0;
	return true;
}

/* Reads like RFC 5280 section 4.1: one line for each field, in order. */
static bool
read_tbs(struct cv_der_reader *tbs, struct cv_certificate *certificate, bool is_leaf,
    struct cv_error *err)
{
	uint64_t version = 0;
	struct cv_extension_list extensions;
	return read_version(tbs, &version, err) && read_serial(tbs, &certificate->serial, err) &&
	       read_inner_algorithm(tbs, certificate, err) && read_issuer(tbs, certificate, err) &&
	       read_validity(tbs, certificate, err) && read_subject(tbs, certificate, err) &&
	       read_key(tbs, certificate, is_leaf, err) &&
	       skip_unique_identifiers(tbs, version, err) &&
	       read_extension_list(tbs, version, &extensions, err) &&
	       read_identifiers(&extensions, certificate, err) &&
	       read_powers(&extensions, certificate, err);
}

static struct cv_certificate *
copy_bytes(struct cv_bytes der)
{
	CV_AUTO(cv_certificate)
	struct cv_certificate *certificate = calloc(1, sizeof(*certificate));
	if (certificate == NULL)
		return NULL;
	certificate->der_copy = malloc(der.len);
	if (certificate->der_copy == NULL)
		return NULL;
	memcpy(certificate->der_copy, der.data, der.len);
	certificate->der = cv_bytes(certificate->der_copy, der.len);
	return CV_TAKE(certificate);
}

static bool
parse(struct cv_bytes der, bool is_leaf, struct cv_certificate **ret_certificate,
    struct cv_error *err)
{
	struct cv_der_reader tbs;
	if (der.len > CV_CERTIFICATE_MAX_BYTES)
		return cv_fail(err, CV_E_LIMIT, "certificate is larger than %d bytes",
		    CV_CERTIFICATE_MAX_BYTES);
	if (!cv_der_is_strict(der))
		return refuse(err, "not strict DER", "4.1");
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = copy_bytes(der);
	if (certificate == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a certificate");
	if (!read_outer(certificate, &tbs, err) || !read_tbs(&tbs, certificate, is_leaf, err))
		return false;
	cv_digest_sha256(certificate->der, &certificate->fingerprint);
	cv_digest_sha256(certificate->tbs, &certificate->tbs_digest);
	*ret_certificate = CV_TAKE(certificate);
	return true;
}

bool
cv_certificate_parse(
    struct cv_bytes der, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	return parse(der, false, ret_certificate, err);
}

bool
cv_certificate_parse_leaf(
    struct cv_bytes der, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	return parse(der, true, ret_certificate, err);
}

bool
cv_certificate_parse_pem(
    const char *pem, size_t len, struct cv_certificate **ret_certificate, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer der = {.max_bytes = CV_CERTIFICATE_MAX_BYTES};
	struct cv_pem_block block;
	switch (cv_pem_decode(cv_bytes(pem, len), "CERTIFICATE", &block, &der)) {
	case CV_PEM_FOUND:
		return cv_certificate_parse(cv_buffer_bytes(&der), ret_certificate, err);
	case CV_PEM_ABSENT:
		return cv_fail(err, CV_E_INPUT, "no PEM certificate found");
	case CV_PEM_SEVERAL:
		return cv_fail(err, CV_E_INPUT, "more than one PEM certificate");
	case CV_PEM_MALFORMED:
		return cv_fail(err, CV_E_INPUT, "PEM certificate does not decode (RFC 7468)");
	}
	return false;
}

void
cv_certificate_free(struct cv_certificate *certificate)
{
	if (certificate == NULL)
		return;
	cv_public_key_free(certificate->key);
	free(certificate->der_copy);
	free(certificate);
}

void
cv_certificate_append_pem(struct cv_buffer *buffer, struct cv_bytes der)
{
	cv_pem_append(buffer, "CERTIFICATE", der);
}
