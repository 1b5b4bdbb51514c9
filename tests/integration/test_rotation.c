/* The rules of keys and certificates, through a whole service on a real database. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "cv/store/realm_store.h"
#include "cv/util/text.h"

#include "../../server/service/service_internal.h"

/* One instance, and a device that enrolled and was seen with its first key. */
struct scene {
	struct world world;
	struct instance instance;
	EVP_PKEY *keys[4];
	struct credential first, second, third, fourth;
};

static void
scene_open_with(struct scene *scene, const struct cv_service_settings *settings)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	instance_open(&scene->world, settings, &scene->instance);
	for (size_t i = 0; i < 4; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->instance, scene->keys[0], DEVICE, &scene->first);
}

static void
scene_open(struct scene *scene)
{
	scene_open_with(scene, NULL);
}

static void
scene_close(struct scene *scene)
{
	cr_expect(instance_equals_tables(&scene->instance), "memory differs from the tables");
	instance_close(&scene->instance);
	world_close(&scene->world);
	for (size_t i = 0; i < 4; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->first);
	credential_deinit(&scene->second);
	credential_deinit(&scene->third);
	credential_deinit(&scene->fourth);
}

static enum cv_enrolment_outcome
ask(struct scene *scene, const struct credential *over, size_t key,
    struct credential *ret_credential)
{
	return reenrol(&scene->instance, over, scene->keys[key], DEVICE, ret_credential).outcome;
}

static enum cv_announcement_outcome
name_key(struct scene *scene, const struct credential *over, size_t key)
{
	return announce(&scene->instance, over, scene->keys[key], NULL);
}

static enum cv_verdict
look(struct scene *scene, const struct credential *credential)
{
	return see(&scene->instance, credential);
}

/* An answer of memory alone. */
static void
expect_in_memory(struct scene *scene, const struct credential *credential, enum cv_verdict verdict)
{
	struct cv_sight sight = recall(&scene->instance, credential);

	cr_expect(sight.is_decided);
	cr_expect_eq(sight.verdict, verdict, "memory says %s", cv_verdict_name(sight.verdict));
}

/* ---- the way of a rotation ---- */

Test(rotation, from_the_first_key_to_the_second)
{
	struct scene scene;

	scene_open(&scene);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_OK);
	cr_assert_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	cr_assert_eq(name_key(&scene, &scene.first, 1), CV_ANNOUNCEMENT_DONE);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_OK);
	cr_expect(recall(&scene.instance, &scene.first).has_pending);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	expect_in_memory(&scene, &scene.second, CV_VERDICT_OK);
	cr_expect_not(recall(&scene.instance, &scene.second).has_pending);
	cr_expect_eq(ask(&scene, &scene.first, 2, &scene.third), CV_ENROLMENT_REFUSED);
	cr_expect_eq(name_key(&scene, &scene.first, 2), CV_ANNOUNCEMENT_REFUSED);
	scene_close(&scene);
}

Test(rotation, one_activation_is_one_version_one_change_and_one_record)
{
	struct scene scene;
	struct cv_sight before;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	before = recall(&scene.instance, &scene.first);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT version FROM certvendor.slot WHERE device = '%s'", DEVICE),
	    before.epoch + 1);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.change WHERE kind = 'activated'"),
	    1);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.audit WHERE action = 'activated' "
			 "AND before->>'current_key' <> after->>'current_key'"),
	    1);
	scene_close(&scene);
}

Test(rotation, implied_announcement_needs_no_second_request)
{
	struct scene scene;

	scene_open(&scene);
	cr_assert_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	change_database(
	    &scene.world.database, "UPDATE certvendor.factory SET announce = 'implied'");
	instance_refresh(&scene.instance);
	/* A refusal may be remembered for a second; then the changed setting holds for keys asked
	 * before. */
	pause_ms(1100);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, approval_announces_what_was_only_asked_for)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_APPROVE, DEVICE), CV_LIFECYCLE_NOT_POSSIBLE);
	ask(&scene, &scene.first, 1, &scene.second);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_APPROVE, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, cancelled_announcement_does_not_activate)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_UNCHANGED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_assert_eq(name_key(&scene, &scene.first, 1), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_cancelled_key_waits_for_being_asked_anew_where_no_announcement_is_needed)
{
	struct scene scene;

	scene_open(&scene);
	change_database(
	    &scene.world.database, "UPDATE certvendor.factory SET announce = 'implied'");
	instance_refresh(&scene.instance);
	ask(&scene, &scene.first, 1, &scene.second);
	ask(&scene, &scene.first, 2, &scene.third);
	name_key(&scene, &scene.first, 2);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_UNCHANGED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);

	/* The older one is asked for again; the other stays withdrawn. */
	cr_assert_eq(ask(&scene, &scene.first, 1, &scene.fourth), CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_DONE);
	pause_ms(1100);
	cr_expect_eq(look(&scene, &scene.fourth), CV_VERDICT_THIRD_KEY);
	/* An operator may give back what he took. */
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_APPROVE, DEVICE), CV_LIFECYCLE_DONE);
	pause_ms(1100);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_replaced_key_talks_in_its_grace_and_changes_nothing)
{
	struct scene scene;
	AUTO_CREDENTIAL struct credential variant = CREDENTIAL_INIT;
	struct cv_evidence evidence;
	struct cv_last_seen seen;
	struct cv_sight sight;

	scene_open(&scene);
	change_database(
	    &scene.world.database, "UPDATE certvendor.factory SET retire_after_days = 2");
	instance_refresh(&scene.instance);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_TALKS);
	cr_expect_eq(ask(&scene, &scene.first, 2, &scene.third), CV_ENROLMENT_REFUSED);
	cr_expect_eq(name_key(&scene, &scene.first, 2), CV_ANNOUNCEMENT_REFUSED);
	(void)cv_index_take_seen(scene.instance.index, &seen, 1);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_TALKS);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_TALKS);
	cr_expect_eq(cv_index_take_seen(scene.instance.index, &seen, 1), 0);
	/* A certificate that memory does not have has the same end. */
	make_variant(&scene.first, &variant);
	evidence = evidence_of(&variant);
	sight = see_evidence(&scene.instance, &evidence);
	cr_expect_eq(sight.verdict, CV_VERDICT_TALKS);
	cr_expect_neq(sight.talks_until_utc, 0);
	evidence = evidence_of(&scene.first);
	cr_expect_eq(
	    see_evidence(&scene.instance, &evidence).talks_until_utc, sight.talks_until_utc);
	expect_in_memory(&scene, &scene.second, CV_VERDICT_OK);
	cr_expect_eq(cv_index_take_seen(scene.instance.index, &seen, 1), 1);
	cr_assert_eq(ask(&scene, &scene.second, 2, &scene.third), CV_ENROLMENT_ISSUED);
	cr_assert_eq(name_key(&scene, &scene.second, 2), CV_ANNOUNCEMENT_DONE);
	cr_assert_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	expect_in_memory(&scene, &scene.second, CV_VERDICT_TALKS);
	scene_close(&scene);
}

/* ---- certificates ---- */

Test(rotation, the_same_request_gets_the_same_certificate)
{
	struct scene scene;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;

	scene_open(&scene);
	make_request(scene.keys[1], DEVICE, FACTORY, &csr);
	cr_assert_eq(reenrol_request(&scene.instance, &scene.first, cv_buffer_bytes(&csr),
			 scene.keys[1], &scene.second)
			 .outcome,
	    CV_ENROLMENT_ISSUED);
	cr_assert_eq(reenrol_request(&scene.instance, &scene.first, cv_buffer_bytes(&csr),
			 scene.keys[1], &scene.third)
			 .outcome,
	    CV_ENROLMENT_REPEATED);
	cr_expect(cv_digest_equal(&scene.second.fingerprint, &scene.third.fingerprint));
	/* Another key is another request. */
	cr_assert_eq(ask(&scene, &scene.first, 2, &scene.third), CV_ENROLMENT_ISSUED);
	cr_expect_not(cv_digest_equal(&scene.second.fingerprint, &scene.third.fingerprint));
	scene_close(&scene);
}

Test(rotation, a_renewal_with_the_same_key_is_active_at_once)
{
	struct scene scene;

	scene_open(&scene);
	cr_assert_eq(ask(&scene, &scene.first, 0, &scene.second), CV_ENROLMENT_ISSUED);
	cr_expect_not(cv_digest_equal(&scene.first.fingerprint, &scene.second.fingerprint));
	expect_in_memory(&scene, &scene.second, CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_OK);
	scene_close(&scene);
}

Test(rotation, issuing_is_limited_for_each_device)
{
	struct cv_service_settings settings = default_settings();
	struct cv_enrolment_answer answer;
	struct scene scene;
	AUTO_KEY EVP_PKEY *other = make_key();

	settings.issue_burst = 2;
	scene_open_with(&scene, &settings);
	cr_assert_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	cr_assert_eq(ask(&scene, &scene.first, 2, &scene.third), CV_ENROLMENT_ISSUED);
	answer = reenrol(&scene.instance, &scene.first, scene.keys[3], DEVICE, &scene.fourth);
	cr_assert_eq(answer.outcome, CV_ENROLMENT_BUSY);
	cr_expect(answer.retry_after_seconds > 0 && answer.retry_after_seconds <= 1800);
	/* Nothing was written of the refused one, another device is not concerned. */
	cr_expect_eq(
	    ask_number(&scene.world.database, "SELECT count(*) FROM certvendor.certificate"), 3);
	enrol_and_see(&scene.instance, other, "unit-2", &scene.fourth);
	scene_close(&scene);
}

/* Who holds one key of a device may ask as often as they like, each time with another key. */
Test(rotation, refused_requests_leave_no_claim)
{
	static const char claims[] = "SELECT count(*) FROM certvendor.key_claim";
	struct cv_service_settings settings = default_settings();
	struct scene scene;
	int64_t before;

	settings.issue_burst = 2;
	scene_open_with(&scene, &settings);
	for (int i = 0; i < 2; i++) {
		AUTO_KEY EVP_PKEY *key = make_key();

		cr_assert_eq(
		    reenrol(&scene.instance, &scene.first, key, DEVICE, &scene.second).outcome,
		    CV_ENROLMENT_ISSUED);
		credential_deinit(&scene.second);
	}
	before = ask_number(&scene.world.database, claims);
	for (int i = 0; i < 200; i++) {
		AUTO_KEY EVP_PKEY *key = make_key();

		cr_assert_eq(
		    reenrol(&scene.instance, &scene.first, key, DEVICE, &scene.second).outcome,
		    CV_ENROLMENT_BUSY);
	}
	cr_expect_eq(ask_number(&scene.world.database, claims), before);
	/* With a smaller debt the next is issued, and claimed. */
	change_database(
	    &scene.world.database, "UPDATE certvendor.slot SET issue_debt_until = now()");
	cr_expect_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	cr_expect_eq(ask_number(&scene.world.database, claims), before + 1);
	scene_close(&scene);
}

/* Nor does a registration, however often it is tried; and the key is free for the right id. */
Test(rotation, refused_registrations_leave_nothing)
{
	static const char rows[] = "SELECT (SELECT count(*) FROM certvendor.key_claim)"
				   " + (SELECT count(*) FROM certvendor.device)"
				   " + (SELECT count(*) FROM certvendor.enrolment_token_use)";
	struct scene scene;
	char any[CV_SECRET_SIZE], other[CV_SECRET_SIZE];
	int64_t before;

	scene_open(&scene);
	make_token(&scene.instance, NULL, 1, any);
	make_token(&scene.instance, "unit-3", 1, other);
	before = ask_number(&scene.world.database, rows);
	for (size_t i = 1; i < 4; i++) {
		cr_expect_eq(
		    enrol_with_token(&scene.instance, any, scene.keys[i], DEVICE, &scene.second),
		    CV_ENROLMENT_NOT_AUTHORISED);
		/* A key of another device does not make this one. */
		cr_expect_eq(enrol_with_token(
				 &scene.instance, other, scene.keys[0], "unit-3", &scene.second),
		    CV_ENROLMENT_KEY_IN_USE);
	}
	cr_expect_eq(ask_number(&scene.world.database, rows), before);
	cr_expect_eq(enrol_with_token(&scene.instance, any, scene.keys[1], "unit-2", &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(ask_number(&scene.world.database, rows), before + 3);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, other, scene.keys[1], "unit-3", &scene.third),
	    CV_ENROLMENT_KEY_IN_USE);
	scene_close(&scene);
}

Test(rotation, the_names_of_the_certificate_stay)
{
	struct scene scene;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;

	scene_open(&scene);
	cr_expect_eq(
	    reenrol(&scene.instance, &scene.first, scene.keys[1], "unit-2", &scene.second).outcome,
	    CV_ENROLMENT_SUBJECT_MISMATCH);
	make_request(scene.keys[1], DEVICE, "beta", &csr);
	cr_expect_eq(reenrol_request(&scene.instance, &scene.first, cv_buffer_bytes(&csr),
			 scene.keys[1], &scene.second)
			 .outcome,
	    CV_ENROLMENT_SUBJECT_MISMATCH);
	cr_expect_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	scene_close(&scene);
}

/* ---- keys ---- */

Test(rotation, a_third_key_is_counted_and_refused)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], DEVICE, NULL, &scene.second);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	instance_refresh(&scene.instance);
	cr_expect_geq(ask_number(&scene.world.database,
			  "SELECT coalesce(sum(count), 0) FROM certvendor.security_event "
			  "WHERE kind = 'third-key' AND device = '%s'",
			  DEVICE),
	    1);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.slot_key WHERE device = '%s'", DEVICE),
	    1);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	scene_close(&scene);
}

static int64_t
events_in_the_trail(struct scene *scene)
{
	instance_refresh(&scene->instance);
	return ask_number(&scene->world.database,
	    "SELECT count(*) FROM certvendor.audit WHERE action = 'security-event' "
	    "AND reason = 'third-key' AND device = '%s'",
	    DEVICE);
}

/* However often it comes, it is one row; after a day of silence it is another. */
Test(rotation, repeats_of_a_security_event_are_one_row_of_the_trail)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], DEVICE, NULL, &scene.second);
	for (int i = 1; i <= 3; i++) {
		cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
		cr_expect_eq(events_in_the_trail(&scene), i < 3 ? 1 : 2);
		cr_expect_eq(ask_number(&scene.world.database,
				 "SELECT count FROM certvendor.security_event"),
		    i);
		if (i == 2)
			change_database(&scene.world.database,
			    "UPDATE certvendor.security_event "
			    "SET last_at = last_at - interval '25 hours'");
		sleep(2); /* the refusal is remembered for a second */
	}
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(rotation, a_key_belongs_to_the_device_that_proved_it)
{
	struct scene scene;

	scene_open(&scene);
	enrol_and_see(&scene.instance, scene.keys[1], "unit-2", &scene.second);
	cr_expect_eq(ask(&scene, &scene.first, 1, &scene.third), CV_ENROLMENT_KEY_IN_USE);
	cr_expect_eq(name_key(&scene, &scene.first, 1), CV_ANNOUNCEMENT_KEY_IN_USE);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-3", NULL, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_KEY_IN_USE);
	sign_credential(&scene.world.offline, scene.keys[2], "unit-3", NULL, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_REGISTERED);
	scene_close(&scene);
}

Test(rotation, a_replaced_key_never_comes_back)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(ask(&scene, &scene.second, 0, &scene.third), CV_ENROLMENT_KEY_IN_USE);
	cr_expect_eq(name_key(&scene, &scene.second, 0), CV_ANNOUNCEMENT_KEY_ENDED);
	/* The last announcement repeated is answered as before; a new key is welcome. */
	cr_expect_eq(name_key(&scene, &scene.second, 1), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(name_key(&scene, &scene.second, 2), CV_ANNOUNCEMENT_DONE);
	scene_close(&scene);
}

Test(rotation, the_first_key_cannot_announce_itself)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(name_key(&scene, &scene.first, 0), CV_ANNOUNCEMENT_SAME_KEY);
	cr_expect_eq(name_key(&scene, &scene.first, 1), CV_ANNOUNCEMENT_DONE);
	scene_close(&scene);
}

/* Key 2 is asked for after key 1; its announcement arrives first, and the late one of key 1
 * afterwards. */
static void
announce_overtaken(struct scene *scene)
{
	scene_open(scene);
	cr_assert_eq(ask(scene, &scene->first, 1, &scene->second), CV_ENROLMENT_ISSUED);
	cr_assert_eq(ask(scene, &scene->first, 2, &scene->third), CV_ENROLMENT_ISSUED);
	cr_assert_eq(name_key(scene, &scene->first, 2), CV_ANNOUNCEMENT_DONE);
	cr_assert_eq(name_key(scene, &scene->first, 1), CV_ANNOUNCEMENT_DONE);
}

Test(rotation, an_overtaken_announcement_leaves_the_newer_key_announced)
{
	struct scene scene;

	announce_overtaken(&scene);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, the_overtaken_key_may_be_the_one_that_is_used)
{
	struct scene scene;

	announce_overtaken(&scene);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_DENIED);
	scene_close(&scene);
}

/* Naming a key proves nothing and takes it from nobody: whoever has it may become a gateway. */
Test(rotation, an_announced_key_that_became_a_gateways_is_no_devices)
{
	struct scene scene;
	char hex[4096];

	scene_open(&scene);
	name_key(&scene, &scene.first, 1);
	sign_credential(&scene.world.offline, scene.keys[1], DEVICE, FACTORY, &scene.second);
	cr_assert_lt(2 * scene.second.der.len, sizeof(hex));
	cv_hex_encode(scene.second.der.data, scene.second.der.len, hex);
	change_database(&scene.world.database,
	    "INSERT INTO certvendor.gateway (id, name, sources, fingerprint, certificate) "
	    "VALUES (gen_random_uuid(), 'edge', '{pem}', sha256('\\x%s'), '\\x%s')",
	    hex, hex);
	instance_refresh(&scene.instance);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_BAD_CERTIFICATE);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);

	change_database(&scene.world.database, "UPDATE certvendor.gateway SET removed_at = now()");
	instance_refresh(&scene.instance);
	pause_ms(1100);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_later_announcement_replaces_the_earlier_one)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	ask(&scene, &scene.first, 2, &scene.third);
	cr_assert_eq(name_key(&scene, &scene.first, 1), CV_ANNOUNCEMENT_DONE);
	cr_assert_eq(name_key(&scene, &scene.first, 2), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, a_key_announced_by_a_pending_key_survives_its_activation)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	/* The pending key enrols: its sight activates it first. */
	cr_assert_eq(ask(&scene, &scene.second, 2, &scene.third), CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	cr_assert_eq(name_key(&scene, &scene.second, 2), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

/* ---- doors ---- */

Test(rotation, a_gateway_that_may_not_activate_leaves_the_key_waiting)
{
	struct scene scene;
	struct cv_evidence evidence;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	evidence = evidence_of(&scene.second);
	evidence.may_activate = false;
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	evidence.may_activate = true;
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_fingerprint_activates_what_is_recorded)
{
	struct scene scene;
	struct cv_evidence evidence;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	evidence = evidence_of(&scene.second);
	evidence.evidence = CV_EVIDENCE_FINGERPRINT;
	evidence.certificate = cv_bytes(NULL, 0);
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_ACTIVATED);
	sign_credential(&scene.world.offline, scene.keys[2], "unit-2", NULL, &scene.third);
	evidence.fingerprint = scene.third.fingerprint;
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_UNKNOWN);
	scene_close(&scene);
}

Test(rotation, a_gateway_sees_its_own_factories_only)
{
	struct scene scene;
	struct cv_evidence evidence;

	scene_open(&scene);
	evidence = evidence_of(&scene.first);
	evidence.factories = "beta,gamma";
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_UNKNOWN);
	evidence.factories = "beta," FACTORY;
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_OK);
	scene_close(&scene);
}

Test(rotation, a_refusal_of_one_door_is_not_that_of_another)
{
	struct scene scene;
	struct cv_evidence evidence;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-2", NULL, &scene.second);
	evidence = evidence_of(&scene.second);
	evidence.factories = "beta";
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_UNKNOWN);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_REGISTERED);
	scene_close(&scene);
}

/* ---- devices ---- */

Test(rotation, a_held_device_is_refused_until_its_release)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_HOLD, DEVICE), CV_LIFECYCLE_DONE);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DEVICE_REFUSED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DEVICE_REFUSED);
	cr_expect_eq(ask(&scene, &scene.first, 2, &scene.third), CV_ENROLMENT_REFUSED);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_RELEASE, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	/* The announcement outlived the hold. */
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_deleted_device_is_refused_and_forgets_nothing)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_DELETE, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_RELEASE, DEVICE), CV_LIFECYCLE_NOT_POSSIBLE);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DEVICE_REFUSED);
	sign_credential(&scene.world.offline, scene.keys[2], DEVICE, NULL, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_DEVICE_REFUSED);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_ALLOW, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_THIRD_KEY);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

Test(rotation, a_revoked_device_loses_every_key)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_expect_eq(act(&scene.instance, CV_LIFECYCLE_REVOKE, "unit-2"), CV_LIFECYCLE_NOT_FOUND);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_REVOKE, DEVICE), CV_LIFECYCLE_DONE);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	cr_assert_eq(act(&scene.instance, CV_LIFECYCLE_ALLOW, DEVICE), CV_LIFECYCLE_DONE);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	scene_close(&scene);
}

/* Whose first answer was lost, or came from another instance. */
Test(rotation, whoever_repeats_an_order_may_rely_on_it)
{
	struct scene scene;
	struct instance late;

	for (int i = 0; i < 2; i++) {
		scene_open(&scene);
		instance_open_held(&scene.world, NULL, &late);
		cr_assert_eq(recall(&late, &scene.first).verdict, CV_VERDICT_OK);
		if (i == 0)
			act(&scene.instance, CV_LIFECYCLE_REVOKE, DEVICE);
		else
			revoke_credential(
			    &scene.instance, DEVICE, &scene.first, CV_REASON_KEY_COMPROMISE, NULL);
		cr_expect_eq(recall(&late, &scene.first).verdict, CV_VERDICT_OK, "it lags");
		cr_expect_eq(i == 0 ? act(&late, CV_LIFECYCLE_REVOKE, DEVICE)
				    : revoke_credential(&late, DEVICE, &scene.first,
					  CV_REASON_KEY_COMPROMISE, NULL),
		    CV_LIFECYCLE_UNCHANGED);
		cr_expect_eq(recall(&late, &scene.first).verdict, CV_VERDICT_DENIED);
		instance_close(&late);
		scene_close(&scene);
	}
}

/* A deleted id that was cleared: until it is seen, another key may take its place. */
Test(rotation, the_first_sight_after_clearing_is_written_down)
{
	struct scene scene;
	const char *cleared = "SELECT count(*) FROM certvendor.device WHERE cleared_at IS NOT NULL";

	scene_open(&scene);
	act(&scene.instance, CV_LIFECYCLE_DELETE, DEVICE);
	act(&scene.instance, CV_LIFECYCLE_ALLOW, DEVICE);
	cr_expect_eq(ask_number(&scene.world.database, "%s", cleared), 1);
	cr_expect_not(recall(&scene.instance, &scene.first).is_decided);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(ask_number(&scene.world.database, "%s", cleared), 0);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_OK);
	/* So does one of another key. */
	act(&scene.instance, CV_LIFECYCLE_DELETE, DEVICE);
	act(&scene.instance, CV_LIFECYCLE_ALLOW, DEVICE);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(ask_number(&scene.world.database, "%s", cleared), 0);
	scene_close(&scene);
}

Test(rotation, whoever_repeats_a_request_is_known)
{
	struct scene scene;
	struct instance late;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;

	scene_open(&scene);
	instance_open_held(&scene.world, NULL, &late);
	make_request(scene.keys[1], DEVICE, FACTORY, &csr);
	reenrol_request(
	    &scene.instance, &scene.first, cv_buffer_bytes(&csr), scene.keys[1], &scene.second);
	cr_expect_eq(status_in_memory(&late, &scene.second.fingerprint), CV_INDEX_MISSING);
	cr_expect_eq(
	    reenrol_request(&late, &scene.first, cv_buffer_bytes(&csr), scene.keys[1], &scene.third)
		.outcome,
	    CV_ENROLMENT_REPEATED);
	cr_expect_eq(status_in_memory(&late, &scene.second.fingerprint), CV_INDEX_UNDECIDED);
	instance_close(&late);
	scene_close(&scene);
}

/* A device may have tried its key too early, and lost the answer to its announcement. */
Test(rotation, whoever_repeats_an_announcement_may_go_on)
{
	struct scene scene;
	struct instance late;

	scene_open(&scene);
	instance_open_held(&scene.world, NULL, &late);
	ask(&scene, &scene.first, 1, &scene.second);
	cr_expect_eq(see(&late, &scene.second), CV_VERDICT_THIRD_KEY);
	name_key(&scene, &scene.first, 1);
	cr_expect_eq(recall(&late, &scene.second).verdict, CV_VERDICT_THIRD_KEY, "remembered");
	cr_expect_eq(announce(&late, &scene.first, scene.keys[1], NULL), CV_ANNOUNCEMENT_DONE);
	cr_expect_eq(see(&late, &scene.second), CV_VERDICT_ACTIVATED);
	instance_close(&late);
	scene_close(&scene);
}

static void
hold_and_release(struct scene *scene)
{
	act(&scene->instance, CV_LIFECYCLE_HOLD, DEVICE);
	act(&scene->instance, CV_LIFECYCLE_RELEASE, DEVICE);
}

/* A judgement that read the record before a change may end after it. */
Test(rotation, no_refusal_is_remembered_beyond_a_change)
{
	struct scene scene;
	struct cv_sight sight;
	struct cv_evidence evidence;
	uint64_t began_at;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	evidence = evidence_of(&scene.second);
	for (int i = 0; i < 4; i++) {
		bool knows_device = i % 2 == 0, begins_later = i >= 2;

		began_at = cv_service_refusals_begin(scene.instance.service);
		cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
		sight = recall(&scene.instance, &scene.second);
		cr_assert(sight.is_decided);
		if (!knows_device)
			memset(&sight.party, 0, sizeof(sight.party));
		hold_and_release(&scene);
		cr_assert_not(recall(&scene.instance, &scene.second).is_decided);
		if (begins_later)
			began_at = cv_service_refusals_begin(scene.instance.service);
		cv_service_remember_refusal(scene.instance.service, &evidence, &sight, began_at);
		cr_expect_eq(recall(&scene.instance, &scene.second).is_decided, begins_later);
		hold_and_release(&scene);
		cr_expect_not(recall(&scene.instance, &scene.second).is_decided);
	}
	scene_close(&scene);
}

/* ---- revoked certificates ---- */

Test(rotation, a_compromised_key_takes_its_announcement_with_it)
{
	struct scene scene;
	bool ends_key;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(revoke_credential(&scene.instance, DEVICE, &scene.first,
			 CV_REASON_KEY_COMPROMISE, &ends_key),
	    CV_LIFECYCLE_DONE);
	cr_expect(ends_key);
	ends_key = false;
	cr_expect_eq(revoke_credential(&scene.instance, DEVICE, &scene.first,
			 CV_REASON_KEY_COMPROMISE, &ends_key),
	    CV_LIFECYCLE_UNCHANGED);
	cr_expect(ends_key, "asked again, it tells the same");
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.slot WHERE locked_since IS NOT NULL"),
	    0);
	scene_close(&scene);
}

Test(rotation, the_last_certificate_of_the_key_is_the_key_unless_superseded)
{
	static const struct {
		enum cv_reason reason;
		bool ends_key;
		enum cv_verdict second;
	} cases[] = {
	    {CV_REASON_CESSATION_OF_OPERATION, true, CV_VERDICT_DENIED},
	    {CV_REASON_SUPERSEDED, false, CV_VERDICT_ACTIVATED},
	};

	for (size_t i = 0; i < 2; i++) {
		struct scene scene;
		bool ends_key;

		scene_open(&scene);
		ask(&scene, &scene.first, 1, &scene.second);
		name_key(&scene, &scene.first, 1);
		cr_assert_eq(revoke_credential(
				 &scene.instance, DEVICE, &scene.first, cases[i].reason, &ends_key),
		    CV_LIFECYCLE_DONE);
		cr_expect_eq(ends_key, cases[i].ends_key);
		expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
		cr_expect_eq(look(&scene, &scene.second), cases[i].second);
		scene_close(&scene);
	}
}

Test(rotation, one_of_two_certificates_of_the_key_leaves_the_key)
{
	struct scene scene;
	bool ends_key;

	scene_open(&scene);
	cr_assert_eq(ask(&scene, &scene.first, 0, &scene.second), CV_ENROLMENT_ISSUED);
	cr_assert_eq(revoke_credential(&scene.instance, DEVICE, &scene.first,
			 CV_REASON_CESSATION_OF_OPERATION, &ends_key),
	    CV_LIFECYCLE_DONE);
	cr_expect_not(ends_key);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(revoke_credential(&scene.instance, DEVICE, &scene.first,
			 CV_REASON_CESSATION_OF_OPERATION, NULL),
	    CV_LIFECYCLE_UNCHANGED);
	scene_close(&scene);
}

Test(rotation, the_lock_goes_with_the_last_announced_key)
{
	struct scene scene;

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	name_key(&scene, &scene.first, 1);
	cr_assert_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.slot WHERE locked_since IS NOT NULL"),
	    1);
	revoke_credential(&scene.instance, DEVICE, &scene.second, CV_REASON_KEY_COMPROMISE, NULL);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.slot WHERE locked_since IS NOT NULL"),
	    0);
	scene_close(&scene);
}

Test(rotation, another_signature_over_the_same_content_is_the_same_certificate)
{
	struct scene scene;
	AUTO_CREDENTIAL struct credential variant = CREDENTIAL_INIT;
	struct cv_evidence evidence;

	scene_open(&scene);
	make_variant(&scene.first, &variant);
	cr_assert_not(cv_digest_equal(&scene.first.fingerprint, &variant.fingerprint));
	cr_expect_eq(look(&scene, &variant), CV_VERDICT_OK);
	ask(&scene, &scene.first, 0, &scene.second);
	revoke_credential(&scene.instance, DEVICE, &scene.first, CV_REASON_SUPERSEDED, NULL);
	cr_expect_eq(look(&scene, &variant), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	/* Its hash alone says nothing. */
	make_variant(&scene.second, &variant);
	evidence = evidence_of(&variant);
	evidence.evidence = CV_EVIDENCE_FINGERPRINT;
	evidence.certificate = cv_bytes(NULL, 0);
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_UNKNOWN);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.certificate WHERE device = '%s'", DEVICE),
	    2);
	scene_close(&scene);
}

Test(rotation, a_compromised_key_is_blocked_for_ever)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	revoke_credential(&scene.instance, DEVICE, &scene.first, CV_REASON_KEY_COMPROMISE, NULL);
	make_token(&scene.instance, DEVICE, 2, secret);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[0], DEVICE, &scene.second),
	    CV_ENROLMENT_BLOCKED_KEY);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	scene_close(&scene);
}

/* ---- authorities ---- */

static void
set_authority(struct scene *scene, const char *name, const char *state)
{
	change_database(&scene->world.database,
	    "UPDATE certvendor.authority SET state = '%s' WHERE name = '%s'", state, name);
	instance_refresh(&scene->instance);
}

Test(rotation, first_contact_of_an_offline_authority_registers)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-2", NULL, &scene.second);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_REGISTERED);
	expect_in_memory(&scene, &scene.second, CV_VERDICT_OK);
	/* With the OU of its factory it is welcome, with that of another it is not. */
	sign_credential(&scene.world.offline, scene.keys[2], "unit-3", FACTORY, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_REGISTERED);
	sign_credential(&scene.world.offline, scene.keys[3], "unit-4", "beta", &scene.fourth);
	cr_expect_eq(look(&scene, &scene.fourth), CV_VERDICT_UNKNOWN);
	scene_close(&scene);
}

Test(rotation, first_contact_may_be_switched_off)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-2", NULL, &scene.second);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_REGISTERED);
	change_database(
	    &scene.world.database, "UPDATE certvendor.factory SET first_contact = 'refuse'");
	instance_refresh(&scene.instance);
	sign_credential(&scene.world.offline, scene.keys[2], "unit-3", NULL, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_UNKNOWN);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(rotation, a_disabled_authority_admits_nobody_new)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-2", NULL, &scene.second);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_REGISTERED);
	set_authority(&scene, "offline", "disabled");
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	sign_credential(&scene.world.offline, scene.keys[2], "unit-3", NULL, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_AUTHORITY_REFUSED);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.device WHERE id = 'unit-3'"),
	    0);
	scene_close(&scene);
}

Test(rotation, a_revoked_authority_takes_everybody_along)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.offline, scene.keys[1], "unit-2", NULL, &scene.second);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_REGISTERED);
	set_authority(&scene, "offline", "revoked");
	expect_in_memory(&scene, &scene.second, CV_VERDICT_AUTHORITY_REFUSED);
	expect_in_memory(&scene, &scene.first, CV_VERDICT_OK);
	set_authority(&scene, "offline", "trusted");
	expect_in_memory(&scene, &scene.second, CV_VERDICT_OK);
	scene_close(&scene);
}

/* What a revoked authority signed lets nobody in: it is no other certificate of the key. */
Test(rotation, the_last_certificate_is_the_last_that_counts)
{
	static const struct {
		const char *offline;
		bool revokes_offline, ends_key;
	} cases[] = {
	    {"trusted", false, false},
	    {"revoked", false, true},
	    {"revoked", true, false},
	};

	for (size_t i = 0; i < 3; i++) {
		struct scene scene;
		bool ends_key;

		scene_open(&scene);
		sign_credential(
		    &scene.world.offline, scene.keys[0], DEVICE, FACTORY, &scene.second);
		cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_OK);
		set_authority(&scene, "offline", cases[i].offline);
		cr_assert_eq(revoke_credential(&scene.instance, DEVICE,
				 cases[i].revokes_offline ? &scene.second : &scene.first,
				 CV_REASON_CESSATION_OF_OPERATION, &ends_key),
		    CV_LIFECYCLE_DONE);
		cr_expect_eq(ends_key, cases[i].ends_key, "case %zu", i);
		scene_close(&scene);
	}
}

Test(rotation, a_disabled_issuer_signs_nothing)
{
	struct scene scene;

	scene_open(&scene);
	set_authority(&scene, "online", "disabled");
	cr_expect_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_NO_ISSUER);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	set_authority(&scene, "online", "trusted");
	cr_expect_eq(ask(&scene, &scene.first, 1, &scene.second), CV_ENROLMENT_ISSUED);
	scene_close(&scene);
}

Test(rotation, an_unrecorded_certificate_of_ours_is_refused)
{
	struct scene scene;

	scene_open(&scene);
	sign_credential(&scene.world.online, scene.keys[0], DEVICE, FACTORY, &scene.second);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_UNKNOWN);
	sign_credential(&scene.world.online, scene.keys[1], "unit-2", FACTORY, &scene.third);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_UNKNOWN);
	instance_refresh(&scene.instance);
	cr_expect_eq(
	    ask_number(&scene.world.database,
		"SELECT count(*) FROM certvendor.security_event WHERE kind = 'unrecorded'"),
	    2);
	/* The same key under a certificate of the offline authority is known, and recorded. */
	sign_credential(&scene.world.offline, scene.keys[0], DEVICE, FACTORY, &scene.fourth);
	cr_expect_eq(look(&scene, &scene.fourth), CV_VERDICT_OK);
	expect_in_memory(&scene, &scene.fourth, CV_VERDICT_OK);
	scene_close(&scene);
}

/* ---- enrolment tokens ---- */

Test(rotation, a_token_is_for_its_device)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, "unit-2", 1, secret);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], "unit-3", &scene.second),
	    CV_ENROLMENT_NOT_AUTHORISED);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], "unit-2", &scene.second),
	    CV_ENROLMENT_ISSUED);
	secret[10] = secret[10] == 'A' ? 'B' : 'A';
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[2], "unit-2", &scene.third),
	    CV_ENROLMENT_BAD_CREDENTIALS);
	scene_close(&scene);
}

Test(rotation, a_token_counts_devices_not_requests)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, NULL, 2, secret);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], "unit-2", &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], "unit-2", &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[2], "unit-3", &scene.third),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[3], "unit-4", &scene.fourth),
	    CV_ENROLMENT_BAD_CREDENTIALS);
	/* Of a device that was seen it is no longer a credential. */
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], "unit-2", &scene.fourth),
	    CV_ENROLMENT_NOT_AUTHORISED);
	scene_close(&scene);
}

Test(rotation, a_token_for_any_id_opens_no_registered_one)
{
	struct scene scene;
	char any[CV_SECRET_SIZE], own[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, NULL, 5, any);
	make_token(&scene.instance, DEVICE, 1, own);
	cr_expect_eq(enrol_with_token(&scene.instance, any, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_NOT_AUTHORISED);
	/* One made for this id announces. */
	cr_expect_eq(enrol_with_token(&scene.instance, own, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, a_revocation_voids_the_tokens_made_before)
{
	struct scene scene;
	char before[CV_SECRET_SIZE], after[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, DEVICE, 1, before);
	act(&scene.instance, CV_LIFECYCLE_REVOKE, DEVICE);
	make_token(&scene.instance, DEVICE, 1, after);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, before, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_REFUSED);
	cr_expect_eq(enrol_with_token(&scene.instance, after, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	cr_expect_eq(enrol_with_token(&scene.instance, before, scene.keys[2], DEVICE, &scene.third),
	    CV_ENROLMENT_NOT_AUTHORISED);
	scene_close(&scene);
}

/* Whoever kept it could take the device over; what its operator makes afterwards counts. */
Test(rotation, registering_voids_the_older_tokens)
{
	struct scene scene;
	char older[CV_SECRET_SIZE], any[CV_SECRET_SIZE], newer[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, "fresh", 1, older);
	make_token(&scene.instance, NULL, 1, any);
	make_token(&scene.instance, "fresh", 1, newer);
	cr_assert_eq(enrol_with_token(&scene.instance, any, scene.keys[1], "fresh", &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(enrol_with_token(&scene.instance, older, scene.keys[2], "fresh", &scene.third),
	    CV_ENROLMENT_NOT_AUTHORISED);
	/* Its own answer may have been lost. */
	cr_expect_eq(enrol_with_token(&scene.instance, any, scene.keys[1], "fresh", &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(enrol_with_token(&scene.instance, newer, scene.keys[2], "fresh", &scene.third),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

/* Every earlier key ends then, so none of them can be the one that the device goes on with. */
Test(rotation, registering_anew_takes_a_new_key)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	act(&scene.instance, CV_LIFECYCLE_HOLD, DEVICE);
	make_token(&scene.instance, DEVICE, 1, secret);
	for (size_t key = 0; key < 2; key++)
		cr_expect_eq(enrol_with_token(
				 &scene.instance, secret, scene.keys[key], DEVICE, &scene.third),
		    CV_ENROLMENT_KEY_IN_USE);
	/* The token was not used up by it. */
	cr_assert_eq(enrol_with_token(&scene.instance, secret, scene.keys[2], DEVICE, &scene.third),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_OK);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, a_token_announces_a_key_that_was_only_asked_for)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	cr_assert_eq(look(&scene, &scene.second), CV_VERDICT_THIRD_KEY);
	make_token(&scene.instance, DEVICE, 1, secret);
	cr_assert_eq(enrol_with_token(&scene.instance, secret, scene.keys[1], DEVICE, &scene.third),
	    CV_ENROLMENT_REPEATED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_ACTIVATED);
	scene_close(&scene);
}

/* Of requests that were made at once nobody can say which the device goes on with. */
Test(rotation, any_key_that_a_token_gave_may_be_the_one_that_is_used)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	make_token(&scene.instance, DEVICE, 1, secret);
	cr_assert_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[1], DEVICE, &scene.second),
	    CV_ENROLMENT_ISSUED);
	cr_assert_eq(enrol_with_token(&scene.instance, secret, scene.keys[2], DEVICE, &scene.third),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_DENIED);
	cr_expect_eq(look(&scene, &scene.first), CV_VERDICT_DENIED);
	cr_expect_eq(
	    enrol_with_token(&scene.instance, secret, scene.keys[3], DEVICE, &scene.fourth),
	    CV_ENROLMENT_NOT_AUTHORISED);
	scene_close(&scene);
}

/* What the device announced before stays good, too. */
Test(rotation, a_token_withdraws_no_announcement)
{
	struct scene scene;
	char secret[CV_SECRET_SIZE];

	scene_open(&scene);
	ask(&scene, &scene.first, 1, &scene.second);
	cr_assert_eq(
	    announce(&scene.instance, &scene.first, scene.keys[1], NULL), CV_ANNOUNCEMENT_DONE);
	make_token(&scene.instance, DEVICE, 1, secret);
	cr_assert_eq(enrol_with_token(&scene.instance, secret, scene.keys[2], DEVICE, &scene.third),
	    CV_ENROLMENT_ISSUED);
	cr_expect_eq(look(&scene, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(look(&scene, &scene.third), CV_VERDICT_DENIED);
	scene_close(&scene);
}

Test(rotation, without_credentials_there_is_nothing)
{
	struct scene scene;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_enrolment_request request = {.request_id = "request"};
	struct cv_enrolment_answer answer;
	struct cv_error err = CV_ERROR_INIT;

	scene_open(&scene);
	make_request(scene.keys[1], "unit-2", FACTORY, &csr);
	request.csr = cv_buffer_bytes(&csr);
	must(cv_enrol(scene.instance.service, &request, &answer, &der, &err), "enrol", &err);
	cr_expect_eq(answer.outcome, CV_ENROLMENT_NO_CREDENTIALS);
	cr_expect_eq(der.len, 0);
	scene_close(&scene);
}
