#include "cv/util/address.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	const char *text;
	const char *host; /* NULL: refused */
	uint16_t port;
};

static const struct row rows[] = {
    {"127.0.0.1:8443", "127.0.0.1", 8443},
    {"localhost:0", "localhost", 0},
    {":65535", "", 65535},
    {"[::1]:8443", "::1", 8443},
    {"[::]:80", "::", 80},
    {":65536", NULL, 0},
    {"::1:8443", NULL, 0},
    {"[::1]", NULL, 0},
    {"[::1:8443", NULL, 0},
    {"[::1]8443", NULL, 0},
    {"[]:8443", NULL, 0},
    {"8443", NULL, 0},
    {"host:", NULL, 0},
    {"host:+1", NULL, 0},
    {"host:80x", NULL, 0},
    {"a", NULL, 0},
    {"ho st:80", NULL, 0},
    {"[ 1 =:]:1", NULL, 0},
    {"host/x:80", NULL, 0},
    {"", NULL, 0},
};

Test(address, takes_host_and_port_apart)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_address address;
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_address_parse(rows[i].text, &address, &err);

		cr_expect_eq(is_read, rows[i].host != NULL, "%s", rows[i].text);
		if (rows[i].host == NULL) {
			cr_expect_eq(err.code, CV_E_CONFIG, "%s", rows[i].text);
			continue;
		}
		cr_expect_str_eq(address.host, rows[i].host);
		cr_expect_eq(address.port, rows[i].port, "%s", rows[i].text);
	}
}

static bool
reads_host_of(size_t len)
{
	char text[300];
	struct cv_address address;
	struct cv_error err = CV_ERROR_INIT;

	memset(text, 'h', len);
	memcpy(text + len, ":1", sizeof(":1"));
	return cv_address_parse(text, &address, &err);
}

Test(address, bounds_the_host)
{
	cr_expect(reads_host_of(CV_HOST_MAX));
	cr_expect_not(reads_host_of(CV_HOST_MAX + 1));
}
