/*
 * Keys that everybody has, from a file of one line each; what follows a blank or begins with # is
 * comment. 64 hex digits: SHA-256 of the SubjectPublicKeyInfo. 20 hex digits: an RSA key as in the
 * lists of Debian's openssl-blacklist, the last 80 bits of the SHA-1 of the line "Modulus=" and the
 * modulus in capital hex digits. The file is read again when it has changed. Any thread.
 */
#ifndef CV_SERVICE_KEY_BLOCK_LIST_H
#define CV_SERVICE_KEY_BLOCK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/pki/public_key.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"

struct cv_key_block_list;

/* path "": an empty list for ever. CV_E_IO, or CV_E_CONFIG that names the line. */
bool cv_key_block_list_new(
    const char *path, struct cv_key_block_list **ret_list, struct cv_error *err);
void cv_key_block_list_free(struct cv_key_block_list *list);
CV_DEFINE_CLEANUP(cv_key_block_list);

/* Reads the file again if it has changed; when that fails, the list stays as it was. */
bool cv_key_block_list_refresh(struct cv_key_block_list *list, struct cv_error *err);
bool cv_key_block_list_has(struct cv_key_block_list *list, const struct cv_public_key *key);

#endif
