/*
 * Server certificates by name: which pair and which factory a client means with the name that it
 * sends in its TLS hello (RFC 6066 section 3). An immutable table, shared by reference. Any thread.
 */
#ifndef CV_HTTP_SERVER_NAMES_INTERNAL_H
#define CV_HTTP_SERVER_NAMES_INTERNAL_H

#include <stdint.h>

#include "cv/service/factory_pki.h"
#include "cv/service/realm.h"
#include "cv/util/auto.h"
#include "tls_pair_internal.h"

#define CV_SERVER_NAME_SIZE 254

struct cv_server_names;

/*
 * The names and pairs of a realm's server certificates; pairs that before, which may be NULL, has
 * already are taken from it. One whose key does not open here, or does not fit, is left out with an
 * error in the log. Of factories that share a name the default one has it, else the first. NULL:
 * out of memory. Blocking: opening a key takes a tenth of a second.
 */
struct cv_server_names *cv_server_names_make(
    struct cv_service *service, const struct cv_realm *realm, const struct cv_server_names *before);
struct cv_server_names *cv_server_names_ref(struct cv_server_names *names);
void cv_server_names_free(struct cv_server_names *names); /* gives one reference back */
CV_DEFINE_CLEANUP(cv_server_names);

/* Of the realm that it was made of. */
int64_t cv_server_names_version(const struct cv_server_names *names);
/* A reference to the pair, and the factory; NULL: nobody has that name. Case does not matter. */
struct cv_tls_pair *cv_server_names_find(const struct cv_server_names *names, const char *name,
    char ret_factory[CV_FACTORY_NAME_MAX + 1]);

/* Tells of each server certificate in use; names: comma separated. */
typedef void cv_server_sink(
    void *context, const char *factory, const char *names, int64_t not_after_utc);
void cv_server_names_each(const struct cv_server_names *names, cv_server_sink *sink, void *context);

#endif
