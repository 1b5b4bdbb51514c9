/* The Link header of a page of a list (RFC 8288). Pure. */
#ifndef CV_HTTP_LINK_INTERNAL_H
#define CV_HTTP_LINK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#define CV_LINK_SIZE 512

/*
 * `<?limit=2&cursor=...>; rel="next"`: the query as it came, with another cursor. A reference that
 * is relative to the request, so that it is right behind any proxy. False: longer than the headers
 * of an answer have room for.
 */
bool cv_link_next(const char *query, const char *cursor, char ret_link[CV_LINK_SIZE]);

#endif
