#include <stdlib.h>
#include <string.h>

#include "factory_pki_internal.h"

void
upload_check_deinit(struct upload_check *check)
{
	cv_bundle_deinit(&check->root_bundle);
	cv_bundle_deinit(&check->ca_bundle);
	cv_bundle_deinit(&check->server_bundles[0]);
	cv_bundle_deinit(&check->server_bundles[1]);
	cv_buffer_deinit(&check->online_pem);
	free(check->crl);
	free(check->states);
	free(check->is_named);
}

/* ---- root ---- */

static bool
check_root(struct upload_check *check, struct cv_error *err)
{
	const char *field = "root-crt";
	const struct cv_certificate *given;

	check->root = check->pki->root == NULL ? NULL : check->pki->root->certificate;
	if (!upload_parse_one(check, field, &check->upload->root_crt, &check->root_bundle, err))
		return false;
	if (check->root_bundle.count == 0)
		return check->root != NULL ||
		       upload_refuse(check, CV_FACTORY_PKI_CONFLICT,
			   "The factory has no root yet: root-crt must come first.");
	given = check->root_bundle.items[0].certificate;
	if (check->root != NULL)
		return cv_digest_equal(&check->root->fingerprint, &given->fingerprint) ||
		       upload_refuse(check, CV_FACTORY_PKI_CONFLICT,
			   "The factory has another root, which cannot be replaced.");
	if (!upload_check_ca(check, field, given))
		return false;
	check->root = given;
	(void)upload_add_authority(check, CV_AUTHORITY_ROOT, "", given);
	return true;
}

/* ---- CRL ---- */

static bool
check_freshness(struct upload_check *check)
{
	if (check->crl->this_update_utc > check->now_utc + check->skew_seconds)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-revoke-crl: it begins in the future: is the clock right?");
	if (check->crl->next_update_utc + check->skew_seconds < check->now_utc)
		return upload_refuse(
		    check, CV_FACTORY_PKI_REFUSED, "ca-revoke-crl: it is out of date.");
	return true;
}

/* A hold never weakens a revocation, and neither does its end. */
static enum cv_authority_state
state_after(enum cv_authority_state state, unsigned reason)
{
	if (reason != CV_CRL_CERTIFICATE_HOLD && reason != CV_CRL_REMOVE)
		return CV_AUTHORITY_REVOKED;
	if (state == CV_AUTHORITY_REVOKED)
		return state;
	return reason == CV_CRL_REMOVE ? CV_AUTHORITY_TRUSTED : CV_AUTHORITY_DISABLED;
}

static bool
apply_entry(struct upload_check *check, const struct cv_crl_entry *entry)
{
	const struct cv_bytes serial = cv_bytes(entry->serial, entry->serial_len);
	char decimal[CV_SERIAL_DECIMAL_SIZE];
	bool is_known = false;

	for (size_t i = 0; i < check->pki->authority_count; i++) {
		const struct cv_realm_authority *each = &check->pki->authorities[i];

		if (!factory_pki_is_device_ca(each) ||
		    !cv_bytes_equal(each->certificate->serial, serial) ||
		    !cv_bytes_equal(each->certificate->issuer, check->root->subject))
			continue;
		check->states[i] = state_after(check->states[i], entry->reason);
		check->is_named[i] = true;
		is_known = true;
	}
	if (is_known)
		return true;
	cv_serial_write_decimal(serial, decimal);
	return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
	    "ca-revoke-crl: there is no device CA with the serial number %s.", decimal);
}

static bool
check_crl(struct upload_check *check, struct cv_error *err)
{
	enum cv_crl_outcome outcome = CV_CRL_MALFORMED;
	const char *detail = NULL;

	if (check->upload->ca_revoke_crl.len == 0)
		return true;
	if (!cv_crl_parse_pem(cv_buffer_bytes(&check->upload->ca_revoke_crl), check->root, &outcome,
		&detail, &check->crl, err))
		return false;
	if (outcome != CV_CRL_GOOD)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED, "ca-revoke-crl: %s.", detail);
	if (!check_freshness(check))
		return false;
	for (size_t i = 0; i < check->crl->count; i++) {
		if (!apply_entry(check, &check->crl->entries[i]))
			return false;
	}
	return true;
}

/* ---- all of it ---- */

static bool
start(struct upload_check *check, struct cv_error *err)
{
	const size_t count = check->pki->authority_count;

	check->states = calloc(count + 1, sizeof(*check->states));
	check->is_named = calloc(count + 1, sizeof(*check->is_named));
	if (check->states == NULL || check->is_named == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory to look at an upload");
	for (size_t i = 0; i < count; i++)
		check->states[i] = check->pki->authorities[i].row.state;
	return true;
}

bool
upload_check_all(struct upload_check *check, struct cv_error *err)
{
	const struct cv_factory_pki_upload *upload = check->upload;

	return start(check, err) && check_root(check, err) && check_crl(check, err) &&
	       upload_check_cas(check, err) &&
	       upload_check_server(check, CV_FACTORY_KEY_TLS, "tls-crt", &upload->tls_crt,
		   &check->server_bundles[0], err) &&
	       upload_check_server(check, CV_FACTORY_KEY_EST_TLS, "est-tls-crt",
		   &upload->est_tls_crt, &check->server_bundles[1], err);
}
