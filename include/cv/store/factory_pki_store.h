/*
 * The PKI of one factory: what was uploaded, and the keys that were made for it. A change is one
 * transaction: begin locks and reads, the rules decide on that, write or put_keys carry out and
 * commit. Keys are sealed texts here. Blocking; one connection, one thread.
 */
#ifndef CV_STORE_FACTORY_PKI_STORE_H
#define CV_STORE_FACTORY_PKI_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/factory_key.h"
#include "cv/store/realm_store.h"

/* Texts are lent during the call. */
struct cv_factory_pki_row {
	const char *root_crt; /* "": was not uploaded */
	const char *ca_crt;
	int64_t created_at_utc;
	const char *created_by;
	int64_t updated_at_utc;
	const char *updated_by;
};

/* Receives what there is; false stops the reading with CV_E_MEMORY. A factory whose PKI nobody
 * uploaded has no row. */
struct cv_factory_pki_sink {
	void *context;
	bool (*pki)(void *context, const struct cv_factory_pki_row *row);
	bool (*key)(void *context, const struct cv_factory_key_row *row);
	bool (*authority)(void *context, const struct cv_authority_row *row);
};

/* In one snapshot. */
bool cv_factory_pki_store_read(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err);

/* Opens a transaction and takes the turn of whoever lists authorities (cv_realm_store_hold), then
 * locks factory and authorities before it reads: devices that enrol wait for the latter. */
bool cv_factory_pki_store_begin(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err);
void cv_factory_pki_store_rollback(struct cv_connection *connection);

/* Is there a user of that name, an operator token that sees the factory? */
bool cv_factory_pki_store_has_user(struct cv_connection *connection, const char *name,
    const char *factory, bool *ret_has, struct cv_error *err);
/* Was this key made for some factory? */
bool cv_factory_pki_store_holds_key(struct cv_connection *connection,
    const struct cv_digest *key_id, bool *ret_holds, struct cv_error *err);

/* In a transaction of cv_factory_pki_store_begin, until its end: does another factory have one of
 * these names (comma separated), or a request for it? */
bool cv_factory_pki_store_names_taken(struct cv_connection *connection, const char *factory,
    const char *names, bool *ret_are_taken, struct cv_error *err);

/* Who does it, for the rows and for the audit. */
struct cv_factory_pki_act {
	const char *factory;
	const char *user; /* name of the token */
	const char *actor;
	const char *request_id;
	const char *after_json; /* what was done, in the audit */
};

struct cv_new_factory_key {
	enum cv_factory_key_purpose purpose;
	struct cv_digest key_id;
	const char *names;
	const char *csr;
	const char *sealed;
};

/* Each in place of the pending one of its purpose. Commits. */
bool cv_factory_pki_store_put_keys(struct cv_connection *connection,
    const struct cv_factory_pki_act *act, const struct cv_new_factory_key *keys, size_t count,
    struct cv_error *err);

struct cv_authority_turn {
	const char *id;
	enum cv_authority_state state;
};

struct cv_factory_key_turn {
	enum cv_factory_key_purpose purpose; /* its pending key becomes the active one */
	const char *certificate;
};

struct cv_factory_pki_change {
	const char *root_crt; /* NULL: as it was */
	const char *ca_crt;
	const struct cv_authority_row *added;
	size_t added_count;
	const struct cv_authority_turn *turns;
	size_t turn_count;
	const struct cv_factory_key_turn *keys;
	size_t key_count;
	const char *successor;    /* id of an added authority that signs from now; NULL: none */
	const char *const *ended; /* ids of those in whose place */
	size_t ended_count;
	int64_t switch_after_seconds; /* when: 0: at once */
};

/* All of it, and the audit row. Commits. CV_E_CONSTRAINT: an added certificate is that of another
 * authority, of whatever factory. */
bool cv_factory_pki_store_write(struct cv_connection *connection,
    const struct cv_factory_pki_act *act, const struct cv_factory_pki_change *change,
    struct cv_error *err);

#endif
