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
};

/* All words, for the texts that list them. */
#define CV_SOURCE_WORDS "rfc9440, xfcc, pem, traefik, alb, issuer-serial, sha256, sha1"

/* A set of sources has one bit for each. */
static inline bool
cv_sources_have(unsigned sources, enum cv_certificate_source source)
{
	return (sources >> source & 1U) != 0;
}

/* A comma list of words, blanks allowed around them, none twice; false on anything else, and on an
 * empty list. */
bool cv_sources_parse(const char *list, unsigned *ret_sources);

#endif
