/* The PKI of a factory as it is read for one act, and the look at an upload. */
#ifndef CV_SERVICE_FACTORY_PKI_INTERNAL_H
#define CV_SERVICE_FACTORY_PKI_INTERNAL_H

#include "cv/pki/bundle.h"
#include "cv/pki/crl.h"
#include "cv/service/factory_pki.h"
#include "cv/store/factory_pki_store.h"

/* Owned copies of all rows. */
struct factory_pki {
	bool has_row;
	char *root_crt;
	char *ca_crt;
	char *created_by;
	char *updated_by;
	int64_t created_at_utc;
	int64_t updated_at_utc;
	struct cv_realm_authority *authorities; /* in the order in which they were added */
	size_t authority_count;
	struct cv_factory_key_row *keys;
	size_t key_count;
	const struct cv_realm_authority *root; /* lent; NULL: there is none */
	struct cv_error error;                 /* why a row was refused */
};

void factory_pki_deinit(struct factory_pki *pki);
#define AUTO_FACTORY_PKI __attribute__((cleanup(factory_pki_deinit)))
/* is_change: opens a transaction, which the caller ends, and locks before it reads. */
bool factory_pki_read(struct cv_connection *connection, const char *factory, bool is_change,
    struct factory_pki *ret_pki, struct cv_error *err);
/* NULL: there is none. */
const struct cv_factory_key_row *factory_pki_key(const struct factory_pki *pki,
    enum cv_factory_key_purpose purpose, enum cv_factory_key_state state);
const struct cv_realm_authority *factory_pki_find(
    const struct factory_pki *pki, const struct cv_digest *fingerprint);
/* Does it vouch for devices over this door: online and offline ones do. */
bool factory_pki_is_device_ca(const struct cv_realm_authority *authority);

/* One attempt at a change. */
typedef bool factory_pki_attempt(
    struct cv_service *service, struct cv_connection *connection, void *job, struct cv_error *err);
/* With a connection, and again after a collision; takes_away as cv_service_take_realm has it. */
bool factory_pki_carry_out(struct cv_service *service, factory_pki_attempt *try, void *job,
    bool takes_away, struct cv_error *err);
/* Fills the result and is true. */
bool factory_pki_end(
    struct cv_factory_pki_result *result, enum cv_factory_pki_outcome outcome, const char *detail);

/* An upload while it is looked at. A check that is false has failed, or refused: is_refused. */
struct upload_check {
	struct cv_service *service;
	struct cv_connection *connection;
	const struct cv_factory_pki_order *order;
	const struct cv_factory_pki_upload *upload;
	const struct factory_pki *pki;
	struct cv_factory_pki_result *result;
	bool is_refused;
	int64_t now_utc;
	int64_t skew_seconds;

	struct cv_bundle root_bundle, ca_bundle, server_bundles[2];
	struct cv_crl *crl;                /* owned; NULL: none was sent */
	const struct cv_certificate *root; /* the one there is, or the one that comes */
	enum cv_authority_state *states;   /* for each authority of pki: what it becomes */
	bool *is_named;                    /* by the CRL */

	/* What is to be written. */
	struct cv_authority_row added[CV_BUNDLE_MAX + 1];
	size_t added_count;
	struct cv_factory_key_turn keys[CV_FACTORY_KEY_PURPOSES];
	size_t key_count;
	const char *successor;       /* id of the added online CA; NULL: none */
	struct cv_buffer online_pem; /* its certificate */
	bool has_new_ca_text;
};

void upload_check_deinit(struct upload_check *check);
/* Everything; with states, added, keys and successor filled when it is true. */
bool upload_check_all(struct upload_check *check, struct cv_error *err);

/* Its parts, each false when it has failed or refused. */
bool upload_check_cas(struct upload_check *check, struct cv_error *err);
bool upload_check_server(struct upload_check *check, enum cv_factory_key_purpose purpose,
    const char *field, const struct cv_buffer *pem, struct cv_bundle *bundle, struct cv_error *err);

/* Always false. */
bool upload_refuse(struct upload_check *check, enum cv_factory_pki_outcome outcome,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* field: how the sender calls it. An empty text is fine, and leaves the bundle empty. */
bool upload_parse(struct upload_check *check, const char *field, const struct cv_buffer *pem,
    struct cv_bundle *ret_bundle, struct cv_error *err);
bool upload_parse_one(struct upload_check *check, const char *field, const struct cv_buffer *pem,
    struct cv_bundle *ret_bundle, struct cv_error *err);
bool upload_check_dates(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate);
bool upload_check_ca(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate);
/* Is it signed by the root? */
bool upload_check_signer(
    struct upload_check *check, const char *field, const struct cv_certificate *certificate);

/* Plans a new authority. Lent; the certificate must outlive the check. */
struct cv_authority_row *upload_add_authority(struct upload_check *check,
    enum cv_authority_kind kind, const char *owner, const struct cv_certificate *certificate);
/* Plans that a pending key becomes the active one. Its text must outlive the check. */
bool upload_use_key(struct upload_check *check, const struct cv_factory_key_row *key,
    const char *certificate, struct cv_error *err);

#endif
