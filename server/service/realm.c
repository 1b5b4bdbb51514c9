#include "cv/service/realm.h"

#include <stdlib.h>
#include <string.h>

#include "cv/model/source.h"
#include "cv/util/text.h"

#include "realm_keys_internal.h"
/* Local CAs of FoundriesFactory are called after their user. */
#define LOCAL_CA "fio-"

/* ---- loading ---- */

/* Appends one element to a growing array; false: out of memory. */
static bool
append(void **array, size_t *count, size_t size, const void *element)
{
	char *grown = realloc(*array, (*count + 1) * size);

	if (!grown)
		return false;
	memcpy(grown + *count * size, element, size);
	*array = grown;
	(*count)++;
	return true;
}

struct loading {
	struct cv_realm *realm;
	struct cv_error error; /* why a row was refused */
};

static bool
take_factory(void *context, const struct cv_factory_row *row)
{
	struct cv_realm *realm = ((struct loading *)context)->realm;

	return append((void **)&realm->factories, &realm->factory_count, sizeof(*row), row);
}

static void
write_names(struct cv_realm_authority *authority)
{
	for (int style = 0; style < CV_NAME_STYLES; style++)
		cv_name_write(authority->certificate->subject, (enum cv_name_style)style,
		    authority->names[style], sizeof(authority->names[style]));
}

static bool
take_authority(void *context, const struct cv_authority_row *row)
{
	struct loading *loading = context;
	struct cv_realm *realm = loading->realm;
	struct cv_realm_authority authority = {.row = *row};

	if (!cv_certificate_parse(row->certificate, &authority.certificate, &loading->error))
		return cv_error_context(&loading->error, "authority %s", row->name);
	authority.row.certificate = cv_bytes(NULL, 0);
	write_names(&authority);
	if (append((void **)&realm->authorities, &realm->authority_count, sizeof(authority),
		&authority))
		return true;
	cv_certificate_free(authority.certificate);
	return false;
}

static bool
take_gateway(void *context, const struct cv_gateway_row *row)
{
	struct loading *loading = context;
	struct cv_realm *realm = loading->realm;
	struct cv_realm_gateway gateway = {.row = *row};

	if (!cv_sources_parse(row->sources, &gateway.sources))
		return cv_fail(
		    &loading->error, CV_E_INTERNAL, "gateway %s: unknown source", row->name);
	if (!cv_certificate_parse(row->certificate, &gateway.certificate, &loading->error))
		return cv_error_context(&loading->error, "gateway %s", row->name);
	gateway.row.certificate = cv_bytes(NULL, 0);
	if (append((void **)&realm->gateways, &realm->gateway_count, sizeof(gateway), &gateway))
		return true;
	cv_certificate_free(gateway.certificate);
	return false;
}

static bool
take_operator(void *context, struct cv_bytes certificate)
{
	struct loading *loading = context;
	struct cv_realm *realm = loading->realm;
	CV_AUTO(cv_certificate) struct cv_certificate *parsed = NULL;

	if (!cv_certificate_parse(certificate, &parsed, &loading->error))
		return cv_error_context(&loading->error, "an operator's certificate");
	return append((void **)&realm->operator_keys, &realm->operator_key_count,
	    sizeof(parsed->key_id), &parsed->key_id);
}

static bool
take_group(void *context, const struct cv_group_row *row)
{
	struct cv_realm *realm = ((struct loading *)context)->realm;

	return append((void **)&realm->groups, &realm->group_count, sizeof(*row), row);
}

static bool
take_key(void *context, const struct cv_factory_key_row *row)
{
	struct cv_realm *realm = ((struct loading *)context)->realm;
	struct cv_factory_key_row key;

	if (!cv_factory_key_copy(row, &key))
		return false;
	if (append((void **)&realm->keys, &realm->key_count, sizeof(key), &key))
		return true;
	cv_factory_key_deinit(&key);
	return false;
}

bool
cv_realm_is_same_ca(const struct cv_realm_authority *a, const struct cv_realm_authority *b)
{
	return a->row.kind != CV_AUTHORITY_ROOT && b->row.kind != CV_AUTHORITY_ROOT &&
	       strcmp(a->row.factory, b->row.factory) == 0 &&
	       cv_digest_equal(&a->certificate->key_id, &b->certificate->key_id);
}

void
cv_realm_spread_revocations(struct cv_realm *realm)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		if (realm->authorities[i].row.state != CV_AUTHORITY_REVOKED)
			continue;
		for (size_t j = 0; j < realm->authority_count; j++) {
			if (cv_realm_is_same_ca(&realm->authorities[i], &realm->authorities[j]))
				realm->authorities[j].row.state = CV_AUTHORITY_REVOKED;
		}
	}
}

bool
cv_realm_load(struct cv_connection *connection, struct cv_realm **ret_realm, struct cv_error *err)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = calloc(1, sizeof(*realm));
	struct loading loading = {.realm = realm};
	struct cv_realm_sink sink = {.context = &loading,
	    .factory = take_factory,
	    .authority = take_authority,
	    .gateway = take_gateway,
	    .operator_ = take_operator,
	    .group = take_group,
	    .key = take_key};

	if (!realm)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	realm->references = 1;
	if (!cv_realm_store_load(connection, &sink, &realm->version, err)) {
		if (loading.error.code != CV_E_NONE)
			*err = loading.error;
		return cv_error_context(err, "loading factories and authorities");
	}
	cv_realm_spread_revocations(realm);
	*ret_realm = CV_TAKE(realm);
	return true;
}

struct cv_realm *
cv_realm_ref(struct cv_realm *realm)
{
	realm->references++;
	return realm;
}

void
cv_realm_free(struct cv_realm *realm)
{
	if (!realm || --realm->references > 0)
		return;
	for (size_t i = 0; i < realm->authority_count; i++)
		cv_certificate_free(realm->authorities[i].certificate);
	for (size_t i = 0; i < realm->gateway_count; i++)
		cv_certificate_free(realm->gateways[i].certificate);
	for (size_t i = 0; i < realm->key_count; i++)
		cv_factory_key_deinit(&realm->keys[i]);
	free(realm->keys);
	free(realm->authorities);
	free(realm->gateways);
	free(realm->operator_keys);
	free(realm->factories);
	free(realm->groups);
	free(realm);
}

/* ---- looking up ---- */

const struct cv_factory_row *
cv_realm_factory(const struct cv_realm *realm, const char *name)
{
	for (size_t i = 0; i < realm->factory_count; i++) {
		if (strcmp(realm->factories[i].name, name) == 0)
			return &realm->factories[i];
	}
	return NULL;
}

const struct cv_factory_row *
cv_realm_default_factory(const struct cv_realm *realm)
{
	for (size_t i = 0; i < realm->factory_count; i++) {
		if (realm->factories[i].is_default)
			return &realm->factories[i];
	}
	return NULL;
}

const struct cv_realm_gateway *
cv_realm_gateway(const struct cv_realm *realm, const struct cv_digest *fingerprint)
{
	for (size_t i = 0; i < realm->gateway_count; i++) {
		if (cv_digest_equal(&realm->gateways[i].row.fingerprint, fingerprint))
			return &realm->gateways[i];
	}
	return NULL;
}

const struct cv_realm_authority *
cv_realm_authority_by_id(const struct cv_realm *realm, const char *id)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		if (strcmp(realm->authorities[i].row.id, id) == 0)
			return &realm->authorities[i];
	}
	return NULL;
}

const char *
cv_realm_authority_owner(const struct cv_realm_authority *authority)
{
	const char *name = authority->certificate->common_name;

	if (authority->row.owner[0] != '\0')
		return authority->row.owner;
	if (authority->row.kind == CV_AUTHORITY_OFFLINE && cv_text_has_prefix(name, LOCAL_CA) &&
	    name[strlen(LOCAL_CA)] != '\0')
		return name + strlen(LOCAL_CA);
	return NULL;
}

size_t
cv_realm_roots(const struct cv_realm *realm, const char *factory,
    void (*sink)(void *context, struct cv_bytes der), void *context)
{
	size_t count = 0;

	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *authority = &realm->authorities[i];

		if (authority->row.kind != CV_AUTHORITY_ROOT ||
		    authority->row.state == CV_AUTHORITY_REVOKED ||
		    strcmp(authority->row.factory, factory) != 0)
			continue;
		if (sink)
			sink(context, authority->certificate->der);
		count++;
	}
	return count;
}

static int
compare_group(const void *id, const void *row)
{
	uint32_t wanted = *(const uint32_t *)id, found = ((const struct cv_group_row *)row)->id;

	return (wanted > found) - (wanted < found);
}

const char *
cv_realm_policies(const struct cv_realm *realm, uint32_t group)
{
	const struct cv_group_row *row = realm->group_count == 0
					     ? NULL
					     : bsearch(&group, realm->groups, realm->group_count,
						   sizeof(*realm->groups), compare_group);

	return row == NULL ? NULL : row->policies;
}

bool
cv_realm_authority_is_in_date(const struct cv_realm_authority *authority, int64_t now_utc)
{
	return authority->certificate->not_before_utc <= now_utc &&
	       authority->certificate->not_after_utc >= now_utc;
}

enum cv_authority_state
cv_realm_authority_state(const struct cv_realm_authority *authority, int64_t now_utc)
{
	if (authority->row.state == CV_AUTHORITY_TRUSTED &&
	    !cv_realm_authority_is_in_date(authority, now_utc))
		return CV_AUTHORITY_DISABLED;
	return authority->row.state;
}

static bool
is_called(const struct cv_realm_authority *authority, const char *issuer)
{
	for (int style = 0; style < CV_NAME_STYLES; style++) {
		if (authority->names[style][0] && strcmp(authority->names[style], issuer) == 0)
			return true;
	}
	return false;
}

bool
cv_realm_authority_is_called(const struct cv_realm_authority *authority, const char *issuer)
{
	return authority->row.kind == CV_AUTHORITY_ONLINE && is_called(authority, issuer);
}

static bool
holds_key(const struct cv_realm *realm, const struct cv_digest *key_id)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *authority = &realm->authorities[i];

		if (authority->row.kind == CV_AUTHORITY_ONLINE &&
		    cv_digest_equal(&authority->certificate->key_id, key_id))
			return true;
	}
	return false;
}

bool
cv_realm_is_name_shared(const struct cv_realm *realm, const char *issuer, const char *factories)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *authority = &realm->authorities[i];

		if (is_called(authority, issuer) &&
		    !holds_key(realm, &authority->certificate->key_id) &&
		    (!factories || cv_realm_list_has(factories, authority->row.factory)))
			return true;
	}
	return false;
}

/* In any of the ways in which gateways write it. */
static bool
has_name_of(const struct cv_realm_authority *authority, const struct cv_certificate *certificate)
{
	char name[CV_ISSUER_TEXT_SIZE];

	for (int style = 0; style < CV_NAME_STYLES; style++) {
		cv_name_write(certificate->subject, (enum cv_name_style)style, name, sizeof(name));
		if (name[0] && is_called(authority, name))
			return true;
	}
	return false;
}

bool
cv_realm_would_share_name(const struct cv_realm *realm, const struct cv_certificate *certificate)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		if (realm->authorities[i].row.kind == CV_AUTHORITY_ONLINE &&
		    has_name_of(&realm->authorities[i], certificate))
			return !holds_key(realm, &certificate->key_id);
	}
	return false;
}

bool
cv_realm_has_name_elsewhere(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		if (strcmp(realm->authorities[i].row.factory, factory) != 0 &&
		    has_name_of(&realm->authorities[i], certificate))
			return true;
	}
	return false;
}

static bool
may_issue(const struct cv_realm_authority *authority, const char *factory, const char *name,
    int64_t now_utc)
{
	return authority->row.kind == CV_AUTHORITY_ONLINE &&
	       cv_realm_authority_state(authority, now_utc) == CV_AUTHORITY_TRUSTED &&
	       strcmp(authority->row.factory, factory) == 0 &&
	       (!name[0] || strcmp(authority->row.name, name) == 0) &&
	       (authority->row.signs_until_utc == 0 || now_utc < authority->row.signs_until_utc);
}

static bool
has_its_turn(
    const struct cv_realm_authority *authority, int64_t publish_ahead_seconds, int64_t now_utc)
{
	int64_t from_utc = authority->row.signs_from_utc != 0
			       ? authority->row.signs_from_utc
			       : authority->row.created_at_utc + publish_ahead_seconds;

	return from_utc <= now_utc;
}

/* A successor takes over by being added; they are in the order in which they were. */
const struct cv_realm_authority *
cv_realm_issuer(const struct cv_realm *realm, const char *factory, const char *name,
    int64_t publish_ahead_seconds, int64_t now_utc)
{
	const struct cv_realm_authority *issuer = NULL;

	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *authority = &realm->authorities[i];

		if (may_issue(authority, factory, name, now_utc) &&
		    (!issuer || has_its_turn(authority, publish_ahead_seconds, now_utc)))
			issuer = authority;
	}
	return issuer;
}

/* Whoever came first says whose leaf it is, and what it is good for; after that only another
 * certificate of its key may. */
static bool
may_have_issued(const struct cv_realm_authority *authority, const struct cv_certificate *leaf,
    const struct cv_realm_authority *found)
{
	return authority->row.kind != CV_AUTHORITY_ROOT &&
	       cv_bytes_equal(authority->certificate->subject, leaf->issuer) &&
	       (!found || (found->row.kind == authority->row.kind &&
			      cv_realm_is_same_ca(found, authority)));
}

bool
cv_realm_find_issuer(const struct cv_realm *realm, const struct cv_certificate *leaf,
    int64_t now_utc, const struct cv_realm_authority **ret_authority,
    enum cv_chain_outcome *ret_outcome, const char **ret_reason, struct cv_error *err)
{
	const struct cv_realm_authority *found = NULL;
	bool is_best = false;

	*ret_outcome = CV_CHAIN_NOT_ISSUED;
	for (size_t i = 0; i < realm->authority_count && !is_best; i++) {
		const struct cv_realm_authority *authority = &realm->authorities[i];
		enum cv_chain_outcome outcome;
		const char *reason;

		if (!may_have_issued(authority, leaf, found))
			continue;
		if (!cv_certificate_verify(leaf, authority->certificate, &outcome, &reason, err))
			return false;
		is_best = outcome == CV_CHAIN_GOOD &&
			  cv_realm_authority_state(authority, now_utc) == CV_AUTHORITY_TRUSTED;
		if (outcome == CV_CHAIN_NOT_ISSUED ||
		    (found && !is_best &&
			(outcome == CV_CHAIN_REFUSED || *ret_outcome == CV_CHAIN_GOOD)))
			continue;
		found = authority;
		*ret_outcome = outcome;
		*ret_authority = authority;
		if (ret_reason)
			*ret_reason = reason;
	}
	return true;
}

bool
cv_realm_has_key(const struct cv_realm *realm, const struct cv_digest *key_id)
{
	for (size_t i = 0; i < realm->key_count; i++) {
		if (cv_digest_equal(&realm->keys[i].key_id, key_id))
			return true;
	}
	return false;
}

static bool
is_authority_key(const struct cv_realm *realm, const char *factory, const struct cv_digest *key_id)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];

		if ((each->row.kind == CV_AUTHORITY_ONLINE ||
			strcmp(each->row.factory, factory) == 0) &&
		    cv_digest_equal(&each->certificate->key_id, key_id))
			return true;
	}
	return false;
}

bool
cv_realm_uses_key(const struct cv_realm *realm, const char *factory, const struct cv_digest *key_id)
{
	if (is_authority_key(realm, factory, key_id))
		return true;
	for (size_t i = 0; i < realm->gateway_count; i++) {
		if (cv_digest_equal(&realm->gateways[i].certificate->key_id, key_id))
			return true;
	}
	for (size_t i = 0; i < realm->operator_key_count; i++) {
		if (cv_digest_equal(&realm->operator_keys[i], key_id))
			return true;
	}
	return cv_realm_has_key(realm, key_id);
}

/* In the order in which they came: the first has the devices. NULL: it is no CA's. */
static const struct cv_realm_authority *
first_of_key(const struct cv_realm *realm, const struct cv_digest *key_id)
{
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];

		if (each->row.kind != CV_AUTHORITY_ROOT &&
		    cv_digest_equal(&each->certificate->key_id, key_id))
			return each;
	}
	return NULL;
}

const char *
cv_realm_key_refusal(const struct cv_realm *realm, const char *factory, enum cv_authority_kind kind,
    const struct cv_digest *key_id)
{
	const struct cv_realm_authority *first = first_of_key(realm, key_id);

	if (!first)
		return NULL;
	if (strcmp(first->row.factory, factory) != 0)
		return "the key of this CA is that of another factory's";
	if (first->row.kind == kind)
		return first->row.state == CV_AUTHORITY_REVOKED
			   ? "the key of this CA is revoked: enable what it is listed as first"
			   : NULL;
	switch (first->row.kind) {
	case CV_AUTHORITY_ONLINE:
		return "the key of this CA is already listed as online";
	case CV_AUTHORITY_OFFLINE:
		return "the key of this CA is already listed as offline";
	case CV_AUTHORITY_BOOTSTRAP:
		return "the key of this CA is already listed as bootstrap";
	case CV_AUTHORITY_ROOT:
		break;
	}
	return NULL;
}

bool
cv_realm_list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		size_t item = strcspn(list, ",");

		if (item == len && memcmp(list, name, len) == 0)
			return true;
		list += item + (list[item] == ',');
	}
	return false;
}
