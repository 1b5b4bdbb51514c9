#include "cv/pki/bundle.h"

#include <string.h>

#include "cv/util/pem.h"

static const char private_key[] = "PRIVATE KEY-----";

void
cv_bundle_deinit(struct cv_bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++)
		cv_certificate_free(bundle->items[i].certificate);
	bundle->count = 0;
}

const struct cv_certificate *
cv_bundle_find(const struct cv_bundle *bundle, const struct cv_digest *fingerprint)
{
	for (size_t i = 0; i < bundle->count; i++) {
		const struct cv_certificate *each = bundle->items[i].certificate;
		if (cv_digest_equal(&each->fingerprint, fingerprint))
			return each;
	}
	return NULL;
}

static bool
take(struct cv_bundle *bundle, struct cv_bytes der, struct cv_bytes text, struct cv_error *err)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;

	if (!cv_certificate_parse(der, &certificate, err))
		return cv_error_context(err, "certificate %zu", bundle->count + 1);
	if (cv_bundle_find(bundle, &certificate->fingerprint) != NULL)
		return true;
	if (bundle->count == CV_BUNDLE_MAX)
		return cv_fail(err, CV_E_INPUT, "more than %d certificates", CV_BUNDLE_MAX);
	bundle->items[bundle->count].text = text;
	bundle->items[bundle->count++].certificate = CV_TAKE(certificate);
	return true;
}

static bool
take_all(struct cv_bytes pem, struct cv_bundle *bundle, struct cv_error *err)
{
	struct cv_bytes text;

	for (;;) {
		CV_AUTO_BUFFER struct cv_buffer der = {.max_bytes = CV_CERTIFICATE_MAX_BYTES};

		switch (cv_pem_next(&pem, "CERTIFICATE", &text, &der)) {
		case CV_PEM_FOUND:
			break;
		case CV_PEM_ABSENT:
			return bundle->count > 0 ||
			       cv_fail(err, CV_E_INPUT, "no PEM certificate found");
		case CV_PEM_SEVERAL:
		case CV_PEM_MALFORMED:
			return cv_fail(
			    err, CV_E_INPUT, "PEM certificate does not decode (RFC 7468)");
		}
		if (!take(bundle, cv_buffer_bytes(&der), text, err))
			return false;
	}
}

bool
cv_bundle_parse(struct cv_bytes pem, struct cv_bundle *ret_bundle, struct cv_error *err)
{
	struct cv_bundle bundle = {.count = 0};

	if (pem.len > 0 && memmem(pem.data, pem.len, private_key, strlen(private_key)) != NULL)
		return cv_fail(err, CV_E_INPUT, "a private key among the certificates");
	if (!take_all(pem, &bundle, err)) {
		cv_bundle_deinit(&bundle);
		return false;
	}
	*ret_bundle = bundle;
	return true;
}
