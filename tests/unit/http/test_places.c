#include "../../../server/http/places_internal.h"

#include <criterion/criterion.h>

static const struct cv_party first = {.factory = "f", .device = "a", .slot = "client"};
static const struct cv_party second = {.factory = "f", .device = "b", .slot = "client"};
static const struct cv_party namesake = {.factory = "g", .device = "a", .slot = "client"};

Test(places, one_device_leaves_some_to_the_others)
{
	CV_AUTO(cv_places) struct cv_places *places = cv_places_new(8, 2, 3);
	struct cv_place held[8] = {{.places = NULL}};

	cr_assert_not_null(places);
	cr_expect(cv_place_take(places, &first, &held[0]));
	cr_expect(cv_place_take(places, &first, &held[1]));
	cr_expect_not(cv_place_take(places, &first, &held[2]));
	cr_expect(cv_place_take(places, &second, &held[2]));
	cr_expect(cv_place_take(places, &namesake, &held[3]));
	cv_place_give(&held[0]);
	cr_expect(cv_place_take(places, &first, &held[0]));
}

Test(places, strangers_share_theirs)
{
	CV_AUTO(cv_places) struct cv_places *places = cv_places_new(4, 2, 3);
	struct cv_place held[4] = {{.places = NULL}};

	for (int i = 0; i < 3; i++)
		cr_expect(cv_place_take(places, NULL, &held[i]));
	cr_expect_not(cv_place_take(places, NULL, &held[3]));
	cr_expect(cv_place_take(places, &first, &held[3]));
	cr_expect_not(cv_place_take(places, &second, &held[0]), "all are taken");
	cv_place_give(&held[3]);
	cr_expect(cv_place_take(places, &second, &held[3]));
}

Test(places, are_given_back_once)
{
	CV_AUTO(cv_places) struct cv_places *places = cv_places_new(2, 2, 0);
	struct cv_place held = {.places = NULL}, other = {.places = NULL};

	cv_place_give(&held);
	cr_expect(cv_place_take(places, &first, &held));
	cr_expect(cv_place_take(places, &first, &other));
	cv_place_give(&held);
	cv_place_give(&held);
	cr_expect(cv_place_take(places, &second, &held));
	cr_expect_not(cv_place_take(places, &second, &(struct cv_place){.places = NULL}));
}
