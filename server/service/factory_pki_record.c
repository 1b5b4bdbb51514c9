#include <stdlib.h>
#include <string.h>

#include "cv/util/text.h"
#include "factory_pki_internal.h"
#include "realm_keys_internal.h"
#include "service_internal.h"

void
factory_pki_deinit(struct factory_pki *pki)
{
	for (size_t i = 0; i < pki->authority_count; i++)
		cv_certificate_free(pki->authorities[i].certificate);
	for (size_t i = 0; i < pki->key_count; i++)
		cv_factory_key_deinit(&pki->keys[i]);
	free(pki->authorities);
	free(pki->keys);
	free(pki->root_crt);
	free(pki->ca_crt);
	free(pki->created_by);
	free(pki->updated_by);
}

static bool
take_pki(void *context, const struct cv_factory_pki_row *row)
{
	struct factory_pki *pki = context;

	pki->has_row = true;
	pki->root_crt = strdup(row->root_crt);
	pki->ca_crt = strdup(row->ca_crt);
	pki->created_by = strdup(row->created_by);
	pki->updated_by = strdup(row->updated_by);
	pki->created_at_utc = row->created_at_utc;
	pki->updated_at_utc = row->updated_at_utc;
	return pki->root_crt != NULL && pki->ca_crt != NULL && pki->created_by != NULL &&
	       pki->updated_by != NULL;
}

static bool
take_key(void *context, const struct cv_factory_key_row *row)
{
	struct factory_pki *pki = context;
	struct cv_factory_key_row *keys =
	    reallocarray(pki->keys, pki->key_count + 1, sizeof(*keys));

	if (keys == NULL)
		return false;
	pki->keys = keys;
	if (!cv_factory_key_copy(row, &keys[pki->key_count]))
		return false;
	pki->key_count++;
	return true;
}

static bool
take_authority(void *context, const struct cv_authority_row *row)
{
	struct factory_pki *pki = context;
	struct cv_realm_authority *authorities =
	    reallocarray(pki->authorities, pki->authority_count + 1, sizeof(*authorities));

	if (authorities == NULL)
		return false;
	pki->authorities = authorities;
	struct cv_realm_authority *authority = &authorities[pki->authority_count];
	*authority = (struct cv_realm_authority){.row = *row};
	authority->row.certificate = cv_bytes(NULL, 0);
	if (!cv_certificate_parse(row->certificate, &authority->certificate, &pki->error))
		return cv_error_context(&pki->error, "authority %s", row->name);
	pki->authority_count++;
	return true;
}

static struct cv_factory_pki_sink
make_sink(struct factory_pki *pki)
{
	return (struct cv_factory_pki_sink){
	    .context = pki, .pki = take_pki, .key = take_key, .authority = take_authority};
}

const struct cv_realm_authority *
factory_pki_find(const struct factory_pki *pki, const struct cv_digest *fingerprint)
{
	for (size_t i = 0; i < pki->authority_count; i++) {
		if (cv_digest_equal(&pki->authorities[i].row.fingerprint, fingerprint))
			return &pki->authorities[i];
	}
	return NULL;
}

static const struct cv_realm_authority *
first_root(const struct factory_pki *pki)
{
	for (size_t i = 0; i < pki->authority_count; i++) {
		const struct cv_realm_authority *each = &pki->authorities[i];
		if (each->row.kind == CV_AUTHORITY_ROOT && each->row.state != CV_AUTHORITY_REVOKED)
			return each;
	}
	return NULL;
}

/* The one that was uploaded, else the one that init made. */
static bool
find_root(struct factory_pki *pki, struct cv_error *err)
{
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};

	pki->root = first_root(pki);
	if (!pki->has_row || pki->root_crt[0] == '\0')
		return true;
	if (!cv_bundle_parse(cv_bytes(pki->root_crt, strlen(pki->root_crt)), &bundle, err))
		return cv_error_context(err, "recorded root");
	pki->root = factory_pki_find(pki, &bundle.items[0].certificate->fingerprint);
	return pki->root != NULL ||
	       cv_fail(err, CV_E_INTERNAL, "the recorded root is no authority of its factory");
}

const struct cv_factory_key_row *
factory_pki_key(const struct factory_pki *pki, enum cv_factory_key_purpose purpose,
    enum cv_factory_key_state state)
{
	for (size_t i = 0; i < pki->key_count; i++) {
		if (pki->keys[i].purpose == purpose && pki->keys[i].state == state)
			return &pki->keys[i];
	}
	return NULL;
}

bool
factory_pki_is_device_ca(const struct cv_realm_authority *authority)
{
	return authority->row.kind == CV_AUTHORITY_ONLINE ||
	       authority->row.kind == CV_AUTHORITY_OFFLINE;
}

/* Reads with the sink by one of the store's two ways. */
bool
factory_pki_read(struct cv_connection *connection, const char *factory, bool is_change,
    struct factory_pki *ret_pki, struct cv_error *err)
{
	const struct cv_factory_pki_sink sink = make_sink(ret_pki);
	bool is_read = is_change ? cv_factory_pki_store_begin(connection, factory, &sink, err)
				 : cv_factory_pki_store_read(connection, factory, &sink, err);

	if (!is_read && ret_pki->error.code != CV_E_NONE)
		*err = ret_pki->error;
	return is_read && find_root(ret_pki, err);
}

/* ---- one change ---- */

bool
factory_pki_end(
    struct cv_factory_pki_result *result, enum cv_factory_pki_outcome outcome, const char *detail)
{
	result->outcome = outcome;
	(void)cv_text_copy(result->detail, sizeof(result->detail), detail);
	return true;
}

bool
factory_pki_carry_out(struct cv_service *service, factory_pki_attempt *try, void *job,
    bool takes_away, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good = false;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	for (int i = 0; i < CV_ATTEMPTS_MAX && !is_good; i++) {
		is_good = try(service, connection, job, err);
		if (!is_good && err->code != CV_E_CONFLICT)
			break;
	}
	is_good = is_good && cv_service_take_realm(service, connection, takes_away, err);
	cv_pool_return(connection);
	return is_good;
}
