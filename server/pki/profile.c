#include "cv/pki/profile.h"

#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/digest.h"
#include "cv/pki/oid.h"
#include "cv/util/random.h"

#define VERSION_3 2 /* as encoded */

/* Whole Extension elements that are the same in every certificate, all critical. */
static const uint8_t end_entity[] = {
    0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00};
static const uint8_t any_ca[] = {0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04,
    0x05, 0x30, 0x03, 0x01, 0x01, 0xff};
static const uint8_t last_ca[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04,
    0x08, 0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00};
static const uint8_t digital_signature[] = {
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};
static const uint8_t cert_and_crl_sign[] = {
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x01, 0x06};
static const uint8_t client_auth[] = {0x30, 0x16, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x01, 0x01, 0xff,
    0x04, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
static const uint8_t server_auth[] = {0x30, 0x16, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x01, 0x01, 0xff,
    0x04, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

static const struct profile_row {
	struct cv_bytes basic_constraints;
	struct cv_bytes key_usage;
	struct cv_bytes extended_key_usage;
	bool needs_san;
} profile_rows[] = {
    [CV_PROFILE_DEVICE] = {{end_entity, sizeof(end_entity)},
	{digital_signature, sizeof(digital_signature)}, {client_auth, sizeof(client_auth)}, false},
    [CV_PROFILE_SERVER] = {{end_entity, sizeof(end_entity)},
	{digital_signature, sizeof(digital_signature)}, {server_auth, sizeof(server_auth)}, true},
    [CV_PROFILE_CLIENT] = {{end_entity, sizeof(end_entity)},
	{digital_signature, sizeof(digital_signature)}, {client_auth, sizeof(client_auth)}, false},
    [CV_PROFILE_ROOT] = {{any_ca, sizeof(any_ca)}, {cert_and_crl_sign, sizeof(cert_and_crl_sign)},
	{NULL, 0}, false},
    [CV_PROFILE_ISSUING] = {{last_ca, sizeof(last_ca)},
	{cert_and_crl_sign, sizeof(cert_and_crl_sign)}, {NULL, 0}, false},
};

void
cv_profile_make_serial(uint8_t ret_serial[CV_ISSUED_SERIAL_LEN])
{
	static const uint8_t zero[CV_ISSUED_SERIAL_LEN];
	do {
		cv_random_bytes(ret_serial, CV_ISSUED_SERIAL_LEN);
		ret_serial[0] &= 0x7f;
	} while (memcmp(ret_serial, zero, sizeof(zero)) == 0);
}

static void
append_raw(struct cv_buffer *buffer, struct cv_bytes bytes)
{
	cv_buffer_append(buffer, bytes.data, bytes.len);
}

bool
cv_profile_key_identifier(struct cv_bytes spki, uint8_t ret_identifier[CV_SHA1_LEN])
{
	struct cv_der_reader reader = cv_der_reader(spki);
	struct cv_der_reader inner;
	struct cv_bytes algorithm;
	struct cv_bytes bits;
	if (!cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &algorithm) ||
	    !cv_der_read(&inner, CV_DER_BIT_STRING, &bits) || bits.len < 2)
		return false;
	cv_digest_sha1(cv_bytes(bits.data + 1, bits.len - 1), ret_identifier);
	return true;
}

static size_t
open_extension(struct cv_buffer *buffer, struct cv_bytes oid, size_t *ret_value)
{
	const size_t extension = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, oid);
	*ret_value = cv_der_open(buffer, CV_DER_OCTET_STRING);
	return extension;
}

static void
append_subject_key(struct cv_buffer *buffer, const uint8_t identifier[CV_SHA1_LEN])
{
	size_t value = 0;
	const size_t extension = open_extension(buffer, CV_OID(CV_OID_SUBJECT_KEY), &value);
	cv_der_append(buffer, CV_DER_OCTET_STRING, cv_bytes(identifier, CV_SHA1_LEN));
	cv_der_close(buffer, value);
	cv_der_close(buffer, extension);
}

static void
append_authority_key(struct cv_buffer *buffer, struct cv_bytes issuer_key)
{
	size_t value = 0;
	if (issuer_key.len == 0)
		return;
	const size_t extension = open_extension(buffer, CV_OID(CV_OID_AUTHORITY_KEY), &value);
	const size_t identifier = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_CONTEXT(0), issuer_key);
	cv_der_close(buffer, identifier);
	cv_der_close(buffer, value);
	cv_der_close(buffer, extension);
}

static bool
is_set(const char *url)
{
	return url != NULL && url[0] != '\0';
}

/* A GeneralName of kind uniformResourceIdentifier. */
static void
append_url(struct cv_buffer *buffer, const char *url)
{
	cv_der_append(buffer, CV_DER_CONTEXT(6), cv_bytes(url, strlen(url)));
}

/* One DistributionPoint with one full name (RFC 5280 section 4.2.1.13). */
static void
append_distribution_point(struct cv_buffer *buffer, const char *url)
{
	size_t value = 0;
	if (!is_set(url))
		return;
	const size_t extension =
	    open_extension(buffer, CV_OID(CV_OID_CRL_DISTRIBUTION_POINTS), &value);
	const size_t points = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t point = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t name = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	const size_t full_name = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	append_url(buffer, url);
	cv_der_close(buffer, full_name);
	cv_der_close(buffer, name);
	cv_der_close(buffer, point);
	cv_der_close(buffer, points);
	cv_der_close(buffer, value);
	cv_der_close(buffer, extension);
}

static void
append_access(struct cv_buffer *buffer, struct cv_bytes method, const char *url)
{
	if (!is_set(url))
		return;
	const size_t access = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, method);
	append_url(buffer, url);
	cv_der_close(buffer, access);
}

/* RFC 5280 section 4.2.2.1 */
static void
append_information_access(struct cv_buffer *buffer, const struct cv_certificate_request *request)
{
	size_t value = 0;
	if (!is_set(request->ocsp_url) && !is_set(request->issuer_url))
		return;
	const size_t extension =
	    open_extension(buffer, CV_OID(CV_OID_AUTHORITY_INFO_ACCESS), &value);
	const size_t accesses = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_access(buffer, CV_OID(CV_OID_OCSP), request->ocsp_url);
	append_access(buffer, CV_OID(CV_OID_CA_ISSUERS), request->issuer_url);
	cv_der_close(buffer, accesses);
	cv_der_close(buffer, value);
	cv_der_close(buffer, extension);
}

static void
append_subject_alt_name(struct cv_buffer *buffer, struct cv_bytes san)
{
	size_t value = 0;
	if (san.len == 0)
		return;
	const size_t extension = open_extension(buffer, CV_OID(CV_OID_SUBJECT_ALT_NAME), &value);
	append_raw(buffer, san);
	cv_der_close(buffer, value);
	cv_der_close(buffer, extension);
}

static void
append_extensions(const struct cv_certificate_request *request,
    const uint8_t identifier[CV_SHA1_LEN], struct cv_buffer *buffer)
{
	const struct profile_row *row = &profile_rows[request->profile];
	const size_t outer = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(3));
	const size_t extensions = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_raw(buffer, row->basic_constraints);
	append_raw(buffer, row->key_usage);
	append_raw(buffer, row->extended_key_usage);
	append_subject_key(buffer, identifier);
	append_authority_key(buffer, request->issuer_key);
	append_subject_alt_name(buffer, request->san);
	append_distribution_point(buffer, request->crl_url);
	append_information_access(buffer, request);
	cv_der_close(buffer, extensions);
	cv_der_close(buffer, outer);
}

static void
append_version(struct cv_buffer *buffer)
{
	const size_t version = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	cv_der_append_small(buffer, VERSION_3);
	cv_der_close(buffer, version);
}

static void
append_validity(const struct cv_certificate_request *request, struct cv_buffer *buffer)
{
	const size_t validity = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_time(buffer, request->not_before_utc);
	cv_der_append_time(buffer, request->not_after_utc);
	cv_der_close(buffer, validity);
}

/* The parts are copied as they are: what is not one element here would shift all that follows. */
static bool
are_parts_whole(const struct cv_certificate_request *request)
{
	return cv_der_is_strict(request->issuer) && cv_der_is_strict(request->algorithm) &&
	       cv_der_is_strict(request->subject) && cv_der_is_strict(request->spki) &&
	       (request->san.len == 0 || cv_der_is_strict(request->san));
}

static bool
is_serial_good(const uint8_t serial[CV_ISSUED_SERIAL_LEN])
{
	uint8_t any = 0;
	for (size_t i = 0; i < CV_ISSUED_SERIAL_LEN; i++)
		any |= serial[i];
	return any != 0 && (serial[0] & 0x80) == 0;
}

static bool
check_request(const struct cv_certificate_request *request, struct cv_error *err)
{
	if (!are_parts_whole(request))
		return cv_fail(err, CV_E_INTERNAL, "a part of the certificate is not DER");
	if (!is_serial_good(request->serial))
		return cv_fail(err, CV_E_INTERNAL, "serial number is zero or too large");
	if (request->not_before_utc > request->not_after_utc)
		return cv_fail(err, CV_E_INTERNAL, "certificate would end before it begins");
	if (profile_rows[request->profile].needs_san && request->san.len == 0)
		return cv_fail(err, CV_E_INPUT, "a server certificate needs a subjectAltName");
	return true;
}

bool
cv_profile_append_tbs(
    const struct cv_certificate_request *request, struct cv_buffer *buffer, struct cv_error *err)
{
	uint8_t identifier[CV_SHA1_LEN];
	if (!check_request(request, err))
		return false;
	if (!cv_profile_key_identifier(request->spki, identifier))
		return cv_fail(err, CV_E_INTERNAL, "public key of the certificate has no bits");
	const size_t tbs = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_version(buffer);
	cv_der_append_unsigned(buffer, CV_BYTES(request->serial));
	append_raw(buffer, request->algorithm);
	append_raw(buffer, request->issuer);
	append_validity(request, buffer);
	append_raw(buffer, request->subject);
	append_raw(buffer, request->spki);
	append_extensions(request, identifier, buffer);
	cv_der_close(buffer, tbs);
	if (buffer->has_failed)
		return cv_fail(err, CV_E_MEMORY, "certificate does not fit its buffer");
	return true;
}

void
cv_profile_append_certificate(struct cv_bytes tbs, struct cv_bytes algorithm,
    struct cv_bytes signature, struct cv_buffer *buffer)
{
	const size_t certificate = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_raw(buffer, tbs);
	append_raw(buffer, algorithm);
	const size_t bits = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	append_raw(buffer, signature);
	cv_der_close(buffer, bits);
	cv_der_close(buffer, certificate);
}

static void
append_attribute(struct cv_buffer *buffer, struct cv_bytes type, const char *value)
{
	const size_t rdn = cv_der_open(buffer, CV_DER_SET);
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, type);
	cv_der_append(buffer, CV_DER_UTF8_STRING, cv_bytes(value, strlen(value)));
	cv_der_close(buffer, attribute);
	cv_der_close(buffer, rdn);
}

void
cv_profile_append_name(
    struct cv_buffer *buffer, const char *organizational_unit, const char *common_name)
{
	const size_t name = cv_der_open(buffer, CV_DER_SEQUENCE);
	if (organizational_unit != NULL)
		append_attribute(buffer, CV_OID(CV_OID_ORGANIZATIONAL_UNIT), organizational_unit);
	append_attribute(buffer, CV_OID(CV_OID_COMMON_NAME), common_name);
	cv_der_close(buffer, name);
}
