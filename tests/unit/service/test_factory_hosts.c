#include "cv/service/factory_hosts.h"

#include <criterion/criterion.h>
#include <string.h>

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

	cr_assert(make("{factory}.Gateway.example.org", "Acme_1", &hosts));
	cr_expect_str_eq(hosts.gateway, "acme_1.gateway.example.org");
	cr_expect_str_eq(hosts.ostree, "ostree.example.org");
	cr_expect_str_eq(hosts.est, "acme_1.est.acme_1.example.org");
	cr_expect_str_eq(hosts.own, "acme_1.gateway.example.org,acme_1.est.acme_1.example.org");
	cr_assert(make("gateway.example.org", "Acme_1", &hosts));
	cr_expect_str_eq(hosts.own, "acme_1.est.acme_1.example.org", "others may share the rest");
}

Test(factory_hosts, what_is_no_name_is_refused)
{
	static const char *const bad[] = {"", "a,b", "a b", "https://a", "{other}.a", "a:8443"};
	struct cv_factory_hosts hosts;
	char most[CV_HOST_SIZE];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(make(bad[i], "acme", &hosts), "%s", bad[i]);
	memset(most, 'a', sizeof(most));
	most[253] = '\0';
	cr_expect(make(most, "acme", &hosts));
	most[253] = 'a';
	most[254] = '\0';
	cr_expect_not(make(most, "acme", &hosts));
}
