/* The passphrase of sealed keys while the process runs: on pages of its own, that are not swapped,
 * not dumped, not passed on by fork, and wiped. Any thread may read it. */
#ifndef CV_SIGNER_PASSPHRASE_INTERNAL_H
#define CV_SIGNER_PASSPHRASE_INTERNAL_H

#include <stdbool.h>

#include "cv/util/error.h"

struct cv_passphrase;

bool cv_passphrase_new(
    const char *text, struct cv_passphrase **ret_passphrase, struct cv_error *err);
const char *cv_passphrase_text(const struct cv_passphrase *passphrase);
void cv_passphrase_free(struct cv_passphrase *passphrase);

#endif
