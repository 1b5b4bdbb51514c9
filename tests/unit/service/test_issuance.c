#include <criterion/criterion.h>

#include "../../../server/service/issuance_internal.h"

#define NOW 1700000000

static const struct cv_service_settings settings = {
    .issue_burst = 20, .issue_interval_seconds = 1800};

/* How many certificates a device gets at this time; the debt goes on. */
static int
issue_all(int64_t now_utc, int64_t *debt_utc, int64_t *ret_wait_seconds)
{
	int issued = 0;

	for (;;) {
		const struct cv_device_record record = {
		    .now_utc = now_utc, .issue_debt_until_utc = *debt_utc};
		int64_t debt;
		if (!cv_issuance_allowance(&settings, &record, &debt, ret_wait_seconds))
			return issued;
		*debt_utc = debt;
		issued++;
	}
}

Test(issuance, twenty_at_once_then_one_in_half_an_hour)
{
	int64_t debt = 0, wait;

	cr_expect_eq(issue_all(NOW, &debt, &wait), 20);
	cr_expect_eq(wait, 1800);
	cr_expect_eq(issue_all(NOW + 1799, &debt, &wait), 0);
	cr_expect_eq(wait, 1);
	cr_expect_eq(issue_all(NOW + 1800, &debt, &wait), 1);
	cr_expect_eq(issue_all(NOW + 1800 + 3 * 1800, &debt, &wait), 3);
	/* However long it was away, not more than at first. */
	cr_expect_eq(issue_all(NOW + 100 * 1800, &debt, &wait), 20);
}
