/*
 * Issuing certificates: enrolment with a one-time token or a certificate, and re-enrolment with the
 * current certificate. RFC 7030 sections 4.2.1 and 4.2.2. Blocking. The certificate is returned
 * only after its row was committed.
 */
#ifndef CV_SERVICE_ENROLMENT_H
#define CV_SERVICE_ENROLMENT_H

#include <stdbool.h>

#include "cv/model/label.h"
#include "cv/service/service.h"
#include "cv/service/sight.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

enum cv_enrolment_outcome {
	CV_ENROLMENT_ISSUED,
	CV_ENROLMENT_REPEATED, /* the same CSR again: the same certificate */
	CV_ENROLMENT_BAD_CSR,
	CV_ENROLMENT_BAD_SIGNATURE,
	CV_ENROLMENT_BAD_EXTENSION,
	CV_ENROLMENT_WEAK_KEY,
	CV_ENROLMENT_BLOCKED_KEY, /* compromised, or one of our own CA keys */
	CV_ENROLMENT_KEY_IN_USE,  /* proved by another device, or replaced by this one */
	CV_ENROLMENT_SUBJECT_MISMATCH,
	CV_ENROLMENT_SAN_MISMATCH,
	CV_ENROLMENT_NO_CREDENTIALS, /* neither certificate nor token: 401 where a scheme is enabled
				      */
	CV_ENROLMENT_BAD_CREDENTIALS, /* unknown, expired or used-up token */
	CV_ENROLMENT_NOT_AUTHORISED,  /* credentials good, but not for this id */
	CV_ENROLMENT_REFUSED,         /* the presented certificate: see ret_verdict */
	CV_ENROLMENT_POP_MISSING,     /* the label wants it tied to its TLS connection */
	CV_ENROLMENT_POP_MISMATCH,    /* it is tied to another */
	CV_ENROLMENT_PENDING,         /* an operator has to approve: see retry_after_seconds */
	CV_ENROLMENT_BUSY,            /* rate limit of (device, slot): see retry_after_seconds */
	CV_ENROLMENT_NO_ISSUER,       /* no usable online authority: 503 */
	CV_ENROLMENT_TAKEN,           /* another key has the id, or another device the name */
	CV_ENROLMENT_BAD_NAME,        /* what the device is to be called */
	CV_ENROLMENT_NO_GROUP,        /* there is no such group */
	CV_ENROLMENT_BAD_CERTIFICATE, /* of a device whose authority somebody else runs */
};

/* What ties a request to its TLS connection, as base64; "": this connection has none. */
struct cv_channel_binding {
	char tls_unique[64];   /* RFC 5929 section 3 */
	char tls_exporter[64]; /* RFC 9266 section 2 */
};

struct cv_enrolment_request {
	const struct cv_label *label;             /* NULL: one that asks for nothing */
	const struct cv_channel_binding *binding; /* NULL: not known */
	struct cv_bytes csr;                      /* DER */
	const struct cv_evidence *evidence;       /* NULL: no client certificate */
	const struct cv_sight
	    *sight; /* of that certificate, already judged and allowed; NULL with evidence NULL */
	const char *token; /* HTTP secret; NULL: none */
	const char
	    *factory; /* the label's or SNI's factory; NULL: the certificate or token decides */
	bool inherits_san;  /* a CSR without SAN takes that of the certificate (clients that cannot
			       send one) */
	bool names_factory; /* the path has the name of the factory in place of a label */
	const char *request_id;
	/* serverkeygen: gets the private key of a pair that is made for the certificate, as
	 * PrivateKeyInfo, or as CMS where the answer says is_key_enveloped; marked is_secret. Good
	 * only with the outcome CV_ENROLMENT_ISSUED. NULL: the certificate is for the key of the
	 * CSR. */
	struct cv_buffer *ret_private_key;
};

struct cv_enrolment_answer {
	enum cv_enrolment_outcome outcome;
	enum cv_verdict verdict; /* with CV_ENROLMENT_REFUSED */
	const char *detail;      /* for the client: static, or detail_text; may be NULL */
	char detail_text[192];
	int64_t retry_after_seconds;
	bool is_key_enveloped;     /* the new key is EnvelopedData for the client's key */
	char actor[CV_ACTOR_SIZE]; /* who asks, by which credentials: "token:<id>"; "": unknown */
	struct cv_party party; /* as far as known; at a first certificate, as the CSR names it */
	char serial[2 * CV_SERIAL_MAX + 1]; /* hex, when issued or repeated */
};

/* simplereenroll: evidence is required and names the device. Appends the certificate's DER. */
bool cv_reenrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err);

/*
 * simpleenroll: with the device's own current certificate it is a re-enrolment; with a certificate
 * of a bootstrap authority (whose CN is the id, evidence->sight unknown) or a token, a
 * registration. A token made for this very id is the operator's announcement. With ret_private_key
 * it is serverkeygen (section 4.4): the key of the CSR proves that somebody is there and claims
 * nothing; nothing is ever repeated, because no private key is kept. A CSR that asks for encryption
 * (cv/pki/key_wish.h) gets the key encrypted for the key of the client certificate, or
 * CV_ENROLMENT_BAD_CSR, and then none is made.
 */
bool cv_enrol(struct cv_service *service, const struct cv_enrolment_request *request,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err);

/* The stable reason word of an outcome (EST error bodies, logs): "key-in-use". Never NULL. */
#define CV_ENROLMENT_OUTCOMES (CV_ENROLMENT_NO_ISSUER + 1)
/* Neither a certificate nor the prospect of one. */
bool cv_enrolment_is_refusal(enum cv_enrolment_outcome outcome);
const char *cv_enrolment_outcome_name(enum cv_enrolment_outcome outcome);

#endif
