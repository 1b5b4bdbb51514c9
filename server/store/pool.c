#include "cv/store/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cv/util/clock.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

#include "database_internal.h"

/* After a failed attempt others fail at once for so long, instead of queueing behind time-outs. */
#define RETRY_MS 250
#define PLANS_MS 5000
#define DISCARD_MS 500 /* the server need not ask its disk for that */

struct cv_pool {
	char *url;
	size_t size;
	int statement_ms;
	int connect_seconds;
	int plans_ms;
	pthread_mutex_t mutex;
	pthread_cond_t returned;
	struct cv_connection *idle;
	size_t open;
	size_t borrowed;
	int64_t retry_at_ms; /* boot time before which nobody tries to connect */
	char cause[sizeof(((struct cv_error *)0)->cause)]; /* why the last attempt failed */
	_Atomic bool is_up;
	struct cv_histogram waits;
};

/* libpq takes any other text for the name of a database. */
static bool
is_connection_string(const char *url)
{
	return cv_text_has_prefix(url, "postgresql://") || cv_text_has_prefix(url, "postgres://") ||
	       strchr(url, '=') != NULL;
}

/* What a password in a URL spills into when its special characters are not percent-encoded. */
static bool
is_spilled(const PQconninfoOption *option)
{
	const char *value = option->val;

	if (!value)
		return false;
	if (strcmp(option->keyword, "port") == 0)
		return value[strspn(value, "0123456789,")] != '\0';
	/* Paths of sockets may have one. */
	return strcmp(option->keyword, "host") == 0 && value[0] != '/' && value[0] != '@' &&
	       strchr(value, '@') != NULL;
}

/* libpq would quote what it cannot read, and that is often a part of the password. */
bool
cv_pool_check_url(const char *url, struct cv_error *err)
{
	char *message = NULL;
	PQconninfoOption *parts;
	bool is_good = true;

	if (!is_connection_string(url))
		return true;
	parts = PQconninfoParse(url, &message);
	PQfreemem(message);
	for (const PQconninfoOption *each = parts; each && each->keyword; each++)
		is_good = is_good && !is_spilled(each);
	is_good = is_good && parts;
	PQconninfoFree(parts);
	return is_good || cv_fail(err, CV_E_CONFIG,
			      "the URL of the database cannot be read: in a URL, special "
			      "characters of a password are percent-encoded");
}

bool
cv_pool_url_has_password(const char *url)
{
	PQconninfoOption *parts = PQconninfoParse(url, NULL);
	bool has_one = false;

	for (const PQconninfoOption *each = parts; each && each->keyword; each++)
		has_one = has_one || (each->val && each->val[0] != '\0' &&
					 (strcmp(each->keyword, "password") == 0 ||
					     strcmp(each->keyword, "sslpassword") == 0));
	PQconninfoFree(parts);
	return has_one;
}

bool
cv_pool_new(const struct cv_pool_options *options, struct cv_pool **ret_pool, struct cv_error *err)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = calloc(1, sizeof(*pool));
	pthread_condattr_t attributes;

	if (!pool)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->returned, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!cv_pool_check_url(options->url, err))
		return false;
	pool->url = strdup(options->url);
	if (!pool->url)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	pool->size = options->size;
	pool->statement_ms = options->statement_ms;
	pool->connect_seconds = options->connect_seconds;
	pool->plans_ms = options->plans_ms > 0 ? options->plans_ms : PLANS_MS;
	*ret_pool = CV_TAKE(pool);
	return true;
}

static void
connection_free(struct cv_connection *connection)
{
	if (!connection)
		return;
	PQfinish(connection->pg);
	free(connection);
}

void
cv_pool_free(struct cv_pool *pool)
{
	if (!pool)
		return;
	while (pool->idle) {
		struct cv_connection *next = pool->idle->next;

		connection_free(pool->idle);
		pool->idle = next;
	}
	pthread_cond_destroy(&pool->returned);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->url);
	free(pool);
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/*
 * Times are the database's, names are qualified, and no statement or lock waits longer than a
 * request may. Two seconds is libpq's smallest connect time-out. Statements are planned for any
 * parameters and find rows by index alone: a plan that was made while a table was empty must not
 * read it all when it is full.
 */
static PGconn *
open_connection(const struct cv_pool *pool)
{
	char seconds[16], options[512];
	/* What stands before the URL may be said otherwise in it. A connection that a firewall
	 * forgot must be seen to have ended before somebody waits for it. */
	const char *keywords[] = {"keepalives_idle", "keepalives_interval", "keepalives_count",
	    "dbname", "connect_timeout", "application_name", "options", "target_session_attrs",
	    "client_encoding", NULL};
	const char *values[] = {
	    "20", "5", "3", pool->url, seconds, "certvendor", options, "read-write", "UTF8", NULL};

	snprintf(seconds, sizeof(seconds), "%d", pool->connect_seconds);
	snprintf(options, sizeof(options),
	    "-c search_path=pg_catalog,pg_temp -c statement_timeout=%d -c lock_timeout=%d "
	    "-c idle_in_transaction_session_timeout=60000 -c plan_cache_mode=force_generic_plan "
	    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
	    "-c TimeZone=UTC -c client_min_messages=warning -c jit=off",
	    pool->statement_ms, pool->statement_ms);
	return PQconnectdbParams(keywords, values, 1);
}

static bool
connect_new(struct cv_pool *pool, struct cv_connection **ret_connection, struct cv_error *err)
{
	struct cv_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	connection->pool = pool;
	connection->statement_ms = pool->statement_ms;
	connection->waits = &pool->waits;
	connection->planned_ms = cv_clock_boot_ms(cv_clock_system());
	connection->pg = open_connection(pool);
	if (PQstatus(connection->pg) != CONNECTION_OK) {
		cv_fail(err, CV_E_DATABASE, "database: no connection");
		cv_error_cause(err, "%s", connection->pg ? PQerrorMessage(connection->pg) : "");
		connection_free(connection);
		return false;
	}
	PQsetNoticeReceiver(connection->pg, ignore_notice, NULL);
	PQsetnonblocking(connection->pg, 1);
	*ret_connection = connection;
	return true;
}

static struct timespec
deadline_in(int milliseconds)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_sec += milliseconds / 1000;
	when.tv_nsec += (milliseconds % 1000) * 1000000L;
	if (when.tv_nsec >= 1000000000L) {
		when.tv_sec++;
		when.tv_nsec -= 1000000000L;
	}
	return when;
}

/* Under the mutex: an idle connection, or the right to open one (*ret_connection NULL). */
static bool
reserve(struct cv_pool *pool, struct cv_connection **ret_connection, struct cv_error *err)
{
	struct timespec deadline = deadline_in(pool->statement_ms);

	while (!pool->idle && pool->open == pool->size) {
		if (pthread_cond_timedwait(&pool->returned, &pool->mutex, &deadline) != 0)
			return cv_fail(
			    err, CV_E_BUSY, "database: all %zu connections in use", pool->size);
	}
	*ret_connection = pool->idle;
	if (pool->idle) {
		pool->idle = pool->idle->next;
	} else {
		if (cv_clock_boot_ms(cv_clock_system()) < pool->retry_at_ms) {
			cv_fail(err, CV_E_DATABASE, "database: no connection");
			return cv_error_cause(err, "%s", pool->cause);
		}
		pool->open++;
	}
	pool->borrowed++;
	return true;
}

static void
leave(struct cv_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->open--;
	pool->borrowed--;
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->mutex);
}

static void
give_up(struct cv_pool *pool, const struct cv_error *err)
{
	pthread_mutex_lock(&pool->mutex);
	pool->retry_at_ms = cv_clock_boot_ms(cv_clock_system()) + RETRY_MS;
	(void)cv_text_copy(pool->cause, sizeof(pool->cause), err->cause);
	pthread_mutex_unlock(&pool->mutex);
	leave(pool);
	atomic_store(&pool->is_up, false);
}

/* An idle connection whose server has closed it (restart, fail-over) has something to read. */
static bool
is_alive(struct cv_connection *connection)
{
	if (PQstatus(connection->pg) != CONNECTION_OK || !PQconsumeInput(connection->pg))
		return false;
	return PQstatus(connection->pg) == CONNECTION_OK;
}

/*
 * A plan is good for the sizes that the tables had. Of a table that held a row or two the database
 * reads all for each row that it looks for, and keeps at it when there are a hundred thousand,
 * until its statistics are gathered.
 */
static bool
plan_anew(struct cv_connection *connection, bool *ret_is_silent, struct cv_error *err)
{
	int64_t now_ms = cv_clock_boot_ms(cv_clock_system());

	*ret_is_silent = false;
	if (now_ms - connection->planned_ms < connection->pool->plans_ms)
		return true;
	connection->planned_ms = now_ms;
	if (cv_execute_script(connection, "DISCARD PLANS", DISCARD_MS, err))
		return true;
	*ret_is_silent = cv_clock_boot_ms(cv_clock_system()) - now_ms >= DISCARD_MS;
	return false;
}

/* A server that stands still answers no other connection, either: each would cost a request its
 * time. */
static void
drop_idle(struct cv_pool *pool)
{
	struct cv_connection *idle;

	pthread_mutex_lock(&pool->mutex);
	idle = CV_TAKE(pool->idle);
	for (const struct cv_connection *each = idle; each; each = each->next)
		pool->open--;
	pthread_cond_broadcast(&pool->returned);
	pthread_mutex_unlock(&pool->mutex);
	while (idle) {
		struct cv_connection *next = idle->next;

		connection_free(idle);
		idle = next;
	}
}

/* As it was lent before; *connection NULL: it is of no use, and another may be. */
static bool
revive(struct cv_connection **connection, struct cv_error *err)
{
	struct cv_pool *pool = (*connection)->pool;
	struct cv_error plan_error = CV_ERROR_INIT;
	bool is_silent = false;

	if (is_alive(*connection) && plan_anew(*connection, &is_silent, &plan_error))
		return true;
	connection_free(CV_TAKE(*connection));
	if (!is_silent)
		return true;
	/* The request has no time left to wait for a connection as well. */
	drop_idle(pool);
	*err = plan_error;
	return false;
}

bool
cv_pool_borrow(struct cv_pool *pool, struct cv_connection **ret_connection, struct cv_error *err)
{
	struct cv_connection *connection = NULL;
	bool is_reserved;

	pthread_mutex_lock(&pool->mutex);
	is_reserved = reserve(pool, &connection, err);
	pthread_mutex_unlock(&pool->mutex);
	if (!is_reserved)
		return false;
	if (connection && !revive(&connection, err)) {
		leave(pool);
		return false;
	}
	if (!connection && !connect_new(pool, &connection, err)) {
		give_up(pool, err);
		return false;
	}
	atomic_store(&pool->is_up, true);
	*ret_connection = connection;
	return true;
}

void
cv_pool_return(struct cv_connection *connection)
{
	struct cv_pool *pool;
	bool is_broken;

	if (!connection)
		return;
	pool = connection->pool;
	cv_rollback(connection);
	/* Once it is idle it belongs to the next borrower: nothing of it is read after that. */
	is_broken = connection->is_broken;
	pthread_mutex_lock(&pool->mutex);
	pool->borrowed--;
	if (is_broken) {
		pool->open--;
	} else {
		connection->next = pool->idle;
		pool->idle = connection;
	}
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->mutex);
	if (is_broken) {
		atomic_store(&pool->is_up, false);
		connection_free(connection);
	}
}

bool
cv_pool_is_up(const struct cv_pool *pool)
{
	return atomic_load(&pool->is_up);
}

void
cv_pool_count(struct cv_pool *pool, size_t *ret_open, size_t *ret_borrowed)
{
	pthread_mutex_lock(&pool->mutex);
	*ret_open = pool->open;
	*ret_borrowed = pool->borrowed;
	pthread_mutex_unlock(&pool->mutex);
}

const struct cv_histogram *
cv_pool_waits(const struct cv_pool *pool)
{
	return &pool->waits;
}
