#include "openssl_fixture.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cv/pki/profile.h"
#include "cv/util/text.h"

#define NOT_BEFORE "20260101000000Z"
#define NOT_AFTER "20360101000000Z"

static const uint8_t ecdsa_sha256[] = {
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
const struct cv_bytes fixture_ecdsa_sha256 = {ecdsa_sha256, sizeof(ecdsa_sha256)};

static void
must(bool is_good, const char *what)
{
	if (is_good)
		return;
	fprintf(stderr, "fixture: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

EVP_PKEY *
fixture_key(const char *kind)
{
	EVP_PKEY *key = NULL;
	uint64_t bits = 0;
	if (cv_text_has_prefix(kind, "RSA-")) {
		must(cv_text_parse_unsigned(kind + strlen("RSA-"), 16384, &bits), kind);
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	} else if (cv_text_equal(kind, "ED25519")) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
	} else {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
	}
	must(key != NULL, kind);
	return key;
}

void
fixture_spki(EVP_PKEY *key, struct cv_buffer *ret_der)
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(key, &der);
	must(len > 0, "i2d_PUBKEY");
	cv_buffer_append(ret_der, der, (size_t)len);
	OPENSSL_free(der);
}

/* "/CN=a/OU=b": each part one RDN, as UTF8String. */
static X509_NAME *
make_name(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	char part[300];
	must(name != NULL, "X509_NAME_new");
	while (*text == '/') {
		const size_t len = strcspn(text + 1, "/");
		must(cv_text_copy_bytes(part, sizeof(part), text + 1, len), text);
		char *value = strchr(part, '=');
		must(value != NULL, text);
		*value++ = '\0';
		must(X509_NAME_add_entry_by_txt(
			 name, part, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1,
		    text);
		text += len + 1;
	}
	return name;
}

static const EVP_MD *
digest_of(const char *name)
{
	if (name != NULL && name[0] == '\0')
		return NULL;
	const EVP_MD *digest = EVP_get_digestbyname(name == NULL ? "SHA256" : name);
	must(digest != NULL, name);
	return digest;
}

static X509_EXTENSION *
make_extension(const struct fixture_extension *extension, X509V3_CTX *context)
{
	X509_EXTENSION *made = X509V3_EXT_conf(NULL, context, extension->name, extension->value);
	must(made != NULL, extension->value);
	return made;
}

static void
add_extensions(X509 *certificate, const struct fixture_extension *extensions)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	for (; extensions != NULL && extensions->name != NULL; extensions++) {
		X509_EXTENSION *extension = make_extension(extensions, &context);
		must(X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
		X509_EXTENSION_free(extension);
	}
}

void
fixture_certificate(const struct fixture_certificate *wanted, struct cv_buffer *ret_der)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = make_name(wanted->subject);
	X509_NAME *issuer = make_name(wanted->issuer == NULL ? wanted->subject : wanted->issuer);
	must(certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
		 ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1234) == 1 &&
		 ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), NOT_BEFORE) == 1 &&
		 ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), NOT_AFTER) == 1 &&
		 X509_set_subject_name(certificate, subject) == 1 &&
		 X509_set_issuer_name(certificate, issuer) == 1 &&
		 X509_set_pubkey(certificate, wanted->key) == 1,
	    "certificate");
	add_extensions(certificate, wanted->extensions);
	must(X509_sign(certificate, wanted->issuer_key == NULL ? wanted->key : wanted->issuer_key,
		 digest_of(wanted->digest)) > 0,
	    "X509_sign");
	uint8_t *der = NULL;
	const int len = i2d_X509(certificate, &der);
	must(len > 0, "i2d_X509");
	cv_buffer_append(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_NAME_free(subject);
	X509_NAME_free(issuer);
	X509_free(certificate);
}

struct cv_certificate *
fixture_parsed_certificate(const struct fixture_certificate *wanted)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate *certificate = NULL;
	fixture_certificate(wanted, &der);
	must(cv_certificate_parse(cv_buffer_bytes(&der), &certificate, &err), err.text);
	return certificate;
}

struct cv_certificate *
fixture_ca(const char *subject, EVP_PKEY *key)
{
	static const struct fixture_extension extensions[] = {
	    {"basicConstraints", "critical,CA:TRUE"},
	    {"keyUsage", "critical,keyCertSign,cRLSign"},
	    {"subjectKeyIdentifier", "hash"},
	    {NULL, NULL},
	};
	return fixture_parsed_certificate(&(struct fixture_certificate){.subject = subject,
	    .key = key,
	    .extensions = extensions,
	    .digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? "" : NULL});
}

static X509 *
to_x509(const struct cv_certificate *certificate)
{
	const uint8_t *at = certificate->der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)certificate->der.len);
	must(x509 != NULL, "d2i_X509");
	return x509;
}

int
fixture_verify_chain(const struct cv_certificate *leaf, const struct cv_certificate *intermediate,
    const struct cv_certificate *root)
{
	X509 *leaf_x509 = to_x509(leaf);
	X509 *intermediate_x509 = to_x509(intermediate);
	X509 *root_x509 = to_x509(root);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	must(sk_X509_push(untrusted, intermediate_x509) > 0 &&
		 X509_STORE_add_cert(store, root_x509) == 1 &&
		 X509_STORE_CTX_init(context, store, leaf_x509, untrusted) == 1,
	    "X509_STORE_CTX_init");
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(parameters, 1767225601);
	must(X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT) == 1 &&
		 X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT) == 1,
	    "X509_VERIFY_PARAM");
	const int error =
	    X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
	sk_X509_free(untrusted);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(leaf_x509);
	X509_free(intermediate_x509);
	X509_free(root_x509);
	return error;
}

static void
add_requested_extensions(X509_REQ *request, const struct fixture_extension *extensions)
{
	X509V3_CTX context;
	STACK_OF(X509_EXTENSION) *stack = sk_X509_EXTENSION_new_null();
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, NULL, NULL, request, NULL, 0);
	for (; extensions->name != NULL; extensions++)
		must(sk_X509_EXTENSION_push(stack, make_extension(extensions, &context)) > 0,
		    "push");
	must(X509_REQ_add_extensions(request, stack) == 1, "X509_REQ_add_extensions");
	sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

void
fixture_request(const struct fixture_request *wanted, struct cv_buffer *ret_der)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = make_name(wanted->subject);
	must(request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		 X509_REQ_set_subject_name(request, subject) == 1 &&
		 X509_REQ_set_pubkey(request, wanted->key) == 1,
	    "request");
	if (wanted->extensions != NULL)
		add_requested_extensions(request, wanted->extensions);
	must(X509_REQ_sign(request, wanted->key, digest_of(wanted->digest)) > 0, "X509_REQ_sign");
	uint8_t *der = NULL;
	const int len = i2d_X509_REQ(request, &der);
	must(len > 0, "i2d_X509_REQ");
	cv_buffer_append(ret_der, der, (size_t)len);
	OPENSSL_free(der);
	X509_NAME_free(subject);
	X509_REQ_free(request);
}

void
fixture_sign(EVP_PKEY *key, const char *digest, struct cv_bytes algorithm, struct cv_bytes content,
    struct cv_buffer *ret_der)
{
	uint8_t signature[1024];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	must(context != NULL &&
		 EVP_DigestSignInit(context, NULL, digest_of(digest), NULL, key) == 1 &&
		 EVP_DigestSign(context, signature, &len, content.data, content.len) == 1,
	    "EVP_DigestSign");
	EVP_MD_CTX_free(context);
	cv_profile_append_certificate(content, algorithm, cv_bytes(signature, len), ret_der);
}

uint8_t *
fixture_exact_copy(struct cv_bytes bytes)
{
	uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
	must(copy != NULL, "malloc");
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return copy;
}

size_t
fixture_find(struct cv_bytes bytes, struct cv_bytes needle)
{
	const uint8_t *at = memmem(bytes.data, bytes.len, needle.data, needle.len);
	must(at != NULL, "bytes that were to be changed are not there");
	return (size_t)(at - bytes.data);
}

void
fixture_key_file(EVP_PKEY *key, const char *passphrase, const char *path)
{
	BIO *bio = BIO_new_file(path, "w");
	must(bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key,
				passphrase == NULL ? NULL : EVP_aes_256_cbc(), passphrase,
				passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL) == 1,
	    path);
	BIO_free(bio);
}

void
fixture_make_folder(char *ret_folder, size_t size)
{
	must(cv_text_copy(ret_folder, size, "/tmp/cv-test-XXXXXX"), "folder name");
	must(mkdtemp(ret_folder) != NULL, "mkdtemp");
}

void
fixture_remove_folder(const char *folder)
{
	DIR *entries = opendir(folder);
	must(entries != NULL, folder);
	for (const struct dirent *entry = readdir(entries); entry != NULL;
	     entry = readdir(entries)) {
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(entries), entry->d_name, 0);
	}
	closedir(entries);
	must(rmdir(folder) == 0, folder);
}
