#include "cv/model/event.h"

#include <criterion/criterion.h>
#include <string.h>

Test(event, kinds_have_names_and_are_listed)
{
	enum cv_event_kind found;

	for (int kind = 0; kind < CV_EVENT_KINDS; kind++) {
		const char *name = cv_event_kind_name((enum cv_event_kind)kind);

		cr_assert(cv_event_kind_parse(name, &found), "%s", name);
		cr_expect_eq((int)found, kind);
		cr_expect(strstr(CV_EVENT_WORDS, name), "%s", name);
	}
	cr_expect_not(cv_event_kind_parse("key-change", &found));
	cr_expect_not(cv_event_kind_parse("", &found));
}

static bool
is_valid(const char *url)
{
	const char *problem = "";
	bool valid = cv_callback_url_is_valid(url, strlen(url), &problem);

	cr_expect_eq(valid, problem == NULL, "%s", url);
	return valid;
}

/* Each refused one stands behind the accepted one that it nearly was. */
Test(event, where_events_may_be_sent)
{
	static const struct row {
		const char *good, *bad;
	} rows[] = {
	    {"https://a.example/", "https://user:pw@a.example/"},
	    {"https://a.example/x@y", "https://user@a.example/x"},
	    {"http://a.example", "ftp://a.example"},
	    {"HTTPS://A.example/x?y=z&a=%20", "https://a.example/x y"},
	    {"https://a.example/?x", "https://a.example/?x#y"},
	    {"https://a.example?x", "https://?x"},
	    {"http://127.0.0.1:8080/x", "http://127.0.0.1:0/x"},
	    {"http://localhost:65535", "http://localhost:65536"},
	    {"http://localhost:1", "http://localhost:"},
	    {"http://[::1]:80/", "http://[::1:80/"},
	    {"http://[fe80::1]/", "http://[]/"},
	    {"http://10.0.0.1/", "http:///10.0.0.1"},
	    {"https://a.example/\x7e", "https://a.example/\x7f"},
	    {"https://a.example/x", "https://a.example\\@b.example/x"},
	    {"https://a.example/x", "https://a.example\n/x"},
	    {"https://a.example/x", "https://b\xc3\xbc"
				    "cher.example/x"},
	    {"http://a", "http:/a"},
	    {"https://a", "https//a"},
	    {"https://a", ""},
	    {"https://a", "file:///etc/passwd"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect(is_valid(rows[i].good), "%s", rows[i].good);
		cr_expect_not(is_valid(rows[i].bad), "%s", rows[i].bad);
	}
}

Test(event, a_url_has_a_longest_and_no_nul)
{
	char url[CV_CALLBACK_URL_MAX + 2];
	const char *problem;

	memset(url, 'a', sizeof(url));
	memcpy(url, "https://", 8);
	url[CV_CALLBACK_URL_MAX] = '\0';
	cr_expect(is_valid(url));
	url[CV_CALLBACK_URL_MAX] = 'a';
	url[CV_CALLBACK_URL_MAX + 1] = '\0';
	cr_expect_not(is_valid(url));
	cr_expect_not(cv_callback_url_is_valid("https://a\0b", 11, &problem));
}
