#include "cv/service/issue_count.h"

#include <criterion/criterion.h>
#include <string.h>

#define FIRST "018f0000-0000-7000-8000-000000000001"
#define SECOND "018f0000-0000-7000-8000-000000000002"

Test(issue_count, counts_by_authority_and_kind)
{
	CV_AUTO(cv_issue_counts) struct cv_issue_counts *counts = cv_issue_counts_new();

	cr_assert_not_null(counts);
	cv_issue_counts_add(counts, FIRST, CV_ISSUE_ENROLMENT);
	cv_issue_counts_add(counts, SECOND, CV_ISSUE_RENEWAL);
	cv_issue_counts_add(counts, FIRST, CV_ISSUE_RENEWAL);
	cv_issue_counts_add(counts, FIRST, CV_ISSUE_RENEWAL);
	cr_expect_eq(cv_issue_counts_of(counts, FIRST, CV_ISSUE_ENROLMENT), 1);
	cr_expect_eq(cv_issue_counts_of(counts, FIRST, CV_ISSUE_RENEWAL), 2);
	cr_expect_eq(cv_issue_counts_of(counts, SECOND, CV_ISSUE_RENEWAL), 1);
	cr_expect_eq(cv_issue_counts_of(counts, SECOND, CV_ISSUE_ENROLMENT), 0);
	cr_expect_eq(cv_issue_counts_of(counts, "unknown", CV_ISSUE_ENROLMENT), 0);
}

Test(issue_count, what_is_no_id_is_not_counted)
{
	CV_AUTO(cv_issue_counts) struct cv_issue_counts *counts = cv_issue_counts_new();

	cv_issue_counts_add(counts, FIRST "-and-more", CV_ISSUE_KEYGEN);
	cr_expect_eq(cv_issue_counts_of(counts, FIRST "-and-more", CV_ISSUE_KEYGEN), 0);
	cr_expect_eq(cv_issue_counts_of(counts, FIRST, CV_ISSUE_KEYGEN), 0);
}

Test(issue_count, names_differ)
{
	for (unsigned i = 0; i < CV_ISSUE_KINDS; i++) {
		cr_expect_str_neq(cv_issue_kind_name((enum cv_issue_kind)i), "");
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(cv_issue_kind_name((enum cv_issue_kind)i),
			    cv_issue_kind_name((enum cv_issue_kind)j));
	}
}
