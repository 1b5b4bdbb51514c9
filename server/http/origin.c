#include "origin_internal.h"

#include <string.h>

#include "cv/util/text.h"

/* none: the user typed the address, or opened a bookmark. */
static bool
is_own_site(const struct cv_header_value *site)
{
	return site->count == 0 || (site->count == 1 && (cv_text_equal(site->text, "same-origin") ||
							    cv_text_equal(site->text, "none")));
}

/* Browsers leave the usual port out of both. */
static bool
is_own_origin(const struct cv_header_value *origin, const struct cv_header_value *host)
{
	static const char scheme[] = "https://";

	if (origin->count == 0)
		return true;
	return origin->count == 1 && host->count == 1 && cv_text_has_prefix(origin->text, scheme) &&
	       cv_text_equal_ignoring_case(origin->text + strlen(scheme), host->text);
}

bool
cv_origin_is_foreign(const struct cv_request *request)
{
	const struct cv_header_value *headers = request->headers;

	return !is_own_site(&headers[CV_HEADER_SEC_FETCH_SITE]) ||
	       !is_own_origin(&headers[CV_HEADER_ORIGIN], &headers[CV_HEADER_HOST]);
}
