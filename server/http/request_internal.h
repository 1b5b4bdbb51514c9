/*
 * One request and its answer, as handlers see them. It belongs to the event loop of its connection,
 * and to one worker while it is suspended; never to both.
 */
#ifndef CV_HTTP_REQUEST_INTERNAL_H
#define CV_HTTP_REQUEST_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/service/realm.h"
#include "cv/service/sight.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "path_internal.h"
#include "places_internal.h"
#include "route_internal.h"
#include "trace_internal.h"

struct MHD_Connection;
struct cv_http;
struct cv_http_connection;
struct cv_listener;

#define CV_REQUEST_HEADERS_MAX 100
/* A larger body needs one of so many places. Devices have theirs and operators have theirs. */
#define CV_LARGE_BODIES_MAX 32
/* So does a larger answer to a device. */
#define CV_LARGE_ANSWERS_MAX 1024
/* Of either, one device has so many. */
#define CV_LARGE_OF_DEVICE_MAX 4
/* And all that are not known yet. */
#define CV_LARGE_OF_STRANGERS_MAX 8
/* A body without an endpoint, or beyond its ceiling, is read and dropped up to here; then the
 * connection is cut. */
#define CV_REQUEST_DROP_MAX ((size_t)256 * 1024)

/* Headers that are ever looked at. Other spellings (X_Client_Cert) are other headers, and are not.
 */
enum cv_header {
	CV_HEADER_AUTHORIZATION,
	CV_HEADER_CLIENT_CERT,
	CV_HEADER_CONTENT_LENGTH,
	CV_HEADER_CONTENT_TYPE,
	CV_HEADER_EXPECT,
	CV_HEADER_HOST,
	CV_HEADER_IDEMPOTENCY_KEY,
	CV_HEADER_IF_MATCH,
	CV_HEADER_IF_MODIFIED_SINCE,
	CV_HEADER_IF_NONE_MATCH,
	CV_HEADER_ORIGIN,
	CV_HEADER_OSF_TOKEN,
	CV_HEADER_SEC_FETCH_SITE,
	CV_HEADER_TRACEPARENT,
	CV_HEADER_TRANSFER_ENCODING,
	CV_HEADER_USER_AGENT,
	CV_HEADER_VERNEMQ_HOOK,
	CV_HEADER_X_AMZN_MTLS_CLIENTCERT,
	CV_HEADER_X_AMZN_MTLS_CLIENTCERT_LEAF,
	CV_HEADER_X_ATS_DOCKERAPPS,
	CV_HEADER_X_ATS_OSTREEHASH,
	CV_HEADER_X_ATS_TAGS,
	CV_HEADER_X_ATS_TARGET,
	CV_HEADER_X_CLIENT_CERT,
	CV_HEADER_X_CLIENT_CERT_ISSUER,
	CV_HEADER_X_CLIENT_CERT_SERIAL,
	CV_HEADER_X_CLIENT_CERT_SHA1,
	CV_HEADER_X_CLIENT_CERT_SHA256,
	CV_HEADER_X_FORWARDED_CLIENT_CERT,
	CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT,
	CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT_INFO,
	CV_HEADER_X_REQUEST_ID,
	CV_HEADER_COUNT,
};

struct cv_header_value {
	const char *text; /* the first; NULL: absent. Lent until the request ends */
	unsigned count;
};

#define CV_ANSWER_HEADERS_MAX 15
#define CV_ANSWER_HEADER_BYTES                                                                     \
	640 /* clients of the field read at most 900 bytes with what the library adds */

struct cv_answer_header {
	const char *name;  /* static */
	const char *value; /* static, or in header_text */
};

struct cv_answer {
	unsigned status;          /* 0: not yet answered */
	const char *content_type; /* static; NULL: none */
	struct cv_answer_header headers[CV_ANSWER_HEADERS_MAX];
	size_t header_count;
	char header_text[CV_ANSWER_HEADER_BYTES];
	size_t header_text_len;
	struct cv_buffer body;
	bool must_close;
};

enum cv_request_stage {
	CV_STAGE_HEADERS, /* nothing was looked at */
	CV_STAGE_BODY,    /* headers are good, the body is being read */
	CV_STAGE_WORKING, /* suspended, or resumed with an answer */
	CV_STAGE_ANSWERED,
};

struct cv_request {
	struct cv_http *http;
	struct cv_listener *listener;
	struct cv_http_connection *connection;
	struct MHD_Connection *mhd;
	enum cv_request_stage stage;
	int64_t started_us;

	const char *method; /* lent until the request ends */
	char target[CV_TARGET_MAX + 1];
	bool target_is_cut;
	struct cv_path path;
	struct cv_header_value headers[CV_HEADER_COUNT];
	char id[CV_REQUEST_ID_SIZE];
	struct cv_trace trace;

	struct cv_route_match match;
	const struct cv_label *label; /* of EST paths */
	const char *factory;          /* that the path names; NULL: none. Lent like the path */
	bool declares_body;
	struct cv_buffer body;
	size_t body_received;
	bool body_is_too_large;
	struct cv_place body_place;   /* of a large body */
	struct cv_place answer_place; /* of a large answer */

	/* Filled where a client certificate is looked at. */
	bool has_evidence;
	struct cv_evidence evidence;
	struct cv_buffer certificate;    /* forwarded certificate, DER */
	struct cv_certificate_name name; /* what else was forwarded; set if the evidence says so */
	struct cv_sight sight;
	char actor[CV_ACTOR_SIZE];
	struct cv_realm *realm; /* reference that keeps lent texts valid; NULL: none */

	/* For the log line only. */
	char serial[64];
	const char *reason; /* static word; NULL: none */
	char detail[192];   /* the sentence, of an enrolment */
	struct cv_error error;

	struct cv_answer answer;
};

/* A new request on a connection whose last one has ended. */
void cv_request_begin(struct cv_request *request, const char *target);
void cv_request_end(struct cv_request *request);
/* Frees what requests of a connection keep between them. */
void cv_request_deinit(struct cv_request *request);

enum cv_framing {
	CV_FRAMING_GOOD,
	CV_FRAMING_BAD,     /* RFC 9112 section 6.3: two lengths, or a length and an encoding; 3.2:
			       Host; 5.1 and 5.2: a blank before the colon, a line that goes on */
	CV_FRAMING_HEADERS, /* more headers than we read */
};

/* Reads method and headers, makes the request id. ret_length: of the declared body; 0: none or
 * unknown. */
enum cv_framing cv_request_read_headers(
    struct cv_request *request, const char *method, const char *version, uint64_t *ret_length);

/* NULL when absent. */
static inline const char *
cv_request_header(const struct cv_request *request, enum cv_header header)
{
	return request->headers[header].text;
}

/* Does the Content-Type name this media type, whatever its parameters and case? */
bool cv_request_has_media_type(const struct cv_request *request, const char *media_type);

void cv_answer_set(struct cv_request *request, unsigned status, const char *content_type);
/* name and value must be static. */
void cv_answer_add_header(struct cv_request *request, const char *name, const char *value);
/* The value is copied. Header values that do not fit are a defect: the answer becomes a 500. */
void cv_answer_add_header_text(struct cv_request *request, const char *name, const char *value);
void cv_answer_add_header_number(struct cv_request *request, const char *name, int64_t value);
/* Forgets everything that was answered so far. */
void cv_answer_reset(struct cv_request *request);

/* Does the User-Agent begin like this? */
bool cv_request_agent_is(const struct cv_request *request, const char *prefix);

#endif
