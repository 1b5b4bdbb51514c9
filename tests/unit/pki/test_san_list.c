#include "cv/pki/csr.h"

#include <criterion/criterion.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

#define DNS_A                                                                                      \
	"\x82\x0d"                                                                                 \
	"a.example.org"
#define DNS_STAR                                                                                   \
	"\x82\x0d"                                                                                 \
	"*.example.org"
#define DNS_NUL                                                                                    \
	"\x82\x0d"                                                                                 \
	"a\0example.org"
#define ADDRESS "\x87\x04\x0a\x01\x02\x03"
#define ADDRESS_SHORT "\x87\x03\x0a\x01\x02"
#define URI                                                                                        \
	"\x86\x09"                                                                                 \
	"urn:dev:1"
#define EMAIL                                                                                      \
	"\x81\x05"                                                                                 \
	"a@b.c"
#define OTHER "\xa0\x02\x05\x00"

static const struct {
	struct cv_bytes names; /* content of the SEQUENCE */
	const char *list;
	bool is_listed;
} rows[] = {
    {CV_OID_INIT(DNS_A), "dns:*.example.org", true},
    {CV_OID_INIT(DNS_A), "dns:*.example.com, dns:a.*", true},
    {CV_OID_INIT(DNS_A), "", false},
    {CV_OID_INIT(DNS_A), "dns:*.example.com", false},
    {CV_OID_INIT(DNS_A), "uri:*", false},
    {CV_OID_INIT(DNS_STAR), "dns:*", false},
    {CV_OID_INIT(DNS_NUL), "dns:*", false},
    {CV_OID_INIT(ADDRESS), "ip:10.1.*", true},
    {CV_OID_INIT(ADDRESS), "ip:10.2.*", false},
    {CV_OID_INIT(ADDRESS_SHORT), "ip:*", false},
    {CV_OID_INIT(URI), "uri:urn:dev:*", true},
    {CV_OID_INIT(EMAIL), "email:*@b.c", true},
    {CV_OID_INIT(OTHER), "*", false},
    {CV_OID_INIT(DNS_A ADDRESS), "dns:*.example.org,ip:10.*", true},
    {CV_OID_INIT(DNS_A ADDRESS), "dns:*.example.org", false},
};

Test(san_list, takes_a_name_only_if_it_is_listed)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer san = CV_BUFFER_INIT;

		cv_der_append(&san, CV_DER_SEQUENCE, rows[i].names);
		cr_expect_eq(cv_san_is_listed(cv_buffer_bytes(&san), rows[i].list),
		    rows[i].is_listed, "row %zu", i);
	}
}

Test(san_list, refuses_what_does_not_decode)
{
	cr_expect_not(cv_san_is_listed(CV_OID("\x30\x02\x82\x05"), "dns:*"));
	cr_expect_not(cv_san_is_listed(CV_OID("\x04\x00"), "dns:*"));
}
