#include "cv/model/source.h"

#include <string.h>

#include "cv/util/text.h"

/* The headers of a source stand side by side in enum cv_source_header. */
static const struct {
	const char *word;
	enum cv_source_header first;
	int headers;
	int needed; /* of them, when they are named */
} sources_known[CV_SOURCE_COUNT] = {
    [CV_SOURCE_RFC9440] = {"rfc9440", CV_SOURCE_HEADER_RFC9440, 1, 1},
    [CV_SOURCE_XFCC] = {"xfcc", CV_SOURCE_HEADER_XFCC, 1, 1},
    [CV_SOURCE_PEM] = {"pem", CV_SOURCE_HEADER_PEM, 1, 1},
    [CV_SOURCE_TRAEFIK] = {"traefik", CV_SOURCE_HEADER_TRAEFIK, 2, 1},
    [CV_SOURCE_ALB] = {"alb", CV_SOURCE_HEADER_ALB_LEAF, 2, 1},
    [CV_SOURCE_ISSUER_SERIAL] = {"issuer-serial", CV_SOURCE_HEADER_ISSUER, 2, 2},
    [CV_SOURCE_SHA256] = {"sha256", CV_SOURCE_HEADER_SHA256, 1, 1},
    [CV_SOURCE_SHA1] = {"sha1", CV_SOURCE_HEADER_SHA1, 1, 1},
};

static const char *const usual_names[CV_SOURCE_HEADERS] = {
    [CV_SOURCE_HEADER_RFC9440] = "Client-Cert",
    [CV_SOURCE_HEADER_XFCC] = "X-Forwarded-Client-Cert",
    [CV_SOURCE_HEADER_PEM] = "X-Client-Cert",
    [CV_SOURCE_HEADER_TRAEFIK] = "X-Forwarded-Tls-Client-Cert",
    [CV_SOURCE_HEADER_TRAEFIK_INFO] = "X-Forwarded-Tls-Client-Cert-Info",
    [CV_SOURCE_HEADER_ALB_LEAF] = "X-Amzn-Mtls-Clientcert-Leaf",
    [CV_SOURCE_HEADER_ALB] = "X-Amzn-Mtls-Clientcert",
    [CV_SOURCE_HEADER_ISSUER] = "X-Client-Cert-Issuer",
    [CV_SOURCE_HEADER_SERIAL] = "X-Client-Cert-Serial",
    [CV_SOURCE_HEADER_SHA256] = "X-Client-Cert-Sha256",
    [CV_SOURCE_HEADER_SHA1] = "X-Client-Cert-Sha1",
};

/* ---- names ---- */

/*
 * What HTTP, proxies or we ourselves give another meaning; one that ends in '-' stands for all that
 * begin so. A certificate there would be a mistake, or what clients may write.
 */
static const char *const taken[] = {"accept", "accept-", "access-control-", "authorization",
    "cache-control", "certvendor-", "connection", "content-", "cookie", "date", "expect",
    "forwarded", "from", "host", "http2-settings", "idempotency-key", "if-", "keep-alive",
    "max-forwards", "origin", "osf-token", "pragma", "prefer", "priority", "proxy-", "range",
    "referer", "sec-", "te", "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade",
    "upgrade-", "user-agent", "vernemq-hook", "via", "warning", "x-envoy-", "x-forwarded-by",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-method", "x-forwarded-port",
    "x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-server", "x-forwarded-uri", "x-real-ip",
    "x-request-id"};

static bool
is_taken(const char *lower_name)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		bool is_family = taken[i][strlen(taken[i]) - 1] == '-';

		if (is_family ? cv_text_has_prefix(lower_name, taken[i])
			      : cv_text_equal(lower_name, taken[i]))
			return true;
	}
	return false;
}

/* RFC 9110 section 5.6.2: a token. */
static bool
is_token(const char *text, size_t len)
{
	static const char extra[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool is_alphanumeric =
		    (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!is_alphanumeric && (c == '\0' || strchr(extra, c) == NULL))
			return false;
	}
	return len > 0;
}

static bool
take_name(struct cv_sources *sources, enum cv_source_header header, const char *text, size_t len)
{
	char lower_name[CV_SOURCE_NAME_SIZE];

	if (!is_token(text, len) ||
	    !cv_text_copy_bytes(
		sources->names[header], sizeof(sources->names[header]), text, len) ||
	    !cv_text_copy_bytes(lower_name, sizeof(lower_name), text, len))
		return false;
	for (char *c = lower_name; *c != '\0'; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	sources->headers |= 1U << header;
	sources->renamed |= 1U << header;
	return !is_taken(lower_name);
}

/* "A" or "A:B", behind the "=". */
static bool
take_names(
    struct cv_sources *sources, enum cv_certificate_source source, const char *text, size_t len)
{
	const char *end = text + len;
	int count = 0;

	for (;; text++) {
		const char *colon = memchr(text, ':', (size_t)(end - text));
		const char *name_end = colon == NULL ? end : colon;

		if (count == sources_known[source].headers ||
		    !take_name(sources, sources_known[source].first + (unsigned)count, text,
			(size_t)(name_end - text)))
			return false;
		count++;
		text = name_end;
		if (text == end)
			return count >= sources_known[source].needed;
	}
}

/* ---- the list ---- */

/* A word, with or without names. */
static bool
take_source(struct cv_sources *sources, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t word_len = equals == NULL ? len : (size_t)(equals - text);

	for (unsigned i = 0; i < CV_SOURCE_COUNT; i++) {
		enum cv_certificate_source source = (enum cv_certificate_source)i;
		const char *word = sources_known[i].word;

		if (word_len != strlen(word) || memcmp(word, text, word_len) != 0)
			continue;
		if (cv_sources_have(sources, source))
			return false;
		sources->words |= 1U << i;
		if (equals != NULL)
			return take_names(sources, source, equals + 1, len - word_len - 1);
		sources->headers |= ((1U << sources_known[i].headers) - 1U)
				    << sources_known[i].first;
		return true;
	}
	return false;
}

static const char *
name_of(const struct cv_sources *sources, enum cv_source_header header)
{
	return cv_sources_rename(sources, header) ? sources->names[header] : usual_names[header];
}

/* One header cannot be read in two ways. */
static bool
has_distinct_names(const struct cv_sources *sources)
{
	for (unsigned a = 1; a < CV_SOURCE_HEADERS; a++) {
		for (unsigned b = 0; b < a; b++) {
			if (cv_sources_read(sources, (enum cv_source_header)a) &&
			    cv_sources_read(sources, (enum cv_source_header)b) &&
			    cv_text_equal_ignoring_case(name_of(sources, (enum cv_source_header)a),
				name_of(sources, (enum cv_source_header)b)))
				return false;
		}
	}
	return true;
}

bool
cv_sources_parse(const char *list, struct cv_sources *ret_sources)
{
	struct cv_sources sources = {.words = 0};

	for (const char *at = list;; at++) {
		at += strspn(at, " ");
		size_t len = strcspn(at, ", ");

		if (!take_source(&sources, at, len))
			return false;
		at += len;
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		if (*at != ',')
			return false;
	}
	if (!has_distinct_names(&sources))
		return false;
	*ret_sources = sources;
	return true;
}
