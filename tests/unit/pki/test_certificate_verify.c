#include "cv/pki/certificate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"
#include "cv/pki/profile.h"
#include "../support/openssl_fixture.h"

static enum cv_chain_outcome
verify(const struct cv_certificate *leaf, const struct cv_certificate *authority,
    const char **ret_reason)
{
	enum cv_chain_outcome outcome = CV_CHAIN_NOT_ISSUED;
	struct cv_error err = CV_ERROR_INIT;
	cr_assert(
	    cv_certificate_verify(leaf, authority, &outcome, ret_reason, &err), "%s", err.text);
	return outcome;
}

static const struct fixture_extension client[] = {
    {"basicConstraints", "critical,CA:FALSE"},
    {"keyUsage", "critical,digitalSignature"},
    {"extendedKeyUsage", "critical,clientAuth"},
    {NULL, NULL},
};

static struct cv_certificate *
issue(EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key,
    const struct fixture_extension *extensions)
{
	return fixture_parsed_certificate(&(struct fixture_certificate){.subject = "/CN=device-1",
	    .key = key,
	    .issuer = issuer,
	    .issuer_key = issuer_key,
	    .extensions = extensions,
	    .digest = EVP_PKEY_get_base_id(issuer_key) == EVP_PKEY_ED25519 ? "" : NULL});
}

Test(certificate_verify, good_under_each_kind_of_authority)
{
	static const char *const kinds[] = {"P-256", "P-384", "P-521", "ED25519", "RSA-2048"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key(kinds[i]);
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
		CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
		CV_AUTO(cv_certificate)
		struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, client);
		const char *reason = NULL;
		cr_expect_eq(verify(leaf, ca, &reason), CV_CHAIN_GOOD, "%s: %s", kinds[i], reason);
		cr_expect_str_eq(reason, "");
		cr_expect_eq(verify(leaf, ca, NULL), CV_CHAIN_GOOD);
	}
}

/* The trust anchor need not be a root. */
Test(certificate_verify, good_under_an_intermediate_authority)
{
	static const struct fixture_extension extensions[] = {
	    {"basicConstraints", "critical,CA:TRUE,pathlen:0"},
	    {"keyUsage", "critical,keyCertSign"},
	    {NULL, NULL},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *root_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *root = fixture_ca("/CN=root", root_key);
	CV_AUTO(cv_certificate)
	struct cv_certificate *ca =
	    fixture_parsed_certificate(&(struct fixture_certificate){.subject = "/CN=ca",
		.key = ca_key,
		.issuer = "/CN=root",
		.issuer_key = root_key,
		.extensions = extensions});
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, client);
	cr_expect_eq(verify(leaf, ca, NULL), CV_CHAIN_GOOD);
	cr_expect_eq(verify(leaf, root, NULL), CV_CHAIN_NOT_ISSUED);
	cr_expect_eq(verify(ca, root, NULL), CV_CHAIN_REFUSED);
}

Test(certificate_verify, same_name_with_another_key_did_not_issue)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
	CV_AUTO(cv_certificate) struct cv_certificate *other = fixture_ca("/CN=ca", other_key);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, client);
	const char *reason = NULL;
	cr_expect_eq(verify(leaf, ca, NULL), CV_CHAIN_GOOD);
	cr_expect_eq(verify(leaf, other, &reason), CV_CHAIN_NOT_ISSUED);
	cr_expect_str_eq(reason, "signature is not the authority's");
}

/* OpenSSL compares names after folding case and blanks; here every octet counts. */
Test(certificate_verify, another_name_with_the_same_key_did_not_issue)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(key, "/CN=CA", ca_key, client);
	const char *reason = NULL;
	cr_expect_eq(verify(leaf, ca, &reason), CV_CHAIN_NOT_ISSUED);
	cr_expect_str_eq(reason, "issuer is another");
}

static void
flip_last(struct cv_bytes signature)
{
	((uint8_t *)(uintptr_t)signature.data)[signature.len - 1] ^= 1;
}

Test(certificate_verify, flipped_bit_of_the_signature)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, client);
	cr_expect_eq(verify(leaf, ca, NULL), CV_CHAIN_GOOD);
	flip_last(leaf->signature);
	cr_expect_eq(verify(leaf, ca, NULL), CV_CHAIN_NOT_ISSUED);
}

static const struct {
	const char *name;
	struct fixture_extension extensions[4];
	enum cv_chain_outcome outcome;
} leaf_rows[] = {
    {"no extensions", {{NULL, NULL}}, CV_CHAIN_GOOD},
    {"client and server", {{"extendedKeyUsage", "clientAuth,serverAuth"}}, CV_CHAIN_GOOD},
    {"server", {{"extendedKeyUsage", "serverAuth"}}, CV_CHAIN_REFUSED},
    {"key agreement only", {{"keyUsage", "keyAgreement"}}, CV_CHAIN_REFUSED},
    {"a CA", {{"basicConstraints", "CA:TRUE"}}, CV_CHAIN_REFUSED},
    {"unknown extension", {{"1.2.3.4", "DER:0500"}}, CV_CHAIN_GOOD},
    {"unknown critical extension", {{"1.2.3.4", "critical,DER:0500"}}, CV_CHAIN_REFUSED},
    {"key identifier of another", {{"authorityKeyIdentifier", "DER:30048002ffff"}},
	CV_CHAIN_NOT_ISSUED},
};

Test(certificate_verify, leaves)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
	for (size_t i = 0; i < sizeof(leaf_rows) / sizeof(leaf_rows[0]); i++) {
		CV_AUTO(cv_certificate)
		struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, leaf_rows[i].extensions);
		const char *reason = NULL;
		cr_expect_eq(verify(leaf, ca, &reason), leaf_rows[i].outcome, "%s: %s",
		    leaf_rows[i].name, reason);
	}
}

static const struct {
	const char *name;
	struct fixture_extension extensions[4];
	enum cv_chain_outcome outcome;
} authority_rows[] = {
    {"a CA", {{"basicConstraints", "CA:TRUE"}}, CV_CHAIN_GOOD},
    {"no CA", {{"basicConstraints", "CA:FALSE"}}, CV_CHAIN_REFUSED},
    {"nothing said", {{NULL, NULL}}, CV_CHAIN_REFUSED},
    {"signs no certificates", {{"basicConstraints", "CA:TRUE"}, {"keyUsage", "cRLSign"}},
	CV_CHAIN_REFUSED},
    {"names permitted",
	{{"basicConstraints", "CA:TRUE"},
	    {"nameConstraints", "critical,permitted;DNS:example.org"}},
	CV_CHAIN_GOOD},
    {"names excluded",
	{{"basicConstraints", "CA:TRUE"},
	    {"nameConstraints", "critical,permitted;DNS:example.com"}},
	CV_CHAIN_REFUSED},
    {"unknown critical extension",
	{{"basicConstraints", "CA:TRUE"}, {"1.2.3.4", "critical,DER:0500"}}, CV_CHAIN_REFUSED},
};

static struct cv_certificate *
make_authority(size_t row, EVP_PKEY *key)
{
	return fixture_parsed_certificate(&(struct fixture_certificate){
	    .subject = "/CN=ca", .key = key, .extensions = authority_rows[row].extensions});
}

Test(certificate_verify, authorities)
{
	static const struct fixture_extension named[] = {
	    {"subjectAltName", "DNS:a.example.org"},
	    {NULL, NULL},
	};
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *other_key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, named);
	CV_AUTO(cv_certificate)
	struct cv_certificate *others = issue(key, "/CN=ca", other_key, named);
	for (size_t i = 0; i < sizeof(authority_rows) / sizeof(authority_rows[0]); i++) {
		CV_AUTO(cv_certificate) struct cv_certificate *ca = make_authority(i, ca_key);
		const char *reason = NULL;
		cr_expect_eq(verify(leaf, ca, &reason), authority_rows[i].outcome, "%s: %s",
		    authority_rows[i].name, reason);
		/* It has nothing to say of what another one of that name signed. */
		cr_expect_eq(verify(others, ca, &reason), CV_CHAIN_NOT_ISSUED, "%s: %s",
		    authority_rows[i].name, reason);
	}
}

Test(certificate_verify, an_unknown_critical_extension_is_not_understood)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	for (size_t i = 0; i < sizeof(authority_rows) / sizeof(authority_rows[0]); i++) {
		CV_AUTO(cv_certificate) struct cv_certificate *ca = make_authority(i, ca_key);
		cr_expect_eq(cv_certificate_is_understood(ca),
		    strcmp(authority_rows[i].name, "unknown critical extension") != 0, "%s",
		    authority_rows[i].name);
	}
}

Test(certificate_verify, signature_with_sha1_is_refused)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key("P-256");
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
	CV_AUTO(cv_certificate)
	struct cv_certificate *leaf =
	    fixture_parsed_certificate(&(struct fixture_certificate){.subject = "/CN=device-1",
		.key = key,
		.issuer = "/CN=ca",
		.issuer_key = ca_key,
		.digest = "SHA1"});
	const char *reason = NULL;
	cr_expect_eq(verify(leaf, ca, &reason), CV_CHAIN_REFUSED);
	cr_expect_str_eq(reason, "signature algorithm is refused");
}

/* A certificate that is its own authority would be a trust anchor without any signature check. */
Test(certificate_verify, self_signed_leaf_is_refused)
{
	CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
	CV_AUTO(cv_certificate)
	struct cv_certificate *leaf = issue(key, "/CN=device-1", key, client);
	cr_expect_eq(verify(leaf, leaf, NULL), CV_CHAIN_REFUSED);
	CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", key);
	cr_expect_eq(verify(ca, ca, NULL), CV_CHAIN_REFUSED);
}

Test(certificate_verify, is_signed_by_whom_names_key_and_signature_say)
{
	static const char *const kinds[] = {"P-256", "ED25519", "RSA-2048"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *ca_key = fixture_key(kinds[i]);
		CV_AUTO_OPENSSL(EVP_PKEY) EVP_PKEY *key = fixture_key("P-256");
		CV_AUTO(cv_certificate) struct cv_certificate *ca = fixture_ca("/CN=ca", ca_key);
		CV_AUTO(cv_certificate) struct cv_certificate *named = fixture_ca("/CN=cb", ca_key);
		CV_AUTO(cv_certificate) struct cv_certificate *keyed = fixture_ca("/CN=ca", key);
		CV_AUTO(cv_certificate)
		struct cv_certificate *leaf = issue(key, "/CN=ca", ca_key, client);
		const char *reason = NULL;
		cr_expect(cv_certificate_is_signed_by(leaf, ca, &reason), "%s", reason);
		cr_expect_not(cv_certificate_is_signed_by(leaf, named, &reason));
		cr_expect_str_eq(reason, "issuer is another");
		cr_expect_not(cv_certificate_is_signed_by(leaf, keyed, &reason));
		flip_last(leaf->tbs);
		cr_expect_not(cv_certificate_is_signed_by(leaf, ca, &reason));
		cr_expect_str_eq(reason, "signature is not the issuer's");
	}
}
