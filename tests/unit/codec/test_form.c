#include "cv/codec/form.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	const char *body;
	enum cv_form_outcome outcome;
	const char *value;
};

/* Of the member "a", in seven bytes. */
static const struct row rows[] = {
    {"", CV_FORM_ABSENT, ""},
    {"a", CV_FORM_ABSENT, ""},
    {"a=", CV_FORM_FOUND, ""},
    {"a=b", CV_FORM_FOUND, "b"},
    {"x=1&a=b", CV_FORM_FOUND, "b"},
    {"a=b&x=1", CV_FORM_FOUND, "b"},
    {"&&a=b&", CV_FORM_FOUND, "b"},
    {"ab=1&a=c", CV_FORM_FOUND, "c"},
    {"b=a=1", CV_FORM_ABSENT, ""},
    {"a=b+c%20d", CV_FORM_FOUND, "b c d"},
    {"a=%41%2b", CV_FORM_FOUND, "A+"},
    {"a=b=c", CV_FORM_FOUND, "b=c"},
    {"a=123456", CV_FORM_FOUND, "123456"},
    {"a=1234567", CV_FORM_BAD, ""},
    {"a=1&a=1", CV_FORM_BAD, ""},
    {"a=%", CV_FORM_BAD, ""},
    {"a=%4", CV_FORM_BAD, ""},
    {"a=%4&b=1", CV_FORM_BAD, ""},
    {"a=%zz", CV_FORM_BAD, ""},
    {"a=%00", CV_FORM_BAD, ""},
    {"a=%0a", CV_FORM_BAD, ""},
    {"a=\n", CV_FORM_BAD, ""},
};

Test(form, finds_members)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_bytes body = cv_bytes(rows[i].body, strlen(rows[i].body));
		char value[7] = "before";

		cr_expect_eq(cv_form_find(body, "a", value, sizeof(value)), rows[i].outcome, "%s",
		    rows[i].body);
		cr_expect_str_eq(value, rows[i].value, "%s", rows[i].body);
	}
}
