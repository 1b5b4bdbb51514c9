/* Object identifiers as DER content octets. String literals, so that tables can hold them. */
#ifndef CV_PKI_OID_H
#define CV_PKI_OID_H

#include <stdint.h>

#include "cv/util/bytes.h"

/* In expressions, and in initialisers of static tables. */
#define CV_OID(octets) cv_bytes((octets), sizeof(octets) - 1)
#define CV_OID_INIT(octets)                                                                        \
	{                                                                                          \
		(const uint8_t *)(octets), sizeof(octets) - 1                                      \
	}

/* Keys */
#define CV_OID_EC_PUBLIC_KEY "\x2a\x86\x48\xce\x3d\x02\x01"
#define CV_OID_P256 "\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define CV_OID_P384 "\x2b\x81\x04\x00\x22"
#define CV_OID_P521 "\x2b\x81\x04\x00\x23"
#define CV_OID_RSA "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define CV_OID_ED25519 "\x2b\x65\x70"

/* Signatures and digests */
#define CV_OID_ECDSA_SHA256 "\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define CV_OID_ECDSA_SHA384 "\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define CV_OID_ECDSA_SHA512 "\x2a\x86\x48\xce\x3d\x04\x03\x04"
#define CV_OID_RSA_SHA256 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
#define CV_OID_RSA_SHA384 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
#define CV_OID_RSA_SHA512 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
#define CV_OID_RSA_PSS "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
#define CV_OID_MGF1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
#define CV_OID_SHA256 "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define CV_OID_SHA384 "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
#define CV_OID_SHA512 "\x60\x86\x48\x01\x65\x03\x04\x02\x03"

/* Attributes of names */
#define CV_OID_COMMON_NAME "\x55\x04\x03"
#define CV_OID_SURNAME "\x55\x04\x04"
#define CV_OID_SERIAL_NUMBER "\x55\x04\x05"
#define CV_OID_COUNTRY "\x55\x04\x06"
#define CV_OID_LOCALITY "\x55\x04\x07"
#define CV_OID_STATE "\x55\x04\x08"
#define CV_OID_STREET "\x55\x04\x09"
#define CV_OID_ORGANIZATION "\x55\x04\x0a"
#define CV_OID_ORGANIZATIONAL_UNIT "\x55\x04\x0b"
#define CV_OID_TITLE "\x55\x04\x0c"
#define CV_OID_BUSINESS_CATEGORY "\x55\x04\x0f"
#define CV_OID_POSTAL_CODE "\x55\x04\x11"
#define CV_OID_NAME "\x55\x04\x29"
#define CV_OID_GIVEN_NAME "\x55\x04\x2a"
#define CV_OID_INITIALS "\x55\x04\x2b"
#define CV_OID_GENERATION_QUALIFIER "\x55\x04\x2c"
#define CV_OID_DN_QUALIFIER "\x55\x04\x2e"
#define CV_OID_PSEUDONYM "\x55\x04\x41"
#define CV_OID_EMAIL_ADDRESS "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"
#define CV_OID_UNSTRUCTURED_NAME "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02"
#define CV_OID_USER_ID "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"
#define CV_OID_DOMAIN_COMPONENT "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"

/* Attributes of requests */
#define CV_OID_EXTENSION_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define CV_OID_MICROSOFT_EXTENSION_REQUEST "\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"

#define CV_OID_CHALLENGE_PASSWORD "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"
#define CV_OID_EST_IDENTITY_LINKING "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3a"
#define CV_OID_SMIME_CAPABILITIES "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"
#define CV_OID_DECRYPT_KEY "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x25"
#define CV_OID_ASYMMETRIC_DECRYPT_KEY "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x36"
#define CV_OID_REQUEST_TEMPLATE "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3d"
#define CV_OID_EXTENSION_TEMPLATE "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3e"

/* Attributes of signers, RFC 5652 section 11 */
#define CV_OID_CONTENT_TYPE "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"
#define CV_OID_MESSAGE_DIGEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"

/* Ciphers, RFC 3565 section 4.1 */
#define CV_OID_AES_128_CBC "\x60\x86\x48\x01\x65\x03\x04\x01\x02"
#define CV_OID_AES_256_CBC "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"

/* Extensions */
#define CV_OID_SUBJECT_KEY "\x55\x1d\x0e"
#define CV_OID_KEY_USAGE "\x55\x1d\x0f"
#define CV_OID_SUBJECT_ALT_NAME "\x55\x1d\x11"
#define CV_OID_BASIC_CONSTRAINTS "\x55\x1d\x13"
#define CV_OID_CRL_NUMBER "\x55\x1d\x14"
#define CV_OID_CRL_REASON "\x55\x1d\x15"
#define CV_OID_NAME_CONSTRAINTS "\x55\x1d\x1e"
#define CV_OID_CRL_DISTRIBUTION_POINTS "\x55\x1d\x1f"
#define CV_OID_POLICY_MAPPINGS "\x55\x1d\x21"
#define CV_OID_AUTHORITY_KEY "\x55\x1d\x23"
#define CV_OID_POLICY_CONSTRAINTS "\x55\x1d\x24"
#define CV_OID_EXTENDED_KEY_USAGE "\x55\x1d\x25"
#define CV_OID_INHIBIT_ANY_POLICY "\x55\x1d\x36"
#define CV_OID_AUTHORITY_INFO_ACCESS "\x2b\x06\x01\x05\x05\x07\x01\x01"

/* Purposes */
#define CV_OID_ANY_PURPOSE "\x55\x1d\x25\x00"
#define CV_OID_SERVER_AUTH "\x2b\x06\x01\x05\x05\x07\x03\x01"
#define CV_OID_CLIENT_AUTH "\x2b\x06\x01\x05\x05\x07\x03\x02"
#define CV_OID_OCSP_SIGNING "\x2b\x06\x01\x05\x05\x07\x03\x09"

/* Access methods */
#define CV_OID_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"
#define CV_OID_CA_ISSUERS "\x2b\x06\x01\x05\x05\x07\x30\x02"

/* Content types */
#define CV_OID_PKCS7_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define CV_OID_PKCS7_SIGNED_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
/* RFC 5958 section 2 */
#define CV_OID_KEY_PACKAGE "\x60\x86\x48\x01\x65\x02\x01\x02\x4e\x05"

#endif
