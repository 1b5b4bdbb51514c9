/*
 * The device that `demo` plays: keys in memory, and what a device sends, each over a connection of
 * its own. Says nothing; answers of any status are no errors.
 */
#ifndef CV_CLI_DEMO_DEVICE_INTERNAL_H
#define CV_CLI_DEMO_DEVICE_INTERNAL_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "cv/signer/key_file.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "transport_internal.h"

/* A key, and its certificate when it has one. */
struct cv_demo_identity {
	struct cv_private_key *key;
	struct cv_buffer key_pem;
	struct cv_buffer certificate; /* DER */
	struct cv_buffer certificate_pem;
};
void cv_demo_identity_deinit(struct cv_demo_identity *identity);
bool cv_demo_identity_make(struct cv_demo_identity *ret_identity, struct cv_error *err);
/* Takes the certificate out of an EST answer. CV_E_INPUT: there is none, or it is not of this key
 * and device. */
bool cv_demo_identity_certify(struct cv_demo_identity *identity, const char *device,
    struct cv_bytes est_answer, struct cv_error *err);

/* Where it sends to. */
struct cv_demo_doors {
	const char *device_url;
	const char *ca_file;     /* NULL: the system's */
	const char *gateway_url; /* NULL: none */
	const char *gateway_certificate;
	const char *gateway_key; /* NULL: it is in the file of the certificate */
	const char *socket;      /* NULL: none */
};

struct cv_demo_answer {
	long status;
	struct cv_buffer body;
	char code[CV_TRANSPORT_CODE_SIZE]; /* of a refusal; "": it has none */
};
void cv_demo_answer_deinit(struct cv_demo_answer *answer);

struct cv_demo_name {
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1];
};

/* Each: CV_E_IO when there is no answer. */

/* POST simpleenroll with the token, or, token NULL, simplereenroll with the key of `present`. */
bool cv_demo_request_certificate(const struct cv_demo_doors *doors, const struct cv_demo_name *name,
    const struct cv_demo_identity *key, const struct cv_demo_identity *present, const char *token,
    struct cv_demo_answer *ret_answer, struct cv_error *err);
/* PATCH /device: names the next key. */
bool cv_demo_announce(const struct cv_demo_doors *doors, const struct cv_demo_identity *next,
    const struct cv_demo_identity *present, struct cv_demo_answer *ret_answer,
    struct cv_error *err);
/* GET /device */
bool cv_demo_show(const struct cv_demo_doors *doors, const struct cv_demo_identity *present,
    struct cv_demo_answer *ret_answer, struct cv_error *err);
/* GET /v1/check as a gateway, the certificate forwarded as RFC 9440, as PEM and as SHA-256: a
 * gateway reads what it is set to and nothing else. */
bool cv_demo_check(const struct cv_demo_doors *doors, const struct cv_demo_identity *presented,
    struct cv_demo_answer *ret_answer, struct cv_error *err);

#endif
