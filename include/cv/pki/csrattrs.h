/*
 * What a client is to put into its request: the answer to csrattrs (RFC 7030 section 4.5.2 with the
 * ASN.1 of RFC 8951 section 3.5; RFC 9908 section 3). Any thread.
 */
#ifndef CV_PKI_CSRATTRS_H
#define CV_PKI_CSRATTRS_H

#include <stdbool.h>

#include "cv/model/key_type.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_csrattrs {
	bool has_key_oids; /* the key as old clients know it: by object identifiers */
	bool has_template; /* id-aa-certificationRequestInfoTemplate */
	bool wants_link;   /* challengePassword */
	bool has_key;      /* one type of key, and no other */
	enum cv_key_type key;
	unsigned rsa_bits;
	bool leaves_san;        /* the client chooses a subjectAltName */
	const char *unit;       /* OU of the subject; "": left out */
	const char *attributes; /* comma list of OIDs; "": none */
};

/* Appends the DER; nothing when there is nothing to say. CV_E_INPUT: attributes are no OIDs. */
bool cv_csrattrs_append(
    const struct cv_csrattrs *wanted, struct cv_buffer *buffer, struct cv_error *err);

/* The first OID of a comma list, as content octets; moves the list behind it. False: not one. */
bool cv_oid_parse(const char **list, struct cv_buffer *ret_oid);

#endif
