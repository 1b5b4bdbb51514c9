/*
 * TLS as the HTTP library leaves it to us: which certificate the peer presented. Nobody has
 * verified it yet, service/ does.
 */
#ifndef CV_HTTP_TLS_PEER_INTERNAL_H
#define CV_HTTP_TLS_PEER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/service/enrolment.h"
#include "cv/util/bytes.h"

struct MHD_Connection;

/* Lives as long as the connection. */
struct cv_tls_name_query {
	void (*sink)(struct cv_tls_name_query *query, const char *name);
	struct MHD_Connection *connection; /* set by the call */
};

struct cv_tls_peer {
	bool is_read;
	struct cv_bytes
	    certificate; /* DER of the leaf, lent by the TLS session; empty: none presented */
	struct cv_digest fingerprint;
};

/* Asks for a certificate without naming CAs and without requiring one. Before the handshake. */
void cv_tls_ask_for_certificate(struct MHD_Connection *connection);
/* Calls query->sink once the client has said which server it means (RFC 6066 section 3), before the
 * answer: the handshake may still be given another pair. Before the handshake. */
void cv_tls_ask_for_name(struct MHD_Connection *connection, struct cv_tls_name_query *query);
/* After the handshake; reads once per connection. */
void cv_tls_peer_read(struct MHD_Connection *connection, struct cv_tls_peer *peer);

/* What ties a request to this connection; nothing for TLS 1.2 without extended master secret. */
void cv_tls_bind(struct MHD_Connection *connection, struct cv_channel_binding *ret_binding);

/* GnuTLS priorities: TLS 1.2 and 1.3, ECDHE with AEAD, no SHA-1 (RFC 8996, RFC 9155). */
extern const char cv_tls_priorities[];

#endif
