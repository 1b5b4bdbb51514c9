/* One HTTP request by libcurl, over a connection of its own. */
#ifndef CV_CLI_TRANSPORT_INTERNAL_H
#define CV_CLI_TRANSPORT_INTERNAL_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_TRANSPORT_ANSWER_MAX 16777216

struct cv_transport_request {
	const char *method;
	const char *url;
	const char *token;               /* NULL: none */
	const char *certificate;         /* PEM file; NULL: none */
	const char *key;                 /* PEM file; NULL: it is in the file of the certificate */
	const char *ca_file;             /* NULL: the system's */
	struct cv_bytes certificate_pem; /* both in memory instead of files; data NULL: none */
	struct cv_bytes key_pem;
	const char *socket;          /* path of a UNIX socket to connect to; NULL: none */
	const char *const *headers;  /* further lines, NULL behind the last; NULL: none */
	struct cv_bytes body;        /* data NULL: none */
	const char *content_type;    /* of the body; NULL: JSON */
	const char *if_match;        /* NULL: none */
	const char *idempotency_key; /* NULL: none */
	long timeout_ms;
	bool is_local; /* never through a proxy */
};

/* CV_E_IO: no answer. Only a socket and what is local are asked over http, too. The body of the
 * answer is appended. Redirects are not followed. */
bool cv_transport_send(const struct cv_transport_request *request, long *ret_status,
    struct cv_buffer *ret_body, struct cv_error *err);

/* For CURLOPT_WRITEFUNCTION: appends to the cv_buffer that context is. A count that is not size *
 * count tells libcurl to stop. */
size_t cv_transport_take_body(char *data, size_t size, size_t count, void *context);

/* The code in the body of a refusal: JSON with "code", or a text that begins with it; "" in any
 * other. */
#define CV_TRANSPORT_CODE_SIZE 41
void cv_transport_find_code(struct cv_bytes body, char *ret_code, size_t size);

#endif
