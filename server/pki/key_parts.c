#include "key_parts_internal.h"

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

#define POINT_COMPRESSED_EVEN 0x02
#define POINT_COMPRESSED_ODD 0x03
#define POINT_UNCOMPRESSED 0x04
#define ED25519_LEN 32

static const struct curve_row {
	struct cv_bytes oid;
	size_t field_len;
} curve_rows[CV_CURVE_COUNT] = {
    [CV_CURVE_P256] = {CV_OID_INIT(CV_OID_P256), 32},
    [CV_CURVE_P384] = {CV_OID_INIT(CV_OID_P384), 48},
    [CV_CURVE_P521] = {CV_OID_INIT(CV_OID_P521), 66},
};

size_t
cv_key_parts_field_len(enum cv_curve curve)
{
	return curve_rows[curve].field_len;
}

bool
cv_key_parts_is_compressed(const struct cv_key_parts *parts)
{
	return parts->kind == CV_KEY_KIND_EC && parts->point.data[0] != POINT_UNCOMPRESSED;
}

static bool
find_curve(struct cv_bytes oid, enum cv_curve *ret_curve)
{
	for (unsigned i = 0; i < CV_CURVE_COUNT; i++) {
		if (!cv_bytes_equal(curve_rows[i].oid, oid))
			continue;
		*ret_curve = (enum cv_curve)i;
		return true;
	}
	return false;
}

/* SEC 1 section 2.3.3, without the single octet of infinity and without hybrid points. */
static bool
is_point_form(struct cv_bytes point, size_t field_len)
{
	if (point.len == 0)
		return false;
	switch (point.data[0]) {
	case POINT_UNCOMPRESSED:
		return point.len == 1 + 2 * field_len;
	case POINT_COMPRESSED_EVEN:
	case POINT_COMPRESSED_ODD:
		return point.len == 1 + field_len;
	default:
		return false;
	}
}

/* RFC 5480 section 2.1.1: a named curve; explicit parameters and implicit ones are other "curves".
 */
static enum cv_key_outcome
read_ec(struct cv_der_reader *parameters, struct cv_bytes key, struct cv_key_parts *parts)
{
	struct cv_bytes oid;
	if (!cv_der_read(parameters, CV_DER_OID, &oid) || !cv_der_at_end(parameters) ||
	    !find_curve(oid, &parts->curve))
		return CV_KEY_WEAK;
	if (!is_point_form(key, cv_key_parts_field_len(parts->curve)))
		return CV_KEY_MALFORMED;
	parts->kind = CV_KEY_KIND_EC;
	parts->point = key;
	return CV_KEY_USABLE;
}

static bool
read_magnitude(struct cv_der_reader *reader, struct cv_bytes *ret_magnitude)
{
	struct cv_bytes content;
	if (!cv_der_read(reader, CV_DER_INTEGER, &content) || (content.data[0] & 0x80) != 0)
		return false;
	if (content.len > 1 && content.data[0] == 0)
		content = cv_bytes(content.data + 1, content.len - 1);
	*ret_magnitude = content;
	return true;
}

/* RFC 3279 section 2.3.1. Absent parameters are written by some and mean the same as NULL. */
static enum cv_key_outcome
read_rsa(struct cv_der_reader *parameters, struct cv_bytes key, struct cv_key_parts *parts)
{
	struct cv_der_reader reader = cv_der_reader(key);
	struct cv_der_reader inner;
	struct cv_bytes null;
	if (!cv_der_at_end(parameters) &&
	    (!cv_der_read(parameters, CV_DER_NULL, &null) || !cv_der_at_end(parameters)))
		return CV_KEY_MALFORMED;
	if (!cv_der_is_strict(key) || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !read_magnitude(&inner, &parts->modulus) || !read_magnitude(&inner, &parts->exponent) ||
	    !cv_der_at_end(&inner))
		return CV_KEY_MALFORMED;
	parts->kind = CV_KEY_KIND_RSA;
	return cv_key_policy_allows_rsa(parts->modulus, parts->exponent) ? CV_KEY_USABLE
									 : CV_KEY_WEAK;
}

/* RFC 8410 sections 3 and 4. */
static enum cv_key_outcome
read_ed25519(struct cv_der_reader *parameters, struct cv_bytes key, struct cv_key_parts *parts)
{
	if (!cv_der_at_end(parameters) || key.len != ED25519_LEN)
		return CV_KEY_MALFORMED;
	parts->kind = CV_KEY_KIND_ED25519;
	parts->point = key;
	return cv_key_policy_judge_ed25519(key);
}

enum cv_key_outcome
cv_key_parts_read(struct cv_bytes spki, struct cv_key_parts *ret_parts)
{
	struct cv_der_reader reader = cv_der_reader(spki);
	struct cv_der_reader inner;
	struct cv_der_reader algorithm;
	struct cv_bytes oid;
	struct cv_bytes bits;
	if (!cv_der_is_strict(spki) || !cv_der_enter(&reader, CV_DER_SEQUENCE, &inner) ||
	    !cv_der_enter(&inner, CV_DER_SEQUENCE, &algorithm) ||
	    !cv_der_read(&algorithm, CV_DER_OID, &oid) ||
	    !cv_der_read(&inner, CV_DER_BIT_STRING, &bits) || !cv_der_at_end(&inner) ||
	    bits.data[0] != 0)
		return CV_KEY_MALFORMED;
	const struct cv_bytes key = cv_bytes(bits.data + 1, bits.len - 1);
	if (cv_bytes_equal(oid, CV_OID(CV_OID_EC_PUBLIC_KEY)))
		return read_ec(&algorithm, key, ret_parts);
	if (cv_bytes_equal(oid, CV_OID(CV_OID_RSA)))
		return read_rsa(&algorithm, key, ret_parts);
	if (cv_bytes_equal(oid, CV_OID(CV_OID_ED25519)))
		return read_ed25519(&algorithm, key, ret_parts);
	return CV_KEY_WEAK;
}

static void
append_ec_algorithm(struct cv_buffer *buffer, enum cv_curve curve)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_EC_PUBLIC_KEY));
	cv_der_append(buffer, CV_DER_OID, curve_rows[curve].oid);
	cv_der_close(buffer, algorithm);
}

static void
append_rsa_algorithm(struct cv_buffer *buffer)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_RSA));
	cv_der_append(buffer, CV_DER_NULL, cv_bytes(NULL, 0));
	cv_der_close(buffer, algorithm);
}

static void
append_ed25519_algorithm(struct cv_buffer *buffer)
{
	const size_t algorithm = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append(buffer, CV_DER_OID, CV_OID(CV_OID_ED25519));
	cv_der_close(buffer, algorithm);
}

static void
append_rsa_numbers(struct cv_buffer *buffer, const struct cv_key_parts *parts)
{
	const size_t numbers = cv_der_open(buffer, CV_DER_SEQUENCE);
	cv_der_append_unsigned(buffer, parts->modulus);
	cv_der_append_unsigned(buffer, parts->exponent);
	cv_der_close(buffer, numbers);
}

static void
append_algorithm(struct cv_buffer *buffer, const struct cv_key_parts *parts)
{
	switch (parts->kind) {
	case CV_KEY_KIND_EC:
		append_ec_algorithm(buffer, parts->curve);
		break;
	case CV_KEY_KIND_RSA:
		append_rsa_algorithm(buffer);
		break;
	case CV_KEY_KIND_ED25519:
		append_ed25519_algorithm(buffer);
		break;
	}
}

void
cv_key_parts_append(struct cv_buffer *buffer, const struct cv_key_parts *parts)
{
	const size_t spki = cv_der_open(buffer, CV_DER_SEQUENCE);
	append_algorithm(buffer, parts);
	const size_t bits = cv_der_open(buffer, CV_DER_BIT_STRING);
	cv_buffer_append_byte(buffer, 0);
	if (parts->kind == CV_KEY_KIND_RSA)
		append_rsa_numbers(buffer, parts);
	else
		cv_buffer_append(buffer, parts->point.data, parts->point.len);
	cv_der_close(buffer, bits);
	cv_der_close(buffer, spki);
}
