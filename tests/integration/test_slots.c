/* Devices with several slots, at two instances. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CLIENT, ONLINE, LESSER, SLOTS };

struct scene {
	struct world world;
	struct instance here, there;
	EVP_PKEY *keys[SLOTS];
	EVP_PKEY *next;
	struct credential slots[SLOTS], second;
};

static void
scene_open(struct scene *scene)
{
	static const char *const names[] = {"client", "online", "node/um"};

	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	instance_open(&scene->world, NULL, &scene->here);
	scene->next = make_key();
	for (size_t i = 0; i < SLOTS; i++) {
		scene->keys[i] = make_key();
		give_slot(&scene->here, DEVICE, names[i], scene->keys[i], &scene->slots[i]);
	}
	instance_open(&scene->world, NULL, &scene->there);
}

static void
scene_close(struct scene *scene)
{
	cr_expect(instance_equals_tables(&scene->here), "memory here differs from the tables");
	cr_expect(instance_equals_tables(&scene->there), "memory there differs from the tables");
	instance_close(&scene->here);
	instance_close(&scene->there);
	world_close(&scene->world);
	EVP_PKEY_free(scene->next);
	for (size_t i = 0; i < SLOTS; i++) {
		EVP_PKEY_free(scene->keys[i]);
		credential_deinit(&scene->slots[i]);
	}
	credential_deinit(&scene->second);
}

/* At a door that accepts every slot. */
static enum cv_verdict
see_own(struct instance *instance, const struct credential *credential)
{
	struct cv_evidence evidence = handshake_of(credential);

	return see_evidence(instance, &evidence).verdict;
}

static void
expect_everywhere(
    struct scene *scene, const struct credential *credential, enum cv_index_status status)
{
	cr_expect_eq(status_in_memory(&scene->here, &credential->fingerprint), status);
	cr_expect(instance_reaches(&scene->there, &credential->fingerprint, status));
}

Test(slots, a_rotation_leaves_the_other_slots_alone)
{
	struct scene scene;

	scene_open(&scene);
	cr_assert_eq(
	    reenrol(&scene.here, &scene.slots[ONLINE], scene.next, DEVICE, &scene.second).outcome,
	    CV_ENROLMENT_ISSUED);
	cr_assert_eq(
	    announce(&scene.here, &scene.slots[ONLINE], scene.next, NULL), CV_ANNOUNCEMENT_DONE);
	cr_expect_not(recall(&scene.here, &scene.slots[CLIENT]).has_pending);
	cr_expect(recall(&scene.here, &scene.slots[ONLINE]).has_pending);
	cr_assert_eq(see(&scene.here, &scene.second), CV_VERDICT_ACTIVATED);
	expect_everywhere(&scene, &scene.slots[ONLINE], CV_INDEX_DENIED);
	expect_everywhere(&scene, &scene.second, CV_INDEX_ALLOWED);
	expect_everywhere(&scene, &scene.slots[CLIENT], CV_INDEX_ALLOWED);
	expect_everywhere(&scene, &scene.slots[LESSER], CV_INDEX_ALLOWED);
	cr_expect_eq(ask_number(&scene.world.database, "SELECT sum(version) FROM certvendor.slot "
						       "WHERE name <> 'online'"),
	    2);
	scene_close(&scene);
}

Test(slots, a_compromised_key_leaves_the_other_slots_alone)
{
	struct scene scene;

	scene_open(&scene);
	cr_assert_eq(revoke_credential(
			 &scene.here, DEVICE, &scene.slots[CLIENT], CV_REASON_KEY_COMPROMISE, NULL),
	    CV_LIFECYCLE_DONE);
	expect_everywhere(&scene, &scene.slots[CLIENT], CV_INDEX_DENIED);
	cr_expect_eq(see(&scene.here, &scene.slots[ONLINE]), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(slots, the_check_accepts_the_slots_that_face_it)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(see(&scene.here, &scene.slots[CLIENT]), CV_VERDICT_OK);
	cr_expect_eq(see(&scene.here, &scene.slots[ONLINE]), CV_VERDICT_OK);
	cr_expect_eq(see(&scene.here, &scene.slots[LESSER]), CV_VERDICT_UNKNOWN);
	cr_expect_eq(see_own(&scene.here, &scene.slots[LESSER]), CV_VERDICT_OK);
	scene_close(&scene);
}

/* The sight that would activate the key is no sight at a door that does not accept its slot. */
Test(slots, a_lesser_slot_does_not_activate_at_the_check)
{
	struct scene scene;

	scene_open(&scene);
	reenrol(&scene.here, &scene.slots[LESSER], scene.next, DEVICE, &scene.second);
	announce(&scene.here, &scene.slots[LESSER], scene.next, NULL);
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_UNKNOWN);
	cr_expect_eq(see_own(&scene.here, &scene.slots[LESSER]), CV_VERDICT_OK);
	cr_expect_eq(see_own(&scene.here, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(slots, a_lesser_slot_announces_for_itself_alone)
{
	struct scene scene;

	scene_open(&scene);
	cr_assert_eq(
	    announce(&scene.here, &scene.slots[LESSER], scene.next, NULL), CV_ANNOUNCEMENT_DONE);
	sign_credential(&scene.world.offline, scene.next, DEVICE, NULL, &scene.second);
	cr_expect_eq(see(&scene.here, &scene.second), CV_VERDICT_THIRD_KEY);
	scene_close(&scene);
}

/* Memory here refuses before the operator has the answer, whichever slot it is. */
Test(slots, a_refused_device_is_refused_in_every_slot)
{
	static const struct {
		enum cv_lifecycle_act act;
		enum cv_index_status status;
	} cases[] = {
	    {CV_LIFECYCLE_HOLD, CV_INDEX_DEVICE_REFUSED},
	    {CV_LIFECYCLE_DELETE, CV_INDEX_DEVICE_REFUSED},
	    {CV_LIFECYCLE_REVOKE, CV_INDEX_DENIED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;

		scene_open(&scene);
		cr_assert_eq(act(&scene.here, cases[i].act, DEVICE), CV_LIFECYCLE_DONE);
		for (size_t slot = 0; slot < SLOTS; slot++)
			expect_everywhere(&scene, &scene.slots[slot], cases[i].status);
		scene_close(&scene);
	}
}

Test(slots, registering_anew_ends_the_keys_of_every_slot)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	act(&scene.here, CV_LIFECYCLE_DELETE, DEVICE);
	for (size_t slot = 0; slot < SLOTS; slot++)
		cr_expect(instance_reaches(
		    &scene.there, &scene.slots[slot].fingerprint, CV_INDEX_DEVICE_REFUSED));
	make_token(&scene.here, DEVICE, 1, secret);
	cr_assert_eq(enrol_with_token(&scene.here, secret, scene.next, DEVICE, &scene.second),
	    CV_ENROLMENT_ISSUED);
	for (size_t slot = 0; slot < SLOTS; slot++)
		expect_everywhere(&scene, &scene.slots[slot], CV_INDEX_DENIED);
	cr_expect_eq(see(&scene.there, &scene.second), CV_VERDICT_OK);
	scene_close(&scene);
}
