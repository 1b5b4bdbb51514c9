#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include "cv/pki/certificate.h"
#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"

CV_DEFINE_OPENSSL_CLEANUP(NAME_CONSTRAINTS)

static NAME_CONSTRAINTS *
decode(struct cv_bytes value)
{
	const uint8_t *at = value.data;
	return (NAME_CONSTRAINTS *)ASN1_item_d2i(
	    NULL, &at, (long)value.len, ASN1_ITEM_rptr(NAME_CONSTRAINTS));
}

bool
cv_certificate_may_name(const struct cv_certificate *authority, struct cv_bytes certificate,
    bool *ret_may, struct cv_error *err)
{
	const uint8_t *at = certificate.data;
	*ret_may = authority->name_constraints.len == 0;
	if (*ret_may)
		return true;
	CV_AUTO_OPENSSL(NAME_CONSTRAINTS)
	NAME_CONSTRAINTS *constraints = decode(authority->name_constraints);
	CV_AUTO_OPENSSL(X509) X509 *leaf = d2i_X509(NULL, &at, (long)certificate.len);
	if (constraints == NULL || leaf == NULL)
		return cv_openssl_fail(err, CV_E_CRYPTO, "name constraints cannot be applied");
	/* Only this makes OpenSSL read the alternative names. */
	(void)X509_check_purpose(leaf, -1, 0);
	*ret_may = NAME_CONSTRAINTS_check(leaf, constraints) == X509_V_OK;
	cv_openssl_forget();
	return true;
}
