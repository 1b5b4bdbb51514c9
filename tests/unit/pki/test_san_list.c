#include "cv/pki/csr.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/pki/der.h"
#include "cv/pki/oid.h"

#define DNS_A                                                                                      \
	"\x82\x0d"                                                                                 \
	"a.example.org"
#define DNS_UPPER                                                                                  \
	"\x82\x0d"                                                                                 \
	"A.EXAMPLE.org"
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
    {CV_OID_INIT(DNS_A), "dns:*.Example.ORG", true},
    {CV_OID_INIT(DNS_UPPER), "dns:*.example.org", true},
    {CV_OID_INIT(DNS_UPPER), "dns:*.example.com", false},
    {CV_OID_INIT(URI), "uri:URN:dev:*", false},
    {CV_OID_INIT(EMAIL), "email:A@b.c", false},
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

#define LABEL_63 "123456789012345678901234567890123456789012345678901234567890123"
#define LABEL_61 "1234567890123456789012345678901234567890123456789012345678901"
#define THREE_LABELS LABEL_63 "." LABEL_63 "." LABEL_63

static const struct {
	uint8_t tag;
	const char *name;
	bool is_listed;
} syntax_rows[] = {
    {CV_DER_CONTEXT(2), "a", true},
    {CV_DER_CONTEXT(2), "A-1_b.example.org", true},
    {CV_DER_CONTEXT(2), ".example.org", false},
    {CV_DER_CONTEXT(2), "a..example.org", false},
    {CV_DER_CONTEXT(2), "example.org.", false},
    {CV_DER_CONTEXT(2), ".", false},
    {CV_DER_CONTEXT(2), "a.-b.org", false},
    {CV_DER_CONTEXT(2), "a.b-.org", false},
    {CV_DER_CONTEXT(2), "a/b.org", false},
    {CV_DER_CONTEXT(2), LABEL_63 ".org", true},
    {CV_DER_CONTEXT(2), LABEL_63 "4.org", false},
    {CV_DER_CONTEXT(2), THREE_LABELS "." LABEL_61, true},
    {CV_DER_CONTEXT(2), THREE_LABELS "." LABEL_61 "2", false},
    {CV_DER_CONTEXT(1), "a.b+c@example.org", true},
    {CV_DER_CONTEXT(1), "@example.org", false},
    {CV_DER_CONTEXT(1), "example.org", false},
    {CV_DER_CONTEXT(1), "a@", false},
    {CV_DER_CONTEXT(1), "a@.org", false},
    {CV_DER_CONTEXT(1), "a@b@example.org", false},
    {CV_DER_CONTEXT(1), ".a@example.org", false},
    {CV_DER_CONTEXT(1), "a.@example.org", false},
    {CV_DER_CONTEXT(1), "a..b@example.org", false},
    {CV_DER_CONTEXT(1), "<a@example.org>", false},
    {CV_DER_CONTEXT(1), LABEL_63 "4@example.org", true},
    {CV_DER_CONTEXT(1), LABEL_63 "45@example.org", false},
};

/* RFC 5280 section 4.2.1.6, whatever the label allows. */
Test(san_list, takes_only_host_names_and_mailboxes)
{
	for (size_t i = 0; i < sizeof(syntax_rows) / sizeof(syntax_rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer san = CV_BUFFER_INIT;
		const char *name = syntax_rows[i].name;
		const size_t names = cv_der_open(&san, CV_DER_SEQUENCE);

		cv_der_append(&san, syntax_rows[i].tag, cv_bytes(name, strlen(name)));
		cv_der_close(&san, names);
		cr_expect_eq(cv_san_is_listed(cv_buffer_bytes(&san), "dns:*, email:*"),
		    syntax_rows[i].is_listed, "%s", name);
	}
}

Test(san_list, refuses_what_does_not_decode)
{
	cr_expect_not(cv_san_is_listed(CV_OID("\x30\x02\x82\x05"), "dns:*"));
	cr_expect_not(cv_san_is_listed(CV_OID("\x04\x00"), "dns:*"));
}
