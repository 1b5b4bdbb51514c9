#include "cv/model/scope.h"

#include <criterion/criterion.h>

Test(scope, reads_lists)
{
	unsigned scopes = 0;

	cr_assert(cv_scopes_parse("devices:read", &scopes));
	cr_expect_eq(scopes, CV_SCOPE_READ);
	cr_assert(cv_scopes_parse(
	    "devices:create,devices:delete,devices:read-update,devices:create", &scopes));
	cr_expect_eq(scopes, CV_SCOPE_CREATE | CV_SCOPE_DELETE | CV_SCOPE_UPDATE);
	scopes = 99;
	cr_expect_not(cv_scopes_parse("", &scopes));
	cr_expect_not(cv_scopes_parse("devices:read,", &scopes));
	cr_expect_not(cv_scopes_parse(",devices:read", &scopes));
	cr_expect_not(cv_scopes_parse("devices:rea", &scopes));
	cr_expect_not(cv_scopes_parse("devices:read ", &scopes));
	cr_expect_eq(scopes, 99);
}

Test(scope, allows_what_it_names)
{
	cr_expect(cv_scopes_allow(CV_SCOPE_UPDATE, CV_SCOPE_READ));
	cr_expect_not(cv_scopes_allow(CV_SCOPE_READ, CV_SCOPE_UPDATE));
	cr_expect_not(cv_scopes_allow(CV_SCOPE_CREATE | CV_SCOPE_DELETE, CV_SCOPE_READ));
	cr_expect_not(cv_scopes_allow(CV_SCOPE_CREATE, CV_SCOPE_CREATE | CV_SCOPE_DELETE));
	cr_expect(
	    cv_scopes_allow(CV_SCOPE_CREATE | CV_SCOPE_DELETE, CV_SCOPE_CREATE | CV_SCOPE_DELETE));
	cr_expect_str_eq(cv_scope_name(CV_SCOPE_UPDATE), "devices:read-update");
}
