#include "est_handlers_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials_internal.h"
#include "cv/codec/est.h"
#include "cv/pki/digest.h"
#include "cv/service/ca_certificates.h"
#include "cv/service/enrolment.h"
#include "cv/service/label_policy.h"
#include "cv/util/log.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "problem_internal.h"

#define LIBEST_COLUMNS 64
#define MIME_COLUMNS 64 /* RFC 2045 section 6.8: at most 76 */
#define CACERTS_MAX_AGE "max-age=60"
#define BASIC "Basic realm=\"certvendor\", charset=\"UTF-8\""
#define BEARER "Bearer realm=\"certvendor\""

/* It understands nothing but object identifiers in csrattrs, and needs line breaks. */
static bool
is_libest(const struct cv_request *request)
{
	return cv_request_agent_is(request, "libest");
}

/* libest cannot decode more than about 1 KiB without a line break; others cannot decode any inside.
 */
static size_t
columns_for(const struct cv_request *request)
{
	if (request->label->columns != CV_COLUMNS_AUTO)
		return (size_t)request->label->columns;
	return is_libest(request) ? LIBEST_COLUMNS : 0;
}

/* RFC 8951 section 3 makes it meaningless, but clients of the field take the body as binary without
 * it. */
static void
finish_base64(struct cv_request *request)
{
	cv_answer_add_header(request, "Content-Transfer-Encoding", "base64");
	if (request->answer.body.has_failed)
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

static void
append_certificates(struct cv_request *request, const struct cv_bytes *certificates, size_t count)
{
	cv_est_append_certs(&request->answer.body, certificates, count, columns_for(request));
	finish_base64(request);
}

/* With room for every authority of the realm. */
struct certificate_list {
	struct cv_bytes *items; /* owned */
	size_t count;
};

static void
certificate_list_deinit(struct certificate_list *list)
{
	free(list->items);
}

static void
collect(void *context, struct cv_bytes der)
{
	struct certificate_list *list = context;

	list->items[list->count++] = der;
}

/* NULL: there is none. */
static const char *
factory_of(struct cv_request *request)
{
	const struct cv_factory_row *row;

	if (request->realm == NULL)
		request->realm = cv_service_realm(request->http->service);
	if (request->factory != NULL)
		return request->factory;
	if (request->connection->named_factory[0] != '\0')
		return request->connection->named_factory;
	row = cv_realm_default_factory(request->realm);
	return row == NULL ? NULL : row->name;
}

/* RFC 9110 section 13.1.2, weak comparison: the quotes are of the tag, and never inside another. */
static bool
is_what_the_client_has(const struct cv_request *request, const char *quoted)
{
	const struct cv_header_value *header = &request->headers[CV_HEADER_IF_NONE_MATCH];

	return header->count == 1 &&
	       (cv_text_equal(header->text, "*") || strstr(header->text, quoted) != NULL);
}

/* Weak (RFC 9110 section 8.8.3): it is of the certificates, whatever the ends of the lines. */
static bool
format_tag(const struct certificate_list *list, char *ret_tag, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer all = CV_BUFFER_INIT;
	struct cv_digest digest;
	char hex[CV_DIGEST_HEX_SIZE];

	for (size_t i = 0; i < list->count; i++)
		cv_buffer_append(&all, list->items[i].data, list->items[i].len);
	cv_digest_sha256(cv_buffer_bytes(&all), &digest);
	cv_digest_format(&digest, hex);
	(void)snprintf(ret_tag, size, "W/\"%s\"", hex);
	return !all.has_failed;
}

static void
answer_ca_certificates(struct cv_request *request, const struct certificate_list *list)
{
	char tag[sizeof("W/\"\"") + CV_DIGEST_HEX_SIZE];
	bool is_known;

	if (!format_tag(list, tag, sizeof(tag))) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	is_known = is_what_the_client_has(request, strchr(tag, '"'));
	cv_answer_set(request, is_known ? 304 : 200, is_known ? NULL : "application/pkcs7-mime");
	cv_answer_add_header(request, "Cache-Control", CACERTS_MAX_AGE);
	cv_answer_add_header_text(request, "ETag", tag);
	/* Not sent with 304, but its length is that of the 200 (RFC 9110 section 8.6). */
	if (is_known)
		cv_est_append_certs(
		    &request->answer.body, list->items, list->count, columns_for(request));
	else
		append_certificates(request, list->items, list->count);
}

/* RFC 7030 section 4.1 */
void
cv_est_cacerts(struct cv_request *request)
{
	struct cv_service *service = request->http->service;
	const char *factory = factory_of(request);
	__attribute__((cleanup(certificate_list_deinit))) struct certificate_list list = {
	    .items = calloc(request->realm->authority_count + 1, sizeof(*list.items))};
	size_t issuers = 0;

	if (list.items == NULL) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	if (factory != NULL)
		issuers = cv_ca_certificates(request->realm, factory,
		    cv_label_authority(request->label, request->realm, factory),
		    cv_clock_wall_seconds(cv_service_clock(service)), collect, &list);
	if (issuers == 0) {
		cv_problem_answer(
		    request, CV_PROBLEM_UNAVAILABLE, "There is no usable certificate authority.");
		return;
	}
	answer_ca_certificates(request, &list);
}

/* RFC 7030 section 4.5.2. The OU is only asked for where the path says which factory it is. */
void
cv_est_csrattrs(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const char *unit = request->factory == NULL ? "" : request->factory;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_label_csrattrs(request->label, unit, is_libest(request), &der, &err)) {
		cv_problem_answer_error(request, &err);
	} else if (der.len == 0) {
		cv_answer_set(request, 204, NULL);
	} else {
		cv_answer_set(request, 200, "application/csrattrs");
		cv_est_append_base64(
		    &request->answer.body, cv_buffer_bytes(&der), columns_for(request));
		finish_base64(request);
	}
}

static void
answer_certificate(struct cv_request *request, struct cv_bytes der)
{
	/* Fielded fioconfig demands 201 and the bare type; every other client the opposite. */
	bool is_legacy =
	    request->label->is_go_legacy && cv_request_agent_is(request, "Go-http-client");

	cv_answer_set(request, is_legacy ? 201 : 200,
	    is_legacy ? "application/pkcs7-mime" : "application/pkcs7-mime; smime-type=certs-only");
	cv_answer_add_header(request, "Cache-Control", "no-store");
	append_certificates(request, &der, 1);
}

/* A header for each scheme: Bouncy Castle and libest read the first only. The body stays empty, or
 * Bouncy Castle does not answer. */
static void
challenge(struct cv_request *request)
{
	int64_t schemes = request->label->challenges;

	cv_answer_reset(request);
	cv_answer_set(request, 401, NULL);
	request->reason = "unauthenticated";
	if ((schemes & CV_CHALLENGE_BEARER_FIRST) != 0)
		cv_answer_add_header(request, "WWW-Authenticate", BEARER);
	if ((schemes & CV_CHALLENGE_BASIC) != 0)
		cv_answer_add_header(request, "WWW-Authenticate", BASIC);
	if ((schemes & (CV_CHALLENGE_BEARER | CV_CHALLENGE_BEARER_FIRST)) == CV_CHALLENGE_BEARER)
		cv_answer_add_header(request, "WWW-Authenticate", BEARER);
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

/* RFC 7030 section 4.2.3. Seconds, not a date, and no body: clients of the field cannot read
 * either. */
static void
answer_pending(struct cv_request *request, int64_t retry_after_seconds)
{
	cv_answer_set(request, 202, NULL);
	request->reason = "pending";
	cv_answer_add_header_number(request, "Retry-After", retry_after_seconds);
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

static void
answer_refusal(struct cv_request *request, const struct cv_enrolment_answer *answer)
{
	enum cv_problem problem = cv_problem_of_enrolment(answer->outcome, answer->verdict);

	if (answer->outcome == CV_ENROLMENT_PENDING)
		answer_pending(request, answer->retry_after_seconds);
	else if (problem == CV_PROBLEM_UNAUTHENTICATED)
		challenge(request);
	else if (problem == CV_PROBLEM_BUSY)
		cv_problem_answer_later(
		    request, problem, answer->detail, answer->retry_after_seconds);
	else
		cv_problem_answer(request, problem, answer->detail);
}

static void
note_party(struct cv_request *request, const struct cv_enrolment_answer *answer)
{
	if (answer->party.device[0] != '\0')
		request->sight.party = answer->party;
	if (answer->actor[0] != '\0')
		(void)cv_text_copy(request->actor, sizeof(request->actor), answer->actor);
	if (answer->detail != NULL)
		(void)cv_text_copy(request->detail, sizeof(request->detail), answer->detail);
	(void)cv_text_copy(request->serial, sizeof(request->serial), answer->serial);
}

/* RFC 7030 section 4.4.2. No encoding header of the whole: the parts have theirs, and Bouncy Castle
 * would not split it. */
static void
answer_key(struct cv_request *request, enum cv_est_key_form form, struct cv_bytes private_key,
    struct cv_bytes der)
{
	size_t columns = request->label->columns == CV_COLUMNS_AUTO
			     ? MIME_COLUMNS
			     : (size_t)request->label->columns;

	cv_answer_set(request, 200, CV_EST_KEY_ANSWER);
	cv_answer_add_header(request, "Cache-Control", "no-store");
	request->answer.body.is_secret = true; /* until its memory is freed, with the request */
	cv_est_append_key_answer(&request->answer.body, form, private_key, der, columns);
	if (request->answer.body.has_failed)
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

static void
answer_enrolment(struct cv_request *request, const struct cv_enrolment_answer *answer,
    const struct cv_buffer *der, const struct cv_buffer *private_key)
{
	note_party(request, answer);
	if (answer->outcome == CV_ENROLMENT_ISSUED || answer->outcome == CV_ENROLMENT_REPEATED) {
		request->reason = cv_enrolment_outcome_name(answer->outcome);
		if (private_key != NULL)
			answer_key(request,
			    answer->is_key_enveloped ? CV_EST_KEY_ENVELOPED : CV_EST_KEY_PLAIN,
			    cv_buffer_bytes(private_key), cv_buffer_bytes(der));
		else
			answer_certificate(request, cv_buffer_bytes(der));
	} else {
		answer_refusal(request, answer);
	}
}

/* The CSR out of the body; false with the answer set. */
static bool
read_csr(struct cv_request *request, struct cv_buffer *ret_csr)
{
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_request_has_media_type(request, "application/pkcs10")) {
		cv_problem_answer(request, CV_PROBLEM_MEDIA_TYPE, NULL);
		return false;
	}
	if (!cv_est_decode_request(cv_buffer_bytes(&request->body), ret_csr, &err)) {
		cv_problem_answer_error(request, &err);
		if (err.code == CV_E_INPUT)
			cv_problem_answer(request, CV_PROBLEM_BAD_BASE64, NULL);
		return false;
	}
	return true;
}

static struct cv_enrolment_request
make_order(const struct cv_request *request, const struct cv_buffer *csr,
    struct cv_channel_binding *binding)
{
	if (request->label->linking != CV_LINKING_OFF)
		cv_tls_bind(request->mhd, binding);
	return (struct cv_enrolment_request){
	    .label = request->label,
	    .binding = binding,
	    .csr = cv_buffer_bytes(csr),
	    .evidence = request->has_evidence ? &request->evidence : NULL,
	    .sight = request->has_evidence ? &request->sight : NULL,
	    .factory = request->factory,
	    .names_factory = request->label == &request->http->factory_label,
	    /* Such a client sends no subjectAltName, whatever its certificate has. */
	    .inherits_san =
		request->label->is_go_legacy && cv_request_agent_is(request, "Go-http-client"),
	    .request_id = request->id,
	};
}

/* RFC 7030 section 4.2.2 */
void
cv_est_simplereenroll(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_enrolment_answer answer = {.outcome = CV_ENROLMENT_REFUSED};
	struct cv_error err = CV_ERROR_INIT;

	struct cv_channel_binding binding;

	if (!read_csr(request, &csr))
		return;
	struct cv_enrolment_request order = make_order(request, &csr, &binding);
	if (cv_reenrol(request->http->service, &order, &answer, &der, &err))
		answer_enrolment(request, &answer, &der, NULL);
	else
		cv_problem_answer_error(request, &err);
}

static void
enrol(struct cv_request *request, const struct cv_enrolment_request *order)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_enrolment_answer answer = {.outcome = CV_ENROLMENT_REFUSED};
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_enrol(request->http->service, order, &answer, &der, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (answer.outcome == CV_ENROLMENT_BAD_CREDENTIALS)
		cv_credentials_note_failure(request);
	answer_enrolment(request, &answer, &der, order->ret_private_key);
}

/* With the secret of the HTTP credentials, where they count. */
static void
enrol_with_secret(struct cv_request *request, struct cv_enrolment_request *order)
{
	char secret[CV_CREDENTIAL_SIZE];

	switch (cv_credentials_read(request, CV_CREDENTIALS_OF_DEVICE, secret)) {
	case CV_CREDENTIALS_ABSENT:
		enrol(request, order);
		break;
	case CV_CREDENTIALS_UNUSABLE:
		challenge(request);
		break;
	case CV_CREDENTIALS_GIVEN:
		order->token = secret;
		if (!cv_credentials_must_wait(request))
			enrol(request, order);
		break;
	}
	cv_wipe(secret, sizeof(secret));
}

/* A presented certificate decides alone: a wrong one never falls back to a password. */
static void
enrol_with_credentials(struct cv_request *request, struct cv_buffer *ret_private_key)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_channel_binding binding;

	if (!read_csr(request, &csr))
		return;
	struct cv_enrolment_request order = make_order(request, &csr, &binding);
	order.ret_private_key = ret_private_key;
	if (order.evidence == NULL || (request->label->enrols & CV_ENROL_BOTH) != 0)
		enrol_with_secret(request, &order);
	else
		enrol(request, &order);
}

/* RFC 7030 section 4.2.1 */
void
cv_est_simpleenroll(struct cv_request *request)
{
	enrol_with_credentials(request, NULL);
}

/* RFC 7030 section 4.4 */
void
cv_est_serverkeygen(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer private_key = {.is_secret = true};

	enrol_with_credentials(request, &private_key);
}
