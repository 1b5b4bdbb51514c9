#include "../../../server/http/problem_internal.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	int outcome;
	unsigned status;
	const char *word;
};

static void
expect_problem(enum cv_problem problem, const struct row *row)
{
	const struct cv_problem_row *found = cv_problem_row(problem);

	cr_expect_eq(found->status, row->status, "outcome %d", row->outcome);
	cr_expect_str_eq(found->word, row->word);
}

/* RFC 7030 section 4.2.3 and the reason words that clients may rely on. */
static const struct row verdict_rows[] = {
    {CV_VERDICT_TALKS, 403, "denied"},
    {CV_VERDICT_NO_CERTIFICATE, 403, "no-client-cert"},
    {CV_VERDICT_BAD_CERTIFICATE, 403, "bad-client-cert"},
    {CV_VERDICT_AMBIGUOUS, 403, "bad-client-cert"},
    {CV_VERDICT_UNKNOWN, 403, "bad-client-cert"},
    {CV_VERDICT_EXPIRED, 403, "expired"},
    {CV_VERDICT_NOT_YET_VALID, 403, "bad-client-cert"},
    {CV_VERDICT_DENIED, 403, "denied"},
    {CV_VERDICT_THIRD_KEY, 403, "third-key"},
    {CV_VERDICT_DEVICE_REFUSED, 403, "denied"},
    {CV_VERDICT_AUTHORITY_REFUSED, 403, "bad-client-cert"},
    {CV_VERDICT_KEY_IN_USE, 403, "key-in-use"},
    {CV_VERDICT_NOT_A_GATEWAY, 403, "not-a-gateway"},
    {CV_VERDICT_UNAVAILABLE, 503, "unavailable"},
    {CV_VERDICT_OK, 500, "internal"},
};

Test(problem, knows_every_verdict)
{
	for (size_t i = 0; i < sizeof(verdict_rows) / sizeof(verdict_rows[0]); i++)
		expect_problem(cv_problem_of_verdict((enum cv_verdict)verdict_rows[i].outcome),
		    &verdict_rows[i]);
}

static const struct row enrolment_rows[] = {
    {CV_ENROLMENT_BAD_CSR, 400, "bad-csr"},
    {CV_ENROLMENT_BAD_SIGNATURE, 400, "bad-signature"},
    {CV_ENROLMENT_BAD_EXTENSION, 400, "bad-extension"},
    {CV_ENROLMENT_WEAK_KEY, 400, "weak-key"},
    {CV_ENROLMENT_BLOCKED_KEY, 400, "blocked-key"},
    {CV_ENROLMENT_KEY_IN_USE, 400, "key-in-use"},
    {CV_ENROLMENT_SUBJECT_MISMATCH, 403, "subject-mismatch"},
    {CV_ENROLMENT_SAN_MISMATCH, 403, "san-mismatch"},
    {CV_ENROLMENT_NO_CREDENTIALS, 401, "unauthenticated"},
    {CV_ENROLMENT_BAD_CREDENTIALS, 401, "unauthenticated"},
    {CV_ENROLMENT_NOT_AUTHORISED, 403, "not-authorised"},
    {CV_ENROLMENT_REFUSED, 403, "third-key"},
    {CV_ENROLMENT_POP_MISSING, 400, "pop-missing"},
    {CV_ENROLMENT_POP_MISMATCH, 403, "pop-mismatch"},
    {CV_ENROLMENT_BUSY, 429, "busy"},
    {CV_ENROLMENT_NO_ISSUER, 503, "unavailable"},
    {CV_ENROLMENT_ISSUED, 500, "internal"},
};

Test(problem, knows_every_outcome_of_enrolment)
{
	for (size_t i = 0; i < sizeof(enrolment_rows) / sizeof(enrolment_rows[0]); i++)
		expect_problem(
		    cv_problem_of_enrolment(
			(enum cv_enrolment_outcome)enrolment_rows[i].outcome, CV_VERDICT_THIRD_KEY),
		    &enrolment_rows[i]);
}

static const struct row announcement_rows[] = {
    {CV_ANNOUNCEMENT_MALFORMED, 400, "bad-key"},
    {CV_ANNOUNCEMENT_SAME_KEY, 400, "same-key"},
    {CV_ANNOUNCEMENT_KEY_ENDED, 409, "key-ended"},
    {CV_ANNOUNCEMENT_KEY_IN_USE, 409, "key-in-use"},
    {CV_ANNOUNCEMENT_REFUSED, 403, "denied"},
    {CV_ANNOUNCEMENT_BUSY, 429, "busy"},
};

Test(problem, knows_every_outcome_of_announcements)
{
	for (size_t i = 0; i < sizeof(announcement_rows) / sizeof(announcement_rows[0]); i++)
		expect_problem(cv_problem_of_announcement(
				   (enum cv_announcement_outcome)announcement_rows[i].outcome,
				   CV_VERDICT_DENIED),
		    &announcement_rows[i]);
}

static const struct row error_rows[] = {
    {CV_E_INPUT, 400, "bad-request"},
    {CV_E_LIMIT, 413, "too-large"},
    {CV_E_NOT_FOUND, 404, "not-found"},
    {CV_E_DATABASE, 503, "unavailable"},
    {CV_E_CONFLICT, 503, "unavailable"},
    {CV_E_SIGNER, 503, "unavailable"},
    {CV_E_BUSY, 503, "unavailable"},
    {CV_E_INTERNAL, 500, "internal"},
    {CV_E_MEMORY, 500, "internal"},
    {CV_E_CRYPTO, 500, "internal"},
};

Test(problem, knows_failures)
{
	for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++)
		expect_problem(
		    cv_problem_of_error((enum cv_error_code)error_rows[i].outcome), &error_rows[i]);
}

/* A row that was left out would be all zero; the text bodies of devices stay under 512 bytes. */
Test(problem, table_is_complete)
{
	for (int problem = 0; problem <= CV_PROBLEM_UNAVAILABLE; problem++) {
		const struct cv_problem_row *row = cv_problem_row((enum cv_problem)problem);

		cr_assert_not_null(row->word, "problem %d", problem);
		cr_expect_eq((int)row->problem, problem);
		cr_expect(row->status >= 400 && row->status < 600, "%s", row->word);
		cr_expect_lt(strlen(row->word) + strlen(row->sentence) + 2, 512);
		cr_expect_eq(row->sentence[strlen(row->sentence) - 1], '.', "%s", row->word);
	}
}
