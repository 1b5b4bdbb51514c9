/* The TLS session that the HTTP library holds for a connection. */
#ifndef CV_HTTP_TLS_SESSION_INTERNAL_H
#define CV_HTTP_TLS_SESSION_INTERNAL_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

/* NULL: without TLS. */
static inline gnutls_session_t
cv_tls_session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info == NULL ? NULL : info->tls_session;
}

#endif
