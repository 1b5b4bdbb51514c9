#include "../../../server/cli/transport_internal.h"

#include <criterion/criterion.h>
#include <string.h>

Test(transport, codes_of_refusals)
{
	static const struct {
		const char *body;
		const char *code;
	} rows[] = {
	    {"third-key: The key of the client certificate is neither current nor announced.\n",
		"third-key"},
	    {"{\"type\":\"urn:certvendor:not-found\",\"code\":\"not-found\"}", "not-found"},
	    {"denied", "denied"},
	    {"{\"title\":\"x\"}", ""},
	    {"<html>", ""},
	    {"\x1b[2J", ""},
	    {"Denied", ""},
	    {"a_b", ""},
	    {"", ""},
	    {"a-word-that-is-longer-than-any-code-of-ours-would-be", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char code[CV_TRANSPORT_CODE_SIZE] = "?";

		cv_transport_find_code(
		    cv_bytes(rows[i].body, strlen(rows[i].body)), code, sizeof(code));
		cr_expect_str_eq(code, rows[i].code, "%s: %s", rows[i].body, code);
	}
}
