/*
 * Connections to PostgreSQL. A worker borrows one for one operation; a broken one is replaced at
 * the next loan. Every wait has a deadline, so a stopped server is CV_E_DATABASE, not a hang. The
 * pool may be used from any thread, a connection by its borrower only.
 */
#ifndef CV_STORE_POOL_H
#define CV_STORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "cv/util/histogram.h"

struct cv_pool;
struct cv_connection;

struct cv_pool_options {
	const char *url;     /* libpq connection string; several hosts allowed */
	size_t size;         /* connections at most */
	int statement_ms;    /* deadline of one round trip */
	int connect_seconds; /* of one connection attempt to one host, 2 at least (libpq) */
	int plans_ms;        /* after so long statements are planned anew; 0: five seconds */
};

/* CV_E_CONFIG: a URL that libpq cannot read, which is never quoted: it may hold a password. */
bool cv_pool_check_url(const char *url, struct cv_error *err);

/* Is there a secret in the text itself? */
bool cv_pool_url_has_password(const char *url);

/* Opens nothing yet. CV_E_CONFIG as for the check of a URL. */
bool cv_pool_new(
    const struct cv_pool_options *options, struct cv_pool **ret_pool, struct cv_error *err);
void cv_pool_free(struct cv_pool *pool);
CV_DEFINE_CLEANUP(cv_pool);

/* Waits up to statement_ms for a free one. CV_E_BUSY: none free. CV_E_DATABASE: no connection. */
bool cv_pool_borrow(
    struct cv_pool *pool, struct cv_connection **ret_connection, struct cv_error *err);
/* Gives it back, rolled back if a transaction is open. NULL allowed. */
void cv_pool_return(struct cv_connection *connection);
static inline void
cv_connection_cleanup(struct cv_connection **connection)
{
	cv_pool_return(*connection);
}
/* CV_AUTO_CONNECTION struct cv_connection *connection = NULL; is given back with its scope. */
#define CV_AUTO_CONNECTION __attribute__((cleanup(cv_connection_cleanup)))
/* Whether the last use or attempt of a connection succeeded; for /readyz and metrics. */
bool cv_pool_is_up(const struct cv_pool *pool);
void cv_pool_count(struct cv_pool *pool, size_t *ret_open, size_t *ret_borrowed);
/* How long each batch of statements waited for the database. Lent as long as the pool. */
const struct cv_histogram *cv_pool_waits(const struct cv_pool *pool);

#endif
