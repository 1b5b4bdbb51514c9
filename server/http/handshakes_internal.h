/*
 * Handshakes that wait for their peer. After EAGAIN in a handshake the epoll loop of libmicrohttpd
 * 0.9.75 takes the socket for readable still and asks again at once: one silent peer costs a
 * processor. So TLS sessions read through here, and a connection whose handshake finds nothing to
 * read is suspended until there is.
 */
#ifndef CV_HTTP_HANDSHAKES_INTERNAL_H
#define CV_HTTP_HANDSHAKES_INTERNAL_H

#include <stdbool.h>

#include "cv/util/auto.h"
#include "cv/util/error.h"

struct MHD_Connection;
struct cv_handshakes;

/* Lives as long as the connection. */
struct cv_handshake {
	struct cv_handshakes *all;
	struct MHD_Connection *connection;
	int descriptor;
	bool is_over;
	bool is_watched;               /* its descriptor has a place in the epoll set */
	bool is_waiting;               /* this and the list: under the mutex */
	struct cv_handshake *previous; /* of those that wait */
	struct cv_handshake *next;
};

bool cv_handshakes_start(struct cv_handshakes **ret_handshakes, struct cv_error *err);
/* None waits after this, as the library must have it before it is stopped. */
void cv_handshakes_finish(struct cv_handshakes *handshakes);
/* Every connection must be gone. */
void cv_handshakes_free(struct cv_handshakes *handshakes);
CV_DEFINE_CLEANUP(cv_handshakes);

/* Before the first byte is read; without TLS nothing. */
void cv_handshake_begin(struct cv_handshakes *handshakes, struct MHD_Connection *connection,
    int descriptor, struct cv_handshake *ret_handshake);

#endif
