/*
 * X.509 extensions (RFC 5280 section 4.2): the list, and the few whose content is judged here. What
 * they hold is borrowed from the bytes they were read from. Any thread.
 */
#ifndef CV_PKI_EXTENSION_H
#define CV_PKI_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/bytes.h"

/* Real certificates have about ten; the bound keeps the search for repeats short. */
#define CV_EXTENSIONS_MAX 64

struct cv_extension {
	struct cv_bytes oid;
	struct cv_bytes value; /* content of the OCTET STRING */
	bool is_critical;
};

struct cv_extension_list {
	struct cv_extension items[CV_EXTENSIONS_MAX];
	size_t count;
};

enum cv_extension_outcome {
	CV_EXTENSION_GOOD,
	CV_EXTENSION_MALFORMED,
	CV_EXTENSION_REPEATED,
	CV_EXTENSION_TOO_MANY,
};

/* extensions: the whole Extensions element. ret_list means something only when it is good. */
enum cv_extension_outcome cv_extension_list_read(
    struct cv_bytes extensions, struct cv_extension_list *ret_list);
/* NULL: absent. Lent. */
const struct cv_extension *cv_extension_list_find(
    const struct cv_extension_list *list, struct cv_bytes oid);

/* Bits of keyUsage as numbered in RFC 5280 section 4.2.1.3. */
#define CV_KEY_USAGE_DIGITAL_SIGNATURE (1u << 0)
#define CV_KEY_USAGE_KEY_ENCIPHERMENT (1u << 2)
#define CV_KEY_USAGE_KEY_AGREEMENT (1u << 4)
#define CV_KEY_USAGE_KEY_CERT_SIGN (1u << 5)
#define CV_KEY_USAGE_CRL_SIGN (1u << 6)

struct cv_extended_key_usage {
	bool has_client_auth;
	bool has_server_auth;
	bool has_any;
	bool has_ocsp_signing;
	bool has_other; /* that too */
};

/* Each takes the value of an extension; false: it does not decode. */
bool cv_extension_read_basic_constraints(struct cv_bytes value, bool *ret_is_ca);
bool cv_extension_read_key_usage(struct cv_bytes value, unsigned *ret_bits);
bool cv_extension_read_extended_key_usage(
    struct cv_bytes value, struct cv_extended_key_usage *ret_usage);
bool cv_extension_read_subject_key(struct cv_bytes value, struct cv_bytes *ret_key);
/* ret_key: the keyIdentifier, empty when the extension has none. */
bool cv_extension_read_authority_key(struct cv_bytes value, struct cv_bytes *ret_key);
/* Strict DER of one SEQUENCE with something in it, as GeneralNames and most other values are. */
bool cv_extension_is_filled_sequence(struct cv_bytes value);

#endif
