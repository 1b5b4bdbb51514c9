#include "support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cv/pki/digest.h"
#include "cv/pki/profile.h"
#include "cv/pki/public_key.h"
#include "cv/store/change_store.h"
#include "cv/store/configuration_store.h"
#include "cv/store/device_change.h"
#include "cv/store/schema.h"
#include "cv/util/log.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "../../server/service/service_internal.h"

#define TEMPLATE "certvendor_template"
#define PASSPHRASE "passphrase of a test"
#define PATIENCE_MS 10000
#define STEP_MS 10

/* A broken fixture is no finding: the process ends, and Criterion reports a crash. */
static void
need(bool is_good, const char *what)
{
	if (is_good)
		return;
	fprintf(stderr, "fixture: %s\n", what);
	abort();
}

void
must(bool is_good, const char *what, const struct cv_error *err)
{
	if (is_good)
		return;
	fprintf(
	    stderr, "%s: %s (%s) at %s:%d\n", what, err->text, err->cause, err->file, err->line);
	abort();
}

void
pause_ms(long milliseconds)
{
	struct timespec span = {
	    .tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000};

	nanosleep(&span, NULL);
}

/* ---- databases ---- */

static void
ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

static PGconn *
connect_to(const char *url)
{
	PGconn *connection = PQconnectdb(url);

	need(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
	PQsetNoticeProcessor(connection, ignore_notice, NULL);
	return connection;
}

static const char *
server_url(void)
{
	const char *url = getenv("CERTVENDOR_TEST_DATABASE");

	need(url != NULL, "CERTVENDOR_TEST_DATABASE is not set: use tests/support/postgres.sh run");
	return url;
}

static void
run_text(PGconn *connection, const char *text)
{
	PGresult *result = PQexec(connection, text);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fprintf(stderr, "%s: %s", text, PQerrorMessage(connection));
	need(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "statement failed");
	PQclear(result);
}

static void format_text(char *ret_text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void
format_text(char *ret_text, size_t size, const char *format, va_list arguments)
{
	int len = vsnprintf(ret_text, size, format, arguments);

	need(len > 0 && (size_t)len < size, "statement too long");
}

void
run_sql(PGconn *connection, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	format_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	run_text(connection, text);
}

void
try_sql(PGconn *connection, const char *text, char ret_state[6])
{
	PGresult *result = PQexec(connection, text);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	snprintf(ret_state, 6, "%s", state == NULL ? "" : state);
	PQclear(result);
}

/* The URL of another database of the same server. */
static void
make_url(struct database *database)
{
	const char *url = server_url();
	const char *parameters = strchr(url, '?');
	int len;

	need(parameters != NULL, "CERTVENDOR_TEST_DATABASE has no parameters");
	len = snprintf(
	    database->url, sizeof(database->url), "postgresql:///%s%s", database->name, parameters);
	need(len > 0 && (size_t)len < sizeof(database->url), "URL too long");
}

static void
migrate(const char *url)
{
	struct cv_pool_options options = {
	    .url = url, .size = 1, .statement_ms = 30000, .connect_seconds = 10};
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	int version;

	must(cv_pool_new(&options, &pool, &err), "pool", &err);
	must(cv_pool_borrow(pool, &connection, &err), "connection", &err);
	must(cv_schema_migrate(connection, NULL, NULL, &version, &err), "migration", &err);
	cv_pool_return(connection);
}

static bool
has_template(PGconn *admin)
{
	PGresult *result = PQexec(
	    admin, "SELECT 1 FROM pg_database WHERE datname = '" TEMPLATE "' AND datistemplate");
	bool has = PQntuples(result) == 1;

	PQclear(result);
	return has;
}

/* Tests run in processes of their own, so the first one to hold the lock makes the template for
 * all. */
static void
make_template(PGconn *admin)
{
	struct database template = {.name = TEMPLATE};

	if (has_template(admin))
		return;
	make_url(&template);
	run_text(admin, "CREATE DATABASE " TEMPLATE);
	migrate(template.url);
	run_text(admin, "ALTER DATABASE " TEMPLATE " IS_TEMPLATE true ALLOW_CONNECTIONS false");
}

static void
open_database(struct database *ret_database, bool is_migrated)
{
	PGconn *admin = connect_to(server_url());
	uint8_t random[8];
	char hex[17];

	cv_random_bytes(random, sizeof(random));
	cv_hex_encode(random, sizeof(random), hex);
	snprintf(ret_database->name, sizeof(ret_database->name), "test_%s", hex);
	make_url(ret_database);
	run_text(admin, "SELECT pg_advisory_lock(4711)");
	if (is_migrated)
		make_template(admin);
	run_sql(admin, "CREATE DATABASE %s TEMPLATE %s", ret_database->name,
	    is_migrated ? TEMPLATE : "template0");
	PQfinish(admin);
}

void
database_open(struct database *ret_database)
{
	open_database(ret_database, true);
}

void
database_open_empty(struct database *ret_database)
{
	open_database(ret_database, false);
}

void
database_close(const struct database *database)
{
	PGconn *admin = connect_to(server_url());

	run_sql(admin, "DROP DATABASE %s WITH (FORCE)", database->name);
	PQfinish(admin);
}

PGconn *
database_connect(const struct database *database)
{
	return connect_to(database->url);
}

void
change_database(const struct database *database, const char *format, ...)
{
	PGconn *connection = database_connect(database);
	char text[4096];
	va_list arguments;

	va_start(arguments, format);
	format_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	run_text(connection, text);
	PQfinish(connection);
}

int64_t
ask_number(const struct database *database, const char *format, ...)
{
	PGconn *connection = database_connect(database);
	char text[2048];
	PGresult *result;
	va_list arguments;
	int64_t number;

	va_start(arguments, format);
	format_text(text, sizeof(text), format, arguments);
	va_end(arguments);
	result = PQexec(connection, text);
	if (PQntuples(result) != 1)
		fprintf(stderr, "%s: %s", text, PQerrorMessage(connection));
	need(PQntuples(result) == 1, "query without one row");
	number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	PQfinish(connection);
	return number;
}

void
database_take_clock(const struct database *database)
{
	PGconn *connection = database_connect(database);

	run_text(connection,
	    "CREATE SCHEMA clock; CREATE TABLE clock.ahead AS SELECT interval '0' AS by;"
	    "ALTER FUNCTION pg_catalog.now() RENAME TO true_now;"
	    "ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO true_clock_timestamp;"
	    "CREATE FUNCTION pg_catalog.now() RETURNS timestamptz STABLE LANGUAGE sql AS"
	    " 'SELECT pg_catalog.true_now() + by FROM clock.ahead';"
	    "CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
	    " 'SELECT pg_catalog.true_clock_timestamp() + by FROM clock.ahead'");
	/* A default keeps the function that it was made with. */
	run_text(connection,
	    "DO $$ DECLARE c record; BEGIN FOR c IN SELECT table_name, column_name"
	    " FROM information_schema.columns WHERE table_schema = 'certvendor'"
	    " AND column_default = 'true_now()' LOOP EXECUTE format("
	    "'ALTER TABLE certvendor.%I ALTER %I SET DEFAULT now()', c.table_name, c.column_name);"
	    " END LOOP; END $$");
	PQfinish(connection);
}

void
database_set_ahead(PGconn *connection, int64_t ahead_ms)
{
	run_sql(
	    connection, "UPDATE clock.ahead SET by = interval '1 ms' * %lld", (long long)ahead_ms);
}

void
database_stop(const struct database *database)
{
	PGconn *admin = connect_to(server_url());

	run_sql(admin, "ALTER DATABASE %s ALLOW_CONNECTIONS false", database->name);
	run_sql(admin,
	    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'",
	    database->name);
	PQfinish(admin);
}

void
database_start(const struct database *database)
{
	PGconn *admin = connect_to(server_url());

	run_sql(admin, "ALTER DATABASE %s ALLOW_CONNECTIONS true", database->name);
	PQfinish(admin);
}

/* ---- realm ---- */

static int64_t
now_utc(void)
{
	return cv_clock_wall_seconds(cv_clock_system());
}

void
make_authority(enum cv_profile profile, const char *name, const struct test_authority *issuer,
    struct test_authority *ret_authority)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {.profile = profile};

	must(cv_private_key_generate(&ret_authority->key, &err), "CA key", &err);
	cv_profile_append_name(&subject, FACTORY, name);
	request.subject = request.issuer = cv_buffer_bytes(&subject);
	request.spki = cv_private_key_spki(ret_authority->key);
	request.not_before_utc = now_utc() - 30 * DAY;
	request.not_after_utc = now_utc() + 3650 * DAY;
	if (issuer) {
		request.issuer = issuer->certificate->subject;
		request.issuer_key = issuer->certificate->subject_key;
	}
	cv_profile_make_serial(request.serial);
	must(
	    cv_private_key_certify(issuer ? issuer->key : ret_authority->key, &request, &der, &err),
	    "CA certificate", &err);
	must(cv_certificate_parse(cv_buffer_bytes(&der), &ret_authority->certificate, &err),
	    "CA certificate", &err);
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), ret_authority->id);
}

void
authority_deinit(struct test_authority *authority)
{
	cv_private_key_free(authority->key);
	cv_certificate_free(authority->certificate);
}

static struct cv_authority_row
authority_row(const struct test_authority *authority, const char *name, enum cv_authority_kind kind)
{
	struct cv_authority_row row = {.kind = kind,
	    .state = CV_AUTHORITY_TRUSTED,
	    .fingerprint = authority->certificate->fingerprint,
	    .certificate = authority->certificate->der};

	cv_text_copy(row.id, sizeof(row.id), authority->id);
	cv_text_copy(row.factory, sizeof(row.factory), FACTORY);
	cv_text_copy(row.name, sizeof(row.name), name);
	return row;
}

static struct cv_pool *
make_pool(const struct database *database, size_t size)
{
	struct cv_pool_options options = {
	    .url = database->url, .size = size, .statement_ms = 5000, .connect_seconds = 5};
	struct cv_error err = CV_ERROR_INIT;
	struct cv_pool *pool;

	must(cv_pool_new(&options, &pool, &err), "pool", &err);
	return pool;
}

static void
fill_realm(const struct world *world)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = make_pool(&world->database, 1);
	const struct cv_authority_row authorities[] = {
	    authority_row(&world->root, "root", CV_AUTHORITY_ROOT),
	    authority_row(&world->online, "online", CV_AUTHORITY_ONLINE),
	    authority_row(&world->offline, "offline", CV_AUTHORITY_OFFLINE),
	};
	struct cv_first_factory first = {.factory = {.name = FACTORY,
					     .is_default = true,
					     .registers_first_contact = true,
					     .lifetime_days = 365},
	    .authorities = authorities,
	    .authority_count = 3,
	    .operator_token_name = "test"};
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_pool_borrow(pool, &connection, &err), "connection", &err);
	must(cv_realm_store_init(connection, &first, &err), "first factory", &err);
	cv_pool_return(connection);
}

void
world_open(struct world *ret_world)
{
	struct cv_error err = CV_ERROR_INIT;
	char path[96];

	memset(ret_world, 0, sizeof(*ret_world));
	cv_log_set_level(CV_LOG_ERROR);
	database_open(&ret_world->database);
	make_authority(CV_PROFILE_ROOT, "root CA", NULL, &ret_world->root);
	make_authority(CV_PROFILE_ISSUING, "device CA", &ret_world->root, &ret_world->online);
	make_authority(CV_PROFILE_ROOT, "offline CA", NULL, &ret_world->offline);
	cv_text_copy(ret_world->folder, sizeof(ret_world->folder), "/tmp/cv-integration-XXXXXX");
	need(mkdtemp(ret_world->folder) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/device-ca.key", ret_world->folder);
	must(cv_private_key_save(ret_world->online.key, path, PASSPHRASE, &err), "key file", &err);
	must(cv_signer_new(&ret_world->signer, &err), "signer", &err);
	must(cv_signer_add_key(ret_world->signer, CV_SIGNER_DEVICES, ret_world->online.certificate,
		 path, PASSPHRASE, &err),
	    "signer key", &err);
	need(unlink(path) == 0 && rmdir(ret_world->folder) == 0, "key file cannot be removed");
	fill_realm(ret_world);
}

void
world_close(struct world *world)
{
	cv_signer_free(world->signer);
	authority_deinit(&world->root);
	authority_deinit(&world->online);
	authority_deinit(&world->offline);
	database_close(&world->database);
}

/* ---- instances ---- */

static int64_t
test_wall_ms(const struct cv_clock *clock)
{
	const struct test_clock *test = (const struct test_clock *)clock;

	return cv_clock_wall_ms(cv_clock_system()) + atomic_load(&test->ahead_ms);
}

static int64_t
test_boot_ms(const struct cv_clock *clock)
{
	const struct test_clock *test = (const struct test_clock *)clock;

	return cv_clock_boot_ms(cv_clock_system()) + atomic_load(&test->ahead_ms);
}

struct cv_service_settings
default_settings(void)
{
	return (struct cv_service_settings){
	    .max_age_seconds = 300,
	    .skew_seconds = 300,
	    .backdate_seconds = 300,
	    .replay_window_seconds = DAY,
	    .min_validity_seconds = DAY,
	    .lock_seconds = 7 * DAY,
	    .issue_burst = 100,
	    .issue_interval_seconds = 1800,
	};
}

static void
gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->arrivals++;
	pthread_cond_broadcast(&gate->moved);
	while (gate->is_held && gate->permits == 0)
		pthread_cond_wait(&gate->moved, &gate->mutex);
	if (gate->is_held)
		gate->permits--;
	pthread_mutex_unlock(&gate->mutex);
}

static void
gate_wait(struct gate *gate, uint64_t arrivals)
{
	while (gate->arrivals < arrivals)
		pthread_cond_wait(&gate->moved, &gate->mutex);
}

static bool
on_read(void *context, struct cv_connection *connection, struct cv_error *err)
{
	const struct instance *instance = context;

	return cv_service_refresh(instance->service, connection, err);
}

/* The end of a poll. */
static bool
on_flush(void *context, struct cv_connection *connection, struct cv_error *err)
{
	struct instance *instance = context;
	bool is_good = cv_service_write_events(instance->service, connection, err);

	gate_pass(&instance->gate);
	return is_good;
}

static void
open_instance(struct world *world, const struct cv_service_settings *settings, bool is_held,
    struct instance *ret_instance)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_service_parts parts = {
	    .signer = world->signer, .settings = settings ? *settings : default_settings()};
	struct cv_feed_options options = {.poll_ms = is_held ? 1 : 20,
	    .seen_flush_ms = 1000,
	    .on_read = on_read,
	    .on_flush = on_flush,
	    .context = ret_instance};

	memset(ret_instance, 0, sizeof(*ret_instance));
	ret_instance->world = world;
	pthread_mutex_init(&ret_instance->gate.mutex, NULL);
	pthread_cond_init(&ret_instance->gate.moved, NULL);
	ret_instance->gate.is_held = is_held;
	ret_instance->clock.clock =
	    (struct cv_clock){.wall_ms = test_wall_ms, .boot_ms = test_boot_ms};
	parts.clock = options.clock = &ret_instance->clock.clock;
	parts.pool = options.pool = ret_instance->pool = make_pool(&world->database, 4);
	must(cv_index_new(parts.clock, &ret_instance->index, &err), "index", &err);
	parts.index = options.index = ret_instance->index;
	must(cv_service_new(&parts, &ret_instance->service, &err), "service", &err);
	options.grace_seconds = parts.settings.expired_grace_seconds;
	must(cv_feed_start(&options, &ret_instance->feed, &err), "feed", &err);
}

void
instance_open(
    struct world *world, const struct cv_service_settings *settings, struct instance *ret_instance)
{
	open_instance(world, settings, false, ret_instance);
}

void
instance_open_held(
    struct world *world, const struct cv_service_settings *settings, struct instance *ret_instance)
{
	struct gate *gate = &ret_instance->gate;

	open_instance(world, settings, true, ret_instance);
	pthread_mutex_lock(&gate->mutex);
	gate_wait(gate, 1);
	pthread_mutex_unlock(&gate->mutex);
}

void
instance_read_feed(struct instance *instance)
{
	struct gate *gate = &instance->gate;

	pthread_mutex_lock(&gate->mutex);
	gate->permits++;
	pthread_cond_broadcast(&gate->moved);
	gate_wait(gate, gate->arrivals + 1);
	pthread_mutex_unlock(&gate->mutex);
}

void
instance_close(struct instance *instance)
{
	pthread_mutex_lock(&instance->gate.mutex);
	instance->gate.is_held = false;
	pthread_cond_broadcast(&instance->gate.moved);
	pthread_mutex_unlock(&instance->gate.mutex);
	cv_feed_free(instance->feed);
	cv_service_free(instance->service);
	cv_index_free(instance->index);
	cv_pool_free(instance->pool);
	pthread_cond_destroy(&instance->gate.moved);
	pthread_mutex_destroy(&instance->gate.mutex);
}

void
pair_start(struct pair *pair)
{
	pair->database = database_connect(&pair->world.database);
	instance_open(&pair->world, NULL, &pair->here);
	instance_open(&pair->world, NULL, &pair->there);
}

void
pair_close(struct pair *pair)
{
	instance_close(&pair->here);
	instance_close(&pair->there);
	PQfinish(pair->database);
	world_close(&pair->world);
}

void
instance_refresh(struct instance *instance)
{
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_pool_borrow(instance->pool, &connection, &err), "connection", &err);
	must(cv_service_refresh(instance->service, connection, &err), "refresh", &err);
	must(cv_service_write_events(instance->service, connection, &err), "events", &err);
	cv_pool_return(connection);
}

static enum cv_index_status
wanted_status(const struct cv_status_row *row, int64_t now)
{
	bool talks = row->key_state == CV_KEY_RETIRED && row->talks_until_utc > now;

	if (row->is_revoked || (cv_key_state_is_denied(row->key_state) && !talks))
		return CV_INDEX_DENIED;
	if (row->device_state != CV_DEVICE_OK)
		return CV_INDEX_DEVICE_REFUSED;
	if (talks)
		return CV_INDEX_TALKS;
	return row->key_state == CV_KEY_CURRENT && row->is_seen ? CV_INDEX_ALLOWED
								: CV_INDEX_UNDECIDED;
}

struct comparison {
	const struct instance *instance;
	bool differs;
};

static bool
compare_row(void *context, const struct cv_status_row *row)
{
	struct comparison *comparison = context;
	struct cv_index_answer answer;

	cv_index_find(comparison->instance->index, &row->fingerprint, &answer);
	if (!answer.party || answer.status != wanted_status(row, now_utc()) ||
	    answer.version != row->version || answer.has_pending != row->has_pending ||
	    strcmp(answer.party->device, row->party.device) != 0)
		comparison->differs = true;
	return true;
}

static bool
is_equal_now(struct instance *instance)
{
	struct comparison comparison = {.instance = instance};
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	int64_t total, position;

	must(cv_pool_borrow(instance->pool, &connection, &err), "connection", &err);
	must(cv_change_store_load(connection, 0, compare_row, &comparison, &total, &position, &err),
	    "load", &err);
	cv_pool_return(connection);
	return !comparison.differs && cv_index_count(instance->index) == (size_t)total;
}

bool
instance_equals_tables(struct instance *instance)
{
	for (long waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (is_equal_now(instance))
			return true;
		pause_ms(STEP_MS);
	}
	return false;
}

enum cv_index_status
status_in_memory(const struct instance *instance, const struct cv_digest *fingerprint)
{
	struct cv_index_answer answer;

	cv_index_find(instance->index, fingerprint, &answer);
	return answer.status;
}

bool
instance_reaches(
    struct instance *instance, const struct cv_digest *fingerprint, enum cv_index_status status)
{
	for (long waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (status_in_memory(instance, fingerprint) == status)
			return true;
		pause_ms(STEP_MS);
	}
	return false;
}

/* ---- what devices have ---- */

EVP_PKEY *
make_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	need(key != NULL, "key");
	return key;
}

static X509_NAME *
make_name(const char *device, const char *factory)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	const uint8_t *at;
	X509_NAME *name;

	cv_profile_append_name(&der, factory, device);
	at = der.data;
	name = d2i_X509_NAME(NULL, &at, (long)der.len);
	need(name != NULL, "name");
	return name;
}

void
make_request(EVP_PKEY *key, const char *device, const char *factory, struct cv_buffer *ret_csr)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *name = make_name(device, factory);
	uint8_t *der = NULL;
	int len;

	need(X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
		 X509_REQ_set_subject_name(request, name) == 1 &&
		 X509_REQ_set_pubkey(request, key) == 1 &&
		 X509_REQ_sign(request, key, EVP_sha256()) > 0,
	    "request");
	len = i2d_X509_REQ(request, &der);
	need(len > 0, "request");
	cv_buffer_reset(ret_csr);
	cv_buffer_append(ret_csr, der, (size_t)len);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(request);
}

void
credential_deinit(struct credential *credential)
{
	cv_buffer_deinit(&credential->der);
}

void
credential_set(struct credential *credential, EVP_PKEY *key, struct cv_bytes der)
{
	cv_buffer_reset(&credential->der);
	cv_buffer_append(&credential->der, der.data, der.len);
	cv_digest_sha256(der, &credential->fingerprint);
	credential->key = key;
}

static void
append_spki(EVP_PKEY *key, struct cv_buffer *ret_spki)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	need(len > 0, "public key");
	cv_buffer_append(ret_spki, der, (size_t)len);
	OPENSSL_free(der);
}

void
sign_credential(const struct test_authority *authority, EVP_PKEY *key, const char *device,
    const char *factory, struct credential *ret_credential)
{
	CV_AUTO_BUFFER struct cv_buffer subject = CV_BUFFER_INIT, spki = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_certificate_request request = {
	    .profile = CV_PROFILE_DEVICE,
	    .issuer = authority->certificate->subject,
	    .issuer_key = authority->certificate->subject_key,
	    .not_before_utc = now_utc() - 300,
	    .not_after_utc = now_utc() + 365 * DAY,
	};

	cv_profile_append_name(&subject, factory, device);
	append_spki(key, &spki);
	request.subject = cv_buffer_bytes(&subject);
	request.spki = cv_buffer_bytes(&spki);
	cv_profile_make_serial(request.serial);
	must(cv_private_key_certify(authority->key, &request, &der, &err), "certificate", &err);
	credential_set(ret_credential, key, cv_buffer_bytes(&der));
}

static struct cv_public_key *
public_key(EVP_PKEY *key)
{
	CV_AUTO_BUFFER struct cv_buffer spki = CV_BUFFER_INIT;
	struct cv_public_key *parsed = NULL;
	struct cv_error err = CV_ERROR_INIT;
	enum cv_key_outcome outcome;

	append_spki(key, &spki);
	must(cv_public_key_parse(cv_buffer_bytes(&spki), &outcome, &parsed, &err), "key", &err);
	need(outcome == CV_KEY_USABLE, "key");
	return parsed;
}

void
key_id_of(EVP_PKEY *key, struct cv_digest *ret_id)
{
	CV_AUTO(cv_public_key) struct cv_public_key *parsed = public_key(key);

	*ret_id = *cv_public_key_id(parsed);
}

static void
write_slot(struct instance *instance, struct cv_connection *connection,
    const struct cv_party *party, EVP_PKEY *key, const struct cv_certificate *certificate)
{
	CV_AUTO(cv_public_key) struct cv_public_key *parsed = public_key(key);
	const struct cv_digest *id = cv_public_key_id(parsed);
	struct cv_record_query query = {.party = party};
	struct cv_change_options options = {.proved_keys = {id}, .creates_device = true};
	struct cv_change_note note = {
	    .kind = "registered", .actor = "operator:test", .request_id = "request"};
	CV_AUTO(cv_device_change) struct cv_device_change *change = NULL;
	struct cv_certificate_row row;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_device_change_begin(connection, &query, &options, &change, &err), "slot", &err);
	cv_device_change_register(change, NULL, NULL, NULL);
	cv_device_change_set_first_key(change, id, cv_public_key_spki(parsed));
	cv_certificate_to_row(certificate, instance->world->online.id, true, &row);
	cv_device_change_add_certificate(change, &row);
	cv_device_change_mark_seen(change);
	must(cv_device_change_commit(change, &note, NULL, &err), "slot", &err);
}

void
give_slot(struct instance *instance, const char *device, const char *slot, EVP_PKEY *key,
    struct credential *ret_credential)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_party party;

	need(cv_party_set(&party, FACTORY, device, slot), "slot");
	sign_credential(&instance->world->online, key, device, FACTORY, ret_credential);
	must(cv_certificate_parse(cv_buffer_bytes(&ret_credential->der), &certificate, &err),
	    "certificate", &err);
	must(cv_pool_borrow(instance->pool, &connection, &err), "connection", &err);
	write_slot(instance, connection, &party, key, certificate);
	must(cv_feed_refresh_slot(instance->index, connection, &party, &err), "slot", &err);
	cv_pool_return(connection);
}

static void
append_other_signature(struct cv_bytes signature, struct cv_buffer *ret_signature)
{
	const uint8_t *at = signature.data;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)signature.len);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	uint8_t *der = NULL;
	BIGNUM *r, *s = BN_new();
	int len;

	need(pair != NULL && group != NULL && s != NULL, "signature");
	r = BN_dup(ECDSA_SIG_get0_r(pair));
	need(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(pair)) == 1 &&
		 ECDSA_SIG_set0(pair, r, s) == 1,
	    "signature");
	len = i2d_ECDSA_SIG(pair, &der);
	need(len > 0, "signature");
	cv_buffer_append(ret_signature, der, (size_t)len);
	OPENSSL_free(der);
	EC_GROUP_free(group);
	ECDSA_SIG_free(pair);
}

void
make_variant(const struct credential *credential, struct credential *ret_variant)
{
	CV_AUTO(cv_certificate) struct cv_certificate *certificate = NULL;
	CV_AUTO_BUFFER struct cv_buffer signature = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_certificate_parse(cv_buffer_bytes(&credential->der), &certificate, &err),
	    "certificate", &err);
	append_other_signature(certificate->signature, &signature);
	cv_profile_append_certificate(
	    certificate->tbs, certificate->algorithm, cv_buffer_bytes(&signature), &der);
	credential_set(ret_variant, credential->key, cv_buffer_bytes(&der));
}

/* ---- what they do ---- */

void
make_token(
    struct instance *instance, const char *device, int64_t uses, char ret_secret[CV_SECRET_SIZE])
{
	struct cv_enrolment_token_row row = {.uses_max = uses, .expires_in_seconds = 3600};
	struct cv_connection *connection;
	struct cv_error err = CV_ERROR_INIT;
	CV_AUTO_CONFIGURATION struct cv_configuration_result result = {.outcome = 0};
	struct cv_configuration_order order = {.act = CV_ADD_ENROLMENT_TOKEN,
	    .name = row.id,
	    .scope = FACTORY,
	    .actor = "operator:test",
	    .request_id = "request",
	    .value = {.enrolment_token = &row}};

	cv_secret_generate(CV_SECRET_ENROLMENT, ret_secret);
	cv_digest_sha256(cv_bytes(ret_secret, strlen(ret_secret)), &order.token_hash);
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), row.id);
	cv_text_copy(row.factory, sizeof(row.factory), FACTORY);
	cv_text_copy(row.device, sizeof(row.device), device ? device : "");
	must(cv_pool_borrow(instance->pool, &connection, &err), "connection", &err);
	must(cv_configuration_apply(connection, &order, &result, &err), "token", &err);
	cv_pool_return(connection);
}

enum cv_enrolment_outcome
enrol_with_token(struct instance *instance, const char *secret, EVP_PKEY *key, const char *device,
    struct credential *ret_credential)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT, der = CV_BUFFER_INIT;
	struct cv_enrolment_request request = {.token = secret, .request_id = "request"};
	struct cv_enrolment_answer answer;
	struct cv_error err = CV_ERROR_INIT;

	make_request(key, device, FACTORY, &csr);
	request.csr = cv_buffer_bytes(&csr);
	must(cv_enrol(instance->service, &request, &answer, &der, &err), "enrol", &err);
	if (answer.outcome == CV_ENROLMENT_ISSUED || answer.outcome == CV_ENROLMENT_REPEATED)
		credential_set(ret_credential, key, cv_buffer_bytes(&der));
	else
		need(der.len == 0, "a refusal carries a certificate");
	return answer.outcome;
}

void
enrol_and_see(
    struct instance *instance, EVP_PKEY *key, const char *device, struct credential *ret_credential)
{
	char secret[CV_SECRET_SIZE];

	make_token(instance, device, 1, secret);
	cr_assert_eq(
	    enrol_with_token(instance, secret, key, device, ret_credential), CV_ENROLMENT_ISSUED);
	cr_assert_eq(see(instance, ret_credential), CV_VERDICT_OK);
}

struct cv_evidence
evidence_of(const struct credential *credential)
{
	return (struct cv_evidence){
	    .evidence = CV_EVIDENCE_CERTIFICATE,
	    .certificate = cv_buffer_bytes(&credential->der),
	    .fingerprint = credential->fingerprint,
	    .may_activate = true,
	    .actor = "gateway:test",
	    .request_id = "request",
	};
}

struct cv_sight
see_evidence(struct instance *instance, const struct cv_evidence *evidence)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_sight sight;

	cv_sight_recall(instance->service, evidence, &sight);
	if (!sight.is_decided)
		cv_sight_judge(instance->service, evidence, &sight, &err);
	if (err.code != CV_E_NONE)
		fprintf(stderr, "sight: %s (%s)\n", err.text, err.cause);
	return sight;
}

enum cv_verdict
see(struct instance *instance, const struct credential *credential)
{
	struct cv_evidence evidence = evidence_of(credential);

	return see_evidence(instance, &evidence).verdict;
}

struct cv_sight
recall(struct instance *instance, const struct credential *credential)
{
	struct cv_evidence evidence = evidence_of(credential);
	struct cv_sight sight;

	cv_sight_recall(instance->service, &evidence, &sight);
	return sight;
}

struct cv_evidence
handshake_of(const struct credential *credential)
{
	struct cv_evidence evidence = evidence_of(credential);

	evidence.evidence = CV_EVIDENCE_HANDSHAKE;
	evidence.accepts_every_slot = true;
	evidence.honours_expired_grace = true;
	evidence.actor = "device";
	return evidence;
}

struct cv_enrolment_answer
reenrol_request(struct instance *instance, const struct credential *over, struct cv_bytes csr,
    EVP_PKEY *key, struct credential *ret_credential)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_evidence evidence = handshake_of(over);
	struct cv_sight sight = see_evidence(instance, &evidence);
	struct cv_enrolment_request request = {
	    .csr = csr, .evidence = &evidence, .sight = &sight, .request_id = "request"};
	struct cv_enrolment_answer answer;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_reenrol(instance->service, &request, &answer, &der, &err), "reenrol", &err);
	if (answer.outcome == CV_ENROLMENT_ISSUED || answer.outcome == CV_ENROLMENT_REPEATED)
		credential_set(ret_credential, key, cv_buffer_bytes(&der));
	else
		need(der.len == 0, "a refusal carries a certificate");
	return answer;
}

struct cv_enrolment_answer
reenrol(struct instance *instance, const struct credential *over, EVP_PKEY *key, const char *device,
    struct credential *ret_credential)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;

	make_request(key, device, FACTORY, &csr);
	return reenrol_request(instance, over, cv_buffer_bytes(&csr), key, ret_credential);
}

enum cv_announcement_outcome
announce(struct instance *instance, const struct credential *over, EVP_PKEY *key,
    enum cv_verdict *ret_verdict)
{
	struct cv_evidence evidence = handshake_of(over);
	struct cv_sight sight = see_evidence(instance, &evidence);
	enum cv_announcement_outcome outcome;
	enum cv_verdict verdict = CV_VERDICT_OK;
	struct cv_error err = CV_ERROR_INIT;
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long len;

	need(pem != NULL && PEM_write_bio_PUBKEY(pem, key) == 1, "PEM");
	len = BIO_get_mem_data(pem, &text);
	must(cv_announce(instance->service, &evidence, &sight, text, (size_t)len, "request",
		 &outcome, &verdict, &err),
	    "announce", &err);
	BIO_free(pem);
	if (ret_verdict)
		*ret_verdict = verdict;
	return outcome;
}

enum cv_lifecycle_outcome
act(struct instance *instance, enum cv_lifecycle_act what, const char *device)
{
	struct cv_lifecycle_request request = {.factory = FACTORY,
	    .device = device,
	    .reason = CV_REASON_CESSATION_OF_OPERATION,
	    .actor = "operator:test",
	    .request_id = "request"};
	enum cv_lifecycle_outcome outcome;
	struct cv_error err = CV_ERROR_INIT;

	must(cv_lifecycle_device(instance->service, what, &request, &outcome, &err), "lifecycle",
	    &err);
	return outcome;
}

enum cv_lifecycle_outcome
revoke_credential(struct instance *instance, const char *device,
    const struct credential *credential, enum cv_reason reason, bool *ret_ends_key)
{
	struct cv_lifecycle_request request = {.factory = FACTORY,
	    .device = device,
	    .reason = reason,
	    .actor = "operator:test",
	    .request_id = "request"};
	enum cv_lifecycle_outcome outcome;
	struct cv_error err = CV_ERROR_INIT;
	bool ends_key = false;

	must(cv_lifecycle_revoke_certificate(
		 instance->service, &request, &credential->fingerprint, &outcome, &ends_key, &err),
	    "revocation", &err);
	if (ret_ends_key)
		*ret_ends_key = ends_key;
	return outcome;
}

/* ---- threads ---- */

struct starter {
	pthread_barrier_t *barrier;
	void *(*function)(void *);
	void *context;
};

static void *
start(void *context)
{
	struct starter *starter = context;

	pthread_barrier_wait(starter->barrier);
	return starter->function(starter->context);
}

void
at_once(void *(*first)(void *), void *first_context, void *(*second)(void *), void *second_context)
{
	pthread_barrier_t barrier;
	struct starter starters[] = {
	    {&barrier, first, first_context}, {&barrier, second, second_context}};
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (size_t i = 0; i < 2; i++)
		need(pthread_create(&threads[i], NULL, start, &starters[i]) == 0, "thread");
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

void
until_waiting(const struct database *database, int64_t count)
{
	int64_t waiting = 0;

	for (int i = 0; i < 6000 && waiting < count; i++) {
		pause_ms(10);
		waiting = ask_number(database,
		    "SELECT count(*) FROM pg_stat_activity "
		    "WHERE datname = current_database() AND wait_event_type = 'Lock'");
	}
	need(waiting >= count, "nobody waits");
}
