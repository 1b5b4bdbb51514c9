#include "../../../server/http/credentials_internal.h"

#include <criterion/criterion.h>
#include <string.h>

struct row {
	const char *header;
	const char *secret; /* NULL: unusable */
};

static const struct row rows[] = {
    {"Bearer cve_abc", "cve_abc"},
    {"bearer   cve_abc", "cve_abc"},
    {"Bearer Y3ZlX2FiYw==", "cve_abc"}, /* base64 of it, as libest sends it */
    {"Bearer Y3ZvX2FiYw==", "cvo_abc"},
    {"Bearer Zm9v", "Zm9v"},           /* base64 of something that is no secret of ours */
    {"Basic OmN2ZV9hYmM=", "cve_abc"}, /* empty user name */
    {"Basic dXNlcjpjdmVfYWJj", "cve_abc"},
    {"Basic dTphOmI=", "a:b"},
    {"Basic Og==", NULL},     /* empty password */
    {"Basic dXNlcg==", NULL}, /* no colon */
    {"Basic dXNlcjpjdmVfYWJ", NULL},
    {"Basic dTphAGI=", NULL}, /* NUL inside */
    {"Basic ", NULL},
    {"Bearer ", NULL},
    {"Bearer", NULL},
    {"Bearercve_abc", NULL},
    {"Digest x", NULL},
    {"", NULL},
};

Test(credentials, finds_the_secret)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char secret[CV_CREDENTIAL_SIZE] = "";
		enum cv_credentials_outcome outcome =
		    cv_credentials_parse(rows[i].header, CV_CREDENTIALS_OF_DEVICE, secret);

		cr_expect_eq(outcome,
		    rows[i].secret == NULL ? CV_CREDENTIALS_UNUSABLE : CV_CREDENTIALS_GIVEN, "%s",
		    rows[i].header);
		if (rows[i].secret != NULL)
			cr_expect_str_eq(secret, rows[i].secret);
	}
}

Test(credentials, takes_no_basic_of_operators)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char secret[CV_CREDENTIAL_SIZE] = "";
		bool is_good = rows[i].secret != NULL && strncmp(rows[i].header, "Basic", 5) != 0;

		cr_expect_eq(
		    cv_credentials_parse(rows[i].header, CV_CREDENTIALS_OF_OPERATOR, secret),
		    is_good ? CV_CREDENTIALS_GIVEN : CV_CREDENTIALS_UNUSABLE, "%s", rows[i].header);
	}
}

static enum cv_credentials_outcome
parse_token_of(size_t len)
{
	char header[CV_CREDENTIAL_SIZE + 32] = "Bearer ";
	char secret[CV_CREDENTIAL_SIZE];

	memset(header + strlen("Bearer "), '-', len);
	header[strlen("Bearer ") + len] = '\0';
	return cv_credentials_parse(header, CV_CREDENTIALS_OF_DEVICE, secret);
}

Test(credentials, bounds_the_secret)
{
	cr_expect_eq(parse_token_of(CV_CREDENTIAL_SIZE - 1), CV_CREDENTIALS_GIVEN);
	cr_expect_eq(parse_token_of(CV_CREDENTIAL_SIZE), CV_CREDENTIALS_UNUSABLE);
}
