#include "cv/model/source.h"

#include <string.h>

static const char *const words[] = {
    [CV_SOURCE_RFC9440] = "rfc9440",
    [CV_SOURCE_XFCC] = "xfcc",
    [CV_SOURCE_PEM] = "pem",
    [CV_SOURCE_TRAEFIK] = "traefik",
    [CV_SOURCE_ALB] = "alb",
    [CV_SOURCE_ISSUER_SERIAL] = "issuer-serial",
    [CV_SOURCE_SHA256] = "sha256",
    [CV_SOURCE_SHA1] = "sha1",
};

static unsigned
bit_of(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (len == strlen(words[i]) && memcmp(word, words[i], len) == 0)
			return 1U << i;
	}
	return 0;
}

bool
cv_sources_parse(const char *list, unsigned *ret_sources)
{
	unsigned sources = 0;

	for (const char *at = list;; at++) {
		at += strspn(at, " ");
		size_t len = strcspn(at, ", ");
		unsigned bit = bit_of(at, len);

		if (bit == 0 || (sources & bit) != 0)
			return false;
		sources |= bit;
		at += len;
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		if (*at != ',')
			return false;
	}
	*ret_sources = sources;
	return true;
}
