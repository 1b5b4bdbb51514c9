/* Certificates by SHA-1, by issuer and serial number, and by the name of their device. */
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/model/source.h"
#include "cv/pki/certificate.h"
#include "cv/pki/digest.h"
#include "cv/util/auto.h"
#include "cv/util/text.h"

struct scene {
	struct world world;
	struct instance instance;
	EVP_PKEY *keys[3];
	struct credential first, second, third;
	struct cv_certificate_name name;
};

static void
scene_open(struct scene *scene, const char *sources)
{
	struct cv_service_settings settings = default_settings();

	memset(scene, 0, sizeof(*scene));
	if (sources != NULL)
		cr_assert(cv_sources_parse(sources, &settings.socket_sources));
	world_open(&scene->world);
	instance_open(&scene->world, &settings, &scene->instance);
	for (size_t i = 0; i < 3; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->instance, scene->keys[0], DEVICE, &scene->first);
}

static void
scene_close(struct scene *scene)
{
	instance_close(&scene->instance);
	world_close(&scene->world);
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->first);
	credential_deinit(&scene->second);
	credential_deinit(&scene->third);
}

static void
take_sha1(struct scene *scene, const struct credential *credential)
{
	scene->name.has_sha1 = true;
	cv_digest_sha1(cv_buffer_bytes(&credential->der), scene->name.sha1);
}

static void
take_serial(struct scene *scene, const struct credential *credential)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_certificate_parse(cv_buffer_bytes(&credential->der), &certificate, &err),
	    "certificate", &err);
	cr_assert(cv_name_write(
	    certificate->issuer, CV_NAME_RFC2253, scene->name.issuer, sizeof(scene->name.issuer)));
	memcpy(scene->name.serial, certificate->serial.data, certificate->serial.len);
	scene->name.serial_len = certificate->serial.len;
}

static struct cv_evidence
evidence_by_name(const struct scene *scene, enum cv_evidence_class class)
{
	struct cv_evidence evidence = {.evidence = class,
	    .name = &scene->name,
	    .may_activate = true,
	    .actor = "gateway:test",
	    .request_id = "request"};

	cv_digest_sha256(cv_bytes(&scene->name, sizeof(scene->name)), &evidence.fingerprint);
	return evidence;
}

static enum cv_verdict
see_by(struct scene *scene, enum cv_evidence_class class)
{
	struct cv_evidence evidence = evidence_by_name(scene, class);

	return see_evidence(&scene->instance, &evidence).verdict;
}

/* What memory says alone; CV_VERDICT_UNAVAILABLE: it leaves that to the database. */
static enum cv_verdict
recall_by(struct scene *scene, enum cv_evidence_class class)
{
	struct cv_evidence evidence = evidence_by_name(scene, class);
	struct cv_sight sight;

	cv_sight_recall(scene->instance.service, &evidence, &sight);
	return sight.is_decided ? sight.verdict : CV_VERDICT_UNAVAILABLE;
}

static void
make_pending(struct scene *scene)
{
	cr_assert_eq(
	    reenrol(&scene->instance, &scene->first, scene->keys[1], DEVICE, &scene->second)
		.outcome,
	    CV_ENROLMENT_ISSUED);
	cr_assert_eq(
	    announce(&scene->instance, &scene->first, scene->keys[1], NULL), CV_ANNOUNCEMENT_DONE);
}

Test(naming, a_sha1_is_a_sight_and_activates)
{
	struct scene scene;

	scene_open(&scene, "sha1");
	take_sha1(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	make_pending(&scene);
	take_sha1(&scene, &scene.second);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_ACTIVATED);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	take_sha1(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_DENIED);
	scene.name.sha1[0] ^= 1;
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_UNKNOWN);
	scene_close(&scene);
}

/* Nobody asked for these names when the certificates were loaded; the database knows them anyway.
 */
Test(naming, what_memory_lacks_is_found_in_the_database)
{
	struct scene scene;

	scene_open(&scene, NULL);
	take_sha1(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	memset(&scene.name, 0, sizeof(scene.name));
	take_serial(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	cv_index_want_names(scene.instance.index, CV_INDEX_SERIAL);
	while (cv_index_lacks_names(scene.instance.index))
		pause_ms(5);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(naming, issuer_and_serial_number_allow_and_never_activate)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial");
	take_serial(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	scene.name.issuer[0] ^= 1;
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNKNOWN);
	make_pending(&scene);
	take_serial(&scene, &scene.second);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(see(&scene.instance, &scene.second), CV_VERDICT_ACTIVATED);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	take_serial(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_DENIED);
	scene_close(&scene);
}

/* Whoever holds the key of an offline authority may issue any serial number under its name. */
Test(naming, a_serial_number_of_an_offline_authority_says_nothing)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial,sha1");
	sign_credential(&scene.world.offline, scene.keys[2], "unit-2", NULL, &scene.third);
	cr_assert_eq(see(&scene.instance, &scene.third), CV_VERDICT_REGISTERED);
	take_serial(&scene, &scene.third);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNKNOWN);
	memset(&scene.name, 0, sizeof(scene.name));
	take_sha1(&scene, &scene.third);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	scene_close(&scene);
}

static void
import(struct scene *scene, const char *factory, const char *kind, const struct cv_certificate *ca)
{
	CV_AUTO_MEMORY char *hex = calloc(1, 2 * ca->der.len + 1);

	cr_assert(hex);
	cv_hex_encode(ca->der.data, ca->der.len, hex);
	change_database(&scene->world.database,
	    "INSERT INTO certvendor.factory (name) VALUES ('%s') ON CONFLICT DO NOTHING; "
	    "INSERT INTO certvendor.authority (id, factory, name, kind, state, certificate, "
	    "fingerprint) VALUES (gen_random_uuid(), '%s', 'twin', '%s', 'trusted', "
	    "decode('%s', 'hex'), sha256(decode('%s', 'hex')))",
	    factory, factory, kind, hex, hex);
	instance_refresh(&scene->instance);
}

/* Puts an authority of the name of ours beside it, with a key that somebody else holds. */
static void
import_twin(struct scene *scene, const char *factory, const char *kind)
{
	struct test_authority twin;

	make_authority(CV_PROFILE_ROOT, "device CA", NULL, &twin);
	cr_assert(
	    cv_bytes_equal(twin.certificate->subject, scene->world.online.certificate->subject));
	import(scene, factory, kind, twin.certificate);
	authority_deinit(&twin);
}

/* Its holder may issue what goes by the issuer and serial number of anybody. */
Test(naming, a_shared_name_is_of_nobody)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial");
	take_serial(&scene, &scene.first);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	import_twin(&scene, FACTORY, "offline");
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNAVAILABLE);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_AMBIGUOUS);
	cr_expect_eq(see(&scene.instance, &scene.first), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(naming, a_root_of_our_name_is_not_ours)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial");
	take_serial(&scene, &scene.first);
	import_twin(&scene, FACTORY, "root");
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_AMBIGUOUS);
	scene_close(&scene);
}

/* As while a root changes: the other root certified our own key under our own name. */
Test(naming, ours_by_another_root_are_ours)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial");
	take_serial(&scene, &scene.first);
	change_database(&scene.world.database,
	    "INSERT INTO certvendor.authority (id, factory, name, kind, state, certificate, "
	    "fingerprint) SELECT gen_random_uuid(), factory, 'crossed', 'root', 'trusted', "
	    "certificate, sha256('crossed') FROM certvendor.authority WHERE id = '%s'",
	    scene.world.online.id);
	instance_refresh(&scene.instance);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	scene_close(&scene);
}

/* A gateway of one factory is not disturbed by what another factory imports. */
Test(naming, a_name_is_shared_where_the_gateway_serves)
{
	struct scene scene;
	struct cv_evidence evidence;

	scene_open(&scene, "issuer-serial");
	take_serial(&scene, &scene.first);
	import_twin(&scene, "beta", "offline");
	evidence = evidence_by_name(&scene, CV_EVIDENCE_NAME);
	evidence.factories = FACTORY;
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_OK);
	evidence.factories = FACTORY ",beta";
	cr_expect_eq(see_evidence(&scene.instance, &evidence).verdict, CV_VERDICT_AMBIGUOUS);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_AMBIGUOUS);
	scene_close(&scene);
}

static enum cv_verdict
see_with_name(struct scene *scene, const struct credential *credential)
{
	struct cv_evidence evidence = evidence_of(credential);

	evidence.name = &scene->name;
	return see_evidence(&scene->instance, &evidence).verdict;
}

Test(naming, names_must_be_of_the_certificate_they_come_with)
{
	struct scene scene;

	scene_open(&scene, "issuer-serial,sha1");
	enrol_and_see(&scene.instance, scene.keys[1], "unit-2", &scene.second);
	take_serial(&scene, &scene.first);
	cr_expect_eq(see_with_name(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(see_with_name(&scene, &scene.second), CV_VERDICT_AMBIGUOUS);
	take_sha1(&scene, &scene.second);
	cr_expect_eq(see_with_name(&scene, &scene.first), CV_VERDICT_AMBIGUOUS);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_AMBIGUOUS);
	take_sha1(&scene, &scene.first);
	cr_expect_eq(see_with_name(&scene, &scene.first), CV_VERDICT_OK);
	cr_expect_eq(recall_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	/* A disagreement is not remembered against the certificate. */
	cr_expect_eq(see(&scene.instance, &scene.second), CV_VERDICT_OK);
	scene_close(&scene);
}

Test(naming, a_device_is_known_by_its_name)
{
	struct scene scene;

	scene_open(&scene, NULL);
	cr_assert(cv_party_set(&scene.name.party, FACTORY, DEVICE, NULL));
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	make_pending(&scene);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_OK);
	change_database(&scene.world.database, "UPDATE certvendor.device SET state = 'held'");
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_DEVICE_REFUSED);
	cr_assert(cv_party_set(&scene.name.party, FACTORY, "unit-9", NULL));
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNKNOWN);
	cr_assert(cv_party_set(&scene.name.party, "beta", DEVICE, NULL));
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNKNOWN);
	scene_close(&scene);
}

Test(naming, a_name_is_no_answer_while_the_database_is_away)
{
	struct scene scene;

	scene_open(&scene, "sha1");
	database_stop(&scene.world.database);
	take_sha1(&scene, &scene.first);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_OK);
	scene.name.sha1[0] ^= 1;
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_SHA1), CV_VERDICT_UNAVAILABLE);
	memset(&scene.name, 0, sizeof(scene.name));
	take_serial(&scene, &scene.first);
	cr_expect_eq(see_by(&scene, CV_EVIDENCE_NAME), CV_VERDICT_UNAVAILABLE);
	database_start(&scene.world.database);
	scene_close(&scene);
}
