/* In which headers a gateway says what certificate its client has. Plain values; any thread. */
#ifndef CV_MODEL_SOURCE_H
#define CV_MODEL_SOURCE_H

#include <stdbool.h>

enum cv_certificate_source {
	CV_SOURCE_RFC9440,       /* Client-Cert */
	CV_SOURCE_XFCC,          /* Envoy's X-Forwarded-Client-Cert */
	CV_SOURCE_PEM,           /* X-Client-Cert, percent-encoded */
	CV_SOURCE_TRAEFIK,       /* X-Forwarded-Tls-Client-Cert, else its -Info */
	CV_SOURCE_ALB,           /* X-Amzn-Mtls-Clientcert-Leaf, or without -Leaf */
	CV_SOURCE_ISSUER_SERIAL, /* X-Client-Cert-Issuer and X-Client-Cert-Serial */
	CV_SOURCE_SHA256,        /* X-Client-Cert-Sha256 */
	CV_SOURCE_SHA1,          /* X-Client-Cert-Sha1 */
	CV_SOURCE_COUNT,
};

/* All words, for the texts that list them. */
#define CV_SOURCE_WORDS "rfc9440, xfcc, pem, traefik, alb, issuer-serial, sha256, sha1"

/* What a header of a source carries; a gateway may have another name for it. */
enum cv_source_header {
	CV_SOURCE_HEADER_RFC9440,
	CV_SOURCE_HEADER_XFCC,
	CV_SOURCE_HEADER_PEM,
	CV_SOURCE_HEADER_TRAEFIK,
	CV_SOURCE_HEADER_TRAEFIK_INFO,
	CV_SOURCE_HEADER_ALB_LEAF,
	CV_SOURCE_HEADER_ALB,
	CV_SOURCE_HEADER_ISSUER,
	CV_SOURCE_HEADER_SERIAL,
	CV_SOURCE_HEADER_SHA256,
	CV_SOURCE_HEADER_SHA1,
	CV_SOURCE_HEADERS,
};

#define CV_SOURCE_NAME_SIZE 65
/* Every word with the longest names, and more. */
#define CV_SOURCE_LIST_SIZE 1024

/* The sources of one gateway. */
struct cv_sources {
	unsigned words;   /* one bit a source */
	unsigned headers; /* one bit a header: the only ones that are read */
	unsigned renamed; /* those of them that do not have their usual name */
	char names[CV_SOURCE_HEADERS][CV_SOURCE_NAME_SIZE]; /* where renamed; "": usual */
};

static inline bool
cv_sources_have(const struct cv_sources *sources, enum cv_certificate_source source)
{
	return (sources->words >> source & 1U) != 0;
}

static inline bool
cv_sources_read(const struct cv_sources *sources, enum cv_source_header header)
{
	return (sources->headers >> header & 1U) != 0;
}

static inline bool
cv_sources_rename(const struct cv_sources *sources, enum cv_source_header header)
{
	return (sources->renamed >> header & 1U) != 0;
}

/*
 * A comma list of words, blanks allowed around them, none twice. "pem=X-SSL-Cert" renames the
 * header of a source; where it has two, "issuer-serial=X-Issuer:X-Serial" names both, and with one
 * name of traefik or alb the second header is not read. A name is a token (RFC 9110 section 5.6.2)
 * of at most 64 characters, and none that means something else in a request; no two headers that
 * are read have the same name, without regard to case. False on anything else, and on an empty
 * list.
 */
bool cv_sources_parse(const char *list, struct cv_sources *ret_sources);

#endif
