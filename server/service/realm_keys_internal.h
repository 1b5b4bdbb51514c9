/* Keys of factories as the realm holds them, and their way into the signer. Any thread. */
#ifndef CV_SERVICE_REALM_KEYS_INTERNAL_H
#define CV_SERVICE_REALM_KEYS_INTERNAL_H

#include "cv/service/realm.h"
#include "cv/signer/signer.h"

/* With texts of its own; false: out of memory. */
bool cv_factory_key_copy(const struct cv_factory_key_row *row, struct cv_factory_key_row *ret_copy);
void cv_factory_key_deinit(const struct cv_factory_key_row *copy);

/* Gives the signer the online keys that it lacks. One that does not open here is an error in the
 * log: its authority cannot sign at this instance. */
void cv_realm_give_keys(const struct cv_realm *realm, struct cv_signer *signer);

#endif
