#include "cv/model/source.h"

#include <criterion/criterion.h>

Test(source, every_word_is_a_source_of_its_own)
{
	unsigned sources = 0;

	cr_assert(cv_sources_parse(CV_SOURCE_WORDS, &sources));
	cr_expect_eq(sources, 0xff);
	cr_assert(cv_sources_parse("pem", &sources));
	cr_expect(cv_sources_have(sources, CV_SOURCE_PEM));
	cr_expect_not(cv_sources_have(sources, CV_SOURCE_SHA1));
	cr_assert(cv_sources_parse("sha1 ,issuer-serial", &sources));
	cr_expect_eq(sources, 1U << CV_SOURCE_SHA1 | 1U << CV_SOURCE_ISSUER_SERIAL);
}

Test(source, refuses_what_is_no_list_of_words)
{
	static const char *const bad[] = {"", " ", "pe", "pemm", "PEM", "pem,", ",pem", "pem,,sha1",
	    "pem,pem", "pem sha1", "pem;sha1", "pem, md5", "pem\tsha1"};
	unsigned sources = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_sources_parse(bad[i], &sources), "\"%s\"", bad[i]);
	cr_expect_eq(sources, 77);
}
