#include "cv/pki/certificate.h"

#include <openssl/x509v3.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "signature_internal.h"

/* Between a leaf and its authority there is nothing. */
#define INTERMEDIATES_MAX 0

struct judgement {
	enum cv_chain_outcome outcome;
	const char *reason; /* static */
};

/* What names another issuer; NULL: nothing. */
static const char *
find_mismatch(const struct cv_certificate *certificate, const struct cv_certificate *issuer)
{
	const bool has_both_key_ids =
	    certificate->authority_key.len > 0 && issuer->subject_key.len > 0;
	if (!cv_bytes_equal(certificate->issuer, issuer->subject))
		return "issuer is another";
	if (has_both_key_ids && !cv_bytes_equal(certificate->authority_key, issuer->subject_key))
		return "key identifier is of another key";
	return NULL;
}

/* What our own facts say before OpenSSL is asked: whether that authority is meant at all, and the
 * leaf by itself. */
static struct judgement
judge_facts(const struct cv_certificate *leaf, const struct cv_certificate *authority)
{
	struct cv_signature_scheme scheme;
	const char *mismatch = find_mismatch(leaf, authority);
	if (mismatch != NULL)
		return (struct judgement){CV_CHAIN_NOT_ISSUED, mismatch};
	if (leaf->is_ca)
		return (struct judgement){CV_CHAIN_REFUSED, "a CA certificate as end entity"};
	if (!leaf->allows_client)
		return (struct judgement){
		    CV_CHAIN_REFUSED, "key usage does not allow client authentication"};
	if (!cv_signature_scheme_read(leaf->algorithm, &scheme))
		return (struct judgement){CV_CHAIN_REFUSED, "signature algorithm is refused"};
	return (struct judgement){CV_CHAIN_GOOD, ""};
}

static struct judgement
judge_verify_error(int error)
{
	const char *reason = X509_verify_cert_error_string(error);
	switch (error) {
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return (struct judgement){CV_CHAIN_NOT_ISSUED, "signature is not the authority's"};
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
		return (struct judgement){CV_CHAIN_NOT_ISSUED, reason};
	default:
		return (struct judgement){CV_CHAIN_REFUSED, reason};
	}
}

/* Dates are the caller's, purposes were judged by judge_facts(). */
static bool
configure(X509_STORE_CTX *context)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_depth(parameters, INTERMEDIATES_MAX);
	return X509_VERIFY_PARAM_set_flags(
		   parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) == 1;
}

static X509 *
decode(struct cv_bytes der)
{
	const uint8_t *at = der.data;
	return d2i_X509(NULL, &at, (long)der.len);
}

static bool
verify_chain(X509 *leaf, X509 *authority, struct judgement *ret_judgement, struct cv_error *err)
{
	CV_AUTO_OPENSSL(X509_STORE) X509_STORE *store = X509_STORE_new();
	CV_AUTO_OPENSSL(X509_STORE_CTX) X509_STORE_CTX *context = X509_STORE_CTX_new();
	if (store == NULL || context == NULL || X509_STORE_add_cert(store, authority) != 1 ||
	    X509_STORE_CTX_init(context, store, leaf, NULL) != 1 || !configure(context))
		return cv_openssl_fail(err, CV_E_CRYPTO, "certificate chain cannot be set up");
	if (X509_verify_cert(context) == 1) {
		*ret_judgement = (struct judgement){CV_CHAIN_GOOD, ""};
		return true;
	}
	const int error = X509_STORE_CTX_get_error(context);
	if (error == X509_V_ERR_OUT_OF_MEM)
		return cv_openssl_fail(err, CV_E_MEMORY, "no memory to verify a certificate");
	*ret_judgement = judge_verify_error(error);
	cv_openssl_forget();
	return true;
}

static bool
judge_chain(const struct cv_certificate *leaf, const struct cv_certificate *authority,
    struct judgement *ret_judgement, struct cv_error *err)
{
	if (!authority->may_sign_certificates) {
		*ret_judgement =
		    (struct judgement){CV_CHAIN_REFUSED, "authority may not sign certificates"};
		return true;
	}
	CV_AUTO_OPENSSL(X509) X509 *leaf_x509 = decode(leaf->der);
	CV_AUTO_OPENSSL(X509) X509 *authority_x509 = decode(authority->der);
	if (leaf_x509 != NULL && authority_x509 != NULL)
		return verify_chain(leaf_x509, authority_x509, ret_judgement, err);
	if (cv_openssl_is_out_of_memory())
		return cv_openssl_fail(err, CV_E_MEMORY, "no memory to verify a certificate");
	cv_openssl_forget();
	*ret_judgement = (struct judgement){CV_CHAIN_REFUSED, "OpenSSL does not read it"};
	return true;
}

/* What an authority is counts against a leaf that it signed only: another one may have its name,
 * and OpenSSL looks at extensions before the signature. */
static bool
judge_authority(const struct cv_certificate *leaf, const struct cv_certificate *authority,
    struct judgement *ret_judgement, struct cv_error *err)
{
	const char *mismatch;
	if (!judge_chain(leaf, authority, ret_judgement, err))
		return false;
	if (ret_judgement->outcome == CV_CHAIN_REFUSED &&
	    !cv_certificate_is_signed_by(leaf, authority, &mismatch))
		*ret_judgement = (struct judgement){CV_CHAIN_NOT_ISSUED, mismatch};
	return true;
}

bool
cv_certificate_verify(const struct cv_certificate *leaf, const struct cv_certificate *authority,
    enum cv_chain_outcome *ret_outcome, const char **ret_reason, struct cv_error *err)
{
	struct judgement judgement = judge_facts(leaf, authority);
	if (judgement.outcome == CV_CHAIN_GOOD &&
	    !judge_authority(leaf, authority, &judgement, err))
		return false;
	*ret_outcome = judgement.outcome;
	if (ret_reason != NULL)
		*ret_reason = judgement.reason;
	return true;
}

bool
cv_certificate_is_understood(const struct cv_certificate *certificate)
{
	CV_AUTO_OPENSSL(X509) X509 *x509 = decode(certificate->der);
	const bool is = x509 != NULL && (X509_get_extension_flags(x509) & EXFLAG_CRITICAL) == 0;
	cv_openssl_forget();
	return is;
}

bool
cv_certificate_is_signed_by(const struct cv_certificate *certificate,
    const struct cv_certificate *issuer, const char **ret_reason)
{
	const char *reason = find_mismatch(certificate, issuer);
	if (reason == NULL && cv_public_key_verify(issuer->key, certificate->algorithm,
				  certificate->tbs, certificate->signature) != CV_SIGNATURE_GOOD)
		reason = "signature is not the issuer's";
	if (ret_reason != NULL)
		*ret_reason = reason == NULL ? "" : reason;
	return reason == NULL;
}
