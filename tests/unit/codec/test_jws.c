#include "cv/codec/jws.h"

#include <criterion/criterion.h>
#include <string.h>

#include "cv/util/base64.h"

static void
encode(const char *json, struct cv_buffer *buffer)
{
	cv_base64url_append(buffer, cv_bytes(json, strlen(json)));
}

Test(jws, header_claims_and_signature)
{
	const struct cv_jwt_claims claims = {.audience = "https://a.example/x?y=\"z\"",
	    .issuer = "certvendor",
	    .issued_at_utc = 1700000000,
	    .lifetime_seconds = 3600};
	CV_AUTO_BUFFER struct cv_buffer token = CV_BUFFER_INIT, expected = CV_BUFFER_INIT;

	encode("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", &expected);
	cv_buffer_append_text(&expected, ".");
	encode("{\"aud\":\"https://a.example/x?y=\\\"z\\\"\",\"azp\":\"certvendor\","
	       "\"email\":\"certvendor\",\"iss\":\"certvendor\",\"sub\":\"certvendor\","
	       "\"email_verified\":true,\"exp\":1700003600,\"iat\":1700000000}",
	    &expected);
	cv_jws_append_input(&token, "k1", &claims);
	cr_expect_str_eq(cv_buffer_text(&token), cv_buffer_text(&expected));
	cv_jws_append_signature(&token, cv_bytes("\xff\xff", 2));
	cr_expect(strcmp(cv_buffer_text(&token) + expected.len, ".__8") == 0);
}
