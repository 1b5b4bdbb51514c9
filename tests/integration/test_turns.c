/* What is added beside what is there already: of two at the same moment, the second counts the
 * first. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/service/authority.h"
#include "cv/service/configuration.h"
#include "cv/util/random.h"

#define OTHER "beta"

static void
open_pair(struct pair *pair)
{
	world_open(&pair->world);
	change_database(
	    &pair->world.database, "INSERT INTO certvendor.factory (name) VALUES ('" OTHER "')");
	pair_start(pair);
}

static struct cv_configuration_order
order_of(enum cv_configuration_act act, const char *factory, const char *name)
{
	return (struct cv_configuration_order){.act = act,
	    .name = name,
	    .scope = factory,
	    .actor = "operator:test",
	    .request_id = "request"};
}

/* Lets both get as far as they can while nobody may refer to a factory. */
static void
hold_both(struct pair *pair, void *(*function)(void *), void *first, void *second)
{
	pthread_t threads[2];

	run_sql(pair->database, "BEGIN; SELECT FROM certvendor.factory FOR UPDATE");
	cr_assert_eq(pthread_create(&threads[0], NULL, function, first), 0);
	cr_assert_eq(pthread_create(&threads[1], NULL, function, second), 0);
	until_waiting(&pair->world.database, 2);
	run_sql(pair->database, "COMMIT");
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

/* ---- the key of a CA ---- */

struct importing {
	struct instance *instance;
	const char *factory, *name;
	enum cv_authority_kind kind;
	const struct test_authority *authority;
	const char *unfit;
	enum cv_configuration_outcome outcome;
};

static void *
do_import(void *context)
{
	struct importing *importing = context;
	const struct cv_authority_import import = {.owner = "",
	    .kind = importing->kind,
	    .certificate = importing->authority->certificate->der};
	const struct cv_configuration_order order =
	    order_of(CV_ADD_AUTHORITY, importing->factory, importing->name);
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_error err = CV_ERROR_INIT;

	must(cv_authority_import(
		 importing->instance->service, &import, &order, &importing->unfit, &result, &err),
	    "import", &err);
	importing->outcome = result.outcome;
	return NULL;
}

/* A new certificate for the key, of a name that says nothing of a factory. */
static void
certify(struct test_authority *authority)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {.profile = CV_PROFILE_ROOT,
	    .spki = cv_private_key_spki(authority->key),
	    .not_before_utc = cv_clock_wall_seconds(cv_clock_system()) - DAY,
	    .not_after_utc = cv_clock_wall_seconds(cv_clock_system()) + DAY};

	cv_profile_append_name(&subject, NULL, "new CA");
	request.subject = request.issuer = cv_buffer_bytes(&subject);
	cv_profile_make_serial(request.serial);
	must(cv_private_key_certify(authority->key, &request, &der, &err), "CA", &err);
	must(
	    cv_certificate_parse(cv_buffer_bytes(&der), &authority->certificate, &err), "CA", &err);
}

static void
import_at_once(const char *factory, enum cv_authority_kind kind, const char *refusal)
{
	struct pair pair;
	struct test_authority authority, twin;
	struct cv_error err = CV_ERROR_INIT;
	struct importing first = {.instance = &pair.here,
	    .factory = FACTORY,
	    .name = "one",
	    .kind = CV_AUTHORITY_OFFLINE,
	    .authority = &authority};
	struct importing second = {.instance = &pair.there,
	    .factory = factory,
	    .name = "two",
	    .kind = kind,
	    .authority = &twin};

	open_pair(&pair);
	must(cv_private_key_generate(&authority.key, &err), "CA key", &err);
	twin.key = authority.key;
	certify(&authority);
	certify(&twin);
	hold_both(&pair, do_import, &first, &second);
	if (refusal) {
		cr_expect_neq(first.unfit == NULL, second.unfit == NULL);
		cr_expect_not_null(strstr(first.unfit ? first.unfit : second.unfit, refusal));
	} else {
		cr_expect_null(first.unfit);
		cr_expect_null(second.unfit);
		cr_expect_eq(first.outcome, CV_CONFIGURATION_DONE);
		cr_expect_eq(second.outcome, CV_CONFIGURATION_DONE);
	}
	cv_certificate_free(twin.certificate);
	authority_deinit(&authority);
	pair_close(&pair);
}

Test(turns, the_key_of_a_ca_is_of_one_factory)
{
	import_at_once(OTHER, CV_AUTHORITY_OFFLINE, "another factory's");
}

Test(turns, the_key_of_a_ca_is_of_one_kind)
{
	import_at_once(FACTORY, CV_AUTHORITY_BOOTSTRAP, "already listed as");
}

Test(turns, a_ca_has_two_certificates_at_once)
{
	import_at_once(FACTORY, CV_AUTHORITY_OFFLINE, NULL);
}

/* ---- limits ---- */

struct adding {
	struct instance *instance;
	enum cv_configuration_act act;
	const char *name;
	enum cv_configuration_outcome outcome;
};

static void *
do_add(void *context)
{
	struct adding *adding = context;
	struct cv_configuration_order order = order_of(adding->act, FACTORY, adding->name);
	const struct cv_rotation_group_row group = {.est_url = "https://est.example",
	    .per_hour = 1,
	    .files = "[]",
	    .summary = "{}",
	    .rotation_id = "rotation-test"};
	struct cv_subscription_row subscription = {.is_push = true, .url = "https://a.example"};
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_error err = CV_ERROR_INIT;

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), subscription.id);
	if (adding->act == CV_ADD_SUBSCRIPTION)
		order.value.subscription = &subscription;
	else
		order.value.rotation_group = &group;
	must(cv_configure(adding->instance->service, &order, &result, &err), "configure", &err);
	adding->outcome = result.outcome;
	return NULL;
}

static enum cv_configuration_outcome
add_one(struct pair *pair, enum cv_configuration_act act, const char *name)
{
	struct adding adding = {.instance = &pair->here, .act = act, .name = name};

	do_add(&adding);
	return adding.outcome;
}

static void
expect_limit(enum cv_configuration_act act, const char *fill)
{
	struct pair pair;
	struct adding first = {.instance = &pair.here, .act = act, .name = "one"};
	struct adding second = {.instance = &pair.there, .act = act, .name = "two"};

	open_pair(&pair);
	run_sql(pair.database, "INSERT INTO certvendor.device (factory, id) "
			       "VALUES ('" FACTORY "', 'unit-1')");
	run_sql(pair.database, "%s FROM generate_series(1, 48) n", fill);
	cr_expect_eq(add_one(&pair, act, "49"), CV_CONFIGURATION_DONE);
	hold_both(&pair, do_add, &first, &second);
	cr_expect_neq(first.outcome == CV_CONFIGURATION_DONE,
	    second.outcome == CV_CONFIGURATION_DONE, "%d and %d", (int)first.outcome,
	    (int)second.outcome);
	cr_expect_eq(add_one(&pair, act, "51"), CV_CONFIGURATION_NOT_POSSIBLE);
	pair_close(&pair);
}

Test(turns, a_factory_has_fifty_subscriptions)
{
	expect_limit(CV_ADD_SUBSCRIPTION,
	    "INSERT INTO certvendor.subscription (label, factory, id, kind, url, created_by) "
	    "SELECT 'l' || n, '" FACTORY "', gen_random_uuid(), 'push', 'https://a.example', 'x'");
}

Test(turns, a_factory_has_fifty_rotation_groups_under_way)
{
	expect_limit(CV_ADD_ROTATION_GROUP,
	    "INSERT INTO certvendor.rotation_group (name, factory, est_url, per_hour, files, "
	    "summary, rotation_id, reason, created_by) "
	    "SELECT 'g' || n, '" FACTORY "', 'https://a.example', 1, '[]', '{}', 'r', '', 'x'");
}

static void
change_factory(struct pair *pair)
{
	const struct cv_factory_settings settings = {
	    .announce = "implied", .retire_after_days = -1, .lifetime_days = -1};
	struct cv_configuration_order order = order_of(CV_CHANGE_FACTORY, NULL, FACTORY);
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.tag = ""};
	struct cv_error err = CV_ERROR_INIT;

	order.value.factory = &settings;
	must(cv_configure(pair->here.service, &order, &result, &err), "factory", &err);
	cr_expect_eq(result.outcome, CV_CONFIGURATION_DONE);
}

/* Many devices take their time, here for as long as somebody has their table locked. */
Test(turns, a_group_that_is_filled_keeps_only_groups_waiting)
{
	struct pair pair;
	struct test_authority authority;
	struct cv_error err = CV_ERROR_INIT;
	pthread_t thread;

	open_pair(&pair);
	struct adding filling = {
	    .instance = &pair.there, .act = CV_ADD_ROTATION_GROUP, .name = "one"};
	struct importing importing = {.instance = &pair.here,
	    .factory = FACTORY,
	    .name = "one",
	    .kind = CV_AUTHORITY_OFFLINE,
	    .authority = &authority};
	must(cv_private_key_generate(&authority.key, &err), "CA key", &err);
	certify(&authority);
	run_sql(pair.database, "INSERT INTO certvendor.device (factory, id) "
			       "VALUES ('" FACTORY "', 'unit-1')");
	run_sql(pair.database, "BEGIN; LOCK TABLE certvendor.rotation_group_device IN SHARE MODE");
	cr_assert_eq(pthread_create(&thread, NULL, do_add, &filling), 0);
	until_waiting(&pair.world.database, 1);

	cr_expect_eq(add_one(&pair, CV_ADD_SUBSCRIPTION, "hook"), CV_CONFIGURATION_DONE);
	do_import(&importing);
	cr_expect_eq(importing.outcome, CV_CONFIGURATION_DONE);
	change_factory(&pair);
	run_sql(pair.database, "COMMIT");
	pthread_join(thread, NULL);
	cr_expect_eq(filling.outcome, CV_CONFIGURATION_DONE);
	authority_deinit(&authority);
	pair_close(&pair);
}

/* ---- many at once ---- */

#define CROWD 16
#define SERVERS 4

/* Each that is listed makes the look of all others at their CA out of date. */
Test(turns, a_crowd_of_cas_is_listed)
{
	struct world world;
	struct instance instances[SERVERS];
	struct test_authority authorities[CROWD];
	struct importing imports[CROWD];
	char factories[CROWD][16];
	pthread_t threads[CROWD];
	struct cv_error err = CV_ERROR_INIT;
	PGconn *holder;

	world_open(&world);
	holder = database_connect(&world.database);
	run_sql(holder,
	    "INSERT INTO certvendor.factory (name) SELECT 'f-' || n FROM generate_series(0, %d) n",
	    CROWD - 1);
	for (int i = 0; i < SERVERS; i++)
		instance_open(&world, NULL, &instances[i]);
	/* The lock of authorities_lock.sql. */
	run_sql(holder, "SELECT pg_advisory_lock(7164935610586)");
	for (int i = 0; i < CROWD; i++) {
		must(cv_private_key_generate(&authorities[i].key, &err), "CA key", &err);
		certify(&authorities[i]);
		snprintf(factories[i], sizeof(factories[i]), "f-%d", i);
		imports[i] = (struct importing){.instance = &instances[i % SERVERS],
		    .factory = factories[i],
		    .name = "one",
		    .kind = CV_AUTHORITY_OFFLINE,
		    .authority = &authorities[i]};
		cr_assert_eq(pthread_create(&threads[i], NULL, do_import, &imports[i]), 0);
	}
	until_waiting(&world.database, CROWD);
	PQfinish(holder);
	for (int i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_null(imports[i].unfit, "%s", imports[i].unfit);
		cr_expect_eq(imports[i].outcome, CV_CONFIGURATION_DONE);
		authority_deinit(&authorities[i]);
	}
	for (int i = 0; i < SERVERS; i++)
		instance_close(&instances[i]);
	world_close(&world);
}
