#include "cv/service/ca_certificates.h"

#include <string.h>

#include "cv/util/log.h"
#include "cv/util/text.h"

/* With its headers within one TLS record, which is all that strongSwan reads. */
#define GOOD_OCTETS ((size_t)12 * 1024)

/* In the order of the set. */
enum place { PLACE_ISSUER, PLACE_INTERMEDIATE, PLACE_ROOT, PLACE_ROLLOVER, PLACE_NONE };

/* By what it says: a key identifier of another key means another signer, also under one name. */
static bool
names_itself_as_issuer(const struct cv_certificate *certificate)
{
	return cv_bytes_equal(certificate->issuer, certificate->subject) &&
	       (certificate->authority_key.len == 0 || certificate->subject_key.len == 0 ||
		   cv_bytes_equal(certificate->authority_key, certificate->subject_key));
}

static bool
is_same_authority(const struct cv_certificate *a, const struct cv_certificate *b)
{
	return cv_digest_equal(&a->key_id, &b->key_id) && cv_bytes_equal(a->subject, b->subject);
}

static bool
is_root_of(const struct cv_realm_authority *authority, const char *factory)
{
	return authority->row.kind == CV_AUTHORITY_ROOT &&
	       strcmp(authority->row.factory, factory) == 0;
}

const struct cv_realm_authority *
cv_ca_certificates_twin(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *crossed)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];
		bool is_original = each->row.kind == CV_AUTHORITY_ONLINE ||
				   (each->row.kind == CV_AUTHORITY_ROOT &&
				       names_itself_as_issuer(each->certificate));

		if (is_original && strcmp(each->row.factory, factory) == 0 &&
		    is_same_authority(each->certificate, crossed))
			return each;
	}
	return NULL;
}

static bool
issues_here(const struct cv_realm_authority *authority, const char *name)
{
	return !name[0] || strcmp(authority->row.name, name) == 0;
}

static enum place
place_of(const struct cv_realm *realm, const struct cv_realm_authority *authority, const char *name)
{
	const struct cv_realm_authority *twin;

	switch (authority->row.kind) {
	case CV_AUTHORITY_ONLINE:
		return issues_here(authority, name) ? PLACE_ISSUER : PLACE_NONE;
	case CV_AUTHORITY_ROOT:
		if (names_itself_as_issuer(authority->certificate))
			return PLACE_ROOT;
		twin =
		    cv_ca_certificates_twin(realm, authority->row.factory, authority->certificate);
		if (twin == NULL)
			return PLACE_INTERMEDIATE;
		if (twin->row.state == CV_AUTHORITY_REVOKED ||
		    (twin->row.kind == CV_AUTHORITY_ONLINE && !issues_here(twin, name)))
			return PLACE_NONE;
		return PLACE_ROLLOVER;
	case CV_AUTHORITY_OFFLINE:
	case CV_AUTHORITY_BOOTSTRAP:
		break;
	}
	return PLACE_NONE;
}

size_t
cv_ca_certificates(const struct cv_realm *realm, const char *factory, const char *name,
    int64_t now_utc, void (*sink)(void *context, struct cv_bytes der), void *context)
{
	size_t issuers = 0;

	for (enum place place = PLACE_ISSUER; place < PLACE_NONE; place++) {
		for (size_t i = 0; i < realm->authority_count; i++) {
			const struct cv_realm_authority *authority = &realm->authorities[i];

			if (strcmp(authority->row.factory, factory) != 0 ||
			    authority->row.state == CV_AUTHORITY_REVOKED ||
			    !cv_realm_authority_is_in_date(authority, now_utc) ||
			    place_of(realm, authority, name) != place)
				continue;
			sink(context, authority->certificate->der);
			issuers += place == PLACE_ISSUER;
		}
	}
	return issuers;
}

/* Clients would take it for a root of its own. */
static bool
looks_self_signed(const struct cv_certificate *certificate)
{
	return certificate->subject_key.len == 0 || certificate->authority_key.len == 0 ||
	       cv_bytes_equal(certificate->authority_key, certificate->subject_key);
}

const char *
cv_ca_certificates_refusal(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate)
{
	if (cv_certificate_is_signed_by(certificate, certificate, NULL))
		return NULL;
	if (looks_self_signed(certificate))
		return "a CA certificate that another CA signed needs an authorityKeyIdentifier "
		       "that is not its subjectKeyIdentifier, or clients take it for a root";
	for (size_t i = 0; i < realm->authority_count; i++) {
		if (is_root_of(&realm->authorities[i], factory) &&
		    cv_certificate_is_signed_by(
			certificate, realm->authorities[i].certificate, NULL))
			return NULL;
	}
	return "no root of the factory signed it: import that first";
}

struct size {
	size_t certificates;
	size_t octets; /* in base64; the few around the certificates do not matter */
};

static void
add_up(void *context, struct cv_bytes der)
{
	struct size *size = context;

	size->certificates++;
	size->octets += (der.len * 4 + 2) / 3;
}

static void
warn_of_size(const struct cv_realm *realm, const char *factory, int64_t now_utc)
{
	struct size size = {.certificates = 0};

	(void)cv_ca_certificates(realm, factory, "", now_utc, add_up, &size);
	if (size.octets > GOOD_OCTETS)
		cv_log(CV_LOG_WARNING, "cacerts-large",
		    "some clients cannot read so many CA certificates: revoke what is not needed",
		    CV_LOG_TEXT("factory", factory),
		    CV_LOG_NUMBER("certificates", (int64_t)size.certificates),
		    CV_LOG_NUMBER("octets", (int64_t)size.octets));
}

void
cv_ca_certificates_warn(const struct cv_realm *realm, int64_t now_utc)
{
	for (size_t i = 0; i < realm->factory_count; i++)
		warn_of_size(realm, realm->factories[i].name, now_utc);
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];
		bool is_shown =
		    each->row.kind == CV_AUTHORITY_ONLINE || each->row.kind == CV_AUTHORITY_ROOT;

		if (!is_shown || each->row.state == CV_AUTHORITY_REVOKED ||
		    cv_realm_authority_is_in_date(each, now_utc))
			continue;
		cv_log(CV_LOG_WARNING, "authority-out-of-date",
		    "an authority has expired or not begun, and is not shown to clients",
		    CV_LOG_TEXT("factory", each->row.factory),
		    CV_LOG_TEXT("authority", each->row.name));
	}
}
