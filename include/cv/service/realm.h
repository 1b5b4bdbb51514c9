/*
 * Factories, authorities, gateways and policies in memory: an immutable snapshot, shared by
 * reference. Any thread takes a reference, uses it and gives it back.
 */
#ifndef CV_SERVICE_REALM_H
#define CV_SERVICE_REALM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/certificate_name.h"
#include "cv/pki/certificate.h"
#include "cv/pki/name_text.h"
#include "cv/store/realm_store.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"

struct cv_realm_authority {
	/* row.certificate is not set here; row.state is that of its key. */
	struct cv_authority_row row;
	struct cv_certificate *certificate;
	/* Its name as gateways write it; "": it cannot be written so. */
	char names[CV_NAME_STYLES][CV_ISSUER_TEXT_SIZE];
};

struct cv_realm_gateway {
	struct cv_gateway_row row; /* row.certificate is not set here */
	struct cv_sources sources; /* row.sources, parsed */
	struct cv_certificate *certificate;
};

struct cv_realm {
	int64_t version;
	struct cv_factory_row *factories;
	size_t factory_count;
	struct cv_realm_authority *authorities;
	size_t authority_count;
	struct cv_realm_gateway *gateways;
	size_t gateway_count;
	struct cv_digest *operator_keys; /* of the certificates that operators log in with */
	size_t operator_key_count;
	struct cv_group_row *groups; /* those with policies, by id */
	size_t group_count;
	/* Keys made for factories: active ones, and online ones that were replaced. Texts are
	 * owned.
	 */
	struct cv_factory_key_row *keys;
	size_t key_count;
	_Atomic unsigned references; /* private */
};

bool cv_realm_load(
    struct cv_connection *connection, struct cv_realm **ret_realm, struct cv_error *err);
/* Revoking a CA revokes its key, under whatever certificate the factory has it. Part of loading. */
void cv_realm_spread_revocations(struct cv_realm *realm);
/* The same CA of a factory, perhaps under another certificate, as after a renewal. What is shown as
 * a root vouches for nobody and has no part in it. */
bool cv_realm_is_same_ca(const struct cv_realm_authority *a, const struct cv_realm_authority *b);
struct cv_realm *cv_realm_ref(struct cv_realm *realm);
void cv_realm_free(struct cv_realm *realm); /* gives one reference back */
CV_DEFINE_CLEANUP(cv_realm);

/* "a, b": the policies of a group's devices; NULL: none. Lent. */
const char *cv_realm_policies(const struct cv_realm *realm, uint32_t group);
/* NULL when absent; lent. */
const struct cv_factory_row *cv_realm_factory(const struct cv_realm *realm, const char *name);
const struct cv_factory_row *cv_realm_default_factory(const struct cv_realm *realm);
const struct cv_realm_gateway *cv_realm_gateway(
    const struct cv_realm *realm, const struct cv_digest *fingerprint);
const struct cv_realm_authority *cv_realm_authority_by_id(
    const struct cv_realm *realm, const char *id);
/* Whose the devices are that are first met under it: as it was said when it was imported, else the
 * user whose local CA it is, by its CN "fio-<user>"; NULL: nobody's. Lent. */
const char *cv_realm_authority_owner(const struct cv_realm_authority *authority);
/* Calls sink for each root of the factory that is not revoked, with its DER; it may be NULL.
 * Returns how many there are. */
size_t cv_realm_roots(const struct cv_realm *realm, const char *factory,
    void (*sink)(void *context, struct cv_bytes der), void *context);
bool cv_realm_authority_is_in_date(const struct cv_realm_authority *authority, int64_t now_utc);
/* As of now: one that is trusted, but outside its dates, is as good as disabled. */
enum cv_authority_state cv_realm_authority_state(
    const struct cv_realm_authority *authority, int64_t now_utc);
/* Is this one of our own authorities, and is that its name in one of the styles? */
bool cv_realm_authority_is_called(const struct cv_realm_authority *authority, const char *issuer);
/* Does an authority with a key that is not ours have this name, too, in these factories (NULL:
 * all)? Whoever holds its key chooses serial numbers, so that it may issue what goes by issuer and
 * serial number for one of ours. Ours under the certificate of another CA are ours. */
bool cv_realm_is_name_shared(
    const struct cv_realm *realm, const char *issuer, const char *factories);
/* Would it make the name of one of our authorities such a name? */
bool cv_realm_would_share_name(
    const struct cv_realm *realm, const struct cv_certificate *certificate);
/* Does an authority of another factory, of whatever kind, have the name of this certificate? */
bool cv_realm_has_name_elsewhere(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate);
/*
 * The trusted online authority that signs for a factory now: of that name, or with "" the newest
 * whose turn it is: that its predecessor gave way to, or that clients had publish_ahead_seconds to
 * learn of; else the oldest. One that gave way is never it. NULL when there is none that is usable
 * at that time.
 */
const struct cv_realm_authority *cv_realm_issuer(const struct cv_realm *realm, const char *factory,
    const char *name, int64_t publish_ahead_seconds, int64_t now_utc);
/*
 * The authority that issued a certificate: names as DER, then the signature (two CAs may share a
 * name). Of several certificates of one CA, as after its renewal, one that is trusted and in its
 * dates. Roots vouch for no leaf and are never found. outcome CV_CHAIN_NOT_ISSUED: none.
 */
bool cv_realm_find_issuer(const struct cv_realm *realm, const struct cv_certificate *leaf,
    int64_t now_utc, const struct cv_realm_authority **ret_authority,
    enum cv_chain_outcome *ret_outcome, const char **ret_reason, struct cv_error *err);
/* Is this one of the keys that were made for factories, in the database and not in a file? */
bool cv_realm_has_key(const struct cv_realm *realm, const struct cv_digest *key_id);
/* Is it the key of an authority of the factory or one of ours, of a gateway, an operator or a
 * factory's server? Whoever imports a CA need not have its key, so that those of other factories
 * would shut devices out. */
bool cv_realm_uses_key(
    const struct cv_realm *realm, const char *factory, const struct cv_digest *key_id);
/*
 * Why another certificate of this key would be worth nothing as a CA of that kind in the factory.
 * The key counts as what it was first: an authority of another factory, whose the devices under it
 * are then, or one of another kind; and it is revoked under each of its certificates. NULL: it may
 * be one. Roots vouch for no leaf, and neither ask nor count.
 */
const char *cv_realm_key_refusal(const struct cv_realm *realm, const char *factory,
    enum cv_authority_kind kind, const struct cv_digest *key_id);
/* Does a comma-separated list of factories hold this one? */
bool cv_realm_list_has(const char *list, const char *name);

#endif
