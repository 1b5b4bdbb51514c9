#include "cv/pki/csrattrs.h"

#include <openssl/objects.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/openssl_error.h"
#include "cv/util/text.h"

#define OID_TEXT_SIZE 128

static const struct key_row {
	struct cv_bytes type;
	struct cv_bytes curve; /* empty: none */
	struct cv_bytes signature;
} key_rows[CV_KEY_TYPE_COUNT] = {
    [CV_KEY_TYPE_P256] = {CV_OID_INIT(CV_OID_EC_PUBLIC_KEY), CV_OID_INIT(CV_OID_P256),
	CV_OID_INIT(CV_OID_ECDSA_SHA256)},
    [CV_KEY_TYPE_P384] = {CV_OID_INIT(CV_OID_EC_PUBLIC_KEY), CV_OID_INIT(CV_OID_P384),
	CV_OID_INIT(CV_OID_ECDSA_SHA384)},
    [CV_KEY_TYPE_P521] = {CV_OID_INIT(CV_OID_EC_PUBLIC_KEY), CV_OID_INIT(CV_OID_P521),
	CV_OID_INIT(CV_OID_ECDSA_SHA512)},
    [CV_KEY_TYPE_ED25519] = {CV_OID_INIT(CV_OID_ED25519), {NULL, 0}, CV_OID_INIT(CV_OID_ED25519)},
    [CV_KEY_TYPE_RSA] = {CV_OID_INIT(CV_OID_RSA), {NULL, 0}, CV_OID_INIT(CV_OID_RSA_SHA256)},
};

/* Values of keyUsage and extKeyUsage as the certificate will have them. */
static const uint8_t digital_signature[] = {0x03, 0x02, 0x07, 0x80};
static const uint8_t client_auth[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};

static void
append_oid(struct cv_buffer *buffer, struct cv_bytes oid)
{
	cv_der_append(buffer, CV_DER_OID, oid);
}

bool
cv_oid_parse(const char **list, struct cv_buffer *ret_oid)
{
	char text[OID_TEXT_SIZE];
	const char *at = *list + strspn(*list, " ");
	const size_t len = strcspn(at, ", ");
	if (!cv_text_copy_bytes(text, sizeof(text), at, len))
		return false;
	ASN1_OBJECT *object = OBJ_txt2obj(text, 1);
	if (object == NULL) {
		cv_openssl_forget();
		return false;
	}
	cv_buffer_append(ret_oid, OBJ_get0_data(object), OBJ_length(object));
	ASN1_OBJECT_free(object);
	at += len;
	at += strspn(at, " ");
	*list = at + (*at == ',');
	return *at == '\0' || *at == ',';
}

static bool
append_listed(const char *list, struct cv_buffer *buffer, struct cv_error *err)
{
	while (*list != '\0') {
		CV_AUTO_BUFFER struct cv_buffer oid = CV_BUFFER_INIT;
		if (!cv_oid_parse(&list, &oid))
			return cv_fail(err, CV_E_INPUT, "not a list of object identifiers");
		append_oid(buffer, cv_buffer_bytes(&oid));
	}
	return true;
}

/* A curve, which only an attribute can name; of the size of an RSA key nothing is said, because
 * libest does not come back from an INTEGER. */
static void
append_key_oids(const struct cv_csrattrs *wanted, struct cv_buffer *buffer)
{
	const struct key_row *row = &key_rows[wanted->key];
	if (row->curve.len == 0) {
		append_oid(buffer, row->type);
	} else {
		const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
		append_oid(buffer, row->type);
		const size_t values = cv_der_open(buffer, CV_DER_SET);
		append_oid(buffer, row->curve);
		cv_der_close(buffer, values);
		cv_der_close(buffer, attribute);
	}
	if (!cv_bytes_equal(row->signature, row->type))
		append_oid(buffer, row->signature);
}

/* What a request must have is said in every form. */
static bool
append_oids(const struct cv_csrattrs *wanted, struct cv_buffer *buffer, struct cv_error *err)
{
	if (wanted->wants_link)
		append_oid(buffer, CV_OID(CV_OID_CHALLENGE_PASSWORD));
	if (wanted->has_key && wanted->has_key_oids)
		append_key_oids(wanted, buffer);
	return append_listed(wanted->attributes, buffer, err);
}

static void
append_name_part(struct cv_buffer *buffer, struct cv_bytes type, const char *value)
{
	const size_t rdn = cv_der_open(buffer, CV_DER_SET);
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_oid(buffer, type);
	if (value != NULL)
		cv_der_append(buffer, CV_DER_UTF8_STRING, cv_bytes(value, strlen(value)));
	cv_der_close(buffer, attribute);
	cv_der_close(buffer, rdn);
}

/* A number of so many bits in place of the modulus: only its size is meant. */
static void
append_rsa_placeholder(struct cv_buffer *buffer, unsigned bits)
{
	static const uint8_t exponent[] = {0x01, 0x00, 0x01};
	const size_t string = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	const size_t key = cv_der_open(buffer, CV_DER_SEQUENCE);
	const size_t modulus = cv_der_open(buffer, CV_DER_INTEGER);
	cv_buffer_append_byte(buffer, 0);
	for (unsigned i = 0; i < bits / 8; i++)
		cv_buffer_append_byte(buffer, 0xff);
	cv_der_close(buffer, modulus);
	cv_der_append_unsigned(buffer, CV_BYTES(exponent));
	cv_der_close(buffer, key);
	cv_der_close(buffer, string);
}

/* SubjectPublicKeyInfoTemplate */
static void
append_key(const struct cv_csrattrs *wanted, struct cv_buffer *buffer)
{
	const struct key_row *row = &key_rows[wanted->key];
	const size_t key = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(0));
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_oid(buffer, row->type);
	if (row->curve.len > 0)
		append_oid(buffer, row->curve);
	else if (wanted->key == CV_KEY_TYPE_RSA)
		cv_der_append(buffer, CV_DER_NULL, cv_bytes(NULL, 0));
	cv_der_close(buffer, algorithm);
	if (wanted->key == CV_KEY_TYPE_RSA)
		append_rsa_placeholder(buffer, wanted->rsa_bits);
	cv_der_close(buffer, key);
}

static void
append_extension(struct cv_buffer *buffer, struct cv_bytes oid, struct cv_bytes value)
{
	static const uint8_t is_true[] = {0xff};
	const size_t extension = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_oid(buffer, oid);
	if (value.data != NULL) {
		cv_der_append(buffer, CV_DER_BOOLEAN, CV_BYTES(is_true));
		cv_der_append(buffer, CV_DER_OCTET_STRING, value);
	}
	cv_der_close(buffer, extension);
}

/* With a value to be chosen by the client it is a template, and only then. */
static void
append_extensions(const struct cv_csrattrs *wanted, struct cv_buffer *buffer)
{
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_oid(buffer, wanted->leaves_san ? CV_OID(CV_OID_EXTENSION_TEMPLATE)
					      : CV_OID(CV_OID_EXTENSION_REQUEST));
	const size_t values = cv_der_open(buffer, CV_DER_SET);
	const size_t extensions = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_extension(buffer, CV_OID(CV_OID_KEY_USAGE), CV_BYTES(digital_signature));
	append_extension(buffer, CV_OID(CV_OID_EXTENDED_KEY_USAGE), CV_BYTES(client_auth));
	if (wanted->leaves_san)
		append_extension(buffer, CV_OID(CV_OID_SUBJECT_ALT_NAME), cv_bytes(NULL, 0));
	cv_der_close(buffer, extensions);
	cv_der_close(buffer, values);
	cv_der_close(buffer, attribute);
}

/* RFC 9908 section 3.4: CertificationRequestInfoTemplate. The attributes are never left out. */
static void
append_template(const struct cv_csrattrs *wanted, struct cv_buffer *buffer)
{
	const size_t attribute = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_oid(buffer, CV_OID(CV_OID_REQUEST_TEMPLATE));
	const size_t values = cv_der_open(buffer, CV_DER_SET);
	const size_t template = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_small(buffer, 0);
	const size_t name = cv_der_open(buffer, CV_DER_SEQUENCE);
	if (wanted->unit[0] != '\0')
		append_name_part(buffer, CV_OID(CV_OID_ORGANIZATIONAL_UNIT), wanted->unit);
	append_name_part(buffer, CV_OID(CV_OID_COMMON_NAME), NULL);
	cv_der_close(buffer, name);
	if (wanted->has_key)
		append_key(wanted, buffer);
	const size_t attributes = cv_der_open(buffer, CV_DER_CONTEXT_CONSTRUCTED(1));
	append_extensions(wanted, buffer);
	cv_der_close(buffer, attributes);
	cv_der_close(buffer, template);
	cv_der_close(buffer, values);
	cv_der_close(buffer, attribute);
}

bool
cv_csrattrs_append(const struct cv_csrattrs *wanted, struct cv_buffer *buffer, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer list = CV_BUFFER_INIT;
	if (!append_oids(wanted, &list, err))
		return false;
	if (wanted->has_template)
		append_template(wanted, &list);
	if (list.len > 0)
		cv_der_append(buffer, CV_DER_SEQUENCE, cv_buffer_bytes(&list));
	if (list.has_failed || buffer->has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for the attributes of requests");
	return true;
}
