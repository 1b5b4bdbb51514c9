#include "problem_internal.h"

#include <stdio.h>

#include "broker_handlers_internal.h"
#include "cv/codec/operator_json.h"
#include "cv/model/source.h"
#include "cv/util/log.h"
#include "gateway_handlers_internal.h"
#include "http_internal.h"

#define RETRY_AFTER_SECONDS 5
#define SENTENCE_MAX 400 /* with the word the text stays under 512 bytes */

#define ROW(problem_, status_, word_, sentence_)                                                   \
	[problem_] = {                                                                             \
	    .problem = (problem_), .status = (status_), .word = (word_), .sentence = (sentence_)}

static const struct cv_problem_row rows[] = {
    ROW(CV_PROBLEM_BAD_REQUEST, 400, "bad-request", "The request is malformed."),
    ROW(CV_PROBLEM_BAD_BASE64, 400, "bad-base64", "The body must be base64."),
    ROW(CV_PROBLEM_BAD_CSR, 400, "bad-csr", "The certificate request is not acceptable."),
    ROW(CV_PROBLEM_BAD_SIGNATURE, 400, "bad-signature",
	"The signature of the certificate request does not verify."),
    ROW(CV_PROBLEM_BAD_EXTENSION, 400, "bad-extension",
	"The certificate request asks for an extension that is not issued."),
    ROW(CV_PROBLEM_WEAK_KEY, 400, "weak-key", "The key is not of an accepted type or size."),
    ROW(CV_PROBLEM_BLOCKED_KEY, 400, "blocked-key", "The key is blocked."),
    ROW(CV_PROBLEM_KEY_IN_USE, 400, "key-in-use",
	"The key belongs to another device or was replaced before."),
    ROW(CV_PROBLEM_POP_MISSING, 400, "pop-missing",
	"The certificate request must be tied to its TLS connection."),
    ROW(CV_PROBLEM_BAD_JSON, 400, "bad-json", "The body is not the expected JSON."),
    ROW(CV_PROBLEM_BAD_KEY, 400, "bad-key", "The named key is not an acceptable public key."),
    ROW(CV_PROBLEM_SAME_KEY, 400, "same-key", "The named key is the one in use."),
    ROW(CV_PROBLEM_BAD_CERTIFICATE, 400, "bad-certificate", "The certificate is not acceptable."),
    ROW(CV_PROBLEM_BAD_SOURCE, 400, "bad-source",
	"The sources must be some of " CV_SOURCE_WORDS
	", each once, with \"=Name\" if the header has another name."),
    ROW(CV_PROBLEM_BAD_CURSOR, 400, "bad-cursor", "The cursor is none that this list has given."),
    ROW(CV_PROBLEM_UNAUTHENTICATED, 401, "unauthenticated",
	"A valid token or client certificate is needed."),
    ROW(CV_PROBLEM_NO_CLIENT_CERT, 403, "no-client-cert", "A client certificate is needed."),
    ROW(CV_PROBLEM_BAD_CLIENT_CERT, 403, "bad-client-cert",
	"The client certificate is not accepted here."),
    ROW(CV_PROBLEM_NOT_YET_VALID, 403, "bad-client-cert",
	"The client certificate is not valid yet."),
    ROW(CV_PROBLEM_EXPIRED, 403, "expired", "The client certificate has expired."),
    ROW(CV_PROBLEM_DENIED, 403, "denied", "The client certificate is denied."),
    ROW(CV_PROBLEM_THIRD_KEY, 403, "third-key",
	"The key of the client certificate is neither current nor announced."),
    ROW(CV_PROBLEM_KEY_OF_OTHER, 403, "key-in-use", "The key belongs to another device."),
    ROW(CV_PROBLEM_SUBJECT_MISMATCH, 403, "subject-mismatch",
	"The subject differs from that of the client certificate."),
    ROW(CV_PROBLEM_SAN_MISMATCH, 403, "san-mismatch",
	"The subject alternative name differs from that of the client certificate."),
    ROW(CV_PROBLEM_NOT_AUTHORISED, 403, "not-authorised", "This is not allowed."),
    ROW(CV_PROBLEM_POP_MISMATCH, 403, "pop-mismatch",
	"The certificate request is tied to another TLS connection."),
    ROW(CV_PROBLEM_NOT_A_GATEWAY, 403, "not-a-gateway", "The caller is no gateway."),
    ROW(CV_PROBLEM_MISSING_ROLE, 403, "missing-role", "Your role does not allow this."),
    ROW(CV_PROBLEM_MISSING_SCOPE, 403, "missing-scope", "The token is cut down to other scopes."),
    ROW(CV_PROBLEM_CROSS_SITE, 403, "cross-site",
	"A browser sent this for a page of another site."),
    ROW(CV_PROBLEM_NOT_FOUND, 404, "not-found", "There is nothing here."),
    ROW(CV_PROBLEM_METHOD, 405, "method", "The method is not allowed here."),
    ROW(CV_PROBLEM_KEY_ENDED, 409, "key-ended", "The named key is denied or was replaced before."),
    ROW(CV_PROBLEM_KEY_CONFLICT, 409, "key-in-use", "The key belongs to somebody else."),
    ROW(CV_PROBLEM_NOT_POSSIBLE, 409, "not-possible", "This is not possible in the present state."),
    ROW(CV_PROBLEM_EXISTS, 409, "exists", "Something of that name or content exists already."),
    ROW(CV_PROBLEM_LOCKED, 409, "locked",
	"The device has announced a new key: its own configuration is locked until that is used."),
    ROW(CV_PROBLEM_STALE, 412, "precondition-failed",
	"It was changed meanwhile: If-Match names an older state."),
    ROW(CV_PROBLEM_TOO_LARGE, 413, "too-large", "The body is too large."),
    ROW(CV_PROBLEM_TARGET_TOO_LONG, 414, "target-too-long", "The request target is too long."),
    ROW(CV_PROBLEM_MEDIA_TYPE, 415, "media-type", "The body must be application/pkcs10."),
    ROW(CV_PROBLEM_NOT_JSON, 415, "media-type", "The body must be application/json."),
    ROW(CV_PROBLEM_KEY_REUSED, 422, "idempotency-key-reused",
	"Another request had this Idempotency-Key."),
    ROW(CV_PROBLEM_NO_IF_MATCH, 428, "precondition-required",
	"If-Match is needed: the ETag of what is changed, or *."),
    ROW(CV_PROBLEM_BUSY, 429, "busy", "Too many requests, come back later."),
    ROW(CV_PROBLEM_HEADERS, 431, "headers", "There are too many header fields."),
    ROW(CV_PROBLEM_INTERNAL, 500, "internal", "Something went wrong on our side."),
    ROW(CV_PROBLEM_UNAVAILABLE, 503, "unavailable", "This cannot be decided now, try again later."),
};

const struct cv_problem_row *
cv_problem_row(enum cv_problem problem)
{
	return &rows[problem];
}

enum cv_problem
cv_problem_of_verdict(enum cv_verdict verdict)
{
	switch (verdict) {
	case CV_VERDICT_OK:
	case CV_VERDICT_ACTIVATED:
	case CV_VERDICT_REGISTERED:
		return CV_PROBLEM_INTERNAL; /* no problem at all: asking is the defect */
	case CV_VERDICT_TALKS:
	case CV_VERDICT_DENIED:
	case CV_VERDICT_DEVICE_REFUSED:
		return CV_PROBLEM_DENIED;
	case CV_VERDICT_NO_CERTIFICATE:
		return CV_PROBLEM_NO_CLIENT_CERT;
	case CV_VERDICT_BAD_CERTIFICATE:
	case CV_VERDICT_AMBIGUOUS:
	case CV_VERDICT_UNKNOWN:
	case CV_VERDICT_AUTHORITY_REFUSED:
		return CV_PROBLEM_BAD_CLIENT_CERT;
	case CV_VERDICT_EXPIRED:
		return CV_PROBLEM_EXPIRED;
	case CV_VERDICT_NOT_YET_VALID:
		return CV_PROBLEM_NOT_YET_VALID;
	case CV_VERDICT_THIRD_KEY:
		return CV_PROBLEM_THIRD_KEY;
	case CV_VERDICT_KEY_IN_USE:
		return CV_PROBLEM_KEY_OF_OTHER;
	case CV_VERDICT_NOT_A_GATEWAY:
		return CV_PROBLEM_NOT_A_GATEWAY;
	case CV_VERDICT_UNAVAILABLE:
		return CV_PROBLEM_UNAVAILABLE;
	}
	return CV_PROBLEM_INTERNAL;
}

enum cv_problem
cv_problem_of_enrolment(enum cv_enrolment_outcome outcome, enum cv_verdict verdict)
{
	switch (outcome) {
	case CV_ENROLMENT_ISSUED:
	case CV_ENROLMENT_REPEATED:
	case CV_ENROLMENT_PENDING:
		return CV_PROBLEM_INTERNAL; /* no problem at all: asking is the defect */
	case CV_ENROLMENT_BAD_CSR:
		return CV_PROBLEM_BAD_CSR;
	case CV_ENROLMENT_BAD_SIGNATURE:
		return CV_PROBLEM_BAD_SIGNATURE;
	case CV_ENROLMENT_BAD_EXTENSION:
		return CV_PROBLEM_BAD_EXTENSION;
	case CV_ENROLMENT_WEAK_KEY:
		return CV_PROBLEM_WEAK_KEY;
	case CV_ENROLMENT_BLOCKED_KEY:
		return CV_PROBLEM_BLOCKED_KEY;
	case CV_ENROLMENT_KEY_IN_USE:
		return CV_PROBLEM_KEY_IN_USE;
	case CV_ENROLMENT_SUBJECT_MISMATCH:
		return CV_PROBLEM_SUBJECT_MISMATCH;
	case CV_ENROLMENT_SAN_MISMATCH:
		return CV_PROBLEM_SAN_MISMATCH;
	case CV_ENROLMENT_NO_CREDENTIALS:
	case CV_ENROLMENT_BAD_CREDENTIALS:
		return CV_PROBLEM_UNAUTHENTICATED;
	case CV_ENROLMENT_NOT_AUTHORISED:
		return CV_PROBLEM_NOT_AUTHORISED;
	case CV_ENROLMENT_POP_MISSING:
		return CV_PROBLEM_POP_MISSING;
	case CV_ENROLMENT_POP_MISMATCH:
		return CV_PROBLEM_POP_MISMATCH;
	case CV_ENROLMENT_REFUSED:
		return cv_problem_of_verdict(verdict);
	case CV_ENROLMENT_BUSY:
		return CV_PROBLEM_BUSY;
	case CV_ENROLMENT_NO_ISSUER:
		return CV_PROBLEM_UNAVAILABLE;
	case CV_ENROLMENT_TAKEN:
		return CV_PROBLEM_EXISTS;
	case CV_ENROLMENT_BAD_NAME:
	case CV_ENROLMENT_NO_GROUP:
		return CV_PROBLEM_BAD_REQUEST;
	case CV_ENROLMENT_BAD_CERTIFICATE:
		return CV_PROBLEM_BAD_CERTIFICATE;
	}
	return CV_PROBLEM_INTERNAL;
}

enum cv_problem
cv_problem_of_announcement(enum cv_announcement_outcome outcome, enum cv_verdict verdict)
{
	switch (outcome) {
	case CV_ANNOUNCEMENT_DONE:
		return CV_PROBLEM_INTERNAL; /* no problem at all: asking is the defect */
	case CV_ANNOUNCEMENT_MALFORMED:
		return CV_PROBLEM_BAD_KEY;
	case CV_ANNOUNCEMENT_SAME_KEY:
		return CV_PROBLEM_SAME_KEY;
	case CV_ANNOUNCEMENT_KEY_ENDED:
		return CV_PROBLEM_KEY_ENDED;
	case CV_ANNOUNCEMENT_KEY_IN_USE:
		return CV_PROBLEM_KEY_CONFLICT;
	case CV_ANNOUNCEMENT_REFUSED:
		return cv_problem_of_verdict(verdict);
	case CV_ANNOUNCEMENT_BUSY:
		return CV_PROBLEM_BUSY;
	}
	return CV_PROBLEM_INTERNAL;
}

enum cv_problem
cv_problem_of_layer(enum cv_layer_outcome outcome)
{
	switch (outcome) {
	case CV_LAYER_DONE:
		return CV_PROBLEM_INTERNAL; /* no problem at all: asking is the defect */
	case CV_LAYER_NOT_FOUND:
		return CV_PROBLEM_NOT_FOUND;
	case CV_LAYER_LOCKED:
		return CV_PROBLEM_LOCKED;
	}
	return CV_PROBLEM_INTERNAL;
}

enum cv_problem
cv_problem_of_error(enum cv_error_code code)
{
	switch (code) {
	case CV_E_INPUT:
		return CV_PROBLEM_BAD_REQUEST;
	case CV_E_LIMIT:
		return CV_PROBLEM_TOO_LARGE;
	case CV_E_NOT_FOUND:
		return CV_PROBLEM_NOT_FOUND;
	case CV_E_DATABASE:
	case CV_E_CONFLICT:
	case CV_E_SIGNER:
	case CV_E_BUSY:
	case CV_E_SCHEMA:
		return CV_PROBLEM_UNAVAILABLE;
	case CV_E_NONE:
	case CV_E_INTERNAL:
	case CV_E_MEMORY:
	case CV_E_CONFIG:
	case CV_E_IO:
	case CV_E_CONSTRAINT:
	case CV_E_CRYPTO:
		return CV_PROBLEM_INTERNAL;
	}
	return CV_PROBLEM_INTERNAL;
}

static bool
speaks_text(const struct cv_request *request)
{
	return request->listener->kind == CV_LISTENER_DEVICE;
}

/* Unknown paths too: such a client prints nothing of an error in another form. */
static bool
speaks_ota(const struct cv_request *request)
{
	return request->listener->kind == CV_LISTENER_OPERATOR &&
	       cv_path_is_below(request->target, "/ota");
}

static const char *
content_type_of(const struct cv_request *request)
{
	if (speaks_text(request))
		return "text/plain; charset=utf-8";
	return speaks_ota(request) ? "application/json" : "application/problem+json";
}

static void
append_body(struct cv_request *request, const struct cv_problem_row *row, const char *detail)
{
	struct cv_buffer *body = &request->answer.body;
	const char *sentence = detail == NULL ? row->sentence : detail;

	cv_buffer_reset(body);
	if (speaks_text(request))
		cv_buffer_printf(body, "%s %.*s\n", row->word, SENTENCE_MAX, sentence);
	else if (speaks_ota(request))
		cv_json_append_message(body, row->word, sentence, request->id);
	else
		cv_json_append_problem(body, row->word, row->sentence, (int)row->status, detail,
		    request->id, row->status == 429 || row->status == 503);
}

static bool
is_of_broker(const struct cv_request *request)
{
	return request->match.route != NULL && (request->match.route->flags & CV_ROUTE_BROKER) != 0;
}

/* Whoever asks for a device is told what is to be done with it: a malformed question admits nobody.
 */
static enum cv_verdict
verdict_of_gateway(enum cv_problem problem)
{
	return cv_problem_row(problem)->status < 500 ? CV_VERDICT_BAD_CERTIFICATE
						     : CV_VERDICT_UNAVAILABLE;
}

void
cv_problem_answer_later(struct cv_request *request, enum cv_problem problem, const char *detail,
    int64_t retry_after_seconds)
{
	const struct cv_problem_row *row = cv_problem_row(problem);
	bool must_close = request->answer.must_close;

	if (is_of_broker(request)) {
		cv_broker_refuse(request, verdict_of_gateway(problem));
		return;
	}
	if (request->match.route == &cv_gateway_check_route) {
		cv_gateway_refuse(request, verdict_of_gateway(problem));
		return;
	}

	cv_answer_reset(request);
	request->answer.must_close = must_close;
	request->reason = row->word;
	cv_answer_set(request, row->status, content_type_of(request));
	append_body(request, row, detail);
	cv_answer_add_header(request, "Cache-Control", "no-store");
	if (row->status == 429 || row->status == 503)
		cv_answer_add_header_number(
		    request, "Retry-After", retry_after_seconds < 1 ? 1 : retry_after_seconds);
	if (problem == CV_PROBLEM_METHOD)
		cv_answer_add_header(request, "Allow", request->match.allow);
}

void
cv_problem_answer(struct cv_request *request, enum cv_problem problem, const char *detail)
{
	cv_problem_answer_later(request, problem, detail, RETRY_AFTER_SECONDS);
}

void
cv_problem_answer_error(struct cv_request *request, const struct cv_error *err)
{
	enum cv_problem problem = cv_problem_of_error(err->code);

	request->error = *err;
	/* What has a cause was found by the database: its text names what is ours. */
	cv_problem_answer(
	    request, problem, err->code == CV_E_INPUT && err->cause[0] == '\0' ? err->text : NULL);
}

void
cv_problem_answer_verdict(struct cv_request *request, enum cv_verdict verdict)
{
	cv_problem_answer(request, cv_problem_of_verdict(verdict), NULL);
}
