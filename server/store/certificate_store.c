#include "cv/store/certificate_store.h"

#include "cv/util/text.h"

#include "database_internal.h"

static bool
read_found(struct cv_row row, struct cv_found_certificate *ret_certificate, struct cv_error *err)
{
	size_t sha1_len;

	if (!cv_party_restore(&ret_certificate->party, cv_row_text(row, 0), cv_row_text(row, 1),
		cv_row_text(row, 2)) ||
	    !cv_row_digest(row, 3, &ret_certificate->fingerprint) ||
	    !cv_row_digest(row, 4, &ret_certificate->tbs_digest) ||
	    !cv_row_digest(row, 5, &ret_certificate->key_id) ||
	    !cv_row_octets(row, 9, ret_certificate->sha1, CV_SHA1_LEN, &sha1_len) ||
	    !cv_row_octets(row, 10, ret_certificate->serial, sizeof(ret_certificate->serial),
		&ret_certificate->serial_len))
		return cv_fail(err, CV_E_INTERNAL, "database: a certificate row cannot be read");
	cv_text_copy(
	    ret_certificate->authority, sizeof(ret_certificate->authority), cv_row_text(row, 6));
	ret_certificate->not_before_utc = cv_row_number(row, 7);
	ret_certificate->not_after_utc = cv_row_number(row, 8);
	return true;
}

bool
cv_certificate_store_find(struct cv_connection *connection, const struct cv_digest *fingerprint,
    const struct cv_digest *tbs_digest, bool *ret_exists,
    struct cv_found_certificate *ret_certificate, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_digest(&parameters, fingerprint);
	cv_parameter_digest(&parameters, tbs_digest);
	if (!cv_execute(connection, CV_SQL(certificate_find), &parameters, &result, err))
		return cv_error_context(err, "finding a certificate");
	*ret_exists = PQntuples(result) == 1;
	return !*ret_exists || read_found((struct cv_row){result, 0}, ret_certificate, err);
}

static bool
find_fingerprint(struct cv_connection *connection, struct cv_sql sql,
    const struct cv_parameters *parameters, struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, sql, parameters, &result, err))
		return cv_error_context(err, "finding a certificate by name");
	*ret_count = PQntuples(result);
	return *ret_count == 0 || cv_row_digest((struct cv_row){result, 0}, 0, ret_fingerprint) ||
	       cv_fail(err, CV_E_INTERNAL, "database: a fingerprint cannot be read");
}

bool
cv_certificate_store_find_sha1(struct cv_connection *connection, const uint8_t sha1[CV_SHA1_LEN],
    struct cv_digest *ret_fingerprint, int *ret_count, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_bytes(&parameters, cv_bytes(sha1, CV_SHA1_LEN));
	return find_fingerprint(connection, CV_SQL(certificate_find_sha1), &parameters,
	    ret_fingerprint, ret_count, err);
}

bool
cv_certificate_store_find_serial(struct cv_connection *connection, const char *authorities,
    struct cv_bytes serial, struct cv_digest *ret_fingerprint, int *ret_count, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, authorities);
	cv_parameter_bytes(&parameters, serial);
	return find_fingerprint(connection, CV_SQL(certificate_find_serial), &parameters,
	    ret_fingerprint, ret_count, err);
}

bool
cv_certificate_store_find_current(struct cv_connection *connection, const struct cv_party *party,
    struct cv_digest *ret_fingerprint, int *ret_count, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	cv_parameter_text(&parameters, party->slot);
	return find_fingerprint(connection, CV_SQL(certificate_find_current), &parameters,
	    ret_fingerprint, ret_count, err);
}

bool
cv_certificate_store_der(struct cv_connection *connection, const struct cv_digest *fingerprint,
    struct cv_buffer *ret_der, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_digest(&parameters, fingerprint);
	if (!cv_execute(connection, CV_SQL(certificate_der), &parameters, &result, err))
		return cv_error_context(err, "reading a certificate");
	if (PQntuples(result) != 1 || !cv_row_bytes((struct cv_row){result, 0}, 0, ret_der))
		return cv_fail(err, CV_E_NOT_FOUND, "database: a recorded certificate is missing");
	return true;
}
