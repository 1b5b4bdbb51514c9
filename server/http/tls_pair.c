#include "tls_pair_internal.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/text.h"
#include "tls_session_internal.h"

struct cv_tls_pair {
	gnutls_certificate_credentials_t credentials;
	char *certificate; /* owned */
	int64_t not_after_utc;
	_Atomic unsigned references;
};

static gnutls_datum_t
datum_of(const char *text)
{
	union {
		const char *lent;
		unsigned char *data;
	} pointer = {.lent = text}; /* GnuTLS only reads it, but its type has no const */

	return (gnutls_datum_t){.data = pointer.data, .size = (unsigned)strlen(text)};
}

static bool
read_not_after(const gnutls_datum_t *pem, int64_t *ret_not_after_utc)
{
	gnutls_x509_crt_t certificate;
	time_t not_after = -1;

	if (gnutls_x509_crt_init(&certificate) < 0)
		return false;
	if (gnutls_x509_crt_import(certificate, pem, GNUTLS_X509_FMT_PEM) >= 0)
		not_after = gnutls_x509_crt_get_expiration_time(certificate);
	gnutls_x509_crt_deinit(certificate);
	*ret_not_after_utc = not_after;
	return not_after != -1;
}

static bool
read_first_name(gnutls_x509_crt_t certificate, char *ret_name, size_t size)
{
	for (unsigned i = 0;; i++) {
		char name[256];
		size_t len = sizeof(name) - 1;
		unsigned type = 0;
		int status =
		    gnutls_x509_crt_get_subject_alt_name2(certificate, i, name, &len, &type, NULL);

		if (status == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (status >= 0 && type == GNUTLS_SAN_DNSNAME)
			return cv_text_copy_bytes(ret_name, size, name, len);
	}
}

bool
cv_tls_first_name(const char *certificate_pem, char *ret_name, size_t size)
{
	gnutls_datum_t pem = datum_of(certificate_pem);
	gnutls_x509_crt_t certificate;
	bool is_found;

	if (gnutls_x509_crt_init(&certificate) < 0)
		return false;
	is_found = gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM) >= 0 &&
		   read_first_name(certificate, ret_name, size);
	gnutls_x509_crt_deinit(certificate);
	return is_found;
}

bool
cv_tls_pair_load(const char *certificate_pem, const char *key_pem, struct cv_tls_pair **ret_pair,
    struct cv_error *err)
{
	CV_AUTO(cv_tls_pair) struct cv_tls_pair *pair = calloc(1, sizeof(*pair));
	gnutls_datum_t certificate = datum_of(certificate_pem);
	gnutls_datum_t key = datum_of(key_pem);
	int status;

	if (pair == NULL || gnutls_certificate_allocate_credentials(&pair->credentials) < 0)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	atomic_init(&pair->references, 1);
	pair->certificate = strdup(certificate_pem);
	if (pair->certificate == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	/* It compares the key with the certificate. */
	status = gnutls_certificate_set_x509_key_mem(
	    pair->credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
	if (status < 0 || !read_not_after(&certificate, &pair->not_after_utc)) {
		(void)cv_fail(
		    err, CV_E_CONFIG, "server certificate and key cannot be used together");
		return cv_error_cause(err, "%s", gnutls_strerror(status));
	}
	*ret_pair = CV_TAKE(pair);
	return true;
}

struct cv_tls_pair *
cv_tls_pair_ref(struct cv_tls_pair *pair)
{
	atomic_fetch_add(&pair->references, 1);
	return pair;
}

void
cv_tls_pair_free(struct cv_tls_pair *pair)
{
	/* One that failed to load has no reference yet. */
	if (pair == NULL || atomic_fetch_sub(&pair->references, 1) > 1)
		return;
	if (pair->credentials != NULL)
		gnutls_certificate_free_credentials(pair->credentials);
	free(pair->certificate);
	free(pair);
}

int64_t
cv_tls_pair_not_after_utc(const struct cv_tls_pair *pair)
{
	return pair->not_after_utc;
}

const char *
cv_tls_pair_certificate(const struct cv_tls_pair *pair)
{
	return pair->certificate;
}

/* In place of the daemon's own credentials, which stay as they were when it started. */
void
cv_tls_pair_use(const struct cv_tls_pair *pair, struct MHD_Connection *connection)
{
	gnutls_session_t session = cv_tls_session_of(connection);

	if (session != NULL)
		(void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, pair->credentials);
}
