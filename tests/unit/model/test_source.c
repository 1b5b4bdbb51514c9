#include "cv/model/source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(source, every_word_is_a_source_of_its_own)
{
	struct cv_sources sources;

	cr_assert(cv_sources_parse(CV_SOURCE_WORDS, &sources));
	cr_expect_eq(sources.words, 0xff);
	cr_expect_eq(sources.headers, (1U << CV_SOURCE_HEADERS) - 1);
	cr_expect_eq(sources.renamed, 0);
	cr_assert(cv_sources_parse("pem", &sources));
	cr_expect(cv_sources_have(&sources, CV_SOURCE_PEM));
	cr_expect_not(cv_sources_have(&sources, CV_SOURCE_SHA1));
	cr_expect_eq(sources.headers, 1U << CV_SOURCE_HEADER_PEM);
	cr_assert(cv_sources_parse("sha1 ,issuer-serial", &sources));
	cr_expect_eq(sources.words, 1U << CV_SOURCE_SHA1 | 1U << CV_SOURCE_ISSUER_SERIAL);
	cr_expect_eq(sources.headers, 1U << CV_SOURCE_HEADER_SHA1 | 1U << CV_SOURCE_HEADER_ISSUER |
					  1U << CV_SOURCE_HEADER_SERIAL);
}

Test(source, refuses_what_is_no_list_of_words)
{
	static const char *const bad[] = {"", " ", "pe", "pemm", "PEM", "pem,", ",pem", "pem,,sha1",
	    "pem,pem", "pem sha1", "pem;sha1", "pem, md5", "pem\tsha1", "pem=A,pem=B", "pem,pem=A"};
	struct cv_sources sources = {.words = 77};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_sources_parse(bad[i], &sources), "\"%s\"", bad[i]);
	cr_expect_eq(sources.words, 77);
}

Test(source, a_header_can_have_another_name)
{
	struct cv_sources sources;

	cr_assert(cv_sources_parse("pem=X-SSL-Client-Cert, sha256", &sources));
	cr_expect_eq(sources.words, 1U << CV_SOURCE_PEM | 1U << CV_SOURCE_SHA256);
	cr_expect_eq(sources.renamed, 1U << CV_SOURCE_HEADER_PEM);
	cr_expect_str_eq(sources.names[CV_SOURCE_HEADER_PEM], "X-SSL-Client-Cert");
	cr_expect(cv_sources_read(&sources, CV_SOURCE_HEADER_SHA256));
	cr_expect_not(cv_sources_rename(&sources, CV_SOURCE_HEADER_SHA256));

	/* The usual name of a source that is not read is free. */
	cr_assert(cv_sources_parse("pem=Client-Cert,rfc9440=x_y", &sources));
	cr_expect_str_eq(sources.names[CV_SOURCE_HEADER_RFC9440], "x_y");
}

Test(source, a_source_with_two_headers_is_read_from_those_that_are_named)
{
	struct cv_sources sources;

	cr_assert(cv_sources_parse("issuer-serial=X-I:X-S", &sources));
	cr_expect_str_eq(sources.names[CV_SOURCE_HEADER_ISSUER], "X-I");
	cr_expect_str_eq(sources.names[CV_SOURCE_HEADER_SERIAL], "X-S");
	cr_assert(cv_sources_parse("traefik=X-T", &sources));
	cr_expect_eq(sources.headers, 1U << CV_SOURCE_HEADER_TRAEFIK);
	cr_assert(cv_sources_parse("alb=X-L:X-C", &sources));
	cr_expect_eq(sources.headers, 1U << CV_SOURCE_HEADER_ALB_LEAF | 1U << CV_SOURCE_HEADER_ALB);
	cr_expect_not(cv_sources_parse("issuer-serial=X-I", &sources));
	cr_expect_not(cv_sources_parse("issuer-serial=X-I:X-S:X-T", &sources));
	cr_expect_not(cv_sources_parse("issuer-serial=X-I:", &sources));
	cr_expect_not(cv_sources_parse("pem=X-A:X-B", &sources));
}

Test(source, refuses_names_that_are_no_names_of_headers)
{
	static const char *const bad[] = {"pem=", "pem= X", "pem==X", "pem=X Y", "pem=X\tY",
	    "pem=X(1)", "pem=X/Y", "pem=X@Y", "pem=X\"", "pem=X\x7f", "pem=\xc3\xa4", "pem=X[0]",
	    "=X", "sha1:X"};
	struct cv_sources sources;
	char list[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_sources_parse(bad[i], &sources), "\"%s\"", bad[i]);
	(void)snprintf(list, sizeof(list), "pem=%064d", 0);
	cr_expect(cv_sources_parse(list, &sources));
	(void)snprintf(list, sizeof(list), "pem=%065d", 0);
	cr_expect_not(cv_sources_parse(list, &sources));
	cr_expect(cv_sources_parse("pem=!#$%&'*+-.^_`|~09azAZ", &sources));
}

Test(source, refuses_names_that_mean_something_else)
{
	static const char *const bad[] = {"Authorization", "HOST", "Content-Length", "content-x",
	    "Cookie", "Transfer-Encoding", "X-Request-Id", "traceparent", "Expect", "If-Match",
	    "Proxy-Authorization", "Connection", "X-Forwarded-For", "Certvendor-Device", "Accept",
	    "Accept-Encoding", "Vernemq-Hook", "User-Agent", "TE"};
	static const char *const good[] = {"X-Authorization", "Hosts", "Contents", "Cookie2",
	    "X-Forwarded-Tls-Cert", "Accepted", "Certificate", "Tea"};
	struct cv_sources sources;
	char list[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(list, sizeof(list), "pem=%s", bad[i]);
		cr_expect_not(cv_sources_parse(list, &sources), "%s", list);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(list, sizeof(list), "pem=%s", good[i]);
		cr_expect(cv_sources_parse(list, &sources), "%s", list);
	}
}

Test(source, refuses_one_header_for_two_purposes)
{
	static const char *const bad[] = {"pem=X-A,sha256=X-A", "pem=X-A,sha256=x-a",
	    "pem=Client-Cert,rfc9440", "rfc9440,pem=client-cert", "issuer-serial=X-A:X-A",
	    "traefik,xfcc=X-Forwarded-Tls-Client-Cert-Info"};
	struct cv_sources sources;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_sources_parse(bad[i], &sources), "\"%s\"", bad[i]);
	cr_expect(cv_sources_parse("pem=X-A,sha256=X_A", &sources));
	cr_expect(cv_sources_parse("traefik=X-T,xfcc=X-Forwarded-Tls-Client-Cert-Info", &sources));
}

Test(source, a_list_of_everything_fits)
{
	char list[CV_SOURCE_LIST_SIZE];
	struct cv_sources sources;

	(void)snprintf(list, sizeof(list),
	    "rfc9440=%064d,xfcc=%064d,pem=%064d,traefik=%064d:%064d,alb=%064d:%064d,"
	    "issuer-serial=%064d:%064d,sha256=%064d,sha1=%064d",
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
	cr_expect(cv_sources_parse(list, &sources));
	cr_expect_eq(sources.renamed, (1U << CV_SOURCE_HEADERS) - 1);
}
