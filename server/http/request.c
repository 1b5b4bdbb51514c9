#include "request_internal.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/random.h"
#include "cv/util/text.h"
#include "http_internal.h"

#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
static const struct {
	const char *text;
	size_t len;
} header_names[CV_HEADER_COUNT] = {
    [CV_HEADER_AUTHORIZATION] = NAME("Authorization"),
    [CV_HEADER_CLIENT_CERT] = NAME("Client-Cert"),
    [CV_HEADER_CONTENT_LENGTH] = NAME("Content-Length"),
    [CV_HEADER_CONTENT_TYPE] = NAME("Content-Type"),
    [CV_HEADER_EXPECT] = NAME("Expect"),
    [CV_HEADER_HOST] = NAME("Host"),
    [CV_HEADER_IDEMPOTENCY_KEY] = NAME("Idempotency-Key"),
    [CV_HEADER_IF_MATCH] = NAME("If-Match"),
    [CV_HEADER_IF_MODIFIED_SINCE] = NAME("If-Modified-Since"),
    [CV_HEADER_IF_NONE_MATCH] = NAME("If-None-Match"),
    [CV_HEADER_ORIGIN] = NAME("Origin"),
    [CV_HEADER_OSF_TOKEN] = NAME("OSF-TOKEN"),
    [CV_HEADER_SEC_FETCH_SITE] = NAME("Sec-Fetch-Site"),
    [CV_HEADER_TRACEPARENT] = NAME("traceparent"),
    [CV_HEADER_TRANSFER_ENCODING] = NAME("Transfer-Encoding"),
    [CV_HEADER_USER_AGENT] = NAME("User-Agent"),
    [CV_HEADER_VERNEMQ_HOOK] = NAME("Vernemq-Hook"),
    [CV_HEADER_X_AMZN_MTLS_CLIENTCERT] = NAME("X-Amzn-Mtls-Clientcert"),
    [CV_HEADER_X_AMZN_MTLS_CLIENTCERT_LEAF] = NAME("X-Amzn-Mtls-Clientcert-Leaf"),
    [CV_HEADER_X_ATS_DOCKERAPPS] = NAME("X-Ats-Dockerapps"),
    [CV_HEADER_X_ATS_OSTREEHASH] = NAME("X-Ats-Ostreehash"),
    [CV_HEADER_X_ATS_TAGS] = NAME("X-Ats-Tags"),
    [CV_HEADER_X_ATS_TARGET] = NAME("X-Ats-Target"),
    [CV_HEADER_X_CLIENT_CERT] = NAME("X-Client-Cert"),
    [CV_HEADER_X_CLIENT_CERT_ISSUER] = NAME("X-Client-Cert-Issuer"),
    [CV_HEADER_X_CLIENT_CERT_SERIAL] = NAME("X-Client-Cert-Serial"),
    [CV_HEADER_X_CLIENT_CERT_SHA1] = NAME("X-Client-Cert-Sha1"),
    [CV_HEADER_X_CLIENT_CERT_SHA256] = NAME("X-Client-Cert-Sha256"),
    [CV_HEADER_X_FORWARDED_CLIENT_CERT] = NAME("X-Forwarded-Client-Cert"),
    [CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT] = NAME("X-Forwarded-Tls-Client-Cert"),
    [CV_HEADER_X_FORWARDED_TLS_CLIENT_CERT_INFO] = NAME("X-Forwarded-Tls-Client-Cert-Info"),
    [CV_HEADER_X_REQUEST_ID] = NAME("X-Request-Id"),
};

/* Its texts are long, and need not be cleared whole. */
static void
forget_error(struct cv_error *error)
{
	error->code = CV_E_NONE;
	error->text[0] = '\0';
	error->cause[0] = '\0';
}

void
cv_request_begin(struct cv_request *request, const char *target)
{
	size_t len = strnlen(target, CV_TARGET_MAX + 1);

	request->stage = CV_STAGE_HEADERS;
	request->started_us = cv_histogram_now_us();
	request->method = "";
	request->target_is_cut = len > CV_TARGET_MAX;
	if (request->target_is_cut)
		len = CV_TARGET_MAX;
	memcpy(request->target, target, len);
	request->target[len] = '\0';
	request->path.count = 0;
	request->path.query = "";
	memset(request->headers, 0, sizeof(request->headers));
	request->id[0] = '\0';
	request->trace = (struct cv_trace){.trace_id = ""};
	request->match = (struct cv_route_match){.route = NULL};
	request->declares_body = false;
	request->body_received = 0;
	request->body_is_too_large = false;
	request->body_place.places = NULL;
	request->answer_place.places = NULL;
	request->has_evidence = false;
	request->evidence.evidence = CV_EVIDENCE_NAME;
	memset(&request->sight, 0, sizeof(request->sight));
	request->serial[0] = '\0';
	request->actor[0] = '\0';
	request->detail[0] = '\0';
	request->reason = NULL;
	forget_error(&request->error);
	cv_answer_reset(request);
}

void
cv_request_end(struct cv_request *request)
{
	/* A body may hold secrets, and idle connections should cost little. */
	cv_buffer_deinit(&request->body);
	cv_buffer_deinit(&request->answer.body);
	cv_buffer_reset(&request->certificate);
	cv_realm_free(request->realm);
	request->realm = NULL;
}

void
cv_request_deinit(struct cv_request *request)
{
	cv_request_end(request);
	cv_buffer_deinit(&request->certificate);
}

/* What one pass over the headers finds. */
struct header_scan {
	struct cv_request *request;
	const char *line_end; /* of the line before */
	size_t break_len;     /* between two lines; 0: not seen yet */
	unsigned count;
	bool is_bad;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 section 5.1, as far as it keeps two readers from finding two names in one line. */
static bool
is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	}
	return len > 0;
}

/*
 * What stands in the buffer is what counts, and the library (0.9.75) reads some of it otherwise.
 * A line that goes on in the next one (RFC 9112 section 5.2) it appends to the name, and not to the
 * value: a header that nobody looks at becomes one that is believed. At a NUL it takes a value for
 * ended, and at a line that begins with a colon the whole head: what is behind it becomes a request
 * of its own. So each line must begin where the one before ended, and all of them must end alike.
 * It has put NULs in the place of line ends, and of that colon: one with nothing but a line feed
 * behind it, among lines that end in two octets, looks like the end of the head here, too.
 */
static bool
is_next_line(struct header_scan *scan, const char *name)
{
	size_t gap = (uintptr_t)name - (uintptr_t)scan->line_end;

	if (scan->break_len == 0 && gap <= 2)
		scan->break_len = gap;
	return gap > 0 && gap == scan->break_len;
}

/* Is the empty line what the head ends with? */
static bool
is_at_end(const struct header_scan *scan, const char *head_end)
{
	size_t gap = (uintptr_t)head_end - (uintptr_t)scan->line_end;

	if (scan->break_len == 0 ? gap != 2 && gap != 4 : gap != 2 * scan->break_len)
		return false;
	for (size_t i = 0; i < gap; i++) {
		if (scan->line_end[i] != '\0')
			return false;
	}
	return true;
}

/* RFC 9110 section 5.5: blanks around a value are not of it, and the library leaves those behind
 * it. The text is in its buffer, which belongs to this request: later passes find it trimmed. */
static void
trim(const char *value, size_t len)
{
	char *end = (char *)(uintptr_t)value + len;

	while (end > value && is_blank(end[-1]))
		*--end = '\0';
}

static enum MHD_Result
scan_header(void *context, enum MHD_ValueKind kind, const char *name, size_t len, const char *value,
    size_t value_len)
{
	struct header_scan *scan = context;

	(void)kind;
	scan->count++;
	if (!is_name(name, len) || value == NULL || !is_next_line(scan, name)) {
		scan->is_bad = true;
		return MHD_NO;
	}
	scan->line_end = value + value_len;
	/* The library compares this one with its blanks, and reads the body by that. */
	if (len != strlen("Transfer-Encoding") ||
	    !cv_text_equal_ignoring_case(name, "Transfer-Encoding"))
		trim(value, value_len);
	for (size_t i = 0; i < CV_HEADER_COUNT; i++) {
		if (len != header_names[i].len ||
		    (memcmp(name, header_names[i].text, len) != 0 &&
			!cv_text_equal_ignoring_case(name, header_names[i].text)))
			continue;
		if (scan->request->headers[i].count++ == 0)
			scan->request->headers[i].text = value;
		break;
	}
	return MHD_YES;
}

/* [A-Za-z0-9._-]{1,63}: what may be put into logs and headers as it is. */
static bool
is_request_id(const char *text)
{
	return strnlen(text, CV_REQUEST_ID_SIZE) < CV_REQUEST_ID_SIZE &&
	       cv_factory_name_is_valid(text, strlen(text));
}

static void
choose_id(struct cv_request *request)
{
	const char *given = cv_request_header(request, CV_HEADER_X_REQUEST_ID);

	if (given != NULL && is_request_id(given))
		(void)cv_text_copy(request->id, sizeof(request->id), given);
	else
		cv_uuid7(cv_clock_wall_ms(cv_service_clock(request->http->service)), request->id);
}

/*
 * RFC 9112 section 6.3. The library takes the first of several lengths and lets any
 * Transfer-Encoding win over it; a proxy in front may see it the other way round and would be
 * tricked into a request that it never sent. HTTP/1.0 knows no Transfer-Encoding (section 6.1).
 */
static enum cv_framing
judge_framing(struct cv_request *request, const char *version, uint64_t *ret_length)
{
	const struct cv_header_value *length = &request->headers[CV_HEADER_CONTENT_LENGTH];
	const struct cv_header_value *encoding = &request->headers[CV_HEADER_TRANSFER_ENCODING];

	*ret_length = 0;
	if (length->count > 1 || encoding->count > 1 || (length->count > 0 && encoding->count > 0))
		return CV_FRAMING_BAD;
	if (encoding->count > 0) {
		request->declares_body = true;
		return cv_text_equal_ignoring_case(encoding->text, "chunked") &&
			       !cv_text_equal(version, "HTTP/1.0")
			   ? CV_FRAMING_GOOD
			   : CV_FRAMING_BAD;
	}
	if (length->count > 0 && !cv_text_parse_unsigned(length->text, UINT64_MAX, ret_length))
		return CV_FRAMING_BAD;
	request->declares_body = *ret_length > 0;
	return CV_FRAMING_GOOD;
}

/* RFC 9112 sections 3.2 and 3: one Host from HTTP/1.1 on, and no blank in the target. */
static bool
is_request_line_good(const struct cv_request *request, const char *version)
{
	unsigned hosts = request->headers[CV_HEADER_HOST].count;

	if (hosts > 1 || (hosts == 0 && !cv_text_equal(version, "HTTP/1.0")))
		return false;
	return strchr(request->target, ' ') == NULL;
}

enum cv_framing
cv_request_read_headers(
    struct cv_request *request, const char *method, const char *version, uint64_t *ret_length)
{
	struct header_scan scan = {.request = request, .line_end = version + strlen(version)};
	const union MHD_ConnectionInfo *head =
	    MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	request->method = method;
	(void)MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, scan_header, &scan);
	if (head == NULL || !is_at_end(&scan, method + head->header_size))
		scan.is_bad = true;
	choose_id(request);
	if (request->headers[CV_HEADER_TRACEPARENT].count > 0)
		cv_trace_begin(request->headers[CV_HEADER_TRACEPARENT].count > 1
				   ? ""
				   : cv_request_header(request, CV_HEADER_TRACEPARENT),
		    &request->trace);
	enum cv_framing framing = judge_framing(request, version, ret_length);
	if (scan.is_bad || !is_request_line_good(request, version))
		return CV_FRAMING_BAD;
	if (framing == CV_FRAMING_GOOD && scan.count > CV_REQUEST_HEADERS_MAX)
		return CV_FRAMING_HEADERS;
	return framing;
}

bool
cv_request_has_media_type(const struct cv_request *request, const char *media_type)
{
	const char *value = cv_request_header(request, CV_HEADER_CONTENT_TYPE);
	char type[64];
	size_t len;

	if (value == NULL)
		return false;
	len = strcspn(value, ";");
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	return cv_text_copy_bytes(type, sizeof(type), value, len) &&
	       cv_text_equal_ignoring_case(type, media_type);
}

bool
cv_request_agent_is(const struct cv_request *request, const char *prefix)
{
	const char *agent = cv_request_header(request, CV_HEADER_USER_AGENT);

	return agent != NULL && cv_text_has_prefix(agent, prefix);
}

void
cv_answer_reset(struct cv_request *request)
{
	struct cv_answer *answer = &request->answer;

	answer->status = 0;
	answer->content_type = NULL;
	answer->header_count = 0;
	answer->header_text_len = 0;
	answer->must_close = false;
	cv_buffer_reset(&answer->body);
}

void
cv_answer_set(struct cv_request *request, unsigned status, const char *content_type)
{
	request->answer.status = status;
	request->answer.content_type = content_type;
}

/* A bound of ours was too small: nobody outside can cause it. */
static void
fail_answer(struct cv_request *request)
{
	cv_answer_reset(request);
	cv_answer_set(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
	(void)cv_fail(&request->error, CV_E_INTERNAL, "answer headers do not fit");
}

void
cv_answer_add_header(struct cv_request *request, const char *name, const char *value)
{
	struct cv_answer *answer = &request->answer;

	if (answer->header_count == CV_ANSWER_HEADERS_MAX) {
		fail_answer(request);
		return;
	}
	answer->headers[answer->header_count++] =
	    (struct cv_answer_header){.name = name, .value = value};
}

void
cv_answer_add_header_text(struct cv_request *request, const char *name, const char *value)
{
	struct cv_answer *answer = &request->answer;
	char *copy = answer->header_text + answer->header_text_len;

	if (!cv_text_copy(copy, sizeof(answer->header_text) - answer->header_text_len, value)) {
		fail_answer(request);
		return;
	}
	answer->header_text_len += strlen(copy) + 1;
	cv_answer_add_header(request, name, copy);
}

void
cv_answer_add_header_number(struct cv_request *request, const char *name, int64_t value)
{
	char digits[CV_NUMBER_SIZE];

	cv_answer_add_header_text(request, name, cv_text_from_number(value, digits));
}
