/* One row per endpoint, and finding the row of a request. Matching is pure; any thread. */
#ifndef CV_HTTP_ROUTE_INTERNAL_H
#define CV_HTTP_ROUTE_INTERNAL_H

#include <stddef.h>

#include "path_internal.h"

struct cv_request;

enum cv_route_flag {
	CV_ROUTE_WORKER = 1 << 0,      /* may block: runs on a worker */
	CV_ROUTE_BLIND = 1 << 1,       /* looks at no client certificate */
	CV_ROUTE_CERTIFICATE = 1 << 2, /* needs a client certificate */
	CV_ROUTE_BOOTSTRAP =
	    1 << 3, /* passes unknown certificates on: a manufacturer's may be among them */
	CV_ROUTE_GRACE = 1 << 4,         /* honours the grace for expired certificates */
	CV_ROUTE_LABEL = 1 << 5,         /* its first parameter is a label */
	CV_ROUTE_DOUBLED_SLASH = 1 << 6, /* "//" before the last segment counts as "/" */
	CV_ROUTE_EMQX = 1 << 7,          /* a broker asks: every answer is a 200 in its words */
	CV_ROUTE_VERNEMQ = 1 << 8,
	CV_ROUTE_VIEWER = 1 << 9, /* of operators: the role that it needs at least */
	CV_ROUTE_OPERATOR = 1 << 10,
	CV_ROUTE_ADMIN = 1 << 11,
	CV_ROUTE_REALM = 1 << 12,  /* of operators: means no factory but all that are seen */
	CV_ROUTE_CHANGE = 1 << 13, /* of operators: needs If-Match */
	CV_ROUTE_EST = 1 << 14,    /* an operation of EST, which its label may have switched off */
	CV_ROUTE_OTA = 1 << 15,    /* of operators: in the words of FoundriesFactory clients */
	CV_ROUTE_RABBITMQ = 1 << 16, /* like CV_ROUTE_EMQX */
	/* What a token must be allowed that is cut down to scopes; else reading or updating. */
	CV_ROUTE_CREATES = 1 << 17,
	CV_ROUTE_DELETES = 1 << 18,
};

#define CV_ROUTE_BROKER ((unsigned)CV_ROUTE_EMQX | CV_ROUTE_VERNEMQ | CV_ROUTE_RABBITMQ)

#define CV_ROUTE_PARAMETERS_MAX 3

struct cv_route {
	const char *method;  /* "GET" stands for HEAD too */
	const char *pattern; /* "/v1/devices/{id}"; a segment in braces takes any one, but not an
				empty one; as the last one, "{name...}" takes those behind it too,
				see cv_path_join(). One that ends in "/" matches without it too */
	void (*handle)(struct cv_request *request);
	size_t body_max;
	unsigned flags;
};

struct cv_route_table {
	const struct cv_route *rows;
	size_t count;
};

struct cv_route_match {
	const struct cv_route *route;                    /* NULL: none */
	const char *parameters[CV_ROUTE_PARAMETERS_MAX]; /* of the path, whatever the method */
	unsigned path_flags; /* of the rows with this path, whatever the method */
	char allow[48]; /* "GET, HEAD": methods of the rows with this path; "" when no row has it */
};

void cv_route_find(const struct cv_route_table *table, const char *method,
    const struct cv_path *path, struct cv_route_match *ret_match);

#endif
