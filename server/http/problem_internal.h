/*
 * The one table from outcomes to status, reason word and sentence, and the error body of each
 * listener: plain text for devices (RFC 7030 section 4.2.3), RFC 9457 for everybody else.
 */
#ifndef CV_HTTP_PROBLEM_INTERNAL_H
#define CV_HTTP_PROBLEM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/verdict.h"
#include "cv/service/announcement.h"
#include "cv/service/device_layers.h"
#include "cv/service/device_lifecycle.h"
#include "cv/service/enrolment.h"
#include "cv/util/error.h"
#include "request_internal.h"

enum cv_problem {
	CV_PROBLEM_BAD_REQUEST,
	CV_PROBLEM_BAD_BASE64,
	CV_PROBLEM_BAD_CSR,
	CV_PROBLEM_BAD_SIGNATURE,
	CV_PROBLEM_BAD_EXTENSION,
	CV_PROBLEM_WEAK_KEY,
	CV_PROBLEM_BLOCKED_KEY,
	CV_PROBLEM_KEY_IN_USE,
	CV_PROBLEM_POP_MISSING, /* 400: in a CSR */
	CV_PROBLEM_BAD_JSON,
	CV_PROBLEM_BAD_KEY,
	CV_PROBLEM_SAME_KEY,
	CV_PROBLEM_BAD_CERTIFICATE, /* 400: in a body */
	CV_PROBLEM_BAD_SOURCE,
	CV_PROBLEM_BAD_CURSOR,
	CV_PROBLEM_UNAUTHENTICATED,
	CV_PROBLEM_NO_CLIENT_CERT,
	CV_PROBLEM_BAD_CLIENT_CERT,
	CV_PROBLEM_NOT_YET_VALID,
	CV_PROBLEM_EXPIRED,
	CV_PROBLEM_DENIED,
	CV_PROBLEM_THIRD_KEY,
	CV_PROBLEM_KEY_OF_OTHER, /* 403 key-in-use: at first contact */
	CV_PROBLEM_SUBJECT_MISMATCH,
	CV_PROBLEM_SAN_MISMATCH,
	CV_PROBLEM_NOT_AUTHORISED,
	CV_PROBLEM_POP_MISMATCH,
	CV_PROBLEM_NOT_A_GATEWAY,
	CV_PROBLEM_MISSING_ROLE,
	CV_PROBLEM_MISSING_SCOPE,
	CV_PROBLEM_CROSS_SITE,
	CV_PROBLEM_NOT_FOUND,
	CV_PROBLEM_METHOD,
	CV_PROBLEM_KEY_ENDED,
	CV_PROBLEM_KEY_CONFLICT, /* 409 key-in-use: in an announcement */
	CV_PROBLEM_NOT_POSSIBLE,
	CV_PROBLEM_EXISTS,
	CV_PROBLEM_LOCKED,
	CV_PROBLEM_STALE,
	CV_PROBLEM_TOO_LARGE,
	CV_PROBLEM_TARGET_TOO_LONG,
	CV_PROBLEM_MEDIA_TYPE,
	CV_PROBLEM_NOT_JSON,
	CV_PROBLEM_KEY_REUSED,
	CV_PROBLEM_NO_IF_MATCH,
	CV_PROBLEM_BUSY,
	CV_PROBLEM_HEADERS,
	CV_PROBLEM_INTERNAL,
	CV_PROBLEM_UNAVAILABLE,
};

/* What an answer needs to know of a problem. */
struct cv_problem_row {
	enum cv_problem problem;
	unsigned status;
	const char *word; /* stable */
	const char *sentence;
};

const struct cv_problem_row *cv_problem_row(enum cv_problem problem);

enum cv_problem cv_problem_of_verdict(enum cv_verdict verdict);
enum cv_problem cv_problem_of_enrolment(enum cv_enrolment_outcome outcome, enum cv_verdict verdict);
enum cv_problem cv_problem_of_announcement(
    enum cv_announcement_outcome outcome, enum cv_verdict verdict);
enum cv_problem cv_problem_of_layer(enum cv_layer_outcome outcome);
enum cv_problem cv_problem_of_error(enum cv_error_code code);

/* Answers. detail: one sentence for the client instead of the table's; NULL: the table's. */
void cv_problem_answer(struct cv_request *request, enum cv_problem problem, const char *detail);
/* 429 and 503: with so many seconds of Retry-After, 1 at least. */
void cv_problem_answer_later(struct cv_request *request, enum cv_problem problem,
    const char *detail, int64_t retry_after_seconds);
/* Answers what a failure means, and keeps it for the log; its text goes out only for bad input. */
void cv_problem_answer_error(struct cv_request *request, const struct cv_error *err);
/* 403 or 503 for a presented certificate that may not talk. */
void cv_problem_answer_verdict(struct cv_request *request, enum cv_verdict verdict);

#endif
