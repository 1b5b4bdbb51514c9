#include "service_internal.h"

#include <string.h>

#include "cv/store/certificate_store.h"

/* ---- in memory ---- */

/* Serial numbers of ours only; whether the authority is the one that was named is seen here. */
static bool
find_by_serial(struct cv_service *service, const struct cv_evidence *evidence,
    struct cv_index_answer *ret_found)
{
	const struct cv_certificate_name *name = evidence->name;
	CV_AUTO(cv_realm) struct cv_realm *realm = NULL;
	const struct cv_realm_authority *authority;

	cv_index_find_by_name(cv_service_index(service), CV_INDEX_SERIAL,
	    cv_bytes(name->serial, name->serial_len), ret_found);
	if (!ret_found->party)
		return false;
	realm = cv_service_realm(service);
	authority = cv_realm_authority_by_id(realm, ret_found->authority);
	return authority && cv_realm_authority_is_called(authority, name->issuer) &&
	       !cv_realm_is_name_shared(realm, name->issuer, evidence->factories);
}

static bool
find_by_sha1(struct cv_service *service, const struct cv_certificate_name *name,
    struct cv_index_answer *ret_found)
{
	cv_index_find_by_name(
	    cv_service_index(service), CV_INDEX_SHA1, CV_BYTES(name->sha1), ret_found);
	return ret_found->party != NULL;
}

/* The first answer stands; another one must be of the same certificate. */
static bool
take(struct cv_index_answer *kept, const struct cv_index_answer *found)
{
	if (kept->party)
		return kept->identity == found->identity;
	*kept = *found;
	return true;
}

void
cv_naming_recall(struct cv_service *service, const struct cv_evidence *evidence,
    struct cv_index_answer *ret_found)
{
	const struct cv_certificate_name *name = evidence->name;
	struct cv_index_answer found = {.party = NULL}, other;
	bool is_one = true;

	memset(ret_found, 0, sizeof(*ret_found));
	if (evidence->evidence >= CV_EVIDENCE_FINGERPRINT) {
		cv_index_find(cv_service_index(service), &evidence->fingerprint, &found);
		is_one = found.party != NULL;
	}
	if (is_one && name->has_sha1)
		is_one = find_by_sha1(service, name, &other) && take(&found, &other);
	if (is_one && name->issuer[0])
		is_one = find_by_serial(service, evidence, &other) && take(&found, &other);
	if (is_one && found.party && name->party.device[0])
		is_one = strcmp(found.party->device, name->party.device) == 0;
	if (is_one)
		*ret_found = found;
}

/* ---- in the database ---- */

/* What many go by is of nobody: *ret_count more than one. */
static bool
resolve_serial(struct cv_service *service, struct cv_connection *connection,
    const struct cv_evidence *evidence, struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err)
{
	const struct cv_certificate_name *name = evidence->name;
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(service);
	CV_AUTO_BUFFER struct cv_buffer authorities = CV_BUFFER_INIT;

	for (size_t i = 0; i < realm->authority_count; i++) {
		if (cv_realm_authority_is_called(&realm->authorities[i], name->issuer))
			cv_buffer_printf(&authorities, "%c%s", authorities.len ? ',' : '{',
			    realm->authorities[i].row.id);
	}
	if (authorities.len == 0) {
		*ret_count = 0;
		return true;
	}
	if (cv_realm_is_name_shared(realm, name->issuer, evidence->factories)) {
		*ret_count = 2;
		return true;
	}
	cv_buffer_append_text(&authorities, "}");
	if (authorities.has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return cv_certificate_store_find_serial(connection, cv_buffer_text(&authorities),
	    cv_bytes(name->serial, name->serial_len), ret_fingerprint, ret_count, err);
}

static bool
look_up(struct cv_service *service, struct cv_connection *connection,
    const struct cv_evidence *evidence, struct cv_digest *ret_fingerprint, int *ret_count,
    struct cv_error *err)
{
	const struct cv_certificate_name *name = evidence->name;

	if (name->has_sha1)
		return cv_certificate_store_find_sha1(
		    connection, name->sha1, ret_fingerprint, ret_count, err);
	if (name->issuer[0])
		return resolve_serial(
		    service, connection, evidence, ret_fingerprint, ret_count, err);
	return cv_certificate_store_find_current(
	    connection, &name->party, ret_fingerprint, ret_count, err);
}

bool
cv_naming_resolve(struct cv_service *service, struct cv_connection *connection,
    const struct cv_evidence *evidence, struct cv_digest *ret_fingerprint, bool *ret_is_one,
    enum cv_verdict *ret_verdict, struct cv_error *err)
{
	int count;

	if (!look_up(service, connection, evidence, ret_fingerprint, &count, err))
		return false;
	*ret_is_one = count == 1;
	*ret_verdict = count == 0 ? CV_VERDICT_UNKNOWN : CV_VERDICT_AMBIGUOUS;
	return true;
}
