#include "tbs_check_internal.h"

#include "cv/pki/der.h"
#include "cv/pki/extension.h"
#include "cv/pki/oid.h"

#define VERSION_3 2 /* as encoded */
#define SERIAL_MAX_OCTETS 20

/* The only values that an end entity of ours has in its three critical extensions. */
static const uint8_t end_entity[] = {0x30, 0x00};
static const uint8_t digital_signature[] = {0x03, 0x02, 0x07, 0x80};
static const uint8_t client_auth[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
static const uint8_t server_auth[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

/* Everything else could widen what a certificate is good for, so it is not signed. */
static const struct cv_bytes signed_extensions[] = {
    CV_OID_INIT(CV_OID_BASIC_CONSTRAINTS),
    CV_OID_INIT(CV_OID_KEY_USAGE),
    CV_OID_INIT(CV_OID_EXTENDED_KEY_USAGE),
    CV_OID_INIT(CV_OID_SUBJECT_KEY),
    CV_OID_INIT(CV_OID_AUTHORITY_KEY),
    CV_OID_INIT(CV_OID_SUBJECT_ALT_NAME),
    CV_OID_INIT(CV_OID_CRL_DISTRIBUTION_POINTS),
    CV_OID_INIT(CV_OID_AUTHORITY_INFO_ACCESS),
};

static bool
refuse(struct cv_error *err, const char *what)
{
	return cv_fail(err, CV_E_SIGNER, "signer refuses: %s", what);
}

static bool
check_version(struct cv_der_reader *tbs, struct cv_error *err)
{
	struct cv_der_reader inner;
	uint64_t version = 0;
	if (!cv_der_enter(tbs, CV_DER_CONTEXT_CONSTRUCTED(0), &inner) ||
	    !cv_der_read_small(&inner, &version) || !cv_der_at_end(&inner) || version != VERSION_3)
		return refuse(err, "version is not 3");
	return true;
}

static bool
check_serial(struct cv_der_reader *tbs, struct cv_error *err)
{
	struct cv_bytes serial;
	if (!cv_der_read(tbs, CV_DER_INTEGER, &serial) || serial.len > SERIAL_MAX_OCTETS)
		return refuse(err, "serial number is longer than 20 octets");
	const bool is_negative = (serial.data[0] & 0x80) != 0;
	const bool is_zero = serial.len == 1 && serial.data[0] == 0;
	if (is_negative || is_zero)
		return refuse(err, "serial number is not positive");
	return true;
}

static bool
check_algorithm(struct cv_der_reader *tbs, const struct cv_tbs_rules *rules, struct cv_error *err)
{
	struct cv_bytes algorithm;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &algorithm) ||
	    !cv_bytes_equal(algorithm, rules->algorithm))
		return refuse(err, "signature algorithm is not that of the key");
	return true;
}

static bool
check_issuer(struct cv_der_reader *tbs, const struct cv_tbs_rules *rules, struct cv_error *err)
{
	struct cv_bytes issuer;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &issuer) ||
	    !cv_bytes_equal(issuer, rules->issuer))
		return refuse(err, "issuer is not the subject of the key's certificate");
	return true;
}

static bool
check_validity(struct cv_der_reader *tbs, const struct cv_tbs_rules *rules, struct cv_error *err)
{
	struct cv_der_reader validity;
	int64_t not_before_utc = 0;
	int64_t not_after_utc = 0;
	if (!cv_der_enter(tbs, CV_DER_SEQUENCE, &validity) ||
	    !cv_der_read_time(&validity, &not_before_utc) ||
	    !cv_der_read_time(&validity, &not_after_utc) || !cv_der_at_end(&validity) ||
	    not_before_utc > not_after_utc)
		return refuse(err, "validity is not two times in order");
	if (not_after_utc > rules->not_after_utc)
		return refuse(err, "certificate would outlive its issuer");
	return true;
}

static bool
skip_subject_and_key(struct cv_der_reader *tbs, struct cv_error *err)
{
	struct cv_bytes ignored;
	if (!cv_der_read_whole(tbs, CV_DER_SEQUENCE, &ignored) ||
	    !cv_der_read_whole(tbs, CV_DER_SEQUENCE, &ignored))
		return refuse(err, "subject or public key is missing");
	return true;
}

static bool
read_extensions(struct cv_der_reader *tbs, struct cv_extension_list *list, struct cv_error *err)
{
	struct cv_der_reader inner;
	struct cv_bytes extensions;
	if (!cv_der_enter(tbs, CV_DER_CONTEXT_CONSTRUCTED(3), &inner) || !cv_der_at_end(tbs) ||
	    !cv_der_read_whole(&inner, CV_DER_SEQUENCE, &extensions) || !cv_der_at_end(&inner) ||
	    cv_extension_list_read(extensions, list) != CV_EXTENSION_GOOD)
		return refuse(err, "extensions are missing, repeated or do not decode");
	return true;
}

static bool
is_signed_extension(struct cv_bytes oid)
{
	for (size_t i = 0; i < sizeof(signed_extensions) / sizeof(signed_extensions[0]); i++) {
		if (cv_bytes_equal(signed_extensions[i], oid))
			return true;
	}
	return false;
}

static bool
has_critical_value(const struct cv_extension_list *list, struct cv_bytes oid, struct cv_bytes value)
{
	const struct cv_extension *extension = cv_extension_list_find(list, oid);
	return extension != NULL && extension->is_critical &&
	       cv_bytes_equal(extension->value, value);
}

static bool
has_right_purpose(const struct cv_extension_list *list, enum cv_signer_purpose purpose)
{
	const struct cv_bytes oid = CV_OID(CV_OID_EXTENDED_KEY_USAGE);
	const bool is_client = has_critical_value(list, oid, CV_BYTES(client_auth));
	switch (purpose) {
	case CV_SIGNER_DEVICES:
		return is_client;
	case CV_SIGNER_SERVICE:
		return is_client || has_critical_value(list, oid, CV_BYTES(server_auth));
	}
	return false;
}

static bool
check_extensions(
    const struct cv_extension_list *list, const struct cv_tbs_rules *rules, struct cv_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!is_signed_extension(list->items[i].oid))
			return refuse(err, "an extension that no profile has");
	}
	if (!has_critical_value(list, CV_OID(CV_OID_BASIC_CONSTRAINTS), CV_BYTES(end_entity)))
		return refuse(err, "basicConstraints is not critical CA:FALSE");
	if (!has_critical_value(list, CV_OID(CV_OID_KEY_USAGE), CV_BYTES(digital_signature)))
		return refuse(err, "keyUsage is not critical digitalSignature alone");
	if (!has_right_purpose(list, rules->purpose))
		return refuse(err, "extKeyUsage is not what this key may sign");
	return true;
}

bool
cv_tbs_check(struct cv_bytes tbs, const struct cv_tbs_rules *rules, struct cv_error *err)
{
	struct cv_der_reader outer = cv_der_reader(tbs);
	struct cv_der_reader inner;
	struct cv_extension_list list;
	if (!cv_der_is_strict(tbs) || !cv_der_enter(&outer, CV_DER_SEQUENCE, &inner))
		return refuse(err, "not a TBSCertificate in DER");
	return check_version(&inner, err) && check_serial(&inner, err) &&
	       check_algorithm(&inner, rules, err) && check_issuer(&inner, rules, err) &&
	       check_validity(&inner, rules, err) && skip_subject_and_key(&inner, err) &&
	       read_extensions(&inner, &list, err) && check_extensions(&list, rules, err);
}
