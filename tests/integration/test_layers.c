/* Layers of configuration and what is staged for an announced key, over the real statements. */
#include "support.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <string.h>

#include "cv/service/device_layers.h"

#define FILES(value, is_open)                                                                      \
	"[{\"name\":\"a\",\"value\":\"" value "\",\"unencrypted\":" is_open "}]"

/* A device with a key in use and two more that it holds certificates for; time is the test's. */
struct scene {
	struct world world;
	struct instance instance;
	PGconn *database;
	EVP_PKEY *keys[3];
	struct credential used, next, other;
};

static void
scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	world_open(&scene->world);
	database_take_clock(&scene->world.database);
	scene->database = database_connect(&scene->world.database);
	instance_open(&scene->world, NULL, &scene->instance);
	for (size_t i = 0; i < 3; i++)
		scene->keys[i] = make_key();
	enrol_and_see(&scene->instance, scene->keys[0], DEVICE, &scene->used);
	reenrol(&scene->instance, &scene->used, scene->keys[1], DEVICE, &scene->next);
	reenrol(&scene->instance, &scene->used, scene->keys[2], DEVICE, &scene->other);
}

static void
scene_close(struct scene *scene)
{
	instance_close(&scene->instance);
	PQfinish(scene->database);
	world_close(&scene->world);
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(scene->keys[i]);
	credential_deinit(&scene->used);
	credential_deinit(&scene->next);
	credential_deinit(&scene->other);
}

/* key NULL: nothing. */
static void
public_pem(EVP_PKEY *key, struct cv_buffer *ret_pem)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (key) {
		cr_assert_eq(PEM_write_bio_PUBKEY(memory, key), 1);
		len = BIO_get_mem_data(memory, &text);
		cv_buffer_append(ret_pem, text, (size_t)len);
	}
	BIO_free(memory);
}

/* What a device uploads: for this key, or none; the files are encrypted or not. */
static enum cv_upload_outcome
upload(struct scene *scene, const struct credential *over, EVP_PKEY *key, const char *files,
    bool has_encrypted)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	struct cv_evidence evidence = handshake_of(over);
	struct cv_sight sight = see_evidence(&scene->instance, &evidence);
	enum cv_announcement_outcome naming = CV_ANNOUNCEMENT_DONE;
	enum cv_upload_outcome outcome;
	enum cv_verdict verdict;
	struct cv_error err = CV_ERROR_INIT;

	public_pem(key, &pem);
	const struct cv_upload order = {
	    .files = files,
	    .reason = "",
	    .summary = "{}",
	    .key_pem = cv_buffer_bytes(&pem),
	    .has_encrypted = has_encrypted,
	    .request_id = "request",
	};
	must(cv_device_upload(scene->instance.service, &evidence, &sight, &order, &outcome, &naming,
		 &verdict, &err),
	    "upload", &err);
	return outcome;
}

static enum cv_layer_outcome
write_as_operator(struct scene *scene, const char *files, bool is_forced)
{
	const struct cv_layer_order order = {
	    .factory = FACTORY,
	    .device = DEVICE,
	    .write = {.how = CV_LAYER_MERGE, .files = files, .reason = "", .created_by = "test"},
	    .summary = "{}",
	    .actor = "operator:test",
	    .request_id = "request",
	    .is_forced = is_forced,
	};
	enum cv_layer_outcome outcome;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_write_device_layer(scene->instance.service, &order, &outcome, &err), "write", &err);
	return outcome;
}

static int64_t
count(const struct scene *scene, const char *what)
{
	return ask_number(&scene->world.database, "SELECT count(*) FROM certvendor.%s", what);
}

/* Is this the value of the file "a" in the layer that counts? */
static bool
layer_has(const struct scene *scene, const char *value)
{
	return ask_number(&scene->world.database,
		   "SELECT count(*) FROM (SELECT files FROM certvendor.device_configuration "
		   "ORDER BY version DESC LIMIT 1) l WHERE l.files @> "
		   "'[{\"name\": \"a\", \"value\": \"%s\"}]'",
		   value) == 1;
}

static void
announce_and_stage(struct scene *scene)
{
	cr_assert_eq(
	    announce(&scene->instance, &scene->used, scene->keys[1], NULL), CV_ANNOUNCEMENT_DONE);
	cr_assert_eq(upload(scene, &scene->used, scene->keys[1], FILES("staged", "false"), true),
	    CV_UPLOAD_DONE);
	cr_assert_eq(count(scene, "device_stage"), 1);
}

/* ---- the end of a stage ---- */

static void
cancel(struct scene *scene)
{
	cr_assert_eq(act(&scene->instance, CV_LIFECYCLE_CANCEL, DEVICE), CV_LIFECYCLE_DONE);
}

static void
revoke_device(struct scene *scene)
{
	cr_assert_eq(act(&scene->instance, CV_LIFECYCLE_REVOKE, DEVICE), CV_LIFECYCLE_DONE);
}

static void
revoke_current_key(struct scene *scene)
{
	bool ends_key = false;

	cr_assert_eq(revoke_credential(&scene->instance, DEVICE, &scene->used,
			 CV_REASON_KEY_COMPROMISE, &ends_key),
	    CV_LIFECYCLE_DONE);
	cr_assert(ends_key);
}

static void
revoke_staged_key(struct scene *scene)
{
	bool ends_key = false;

	cr_assert_eq(revoke_credential(&scene->instance, DEVICE, &scene->next,
			 CV_REASON_KEY_COMPROMISE, &ends_key),
	    CV_LIFECYCLE_DONE);
	cr_assert(ends_key);
}

static void
announce_another(struct scene *scene)
{
	cr_assert_eq(
	    announce(&scene->instance, &scene->used, scene->keys[2], NULL), CV_ANNOUNCEMENT_DONE);
}

static void
announce_again(struct scene *scene)
{
	cr_assert_eq(
	    announce(&scene->instance, &scene->used, scene->keys[1], NULL), CV_ANNOUNCEMENT_DONE);
}

static void
hold(struct scene *scene)
{
	cr_assert_eq(act(&scene->instance, CV_LIFECYCLE_HOLD, DEVICE), CV_LIFECYCLE_DONE);
}

static void
restart(struct scene *scene)
{
	instance_close(&scene->instance);
	instance_open(&scene->world, NULL, &scene->instance);
}

Test(layers, a_stage_ends_with_its_announcement)
{
	static const struct {
		void (*what)(struct scene *scene);
		bool ends;
	} cases[] = {
	    {cancel, true},
	    {revoke_device, true},
	    {revoke_current_key, true},
	    {revoke_staged_key, true},
	    {announce_another, true},
	    {announce_again, false},
	    {hold, false},
	    {restart, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;

		scene_open(&scene);
		announce_and_stage(&scene);
		cases[i].what(&scene);
		cr_expect_eq(count(&scene, "device_stage"), cases[i].ends ? 0 : 1, "case %zu", i);
		cr_expect_eq(count(&scene, "device_configuration"), 0, "case %zu", i);
		scene_close(&scene);
	}
}

/* ---- activation ---- */

Test(layers, activation_takes_the_stage_of_its_key)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(write_as_operator(&scene, FILES("before", "false"), false), CV_LAYER_DONE);
	announce_and_stage(&scene);
	restart(&scene);
	cr_expect(layer_has(&scene, "before"));
	cr_expect_eq(see(&scene.instance, &scene.next), CV_VERDICT_ACTIVATED);
	cr_expect(layer_has(&scene, "staged"));
	cr_expect_eq(count(&scene, "device_stage"), 0);
	cr_expect_eq(count(&scene, "audit WHERE action = 'configuration-replaced'"), 0);
	scene_close(&scene);
}

/* A request that came late: both keys wait, and each has what it can open. */
Test(layers, each_of_two_announced_keys_has_its_stage)
{
	for (size_t winner = 1; winner <= 2; winner++) {
		struct scene scene;

		scene_open(&scene);
		announce_another(&scene);
		announce_again(&scene);
		cr_assert_eq(
		    count(&scene, "slot_key WHERE state = 'announced'"), 2, "both are announced");
		upload(&scene, &scene.used, scene.keys[1], FILES("one", "false"), true);
		upload(&scene, &scene.used, scene.keys[2], FILES("two", "false"), true);
		cr_expect_eq(count(&scene, "device_stage"), 2);
		cr_expect_eq(
		    upload(&scene, &scene.used, NULL,
			"[{\"name\":\"open\",\"value\":\"o\",\"unencrypted\":true}]", false),
		    CV_UPLOAD_DONE);
		cr_expect_eq(
		    count(&scene, "device_stage WHERE files @> '[{\"name\": \"open\"}]'"), 2);
		cr_expect_eq(see(&scene.instance, winner == 1 ? &scene.next : &scene.other),
		    CV_VERDICT_ACTIVATED);
		cr_expect(layer_has(&scene, winner == 1 ? "one" : "two"));
		cr_expect_eq(count(&scene, "device_stage"), 0);
		scene_close(&scene);
	}
}

Test(layers, what_operators_wrote_meanwhile_is_reported)
{
	struct scene scene;

	scene_open(&scene);
	announce_and_stage(&scene);
	cr_expect_eq(write_as_operator(&scene, FILES("late", "true"), false), CV_LAYER_LOCKED);
	cr_expect_eq(write_as_operator(&scene, FILES("late", "true"), true), CV_LAYER_DONE);
	cr_expect(layer_has(&scene, "late"));
	cr_expect_eq(see(&scene.instance, &scene.next), CV_VERDICT_ACTIVATED);
	cr_expect(layer_has(&scene, "staged"));
	cr_expect_eq(count(&scene, "audit WHERE action = 'configuration-replaced' AND before = "
				   "'{\"versions_of_operators\": [1]}' AND after = "
				   "'{\"version\": 2, \"staged_on\": 0}'"),
	    1);
	scene_close(&scene);
}

struct first_use {
	struct scene *scene;
	enum cv_verdict verdict;
	enum cv_layer_outcome outcome;
};

static void *
use_first(void *context)
{
	struct first_use *use = context;

	use->verdict = see(&use->scene->instance, &use->scene->next);
	return NULL;
}

static void *
write_beside(void *context)
{
	struct first_use *use = context;

	use->outcome = write_as_operator(use->scene, FILES("beside", "true"), false);
	return NULL;
}

/* Either it was locked, or it came after the activation: never lost. */
Test(layers, an_operator_and_an_activation_at_once)
{
	for (int round = 0; round < 10; round++) {
		struct scene scene;
		struct first_use first = {.scene = &scene}, second = {.scene = &scene};

		scene_open(&scene);
		announce_and_stage(&scene);
		at_once(use_first, &first, write_beside, &second);
		cr_expect_eq(first.verdict, CV_VERDICT_ACTIVATED);
		cr_expect(layer_has(&scene, second.outcome == CV_LAYER_DONE ? "beside" : "staged"));
		cr_expect_eq(count(&scene, "audit WHERE action = 'configuration-replaced'"), 0);
		scene_close(&scene);
	}
}

Test(layers, two_first_uses_at_once_take_it_once)
{
	for (int round = 0; round < 10; round++) {
		struct scene scene;
		struct first_use first = {.scene = &scene}, second = {.scene = &scene};

		scene_open(&scene);
		announce_and_stage(&scene);
		at_once(use_first, &first, use_first, &second);
		cr_expect_eq(count(&scene, "device_configuration"), 1);
		cr_expect(layer_has(&scene, "staged"));
		scene_close(&scene);
	}
}

/* ---- uploads ---- */

Test(layers, an_upload_announces_only_where_nothing_is_announced)
{
	struct scene scene;

	scene_open(&scene);
	cr_expect_eq(
	    upload(&scene, &scene.used, scene.keys[1], FILES("1", "false"), true), CV_UPLOAD_DONE);
	cr_expect_eq(count(&scene, "slot_key WHERE state = 'announced'"), 1);
	cr_expect_eq(count(&scene, "audit WHERE action = 'announced'"), 1);
	cr_expect_eq(upload(&scene, &scene.used, scene.keys[2], FILES("2", "false"), true),
	    CV_UPLOAD_LOCKED);
	cr_expect_eq(upload(&scene, &scene.used, scene.keys[0], FILES("2", "false"), true),
	    CV_UPLOAD_LOCKED);
	cr_expect_eq(
	    upload(&scene, &scene.used, scene.keys[2], FILES("3", "true"), false), CV_UPLOAD_DONE);
	cr_expect_eq(count(&scene, "slot_key WHERE state = 'announced'"), 1);
	cr_expect(layer_has(&scene, "3"));
	cr_expect_eq(see(&scene.instance, &scene.next), CV_VERDICT_ACTIVATED);
	/* Its own key is the current one now; the replaced one uploads nothing. */
	cr_expect_eq(
	    upload(&scene, &scene.next, scene.keys[1], FILES("4", "false"), true), CV_UPLOAD_DONE);
	cr_expect(layer_has(&scene, "4"));
	cr_expect_eq(upload(&scene, &scene.next, scene.keys[0], FILES("5", "false"), true),
	    CV_UPLOAD_BAD_KEY);
	cr_expect_eq(
	    upload(&scene, &scene.used, NULL, FILES("6", "true"), false), CV_UPLOAD_REFUSED);
	cr_expect(layer_has(&scene, "4"));
	scene_close(&scene);
}

/* The next key cannot open what was encrypted for the present one. */
Test(layers, a_stage_begins_with_what_any_key_can_read)
{
	struct scene scene;

	scene_open(&scene);
	write_as_operator(&scene,
	    "[{\"name\":\"closed\",\"value\":\"c\",\"unencrypted\":false},"
	    "{\"name\":\"open\",\"value\":\"o\",\"unencrypted\":true}]",
	    false);
	announce_and_stage(&scene);
	cr_expect_eq(ask_number(&scene.world.database,
			 "SELECT count(*) FROM certvendor.device_stage WHERE "
			 "base_version = 1 AND files = '[{\"name\":\"open\",\"value\":\"o\","
			 "\"unencrypted\":true},{\"name\":\"a\",\"value\":\"staged\","
			 "\"unencrypted\":false}]'"),
	    1);
	scene_close(&scene);
}

/* ---- what a device is told ---- */

static struct cv_served_layers
look(struct scene *scene, const int64_t *have_utc, const struct credential *by)
{
	struct cv_served_layers layers = {.has_any = false};
	struct cv_party party;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_party_set(&party, FACTORY, DEVICE, NULL));
	must(cv_device_fetch_layers(scene->instance.service, &party, have_utc,
		 by ? &by->fingerprint : NULL, &layers, &err),
	    "fetch", &err);
	cv_served_layers_deinit(&layers);
	return layers;
}

static struct cv_served_layers
fetch(struct scene *scene, const int64_t *have_utc)
{
	return look(scene, have_utc, &scene->used);
}

/* Is the configuration of now new to a device that has this one? Then it has that of now. */
static bool
is_new(struct scene *scene, int64_t *have_utc)
{
	struct cv_served_layers layers = fetch(scene, have_utc);

	if (layers.is_new)
		*have_utc = layers.modified_utc;
	return layers.is_new;
}

/* The clock of the database stands still, or is set back: times rise nevertheless. */
Test(layers, times_rise_with_each_change)
{
	struct scene scene;
	int64_t have = 0, before;

	scene_open(&scene);
	cr_expect_not(fetch(&scene, NULL).has_any);
	for (int i = 0; i < 5; i++) {
		before = have;
		write_as_operator(&scene, i % 2 ? FILES("1", "true") : FILES("2", "true"), false);
		cr_expect(is_new(&scene, &have));
		cr_expect_gt(have, before);
		cr_expect_not(is_new(&scene, &have));
		database_set_ahead(scene.database, -1000 * i);
	}
	before = have;
	change_database(&scene.world.database,
	    "INSERT INTO certvendor.device_group (factory, name) VALUES ('" FACTORY "', 'g')");
	change_database(&scene.world.database, "UPDATE certvendor.device SET group_name = 'g'");
	cr_expect(is_new(&scene, &have));
	cr_expect_gt(have, before);
	scene_close(&scene);
}

Test(layers, a_time_that_was_not_given_is_not_taken)
{
	struct scene scene;
	int64_t first, now;

	scene_open(&scene);
	write_as_operator(&scene, FILES("1", "true"), false);
	first = fetch(&scene, NULL).modified_utc;
	now = first;
	cr_expect_not(fetch(&scene, &now).is_new);
	database_set_ahead(scene.database, 100000);
	now = first + 100;
	cr_expect_not(fetch(&scene, &now).is_new, "later, but not than now");
	now = first + 200;
	cr_expect(fetch(&scene, &now).is_new, "later than now");
	now = first - 1;
	cr_expect(fetch(&scene, &now).is_new);
	/* The same after a change that the device does not have, whatever its clock says. */
	write_as_operator(&scene, FILES("2", "true"), false);
	database_set_ahead(scene.database, 200000);
	now = first + 200;
	cr_expect(fetch(&scene, &now).is_new);
	now = fetch(&scene, &now).modified_utc;
	cr_expect_geq(now, first + 200);
	cr_expect_not(fetch(&scene, &now).is_new);
	scene_close(&scene);
}

Test(layers, who_only_looks_has_fetched_nothing)
{
	struct scene scene;
	int64_t now;

	scene_open(&scene);
	write_as_operator(&scene, FILES("1", "true"), false);
	run_sql(scene.database, "INSERT INTO certvendor.subscription (id, factory, label, kind, "
				"url, created_by) VALUES "
				"(gen_random_uuid(), '" FACTORY
				"', 'queue', 'push', 'https://receiver.example/', 'test')");
	now = look(&scene, NULL, NULL).modified_utc;
	cr_expect_eq(count(&scene, "device_configuration WHERE applied_at IS NOT NULL"), 0);
	cr_expect(fetch(&scene, &now).is_new);
	cr_expect_eq(count(&scene, "device_configuration WHERE applied_at IS NOT NULL"), 1);
	cr_expect_not(fetch(&scene, &now).is_new);
	cr_expect(fetch(&scene, NULL).is_new, "its answer was lost");
	cr_expect_eq(count(&scene, "outbox WHERE kind = 'config-applied'"), 1);
	write_as_operator(&scene, FILES("2", "true"), false);
	fetch(&scene, NULL);
	cr_expect_eq(count(&scene, "outbox WHERE kind = 'config-applied'"), 2);
	scene_close(&scene);
}

Test(layers, a_new_key_is_told_anew)
{
	struct scene scene;
	int64_t have = 0;

	scene_open(&scene);
	write_as_operator(&scene, FILES("1", "true"), false);
	cr_expect(is_new(&scene, &have));
	announce_again(&scene);
	cr_expect_not(is_new(&scene, &have));
	cr_expect_eq(see(&scene.instance, &scene.next), CV_VERDICT_ACTIVATED);
	cr_expect(is_new(&scene, &have));
	scene_close(&scene);
}

/* An instance that has not heard of the activation yet still serves the old key. */
Test(layers, a_replaced_key_fetches_nothing_for_the_new_one)
{
	struct scene scene;
	int64_t now;

	scene_open(&scene);
	announce_again(&scene);
	write_as_operator(&scene, FILES("1", "true"), true);
	cr_expect_eq(see(&scene.instance, &scene.next), CV_VERDICT_ACTIVATED);
	now = look(&scene, NULL, &scene.used).modified_utc;
	cr_expect_eq(count(&scene, "device_configuration WHERE applied_at IS NOT NULL"), 0);
	cr_expect(look(&scene, &now, &scene.next).is_new);
	cr_expect_eq(count(&scene, "device_configuration WHERE applied_at IS NOT NULL"), 1);
	cr_expect_not(look(&scene, &now, &scene.next).is_new);
	scene_close(&scene);
}

Test(layers, a_layer_is_bounded)
{
	struct scene scene;
	CV_AUTO_BUFFER struct cv_buffer files = CV_BUFFER_INIT;
	struct cv_layer_order order = {.factory = FACTORY,
	    .device = DEVICE,
	    .write = {.how = CV_LAYER_MERGE, .reason = "", .created_by = "test"},
	    .actor = "operator:test",
	    .request_id = "request"};
	enum cv_layer_outcome outcome;
	struct cv_error err = CV_ERROR_INIT;

	scene_open(&scene);
	for (int i = 0; i <= 500; i += 250) {
		cv_buffer_reset(&files);
		cv_buffer_append_text(&files, "[");
		for (int j = i; j < i + (i == 500 ? 1 : 250); j++)
			cv_buffer_printf(&files,
			    "%s{\"name\":\"%d\",\"value\":\"\",\"unencrypted\":true}",
			    j == i ? "" : ",", j);
		cv_buffer_append_text(&files, "]");
		order.write.files = cv_buffer_text(&files);
		cr_expect_eq(
		    cv_write_device_layer(scene.instance.service, &order, &outcome, &err), i < 500);
	}
	cr_expect_eq(err.code, CV_E_LIMIT);
	cr_expect_eq(count(&scene, "device_configuration"), 2);
	scene_close(&scene);
}
