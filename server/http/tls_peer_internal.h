/*
 * TLS as the HTTP library leaves it to us: which certificate the peer presented (nobody has
 * verified it yet, service/ does), and what our own certificate says.
 */
#ifndef CV_HTTP_TLS_PEER_INTERNAL_H
#define CV_HTTP_TLS_PEER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct MHD_Connection;

struct cv_tls_peer {
	bool is_read;
	struct cv_bytes
	    certificate; /* DER of the leaf, lent by the TLS session; empty: none presented */
	struct cv_digest fingerprint;
};

/* Asks for a certificate without naming CAs and without requiring one. Before the handshake. */
void cv_tls_ask_for_certificate(struct MHD_Connection *connection);
/* After the handshake; reads once per connection. */
void cv_tls_peer_read(struct MHD_Connection *connection, struct cv_tls_peer *peer);

/* Checks that our certificate and key are PEM and belong together. CV_E_CONFIG. */
bool cv_tls_check_pair(const char *certificate_pem, const char *key_pem, int64_t *ret_not_after_utc,
    struct cv_error *err);

/* GnuTLS priorities: TLS 1.2 and 1.3, ECDHE with AEAD, no SHA-1 (RFC 8996, RFC 9155). */
extern const char cv_tls_priorities[];

#endif
