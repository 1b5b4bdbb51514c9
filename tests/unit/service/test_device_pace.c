#include "../../../server/service/device_pace_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define AT_ONCE 60
#define INTERVAL_SECONDS 60

static const struct cv_pace_limit limit = {
    .at_once = AT_ONCE, .interval_ms = INTERVAL_SECONDS * 1000};

static void
take_all(struct cv_device_pace *pace, const char *device, int64_t now_ms)
{
	for (int i = 0; i < AT_ONCE; i++)
		cr_expect_eq(cv_device_pace_take(pace, &limit, "f", device, now_ms), 0);
}

Test(device_pace, gives_some_at_once_and_then_one_at_a_time)
{
	CV_AUTO(cv_device_pace) struct cv_device_pace *pace = cv_device_pace_new();
	const int64_t interval_ms = (int64_t)INTERVAL_SECONDS * 1000;

	cr_assert_not_null(pace);
	take_all(pace, "d", 1000);
	cr_expect_eq(cv_device_pace_take(pace, &limit, "f", "d", 1000), INTERVAL_SECONDS);
	cr_expect_eq(cv_device_pace_take(pace, &limit, "f", "d", 1000 + interval_ms - 1), 1);
	cr_expect_eq(cv_device_pace_take(pace, &limit, "f", "d", 1000 + interval_ms), 0);
	cr_expect_neq(cv_device_pace_take(pace, &limit, "f", "d", 1000 + interval_ms), 0);
}

Test(device_pace, forgets_what_is_long_ago)
{
	CV_AUTO(cv_device_pace) struct cv_device_pace *pace = cv_device_pace_new();

	take_all(pace, "d", 1000);
	take_all(pace, "d", 1000 + (int64_t)AT_ONCE * INTERVAL_SECONDS * 1000);
}

Test(device_pace, tells_devices_apart)
{
	CV_AUTO(cv_device_pace) struct cv_device_pace *pace = cv_device_pace_new();

	take_all(pace, "d", 1000);
	cr_expect_eq(cv_device_pace_take(pace, &limit, "f", "e", 1000), 0);
	cr_expect_eq(cv_device_pace_take(pace, &limit, "fd", "", 1000), 0, "the same letters");
}

Test(device_pace, remembers_who_owes_most)
{
	CV_AUTO(cv_device_pace) struct cv_device_pace *pace = cv_device_pace_new();
	char name[16];

	take_all(pace, "d", 1000);
	for (int i = 0; i < 50000; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		(void)cv_device_pace_take(pace, &limit, "f", name, 1000);
	}
	cr_expect_neq(cv_device_pace_take(pace, &limit, "f", "d", 1000), 0);
}
