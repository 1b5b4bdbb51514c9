#include "../../../server/http/http_date_internal.h"

#include <criterion/criterion.h>

struct date_row {
	const char *text;
	bool is_date;
	int64_t seconds;
};

static const struct date_row rows[] = {
    {"Thu, 01 Jan 1970 00:00:00 GMT", true, 0},
    {"Thu, 01 Jan 1970 00:00:00 UTC", true, 0},
    {"Mon, 02 Jan 2006 15:04:05 UTC", true, 1136214245},
    {"Fri, 31 Dec 9999 23:59:59 GMT", true, 253402300799},
    /* The name of the day is not compared with the day. */
    {"Tue, 02 Jan 2006 15:04:05 UTC", true, 1136214245},
    {"Mon, 02 Jan 2006 15:04:05 CET", false, 0},
    {"Mon, 02 Jan 2006 15:04:05 utc", false, 0},
    {"Mon, 02 Jan 2006 15:04:05 +0000", false, 0},
    {"Mon, 02 Jan 2006 15:04:05", false, 0},
    {"Mon, 02 Jan 2006 15:04:05 UTC ", false, 0},
    {"Mon, 2 Jan 2006 15:04:05 UTC", false, 0},
    {"Xxx, 02 Jan 2006 15:04:05 UTC", false, 0},
    {"Mon, 02 Xxx 2006 15:04:05 UTC", false, 0},
    {"Mon, 00 Jan 2006 15:04:05 UTC", false, 0},
    {"Mon, 32 Jan 2006 15:04:05 UTC", false, 0},
    {"Mon, 02 Jan 1969 15:04:05 UTC", false, 0},
    {"Mon, 02 Jan 2006 24:04:05 UTC", false, 0},
    {"Mon, 02 Jan 2006 15:60:05 UTC", false, 0},
    {"Mon, 02 Jan 2006 15-04-05 UTC", false, 0},
    {"Mon, +2 Jan 2006 15:04:05 UTC", false, 0},
    {"Monday, 02-Jan-06 15:04:05 GMT", false, 0},
    {"", false, 0},
};

Test(http_date, reads_both_names_of_the_zone)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t seconds = 0;

		cr_expect_eq(cv_http_date_parse(rows[i].text, &seconds), rows[i].is_date, "%s",
		    rows[i].text);
		cr_expect_eq(seconds, rows[i].seconds, "%s", rows[i].text);
	}
}

Test(http_date, writes_gmt)
{
	char text[CV_HTTP_DATE_SIZE];

	cv_http_date_format(1136214245, text);
	cr_expect_str_eq(text, "Mon, 02 Jan 2006 15:04:05 GMT");
	cv_http_date_format(253402300800, text);
	cr_expect_str_eq(text, "");
}
