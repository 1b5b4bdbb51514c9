#include "tls_peer_internal.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "cv/pki/digest.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "tls_session_internal.h"

const char cv_tls_priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2"
    ":+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD"
    ":+ECDHE-ECDSA:+ECDHE-RSA"
    ":+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"
    ":+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA384"
    ":+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SECP521R1-SHA512"
    ":+SIGN-EDDSA-ED25519"
    ":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-PSS-RSAE-SHA512"
    ":+SIGN-RSA-PSS-SHA256:+SIGN-RSA-PSS-SHA384:+SIGN-RSA-PSS-SHA512"
    ":+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+SIGN-RSA-SHA512"
    ":+COMP-NULL:+CTYPE-X509"
    ":%SERVER_PRECEDENCE";

void
cv_tls_ask_for_certificate(struct MHD_Connection *connection)
{
	gnutls_session_t session = cv_tls_session_of(connection);

	/* Without a trust list the CertificateRequest names no CA: Go and Java clients send nothing
	 * when theirs is missing. */
	if (session != NULL)
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

#define NAME_SIZE 256

static int
take_name(gnutls_session_t session)
{
	struct cv_tls_name_query *query = gnutls_db_get_ptr(session);
	char name[NAME_SIZE] = "";
	size_t len = sizeof(name) - 1;
	unsigned type = GNUTLS_NAME_DNS;

	if (gnutls_server_name_get(session, name, &len, &type, 0) < 0 || type != GNUTLS_NAME_DNS)
		return 0;
	name[len < sizeof(name) ? len : sizeof(name) - 1] = '\0';
	query->sink(query, name);
	return 0;
}

void
cv_tls_ask_for_name(struct MHD_Connection *connection, struct cv_tls_name_query *query)
{
	gnutls_session_t session = cv_tls_session_of(connection);

	if (session == NULL)
		return;
	query->connection = connection;
	/* The HTTP library keeps the session's own pointer for itself; that of the session cache,
	 * which nobody uses, is free. */
	gnutls_db_set_ptr(session, query);
	gnutls_handshake_set_post_client_hello_function(session, take_name);
}

void
cv_tls_peer_read(struct MHD_Connection *connection, struct cv_tls_peer *peer)
{
	gnutls_session_t session;
	const gnutls_datum_t *chain;
	unsigned count = 0;

	if (peer->is_read)
		return;
	peer->is_read = true;
	session = cv_tls_session_of(connection);
	if (session == NULL)
		return;
	chain = gnutls_certificate_get_peers(session, &count);
	if (chain == NULL || count == 0 ||
	    gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) != GNUTLS_CRT_X509)
		return;
	peer->certificate = cv_bytes(chain[0].data, chain[0].size);
	cv_digest_sha256(peer->certificate, &peer->fingerprint);
}

static void
read_binding(gnutls_session_t session, gnutls_channel_binding_t kind, char *ret_text, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	gnutls_datum_t value = {.data = NULL};

	if (gnutls_session_channel_binding(session, kind, &value) < 0)
		return;
	cv_base64_append(&text, cv_bytes(value.data, value.size));
	(void)cv_text_copy(ret_text, size, cv_buffer_text(&text));
	gnutls_free(value.data);
}

/* RFC 7627 section 6.1 and RFC 9266 section 4.2: without extended master secret two connections may
 * have the same values. */
void
cv_tls_bind(struct MHD_Connection *connection, struct cv_channel_binding *ret_binding)
{
	gnutls_session_t session = cv_tls_session_of(connection);

	*ret_binding = (struct cv_channel_binding){.tls_unique = ""};
	if (session == NULL || (gnutls_protocol_get_version(session) == GNUTLS_TLS1_2 &&
				   gnutls_session_ext_master_secret_status(session) == 0))
		return;
	read_binding(session, GNUTLS_CB_TLS_UNIQUE, ret_binding->tls_unique,
	    sizeof(ret_binding->tls_unique));
	read_binding(session, GNUTLS_CB_TLS_EXPORTER, ret_binding->tls_exporter,
	    sizeof(ret_binding->tls_exporter));
}
