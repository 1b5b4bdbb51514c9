/*
 * The PKI of a factory as its operator sets it up from a workstation that holds the root key: keys
 * are made here, their requests are signed there, and the certificates come back. What comes is
 * checked before anything of it holds, and holds as a whole. Blocking; audited; the realm is loaded
 * anew before the return.
 */
#ifndef CV_SERVICE_FACTORY_PKI_H
#define CV_SERVICE_FACTORY_PKI_H

#include <stdbool.h>

#include "cv/model/factory_key.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Who asks, and for which factory. */
struct cv_factory_pki_order {
	const char *factory;
	const char *user;  /* the name of the token: as whom the rows and the local CA name him */
	const char *actor; /* in the audit */
	const char *request_id;
	/* PEM of the server certificate that devices of a factory without one of its own see. */
	const char *listener_certificate;
};

enum cv_factory_pki_outcome {
	CV_FACTORY_PKI_DONE,
	CV_FACTORY_PKI_REFUSED,  /* what was sent is not acceptable */
	CV_FACTORY_PKI_CONFLICT, /* it is, but not in the present state */
	CV_FACTORY_PKI_TAKEN,    /* a name of its servers is another factory's */
};

#define CV_FACTORY_PKI_DETAIL_SIZE 384
struct cv_factory_pki_result {
	enum cv_factory_pki_outcome outcome;
	char detail[CV_FACTORY_PKI_DETAIL_SIZE]; /* a sentence for the operator; "" when done */
};

/* ---- what there is ---- */

#define CV_FACTORY_PKI_CAS_MAX 256

struct cv_factory_pki_view {
	bool is_configured;        /* there is a root */
	struct cv_buffer root_crt; /* PEM, as uploaded */
	struct cv_buffer ca_crt;   /* every device CA but revoked ones, as uploaded */
	struct cv_buffer tls_crt;  /* PEM; empty: none */
	struct cv_buffer est_tls_crt;
	struct cv_buffer disabled; /* serial numbers in decimal, comma separated */
	bool has_history;          /* what follows is known */
	int64_t created_at_utc;
	int64_t updated_at_utc;
	struct cv_buffer created_by;
	struct cv_buffer updated_by;
};
void cv_factory_pki_view_deinit(struct cv_factory_pki_view *view);
#define CV_AUTO_FACTORY_PKI_VIEW __attribute__((cleanup(cv_factory_pki_view_deinit)))

bool cv_factory_pki_show(struct cv_service *service, const struct cv_factory_pki_order *order,
    struct cv_factory_pki_view *ret_view, struct cv_error *err);

/* ---- keys ---- */

struct cv_factory_keys_wanted {
	bool is_first_time; /* only as long as there is no root; else only once there is one */
	bool is_wanted[CV_FACTORY_KEY_PURPOSES];
};

/* PEM requests of the keys that were made; empty: not asked for. */
struct cv_factory_csrs {
	struct cv_buffer pem[CV_FACTORY_KEY_PURPOSES];
};
void cv_factory_csrs_deinit(struct cv_factory_csrs *csrs);
#define CV_AUTO_FACTORY_CSRS __attribute__((cleanup(cv_factory_csrs_deinit)))

/* Makes keys, each in place of the pending one of its purpose; those in use stay in use. */
bool cv_factory_pki_make_keys(struct cv_service *service, const struct cv_factory_pki_order *order,
    const struct cv_factory_keys_wanted *wanted, struct cv_factory_csrs *ret_csrs,
    struct cv_factory_pki_result *ret_result, struct cv_error *err);

/* ---- certificates ---- */

/* PEM texts; empty: as it was. */
struct cv_factory_pki_upload {
	struct cv_buffer root_crt;
	struct cv_buffer ca_crt;
	struct cv_buffer tls_crt;
	struct cv_buffer est_tls_crt;
	struct cv_buffer ca_revoke_crl; /* takes effect before ca_crt */
};
void cv_factory_pki_upload_deinit(struct cv_factory_pki_upload *upload);
#define CV_AUTO_FACTORY_PKI_UPLOAD __attribute__((cleanup(cv_factory_pki_upload_deinit)))

/* All or nothing; what is so already is fine. */
bool cv_factory_pki_upload(struct cv_service *service, const struct cv_factory_pki_order *order,
    const struct cv_factory_pki_upload *upload, struct cv_factory_pki_result *ret_result,
    struct cv_error *err);

/* Opens the key of a server certificate of the realm: PKCS#8 PEM, into a buffer that is_secret. */
bool cv_factory_pki_open_key(struct cv_service *service, const struct cv_factory_key_row *key,
    struct cv_buffer *ret_pem, struct cv_error *err);

#endif
