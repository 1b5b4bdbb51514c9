#include "../../../server/http/connection_share_internal.h"

#include <criterion/criterion.h>

Test(connection_share, makes_all_fit)
{
	static const struct {
		const char *what;
		unsigned wanted, others;
		uint64_t descriptors;
		unsigned device, each_other; /* 0: refused */
	} rows[] = {
	    {"exactly enough", 10000, 4, 50000, 10000, 10000},
	    {"one too few", 10000, 4, 49999, 10000, 4999},
	    {"a container", 10000, 4, 20000, 10000, 2000},
	    {"very few", 10000, 4, 1000, 600, 100},
	    {"so few that the others are refused", 20, 4, 99, 0, 0},
	    {"others want less than their part", 100, 1, 199, 100, 79},
	    {"the device listener alone", 10000, 0, 500, 500, 10000},
	    {"the least", 10000, 4, 160, 96, 16},
	    {"less than the least", 10000, 4, 159, 0, 0},
	    {"none", 16, 4, 0, 0, 0},
	    {"the largest setting", 1000000, 5, UINT64_MAX, 1000000, 1000000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_connection_share share;
		bool is_made = cv_connection_share_make(
		    rows[i].wanted, rows[i].others, rows[i].descriptors, &share);
		cr_expect_eq(is_made, rows[i].device != 0, "%s", rows[i].what);
		if (!is_made || rows[i].device == 0)
			continue;
		cr_expect_eq(share.device, rows[i].device, "%s: %u", rows[i].what, share.device);
		cr_expect_eq(
		    share.each_other, rows[i].each_other, "%s: %u", rows[i].what, share.each_other);
	}
}
