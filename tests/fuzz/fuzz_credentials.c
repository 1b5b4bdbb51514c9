/* Authorization headers: a secret that fits, and that comes out again when it is sent anew. */
#include <strings.h>

#include "../../server/http/credentials_internal.h"
#include "cv/model/secret.h"
#include "cv/util/base64.h"
#include "cv/util/text.h"
#include "fuzz.h"

static void
check_gives(const struct cv_buffer *header, const char *secret)
{
	char again[CV_CREDENTIAL_SIZE];

	FUZZ_REQUIRE(cv_credentials_parse(cv_buffer_text(header), CV_CREDENTIALS_OF_DEVICE,
			 again) == CV_CREDENTIALS_GIVEN);
	FUZZ_REQUIRE(strcmp(again, secret) == 0);
}

/* As a password, whatever the user's name; a password may hold colons (RFC 7617 section 2). */
static void
check_basic(const char *secret)
{
	CV_AUTO_BUFFER struct cv_buffer pair = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer header = CV_BUFFER_INIT;

	cv_buffer_printf(&pair, "user:%s", secret);
	cv_buffer_append_text(&header, "bASIC ");
	cv_base64_append(&header, cv_buffer_bytes(&pair));
	check_gives(&header, secret);
}

/* Tokens of ours give the same plain and encoded; others are not decoded. */
static void
check_bearer(const char *secret)
{
	CV_AUTO_BUFFER struct cv_buffer plain = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer encoded = CV_BUFFER_INIT;

	cv_buffer_append_text(&encoded, "Bearer ");
	cv_base64_append(&encoded, cv_bytes(secret, strlen(secret)));
	if (!cv_text_has_prefix(secret, CV_SECRET_ENROLMENT) &&
	    !cv_text_has_prefix(secret, CV_SECRET_OPERATOR))
		return;
	check_gives(&encoded, secret);
	cv_buffer_printf(&plain, "bearer %s", secret);
	check_gives(&plain, secret);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_MEMORY char *header = fuzz_text(data, size);
	char *secret = malloc(CV_CREDENTIAL_SIZE); /* so that one byte beyond is noticed */

	FUZZ_REQUIRE(secret != NULL);
	const enum cv_credentials_outcome outcome =
	    cv_credentials_parse(header, CV_CREDENTIALS_OF_DEVICE, secret);
	FUZZ_REQUIRE(outcome != CV_CREDENTIALS_ABSENT);
	if (outcome == CV_CREDENTIALS_GIVEN) {
		FUZZ_REQUIRE(secret[0] != '\0' && strlen(secret) < CV_CREDENTIAL_SIZE);
		FUZZ_REQUIRE(strncasecmp(header, "Basic ", strlen("Basic ")) == 0 ||
			     strncasecmp(header, "Bearer ", strlen("Bearer ")) == 0);
		check_basic(secret);
		check_basic("a:b");
		check_bearer(secret);
	}
	free(secret);
	return 0;
}
