#include "../../../server/http/link_internal.h"

#include <criterion/criterion.h>
#include <string.h>

Test(link, keeps_the_query_but_the_cursor)
{
	static const struct {
		const char *query;
		const char *link;
	} rows[] = {
	    {"", "<?cursor=c1>; rel=\"next\""},
	    {"limit=2", "<?limit=2&cursor=c1>; rel=\"next\""},
	    {"cursor=&limit=2", "<?limit=2&cursor=c1>; rel=\"next\""},
	    {"after=c0&&limit=2&cursor", "<?limit=2&cursor=c1>; rel=\"next\""},
	    {"device=d%3A1&cursors=x", "<?device=d%3A1&cursors=x&cursor=c1>; rel=\"next\""},
	    {"actor=a>;\"b\"", "<?actor=a%3E;%22b%22&cursor=c1>; rel=\"next\""},
	};
	char link[CV_LINK_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(cv_link_next(rows[i].query, "c1", link), "%s", rows[i].query);
		cr_expect_str_eq(link, rows[i].link);
	}
}

Test(link, has_a_bound)
{
	const size_t frame = strlen("<?&cursor=c1>; rel=\"next\"");
	char query[CV_LINK_SIZE];
	char link[CV_LINK_SIZE];

	memset(query, 'q', sizeof(query));
	query[CV_LINK_SIZE - frame] = '\0';
	cr_expect_not(cv_link_next(query, "c1", link));
	query[CV_LINK_SIZE - frame - 1] = '\0';
	cr_assert(cv_link_next(query, "c1", link));
	cr_expect_eq(strlen(link), CV_LINK_SIZE - 1);
}
