#include <string.h>

#include "cv/util/text.h"
#include "factory_pki_internal.h"

#define LOCAL_CA "fio-"

/* ---- device CAs ---- */

/* Those that another root has issued are none of this one's business. */
static bool
keeps_every_ca(struct upload_check *check)
{
	for (size_t i = 0; i < check->pki->authority_count; i++) {
		const struct cv_realm_authority *each = &check->pki->authorities[i];

		if (!factory_pki_is_device_ca(each) || check->is_named[i] ||
		    each->row.state == CV_AUTHORITY_REVOKED ||
		    cv_bundle_find(&check->ca_bundle, &each->row.fingerprint) != NULL ||
		    !cv_certificate_is_signed_by(each->certificate, check->root, NULL))
			continue;
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: the CA %s is missing. A CA leaves by a CRL of the root only.",
		    each->row.name);
	}
	return true;
}

/* A CA that was revoked before comes back with all its devices, as whoever lists it again wants. */
static bool
take_known_ca(struct upload_check *check, size_t place)
{
	const struct cv_realm_authority *known = &check->pki->authorities[place];

	if (!factory_pki_is_device_ca(known))
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: %s is no device CA, but a %s.", known->row.name,
		    cv_authority_kind_name(known->row.kind));
	if (check->states[place] != CV_AUTHORITY_REVOKED)
		return true;
	if (check->is_named[place])
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: %s is revoked by the CRL of the same request.", known->row.name);
	check->states[place] = CV_AUTHORITY_TRUSTED;
	return upload_check_ca(check, "ca-crt", known->certificate);
}

/* Its CN says whose devices they are that are first met under it. */
static bool
take_local_ca(struct upload_check *check, const struct cv_certificate *ca, struct cv_error *err)
{
	const char *user = ca->common_name + strlen(LOCAL_CA);
	bool is_user = false;

	if (!cv_text_has_prefix(ca->common_name, LOCAL_CA) || user[0] == '\0')
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: a CA with a key of your own is called " LOCAL_CA
		    "<user>, and this one is not of the pending online key either.");
	if (!cv_factory_pki_store_has_user(
		check->connection, user, check->order->factory, &is_user, err))
		return false;
	if (!is_user)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: there is no user %s of this factory.", user);
	(void)upload_add_authority(check, CV_AUTHORITY_OFFLINE, user, ca);
	return true;
}

/* In a file of this instance, or made for some factory. */
static bool
is_held(struct upload_check *check, const struct cv_certificate *ca, bool *ret_is_held,
    struct cv_error *err)
{
	struct cv_bytes algorithm;

	*ret_is_held =
	    cv_signer_algorithm(cv_service_signer(check->service), &ca->key_id, &algorithm);
	return *ret_is_held ||
	       cv_factory_pki_store_holds_key(check->connection, &ca->key_id, ret_is_held, err);
}

/* Whoever holds the key of the other one could give a certificate any serial number under the name
 * of ours. */
static bool
has_name_elsewhere(const struct upload_check *check, const struct cv_certificate *ca)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(check->service);

	return cv_realm_has_name_elsewhere(realm, check->order->factory, ca);
}

static bool
take_online_ca(struct upload_check *check, const struct cv_factory_key_row *key,
    const struct cv_bundle_item *item, struct cv_error *err)
{
	if (check->successor != NULL)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: two certificates of the pending online key.");
	if (has_name_elsewhere(check, item->certificate))
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: a CA of the name of the online CA is listed already in another "
		    "factory.");
	check->successor =
	    upload_add_authority(check, CV_AUTHORITY_ONLINE, "", item->certificate)->id;
	cv_certificate_append_pem(&check->online_pem, item->certificate->der);
	return upload_use_key(check, key, cv_buffer_text(&check->online_pem), err);
}

/* NULL: it may vouch for devices of this factory. */
static const char *
why_no_local_ca(const struct upload_check *check, const struct cv_certificate *ca)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(check->service);

	return cv_realm_key_refusal(
	    realm, check->order->factory, CV_AUTHORITY_OFFLINE, &ca->key_id);
}

static bool
take_new_ca(struct upload_check *check, const struct cv_bundle_item *item, struct cv_error *err)
{
	const struct cv_certificate *ca = item->certificate;
	const struct cv_factory_key_row *pending =
	    factory_pki_key(check->pki, CV_FACTORY_KEY_ONLINE, CV_FACTORY_KEY_PENDING);
	bool holds = false;
	const char *why;

	if (!upload_check_ca(check, "ca-crt", ca) || !upload_check_signer(check, "ca-crt", ca))
		return false;
	if (pending != NULL && cv_digest_equal(&pending->key_id, &ca->key_id))
		return take_online_ca(check, pending, item, err);
	if (!is_held(check, ca, &holds, err))
		return false;
	if (holds)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "ca-crt: the key of a CA is held by the server, and is not the pending one.");
	why = why_no_local_ca(check, ca);
	if (why)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED, "ca-crt: %s.", why);
	return take_local_ca(check, ca, err);
}

bool
upload_check_cas(struct upload_check *check, struct cv_error *err)
{
	if (!upload_parse(check, "ca-crt", &check->upload->ca_crt, &check->ca_bundle, err))
		return false;
	if (check->ca_bundle.count == 0)
		return true;
	if (!keeps_every_ca(check))
		return false;
	for (size_t i = 0; i < check->ca_bundle.count; i++) {
		const struct cv_bundle_item *item = &check->ca_bundle.items[i];
		const struct cv_realm_authority *known =
		    factory_pki_find(check->pki, &item->certificate->fingerprint);

		if (cv_digest_equal(&check->root->fingerprint, &item->certificate->fingerprint))
			return upload_refuse(
			    check, CV_FACTORY_PKI_REFUSED, "ca-crt: the root is no device CA.");
		if (known == NULL
			? !take_new_ca(check, item, err)
			: !take_known_ca(check, (size_t)(known - check->pki->authorities)))
			return false;
	}
	check->has_new_ca_text = true;
	return true;
}

/* ---- server certificates ---- */

static bool
is_certificate_of(const char *pem, const struct cv_certificate *certificate)
{
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err = CV_ERROR_INIT;

	return pem != NULL && pem[0] != '\0' &&
	       cv_bundle_parse(cv_bytes(pem, strlen(pem)), &bundle, &err) &&
	       cv_digest_equal(
		   &bundle.items[0].certificate->fingerprint, &certificate->fingerprint);
}

static bool
has_every_name(struct upload_check *check, const char *field, const char *names,
    const struct cv_certificate *certificate)
{
	char name[CV_DEVICE_ID_MAX + CV_HOST_SIZE];

	while (*names != '\0') {
		size_t len = strcspn(names, ",");

		if (!cv_text_copy_bytes(name, sizeof(name), names, len) ||
		    !cv_certificate_has_dns_name(certificate, name))
			return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
			    "%s: the certificate lacks the DNS name %s of its request.", field,
			    name);
		names += len + (names[len] == ',');
	}
	return true;
}

static bool
check_fit(struct upload_check *check, const char *field, const struct cv_factory_key_row *pending,
    const struct cv_certificate *certificate)
{
	if (pending == NULL || !cv_digest_equal(&pending->key_id, &certificate->key_id))
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: the certificate is not of the key of the last request.", field);
	if (certificate->is_ca || !certificate->allows_server)
		return upload_refuse(check, CV_FACTORY_PKI_REFUSED,
		    "%s: not a server certificate (digitalSignature and serverAuth).", field);
	return upload_check_dates(check, field, certificate) &&
	       upload_check_signer(check, field, certificate) &&
	       has_every_name(check, field, pending->names, certificate);
}

bool
upload_check_server(struct upload_check *check, enum cv_factory_key_purpose purpose,
    const char *field, const struct cv_buffer *pem, struct cv_bundle *bundle, struct cv_error *err)
{
	const struct cv_factory_key_row *active =
	    factory_pki_key(check->pki, purpose, CV_FACTORY_KEY_ACTIVE);
	const struct cv_factory_key_row *pending =
	    factory_pki_key(check->pki, purpose, CV_FACTORY_KEY_PENDING);
	const char *used = active != NULL                  ? active->certificate
			   : purpose == CV_FACTORY_KEY_TLS ? check->order->listener_certificate
							   : NULL;

	if (!upload_parse_one(check, field, pem, bundle, err))
		return false;
	if (bundle->count == 0 || is_certificate_of(used, bundle->items[0].certificate))
		return true;
	return check_fit(check, field, pending, bundle->items[0].certificate) &&
	       upload_use_key(check, pending, cv_buffer_text(pem), err);
}
