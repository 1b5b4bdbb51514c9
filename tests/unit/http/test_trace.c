#include <criterion/criterion.h>
#include <string.h>

#include "../../../server/http/trace_internal.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

Test(trace, a_good_parent_begins_a_span)
{
	static const char *const rows[] = {
	    "00-" TRACE "-" SPAN "-01",
	    "00-" TRACE "-" SPAN "-00",
	    "00-" TRACE "-" SPAN "-ff",
	    /* A version that we do not know yet, with what it adds. */
	    "01-" TRACE "-" SPAN "-01",
	    "cc-" TRACE "-" SPAN "-01-more",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_trace trace, again;
		cv_trace_begin(rows[i], &trace);
		cr_expect_str_eq(trace.trace_id, TRACE, "%s", rows[i]);
		cr_expect_eq(strlen(trace.span_id), 16);
		cr_expect_str_neq(trace.span_id, SPAN);
		cv_trace_begin(rows[i], &again);
		cr_expect_str_neq(trace.span_id, again.span_id);
	}
}

Test(trace, anything_else_begins_a_new_one)
{
	static const char *const rows[] = {
	    "",
	    "00",
	    TRACE,
	    "00-" TRACE "-" SPAN,
	    "00-" TRACE "-" SPAN "-0",
	    "00-" TRACE "-" SPAN "-01-more",
	    "00-" TRACE "-" SPAN "-011",
	    "cc-" TRACE "-" SPAN "-01more",
	    "ff-" TRACE "-" SPAN "-01",
	    "0x-" TRACE "-" SPAN "-01",
	    "00_" TRACE "-" SPAN "-01",
	    "00-" TRACE "_" SPAN "-01",
	    "00-" TRACE "-" SPAN "_01",
	    "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
	    "00-" TRACE "-B7AD6B7169203331-01",
	    "00-00000000000000000000000000000000-" SPAN "-01",
	    "00-" TRACE "-0000000000000000-01",
	    "00-" TRACE "-" SPAN "-0g",
	    " 00-" TRACE "-" SPAN "-01",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_trace trace, again;
		cv_trace_begin(rows[i], &trace);
		cr_expect_eq(strlen(trace.trace_id), 32, "%s", rows[i]);
		cr_expect_str_neq(trace.trace_id, TRACE, "%s", rows[i]);
		cr_expect_eq(strlen(trace.span_id), 16);
		cv_trace_begin(rows[i], &again);
		cr_expect_str_neq(trace.trace_id, again.trace_id);
	}
}
