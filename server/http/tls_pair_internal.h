/*
 * The server's certificate chain and key, ready for handshakes. A pair never changes: a listener is
 * given another one, and connections keep the one that they began with. Any thread.
 */
#ifndef CV_HTTP_TLS_PAIR_INTERNAL_H
#define CV_HTTP_TLS_PAIR_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/util/auto.h"
#include "cv/util/error.h"

struct MHD_Connection;
struct cv_tls_pair;

/* PEM texts, copied. CV_E_CONFIG: one of them is no PEM, or they do not belong together. */
bool cv_tls_pair_load(const char *certificate_pem, const char *key_pem,
    struct cv_tls_pair **ret_pair, struct cv_error *err);
struct cv_tls_pair *cv_tls_pair_ref(struct cv_tls_pair *pair);
/* Gives a reference back. */
void cv_tls_pair_free(struct cv_tls_pair *pair);
CV_DEFINE_CLEANUP(cv_tls_pair);

int64_t cv_tls_pair_not_after_utc(const struct cv_tls_pair *pair);
/* The certificate chain as it was given, PEM; lent. */
const char *cv_tls_pair_certificate(const struct cv_tls_pair *pair);
/* The handshake of this connection, which has not begun, uses the pair. It must outlive it. */
void cv_tls_pair_use(const struct cv_tls_pair *pair, struct MHD_Connection *connection);

/* The first DNS name among the alternative names of the first certificate; false: it has none. */
bool cv_tls_first_name(const char *certificate_pem, char *ret_name, size_t size);

#endif
