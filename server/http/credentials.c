#include "credentials_internal.h"

#include <string.h>
#include <strings.h>

#include "cv/model/secret.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "http_internal.h"
#include "problem_internal.h"

/* What follows the scheme name, NULL when it is another scheme. Names ignore case (RFC 9110
 * section 11.1). */
static const char *
skip_scheme(const char *authorization, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncasecmp(authorization, scheme, len) != 0 || authorization[len] != ' ')
		return NULL;
	return authorization + len + strspn(authorization + len, " ");
}

static bool
decode_text(const char *text, struct cv_buffer *ret_text)
{
	struct cv_error err = CV_ERROR_INIT;

	return cv_base64_decode(text, strlen(text), CV_BASE64_STRICT, ret_text, &err) &&
	       ret_text->len > 0 && memchr(ret_text->data, '\0', ret_text->len) == NULL;
}

static enum cv_credentials_outcome
take(const char *secret, char ret_secret[CV_CREDENTIAL_SIZE])
{
	if (secret[0] == '\0' || !cv_text_copy(ret_secret, CV_CREDENTIAL_SIZE, secret))
		return CV_CREDENTIALS_UNUSABLE;
	return CV_CREDENTIALS_GIVEN;
}

static enum cv_credentials_outcome
parse_bearer(const char *token, char ret_secret[CV_CREDENTIAL_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer decoded = {.is_secret = true};

	/* Our secrets say what they are, so no token can be taken for the encoding of another. */
	if (decode_text(token, &decoded) &&
	    (cv_text_has_prefix(cv_buffer_text(&decoded), CV_SECRET_ENROLMENT) ||
		cv_text_has_prefix(cv_buffer_text(&decoded), CV_SECRET_OPERATOR)))
		return take(cv_buffer_text(&decoded), ret_secret);
	return take(token, ret_secret);
}

static enum cv_credentials_outcome
parse_basic(const char *encoded, char ret_secret[CV_CREDENTIAL_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer decoded = {.is_secret = true};
	const char *colon;

	if (!decode_text(encoded, &decoded))
		return CV_CREDENTIALS_UNUSABLE;
	colon = strchr(cv_buffer_text(&decoded), ':');
	return colon == NULL ? CV_CREDENTIALS_UNUSABLE : take(colon + 1, ret_secret);
}

enum cv_credentials_outcome
cv_credentials_parse(
    const char *authorization, enum cv_credentials_of of, char ret_secret[CV_CREDENTIAL_SIZE])
{
	const char *bearer = skip_scheme(authorization, "Bearer");
	const char *basic = skip_scheme(authorization, "Basic");

	if (bearer != NULL)
		return parse_bearer(bearer, ret_secret);
	if (basic != NULL && of == CV_CREDENTIALS_OF_DEVICE)
		return parse_basic(basic, ret_secret);
	return CV_CREDENTIALS_UNUSABLE;
}

enum cv_credentials_outcome
cv_credentials_read(const struct cv_request *request, enum cv_credentials_of of,
    char ret_secret[CV_CREDENTIAL_SIZE])
{
	bool reads_osf_token = of == CV_CREDENTIALS_OF_OPERATOR;
	const struct cv_header_value *authorization = &request->headers[CV_HEADER_AUTHORIZATION];
	const struct cv_header_value *token = &request->headers[CV_HEADER_OSF_TOKEN];

	if (authorization->count > 1 || (reads_osf_token && token->count > 1))
		return CV_CREDENTIALS_UNUSABLE;
	/* A client that has a token besides a login of another kind sends both. */
	if (reads_osf_token && token->count == 1)
		return take(token->text, ret_secret);
	if (authorization->count == 1)
		return cv_credentials_parse(authorization->text, of, ret_secret);
	return CV_CREDENTIALS_ABSENT;
}

bool
cv_credentials_must_wait(struct cv_request *request)
{
	struct cv_http *http = request->http;
	int64_t wait_seconds = cv_failure_limit_wait(
	    http->failures, &request->connection->source, cv_http_now_ms(http));

	if (wait_seconds == 0)
		return false;
	atomic_fetch_add(&http->credentials_delayed, 1);
	cv_problem_answer_later(request, CV_PROBLEM_BUSY,
	    "Too many wrong passwords or tokens, come back later.", wait_seconds);
	return true;
}

void
cv_credentials_note_failure(struct cv_request *request)
{
	struct cv_http *http = request->http;

	cv_failure_limit_count(http->failures, &request->connection->source, cv_http_now_ms(http));
}
