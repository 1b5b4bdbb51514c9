#include "cv/service/realm.h"

#include <criterion/criterion.h>

#define NOW 1000000
#define DAY 86400
#define FACTORY "demo"

static struct cv_realm_authority
authority_of(struct cv_certificate *certificate)
{
	*certificate =
	    (struct cv_certificate){.not_before_utc = NOW - DAY, .not_after_utc = NOW + DAY};
	return (struct cv_realm_authority){.row = {.kind = CV_AUTHORITY_ONLINE,
					       .state = CV_AUTHORITY_TRUSTED,
					       .factory = FACTORY,
					       .name = "one"},
	    .certificate = certificate};
}

Test(realm, an_authority_outside_its_dates_is_as_good_as_disabled)
{
	struct cv_certificate certificate;
	struct cv_realm_authority authority = authority_of(&certificate);
	const int64_t inside[] = {NOW - DAY, NOW, NOW + DAY};
	const int64_t outside[] = {NOW - DAY - 1, NOW + DAY + 1};

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		cr_expect_eq(cv_realm_authority_state(&authority, inside[i]), CV_AUTHORITY_TRUSTED);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		cr_expect_eq(
		    cv_realm_authority_state(&authority, outside[i]), CV_AUTHORITY_DISABLED);
	authority.row.state = CV_AUTHORITY_DISABLED;
	cr_expect_eq(cv_realm_authority_state(&authority, NOW), CV_AUTHORITY_DISABLED);
	/* What is worse stays so. */
	authority.row.state = CV_AUTHORITY_REVOKED;
	cr_expect_eq(cv_realm_authority_state(&authority, NOW), CV_AUTHORITY_REVOKED);
	cr_expect_eq(cv_realm_authority_state(&authority, NOW + DAY + 1), CV_AUTHORITY_REVOKED);
}

Test(realm, only_what_is_trusted_within_its_dates_issues)
{
	struct cv_certificate certificate;
	struct cv_realm_authority authority = authority_of(&certificate);
	struct cv_realm realm = {.authorities = &authority, .authority_count = 1};

	cr_expect_eq(cv_realm_issuer(&realm, FACTORY, "", 0, NOW), &authority);
	cr_expect_eq(cv_realm_issuer(&realm, FACTORY, "", 0, NOW + DAY), &authority);
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW + DAY + 1));
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW - DAY - 1));
	authority.row.state = CV_AUTHORITY_DISABLED;
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW));
}
