#include "realm_keys_internal.h"

#include <stdlib.h>
#include <string.h>

#include "cv/util/log.h"

static void
free_text(const char *text)
{
	union {
		const char *lent;
		char *owned;
	} pointer = {.lent = text};

	free(pointer.owned);
}

void
cv_factory_key_deinit(const struct cv_factory_key_row *copy)
{
	free_text(copy->names);
	free_text(copy->certificate);
	free_text(copy->sealed);
}

bool
cv_factory_key_copy(const struct cv_factory_key_row *row, struct cv_factory_key_row *ret_copy)
{
	struct cv_factory_key_row copy = *row;

	copy.names = strdup(row->names);
	copy.certificate = strdup(row->certificate);
	copy.sealed = strdup(row->sealed);
	if (copy.names == NULL || copy.certificate == NULL || copy.sealed == NULL) {
		cv_factory_key_deinit(&copy);
		return false;
	}
	*ret_copy = copy;
	return true;
}

/* A key that does not open here is not a reason to serve nothing. */
static void
give_key(struct cv_signer *signer, const struct cv_factory_key_row *key,
    const struct cv_realm_authority *authority)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_new = false;

	if (!cv_signer_add_sealed(signer, CV_SIGNER_DEVICES, authority->certificate,
		cv_bytes(key->sealed, strlen(key->sealed)), &is_new, &err))
		cv_log_error(CV_LOG_ERROR, "signer-key-refused",
		    "an authority cannot sign here: its key in the database does not open", &err);
	else if (is_new)
		cv_log(CV_LOG_INFO, "signer-key-added", "the key of an authority is ready",
		    CV_LOG_TEXT("factory", key->factory),
		    CV_LOG_TEXT("authority", authority->row.name));
}

void
cv_realm_give_keys(const struct cv_realm *realm, struct cv_signer *signer)
{
	for (size_t i = 0; i < realm->key_count; i++) {
		const struct cv_factory_key_row *key = &realm->keys[i];

		if (key->purpose != CV_FACTORY_KEY_ONLINE)
			continue;
		for (size_t j = 0; j < realm->authority_count; j++) {
			const struct cv_realm_authority *authority = &realm->authorities[j];

			if (authority->row.kind == CV_AUTHORITY_ONLINE &&
			    cv_digest_equal(&authority->certificate->key_id, &key->key_id))
				give_key(signer, key, authority);
		}
	}
}
