/* Request targets (RFC 9112 section 3.2): path segments, each percent-decoded once, and query
 * members. Pure; any thread. */
#ifndef CV_HTTP_PATH_INTERNAL_H
#define CV_HTTP_PATH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#define CV_TARGET_MAX 1023 /* bytes; longer ones are refused, but for the gateway check */
#define CV_SEGMENTS_MAX 16

struct cv_path {
	char text[CV_TARGET_MAX + 1]; /* decoded segments, each terminated */
	const char *segments[CV_SEGMENTS_MAX];
	size_t count;
	const char *query; /* points into the target; "" without one */
};

/*
 * Origin or absolute form. False: not a path, too many segments, bad percent-encoding, or a segment
 * that is "." or
 * ".." or holds an encoded slash, NUL or control character. Empty segments are kept.
 */
bool cv_path_parse(const char *target, struct cv_path *ret_path);

/* The segments from this one on, with slashes between; an empty last one is left out. first: one of
 * path's. */
void cv_path_join(const struct cv_path *path, const char *first, char ret_text[CV_TARGET_MAX + 1]);

/*
 * "/LABEL/.well-known/est/..." becomes "/.well-known/est/LABEL/...", which it means: clients that
 * know of no labels can be given one in their base URL. Other paths stay.
 */
void cv_path_move_label(struct cv_path *path);

/* Is target this path or something below it, or with a query? Neither decodes nor judges the rest.
 */
bool cv_path_is_below(const char *target, const char *path);

enum cv_query_outcome { CV_QUERY_ABSENT, CV_QUERY_FOUND, CV_QUERY_BAD };

/* One member, percent-decoded, '+' literal. BAD: given twice, too long, badly encoded or with
 * control characters. */
enum cv_query_outcome cv_query_find(
    const char *query, const char *name, char *ret_value, size_t size);
/* Is there such a member, with or without a value? */
bool cv_query_has(const char *query, const char *name);

#endif
