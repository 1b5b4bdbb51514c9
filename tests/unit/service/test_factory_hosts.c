#include "cv/service/factory_hosts.h"

#include <criterion/criterion.h>
#include <string.h>

#define LABEL_63 "123456789012345678901234567890123456789012345678901234567890123"

static bool
make(const char *gateway, const char *factory, struct cv_factory_hosts *ret_hosts)
{
	struct cv_service_settings settings = {
	    .ostree_host = "ostree.example.org", .est_host = "{factory}.est.{factory}.example.org"};

	cr_assert_lt(strlen(gateway), sizeof(settings.gateway_host));
	strcpy(settings.gateway_host, gateway);
	return cv_factory_hosts_make(&settings, factory, ret_hosts);
}

Test(factory_hosts, the_factory_stands_where_its_place_is)
{
	struct cv_factory_hosts hosts;

	cr_assert(make("{factory}.Gateway.example.org", "Acme-1", &hosts));
	cr_expect_str_eq(hosts.gateway, "acme-1.gateway.example.org");
	cr_expect_str_eq(hosts.ostree, "ostree.example.org");
	cr_expect_str_eq(hosts.est, "acme-1.est.acme-1.example.org");
	cr_expect_str_eq(hosts.own, "acme-1.gateway.example.org,acme-1.est.acme-1.example.org");
	cr_assert(make("gateway.example.org", "Acme-1", &hosts));
	cr_expect_str_eq(hosts.own, "acme-1.est.acme-1.example.org", "others may share the rest");
}

Test(factory_hosts, what_is_no_name_is_refused)
{
	static const char *const bad[] = {"", "a,b", "a b", "https://a", "{other}.a", "a:8443",
	    "a_b.c", ".a", "a.", "a..b", "-a.b", "a-.b", "a.b-", LABEL_63 "4.b"};
	struct cv_factory_hosts hosts;
	char most[CV_HOST_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not(make(bad[i], "acme", &hosts), "%s", bad[i]);
		cr_expect_not(cv_factory_host_is_good(bad[i]), "%s", bad[i]);
	}
	cr_expect(cv_factory_host_is_good("{factory}.a"));
	cr_expect(cv_factory_host_is_good("a.b"));
	cr_expect(make(LABEL_63 ".b", "acme", &hosts));
	for (size_t i = 0; i < sizeof(most); i++)
		most[i] = i % 2 == 0 ? 'a' : '.';
	most[253] = '\0';
	cr_expect(make(most, "acme", &hosts));
	most[253] = 'a';
	most[254] = '\0';
	cr_expect_not(make(most, "acme", &hosts));
}

Test(factory_hosts, a_factory_that_makes_no_host_name_needs_names_without_it)
{
	static const char *const bad[] = {
	    "with_under", "c..d", ".dot", "...", "-a", "a-", LABEL_63 "4"};
	struct cv_service_settings fixed = {
	    .gateway_host = "a.org", .ostree_host = "b.org", .est_host = "c.org"};
	struct cv_factory_hosts hosts;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not(make("{factory}.example.org", bad[i], &hosts), "%s", bad[i]);
		cr_expect(cv_factory_hosts_make(&fixed, bad[i], &hosts), "%s", bad[i]);
	}
	cr_expect(make("{factory}.example.org", "c.d-1", &hosts));
}
