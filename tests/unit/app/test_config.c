#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cv/app/config.h"
#include "cv/model/source.h"
#include "cv/util/file.h"
#include "cv/util/text.h"

/* A folder of its own for each test; criterion runs each test in a process of its own. */
static char folder[256];
static char path[300];

static void
make_folder(void)
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(folder, sizeof(folder), "%s/cv-config-XXXXXX", base == NULL ? "/tmp" : base);
	cr_assert(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/test.conf", folder);
}

static void
remove_folder(void)
{
	char secret[300];

	(void)snprintf(secret, sizeof(secret), "%s/secret", folder);
	(void)unlink(secret);
	(void)snprintf(secret, sizeof(secret), "%s/signer.passphrase", folder);
	(void)unlink(secret);
	(void)snprintf(secret, sizeof(secret), "%s/database.url", folder);
	(void)unlink(secret);
	(void)snprintf(secret, sizeof(secret), "%s/device.key", folder);
	(void)unlink(secret);
	(void)unlink(path);
	(void)rmdir(folder);
}

TestSuite(config, .init = make_folder, .fini = remove_folder);

static void
write_text(const char *name, const char *text)
{
	struct cv_error err = CV_ERROR_INIT;
	char full[600];

	(void)snprintf(full, sizeof(full), "%s/%s", folder, name);
	cr_assert(cv_file_write(full, cv_bytes(text, strlen(text)), 0600, &err), "%s", err.text);
}

/* Loads a text as the file. */
static struct cv_config *
load(const char *text, enum cv_config_scope scope, struct cv_buffer *problems)
{
	struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;

	write_text("test.conf", text);
	if (cv_config_load(path, false, scope, &config, problems, &err))
		return config;
	cr_assert_eq(err.code, CV_E_CONFIG, "%s: %s", err.text, err.cause);
	cr_assert_null(config);
	return NULL;
}

/* Every value is good by itself. */
static struct cv_config *
load_good(const char *text)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	struct cv_config *config = load(text, CV_CONFIG_VALUES, &problems);

	cr_assert(config != NULL, "%s", cv_buffer_text(&problems));
	cr_assert_str_eq(cv_buffer_text(&problems), "");
	return config;
}

Test(config, empty_file_gives_the_defaults)
{
	CV_AUTO(cv_config) struct cv_config *config = load_good("");

	cr_assert_str_eq(config->database_url, "");
	cr_assert_eq(config->database_pool_size, 20);
	cr_assert_str_eq(config->device_listen, ":8443");
	cr_assert_str_eq(config->device_certificate, "/var/lib/certvendor/pki/device.pem");
	cr_assert_str_eq(config->gateway_socket_sources, "rfc9440");
	cr_assert_str_eq(config->monitoring_listen, "127.0.0.1:9090");
	cr_assert_eq(config->index_max_age_seconds, 300);
	cr_assert_eq(config->issue_replay_window_seconds, 86400);
	cr_assert_eq(config->log_level, CV_LOG_INFO);
}

Test(config, every_default_is_within_its_bounds)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		uint64_t number = 0;
		if (settings[i].type != CV_SETTING_NUMBER)
			continue;
		cr_assert(cv_text_parse_unsigned(settings[i].fallback, INT64_MAX, &number));
		cr_expect((int64_t)number >= settings[i].min && (int64_t)number <= settings[i].max,
		    "[%s] %s", settings[i].section, settings[i].key);
	}
}

Test(config, values_come_from_the_file)
{
	CV_AUTO(cv_config)
	struct cv_config *config =
	    load_good("# comment\n"
		      "[database]\n"
		      "url = postgresql://db/one?sslmode=verify-full ; note\n"
		      "   pool_size=7\n"
		      "[device]\nlisten = [::1]:18443\n"
		      "[gateway]\nlisten =\nsocket_sources = pem, sha256\n"
		      "[log]\nlevel = debug\n");

	cr_assert_str_eq(config->database_url, "postgresql://db/one?sslmode=verify-full");
	cr_assert_eq(config->database_pool_size, 7);
	cr_assert_str_eq(config->device_listen, "[::1]:18443");
	cr_assert_str_eq(config->gateway_listen, "");
	cr_assert_str_eq(config->gateway_socket_sources, "pem, sha256");
	cr_assert_eq(config->log_level, CV_LOG_DEBUG);
}

Test(config, paths_are_relative_to_the_file)
{
	CV_AUTO(cv_config)
	struct cv_config *config =
	    load_good("[signer]\ndirectory = keys\n[device]\nkey = /abs/device.key\n"
		      "[operator]\ncertificate = own.pem\n");
	char expected[600];

	(void)snprintf(expected, sizeof(expected), "%s/keys", folder);
	cr_assert_str_eq(config->signer_directory, expected);
	(void)snprintf(expected, sizeof(expected), "%s/keys/device.pem", folder);
	cr_assert_str_eq(config->device_certificate, expected);
	cr_assert_str_eq(config->device_key, "/abs/device.key");
	(void)snprintf(expected, sizeof(expected), "%s/own.pem", folder);
	cr_assert_str_eq(config->operator_certificate, expected);
}

struct refusal {
	const char *what;
	const char *text;
	const char *problem; /* behind "path:" */
};

Test(config, each_bad_line_is_named_with_file_and_line)
{
	static const struct refusal rows[] = {
	    {"unknown key", "[database]\nurl = a\nurll = b\n",
		"3: [database] urll: no such setting"},
	    {"unknown section", "[databse]\nurl = a\n", "2: [databse] url: no such setting"},
	    {"key outside a section", "url = a\n", "1: [] url: no such setting"},
	    {"not a file twin of a plain key", "[log]\nlevel_file = x\n",
		"2: [log] level_file: no such setting"},
	    {"set twice", "[log]\nlevel = info\nlevel = info\n", "3: [log] level: set twice"},
	    {"no number", "[server]\nworkers = many\n",
		"2: [server] workers: \"many\" is not a whole number"},
	    {"empty number", "[server]\nworkers =\n",
		"2: [server] workers: \"\" is not a whole number"},
	    {"negative number", "[server]\nworkers = -1\n",
		"2: [server] workers: \"-1\" is not a whole number"},
	    {"below the least", "[server]\nworkers = 0\n",
		"2: [server] workers: 0 is not between 1 and 512 threads"},
	    {"above the most", "[server]\nworkers = 513\n",
		"2: [server] workers: 513 is not between 1 and 512 threads"},
	    {"no address", "[device]\nlisten = 8443\n",
		"2: [device] listen: \"8443\" is not host:port, [IPv6 address]:port or :port"},
	    {"port too large", "[device]\nlisten = :65536\n",
		"2: [device] listen: \":65536\" is not host:port, [IPv6 address]:port or :port"},
	    {"bare IPv6", "[device]\nlisten = ::1:80\n",
		"2: [device] listen: \"::1:80\" is not host:port, [IPv6 address]:port or :port"},
	    {"unknown source", "[gateway]\nsocket_sources = pem, md5\n",
		"2: [gateway] socket_sources: \"pem, md5\" is not a list of some "
		"of " CV_SOURCE_WORDS},
	    {"source twice", "[gateway]\nsocket_sources = pem,pem\n",
		"2: [gateway] socket_sources: \"pem,pem\" is not a list of some "
		"of " CV_SOURCE_WORDS},
	    {"no source", "[gateway]\nsocket_sources =\n",
		"2: [gateway] socket_sources: \"\" is not a list of some of " CV_SOURCE_WORDS},
	    {"unknown level", "[log]\nlevel = loud\n",
		"2: [log] level: \"loud\" is not debug, info, warning or error"},
	    {"no setting at all", "[log]\nlevel info\n", "2: neither [section] nor key = value"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
		char expected[600];

		(void)snprintf(expected, sizeof(expected), "%s:%s\n", path, rows[i].problem);
		cr_expect_null(load(rows[i].text, CV_CONFIG_VALUES, &problems), "%s", rows[i].what);
		cr_expect_str_eq(cv_buffer_text(&problems), expected, "%s: %s", rows[i].what,
		    cv_buffer_text(&problems));
	}
}

Test(config, bounds_are_accepted)
{
	CV_AUTO(cv_config) struct cv_config *least = load_good("[server]\nworkers = 1\n");
	CV_AUTO(cv_config) struct cv_config *most = load_good("[server]\nworkers = 512\n");

	cr_assert_eq(least->server_workers, 1);
	cr_assert_eq(most->server_workers, 512);
}

Test(config, all_problems_are_told)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	char expected[1200];

	cr_assert_null(load(
	    "[log]\nlevel = loud\n[server]\nthreads = 0\nfoo = 1\n", CV_CONFIG_VALUES, &problems));
	(void)snprintf(expected, sizeof(expected),
	    "%s:2: [log] level: \"loud\" is not debug, info, warning or error\n"
	    "%s:4: [server] threads: 0 is not between 1 and 256 threads\n"
	    "%s:5: [server] foo: no such setting\n",
	    path, path, path);
	cr_assert_str_eq(cv_buffer_text(&problems), expected);
}

Test(config, a_line_that_is_too_long_is_refused_and_later_lines_keep_their_number)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	char expected[700];

	cv_buffer_append_text(&text, "[database]\nurl = ");
	for (int i = 0; i < 6000; i++)
		cv_buffer_append_byte(&text, 'x');
	cv_buffer_append_text(&text, "\nnonsense = 1\n");
	cr_assert_null(load(cv_buffer_text(&text), CV_CONFIG_VALUES, &problems));
	(void)snprintf(expected, sizeof(expected),
	    "%s:2: line too long\n%s:3: [database] nonsense: no such setting\n", path, path);
	cr_assert_str_eq(cv_buffer_text(&problems), expected);
}

Test(config, a_long_connection_string_is_read_whole)
{
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

	cv_buffer_append_text(&text, "[database]\nurl = ");
	for (int i = 0; i < 3000; i++)
		cv_buffer_append_byte(&text, 'x');
	CV_AUTO(cv_config) struct cv_config *config = load_good(cv_buffer_text(&text));
	cr_assert_eq(strlen(config->database_url), 3000);
}

Test(config, environment_wins_over_the_file)
{
	setenv("CERTVENDOR_SERVER_WORKERS", "9", 1);
	CV_AUTO(cv_config) struct cv_config *config = load_good("[server]\nworkers = 3\n");

	cr_assert_eq(config->server_workers, 9);
}

Test(config, variables_that_are_no_settings)
{
	static const char *const unknown[] = {"CERTVENDOR_GATEWAY_CACHE_MAXAGE",
	    "CERTVENDOR_DEVICE_KEY_FILE", "CERTVENDOR_SERVER_WORKER", "CERTVENDOR_EST_KEYS",
	    "CERTVENDOR_SERVER_"};
	static const char *const others[] = {"CERTVENDOR_GATEWAY_CACHE_MAX_AGE",
	    "CERTVENDOR_DATABASE_URL", "CERTVENDOR_DATABASE_URL_FILE", "CERTVENDOR_SERVER",
	    "CERTVENDOR_TOKEN", "CERTVENDOR_TOKEN_FILE", "CERTVENDOR_CA", "CERTVENDOR_CERT",
	    "CERTVENDOR_KEY", "CERTVENDOR_CONFIG", "CERTVENDOR_DEVICE_PORT",
	    "CERTVENDOR_DEVICE_PORT_8443_TCP", "CERTVENDOR_GATEWAY_SERVICE_HOST", "CERTVENDOR_PORT",
	    "CERTVENDOR_SERVICE_HOST", "HOME", ""};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		cr_expect(cv_config_is_unknown_variable(unknown[i]), "%s", unknown[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(cv_config_is_unknown_variable(others[i]), "%s", others[i]);
}

Test(config, bad_environment_is_named_by_its_variable)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;

	setenv("CERTVENDOR_SERVER_WORKERS", "none", 1);
	cr_assert_null(load("", CV_CONFIG_VALUES, &problems));
	cr_assert_str_eq(cv_buffer_text(&problems),
	    "CERTVENDOR_SERVER_WORKERS: [server] workers: \"none\" is not a whole number\n");
}

Test(config, secret_from_the_file_that_a_variable_names)
{
	char secret[600];

	write_text("secret", "from a file\r\n");
	(void)snprintf(secret, sizeof(secret), "%s/secret", folder);
	setenv("CERTVENDOR_SIGNER_PASSPHRASE_FILE", secret, 1);
	CV_AUTO(cv_config)
	struct cv_config *config = load_good("[signer]\npassphrase = from the configuration\n");
	cr_assert_str_eq(config->signer_passphrase, "from a file");
}

Test(config, secret_from_the_file_that_the_configuration_names)
{
	write_text("secret", "from a file\n");
	CV_AUTO(cv_config)
	struct cv_config *config = load_good("[signer]\npassphrase_file = secret\n");

	cr_assert_str_eq(config->signer_passphrase, "from a file");
}

Test(config, secret_from_the_folder_of_the_keys)
{
	char text[600];

	write_text("signer.passphrase", "beside the keys\n");
	(void)snprintf(text, sizeof(text), "[signer]\ndirectory = %s\n", folder);
	CV_AUTO(cv_config) struct cv_config *config = load_good(text);
	cr_assert_str_eq(config->signer_passphrase, "beside the keys");
}

Test(config, credentials_of_systemd_fill_what_nobody_set)
{
	char key[600];

	write_text("database.url", "postgresql://secret\n");
	write_text("device.key", "a key\n");
	(void)snprintf(key, sizeof(key), "%s/device.key", folder);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	CV_AUTO(cv_config) struct cv_config *config = load_good("");
	cr_expect_str_eq(config->database_url, "postgresql://secret");
	cr_expect_str_eq(config->device_key, key);
	cr_expect_str_eq(config->operator_key, "/var/lib/certvendor/pki/operator.key");

	CV_AUTO(cv_config)
	struct cv_config *other =
	    load_good("[database]\nurl = from the file\n[device]\nkey = /k\n");
	cr_expect_str_eq(other->database_url, "from the file");
	cr_expect_str_eq(other->device_key, "/k");
}

static const struct cv_setting *
find(const char *section, const char *key)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (cv_text_equal(settings[i].section, section) &&
		    cv_text_equal(settings[i].key, key))
			return &settings[i];
	}
	cr_assert_fail("no setting %s %s", section, key);
	return NULL;
}

Test(config, every_value_has_an_origin)
{
	setenv("CERTVENDOR_SERVER_WORKERS", "9", 1);
	write_text("database.url", "hidden");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	CV_AUTO(cv_config) struct cv_config *config = load_good("[log]\nlevel = debug\n");
	const struct {
		const char *section, *key, *value, *origin;
	} rows[] = {
	    {"log", "level", "debug", "test.conf:2"},
	    {"server", "workers", "9", "CERTVENDOR_SERVER_WORKERS"},
	    {"server", "threads", "2", "default"},
	    {"device", "listen", ":8443", "default"},
	    {"database", "url", "(secret)", "credential database.url"},
	    {"signer", "passphrase", "", "default"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer value = CV_BUFFER_INIT;
		CV_AUTO_BUFFER struct cv_buffer origin = CV_BUFFER_INIT;
		const struct cv_setting *setting = find(rows[i].section, rows[i].key);
		cv_config_append_value(config, setting, &value);
		cv_config_append_origin(config, setting, &origin);
		const char *slash = strrchr(cv_buffer_text(&origin), '/');
		cr_expect_str_eq(cv_buffer_text(&value), rows[i].value);
		cr_expect_str_eq(
		    slash == NULL ? cv_buffer_text(&origin) : slash + 1, rows[i].origin);
	}
}

static char told[256];

static void
tell(const struct cv_setting *setting)
{
	size_t len = strlen(told);

	(void)snprintf(told + len, sizeof(told) - len, "%s.%s ", setting->section, setting->key);
}

Test(config, only_live_settings_are_taken_over)
{
	CV_AUTO(cv_config)
	struct cv_config *config = load_good("[server]\nworkers = 3\n[signer]\npassphrase = a\n");
	CV_AUTO(cv_config)
	struct cv_config *fresh = load_good("[server]\nworkers = 4\n[log]\nlevel = debug\n"
					    "[device]\nkey = /new\n[signer]\npassphrase = b\n");

	cv_config_take_live(config, fresh, tell);
	cr_expect_str_eq(told, "device.key signer.passphrase server.workers log.level ");
	cr_expect_eq(config->log_level, CV_LOG_DEBUG);
	cr_expect_str_eq(config->device_key, "/new");
	cr_expect_eq(config->server_workers, 3);
	cr_expect_str_eq(config->signer_passphrase, "a");

	/* Wiped after its use: nobody can say whether it differs. */
	told[0] = '\0';
	config->signer_passphrase[0] = '\0';
	cv_config_take_live(config, config, tell);
	cr_expect_str_eq(told, "");
	cv_config_take_live(config, fresh, tell);
	cr_expect(strstr(told, "signer.passphrase") == NULL, "%s", told);
}

Test(config, secret_and_its_file_together_are_refused)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;

	setenv("CERTVENDOR_DATABASE_URL", "postgresql://u:hidden@db/x", 1);
	setenv("CERTVENDOR_DATABASE_URL_FILE", "/nonexistent", 1);
	cr_assert_null(load("", CV_CONFIG_VALUES, &problems));
	cr_assert_str_eq(cv_buffer_text(&problems),
	    "CERTVENDOR_DATABASE_URL: [database] url: CERTVENDOR_DATABASE_URL_FILE is set too; set "
	    "one of them\n");
}

Test(config, missing_and_empty_secret_files_are_refused)
{
	CV_AUTO_BUFFER struct cv_buffer missing = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer empty = CV_BUFFER_INIT;

	cr_assert_null(load("[signer]\npassphrase_file = secret\n", CV_CONFIG_VALUES, &missing));
	cr_assert(strstr(cv_buffer_text(&missing), "No such file") != NULL);
	write_text("secret", "\n");
	cr_assert_null(load("[signer]\npassphrase_file = secret\n", CV_CONFIG_VALUES, &empty));
	cr_assert(strstr(cv_buffer_text(&empty), "is empty or not text") != NULL);
}

Test(config, file_that_is_missing_is_an_error_unless_it_is_optional)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert_not(cv_config_load(path, false, CV_CONFIG_VALUES, &config, &problems, &err));
	cr_assert_eq(err.code, CV_E_IO);
	cr_assert(cv_config_load(path, true, CV_CONFIG_VALUES, &config, &problems, &err));
}

/* Listeners off, a passphrase, a database: nothing on disk is needed but the folder. */
#define SERVICE_TEXT(more)                                                                         \
	"[database]\nurl = postgresql:///x\n[device]\nlisten =\n[gateway]\nlisten =\n" more        \
	"[operator]\nlisten =\n[signer]\ndirectory = .\npassphrase = secret\n"

Test(config, service_needs_no_files_of_listeners_that_are_off)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	CV_AUTO(cv_config)
	struct cv_config *config = load(SERVICE_TEXT(""), CV_CONFIG_SERVICE, &problems);

	cr_assert(config != NULL, "%s", cv_buffer_text(&problems));
}

Test(config, service_needs_the_files_of_listeners_that_are_on)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;

	cr_assert_null(load("[database]\nurl = postgresql:///x\n[gateway]\nlisten =\n"
			    "[operator]\nlisten =\n[signer]\ndirectory = .\npassphrase = secret\n"
			    "[device]\nkey = device.key\n",
	    CV_CONFIG_SERVICE, &problems));
	const char *text = cv_buffer_text(&problems);
	cr_assert(strstr(text, "[device] certificate: ") != NULL, "%s", text);
	cr_assert(strstr(text, ":11: [device] key: ") != NULL, "%s", text);
	cr_assert(strstr(text, "[gateway]") == NULL, "%s", text);
}

Test(config, service_needs_database_passphrase_and_folder)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;

	cr_assert_null(load("[device]\nlisten =\n[gateway]\nlisten =\n[operator]\nlisten =\n"
			    "[signer]\ndirectory = missing\n",
	    CV_CONFIG_SERVICE, &problems));
	const char *text = cv_buffer_text(&problems);
	cr_assert(strstr(text, ": [database] url: must be set\n") != NULL, "%s", text);
	cr_assert(strstr(text, ":8: [signer] directory: ") != NULL, "%s", text);
	cr_assert(strstr(text, ": [signer] passphrase: not set") != NULL, "%s", text);
}

Test(config, pool_holds_two_connections_more_than_workers)
{
	CV_AUTO_BUFFER struct cv_buffer refused = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer accepted = CV_BUFFER_INIT;

	cr_assert_null(load(SERVICE_TEXT("[server]\nworkers = 19\n"), CV_CONFIG_SERVICE, &refused));
	cr_assert(strstr(cv_buffer_text(&refused),
		      "[database] pool_size: 20 is less than [server] workers (19) + 2") != NULL,
	    "%s", cv_buffer_text(&refused));
	CV_AUTO(cv_config)
	struct cv_config *config =
	    load(SERVICE_TEXT("[server]\nworkers = 18\n"), CV_CONFIG_SERVICE, &accepted);
	cr_assert_not_null(config);
}

Test(config, no_secret_in_any_problem)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;

	cr_assert_null(load("[database]\nurl = postgresql://u:hidden@db/x\nurl = again-hidden\n"
			    "[signer]\npassphrase = hidden\n[log]\nlevel = loud\n",
	    CV_CONFIG_SERVICE, &problems));
	cr_assert(strstr(cv_buffer_text(&problems), "hidden") == NULL);
}

/* "\n#key = default\n" of a number, "\n#key =" of others; a secret may show its file instead. */
static void
make_example_line(const struct cv_setting *setting, char *ret_line, size_t size)
{
	if (setting->is_secret)
		(void)snprintf(ret_line, size, "%s", setting->key);
	else if (setting->type == CV_SETTING_NUMBER)
		(void)snprintf(ret_line, size, "\n#%s = %s\n", setting->key, setting->fallback);
	else
		(void)snprintf(ret_line, size, "\n#%s =", setting->key);
}

/* Tests run at the top of the tree. */
Test(config, example_shows_every_setting)
{
	CV_AUTO_BUFFER struct cv_buffer example = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	char section[80], line[256];
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	cr_assert(cv_file_read("deploy/certvendor.conf", 65536, &example, &err), "%s", err.text);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(section, sizeof(section), "\n[%s]\n", settings[i].section);
		make_example_line(&settings[i], line, sizeof(line));
		const char *begin = strstr(cv_buffer_text(&example), section);
		cr_assert(begin != NULL, "no section %s", settings[i].section);
		const char *end = strstr(begin + 2, "\n[");
		const char *hit = strstr(begin, line);
		cr_expect(hit != NULL && (end == NULL || hit < end), "[%s] %s is not shown",
		    settings[i].section, settings[i].key);
	}
}

/* ".It Ic key = default\n.Pq unit, bounds, live or restart\n": what the manual says of each. */
static void
make_manual_lines(const struct cv_setting *setting, char *ret_lines, size_t size)
{
	char bounds[64] = "";

	if (setting->type == CV_SETTING_NUMBER)
		(void)snprintf(bounds, sizeof(bounds), "%s, %lld to %lld, ", setting->unit,
		    (long long)setting->min, (long long)setting->max);
	(void)snprintf(ret_lines, size, "\n.It Ic %s =%s%s\n.Pq %s%s%s\n", setting->key,
	    setting->fallback[0] == '\0' ? "" : " ", setting->fallback,
	    setting->is_secret ? "secret, " : "", bounds, setting->is_live ? "live" : "restart");
}

static size_t
count_between(const char *text, const char *end, const char *word)
{
	size_t count = 0;

	while ((text = strstr(text, word)) != NULL && text < end) {
		count++;
		text++;
	}
	return count;
}

Test(config, manual_shows_every_setting_and_no_other)
{
	CV_AUTO_BUFFER struct cv_buffer manual = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	char section[80], lines[256];
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	cr_assert(cv_file_read("docs/man/certvendor.conf.5", 65536, &manual, &err), "%s", err.text);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(section, sizeof(section), "\n.Ss [%s]\n", settings[i].section);
		make_manual_lines(&settings[i], lines, sizeof(lines));
		const char *begin = strstr(cv_buffer_text(&manual), section);
		cr_assert(begin != NULL, "no section %s", settings[i].section);
		const char *end = strstr(begin, "\n.El\n");
		cr_assert(end != NULL);
		cr_expect_eq(count_between(begin, end, lines), 1, "[%s] is not said:%s",
		    settings[i].section, lines);
	}
	const char *begin = strstr(cv_buffer_text(&manual), "\n.Sh SETTINGS\n");
	cr_assert(begin != NULL);
	const char *end = strstr(begin + 1, "\n.Sh ");
	cr_assert(end != NULL);
	cr_expect_eq(count_between(begin, end, "\n.It "), count);
}

Test(config, example_is_good)
{
	CV_AUTO(cv_config) struct cv_config *config = NULL;
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_config_load(
		      "deploy/certvendor.conf", false, CV_CONFIG_VALUES, &config, &problems, &err),
	    "%s", cv_buffer_text(&problems));
}
