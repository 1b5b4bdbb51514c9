#include "cv/app/app.h"

#include <stdio.h>
#include <string.h>

#include "cv/cli/probe.h"
#include "cv/store/schema.h"
#include "cv/util/address.h"

#define CONNECT_SECONDS 10
#define MIGRATION_MS 3600000 /* a migration may have to rewrite a table */
#define HEALTH_MS 3000

bool
cv_app_open_database(const char *url, int statement_ms, struct cv_pool **ret_pool,
    struct cv_connection **ret_connection, struct cv_error *err)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	const struct cv_pool_options options = {
	    .url = url,
	    .size = 1,
	    .statement_ms = statement_ms,
	    .connect_seconds = CONNECT_SECONDS,
	};

	if (url[0] == '\0')
		return cv_fail(
		    err, CV_E_CONFIG, "[database] url is not set (CERTVENDOR_DATABASE_URL)");
	if (!cv_pool_new(&options, &pool, err) || !cv_pool_borrow(pool, ret_connection, err))
		return cv_error_context(err, "database");
	*ret_pool = CV_TAKE(pool);
	return true;
}

static void
show_migration(void *context, int version, const char *name)
{
	(void)context;
	(void)printf("applied %04d %s\n", version, name);
	(void)fflush(stdout);
}

bool
cv_app_migrate(const struct cv_config *config, struct cv_error *err)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection = NULL;
	int version;

	if (!cv_app_open_database(config->database_url, MIGRATION_MS, &pool, &connection, err))
		return false;
	bool is_good = cv_schema_migrate(connection, show_migration, NULL, &version, err);
	cv_pool_return(connection);
	if (!is_good)
		return cv_error_context(err, "migration");
	(void)printf("the schema has version %d\n", version);
	return true;
}

/* The address to ask from this machine: "all" is reached through loopback. */
static bool
make_health_url(const struct cv_config *config, const char *path, char *ret_url, size_t size,
    struct cv_error *err)
{
	struct cv_address address;

	if (config->monitoring_listen[0] == '\0' ||
	    !cv_address_parse(config->monitoring_listen, &address, err) || address.port == 0)
		return cv_fail(err, CV_E_CONFIG, "[monitoring] listen has no port to ask");
	const char *name = address.host;
	if (name[0] == '\0' || strcmp(name, "0.0.0.0") == 0)
		name = "127.0.0.1";
	else if (strcmp(name, "::") == 0)
		name = "::1";
	const char *bracket = strchr(name, ':') != NULL ? "[" : "";
	(void)snprintf(ret_url, size, "http://%s%s%s:%u%s", bracket, name,
	    bracket[0] == '\0' ? "" : "]", (unsigned)address.port, path);
	return true;
}

bool
cv_app_is_alive(const struct cv_config *config)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	struct cv_error ignored = CV_ERROR_INIT;
	char url[320];
	long status;

	return make_health_url(config, "/livez", url, sizeof(url), &ignored) &&
	       cv_probe(url, HEALTH_MS, &status, &body, &ignored) && status == 200 &&
	       strcmp(cv_buffer_text(&body), "ok\n") == 0;
}

bool
cv_app_check_health(const struct cv_config *config, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	char url[320];
	long status;

	if (!make_health_url(config, "/readyz", url, sizeof(url), err) ||
	    !cv_probe(url, HEALTH_MS, &status, &body, err))
		return false;
	if (status == 200)
		return true;
	cv_fail(err, CV_E_IO, "not ready: %s answered %ld", url, status);
	return cv_error_cause(err, "%s", cv_buffer_text(&body));
}
