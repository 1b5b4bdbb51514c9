#include "cv/codec/jws.h"

#include <inttypes.h>

#include "cv/codec/operator_json.h"
#include "cv/util/base64.h"

static void
append_member(struct cv_buffer *json, const char *name, const char *text)
{
	cv_buffer_append_text(json, json->len == 0 ? "{" : ",");
	cv_json_append_string(json, name);
	cv_buffer_append_text(json, ":");
	cv_json_append_string(json, text);
}

static void
append_part(struct cv_buffer *buffer, const struct cv_buffer *json)
{
	cv_base64url_append(buffer, cv_buffer_bytes(json));
	if (json->has_failed)
		buffer->has_failed = true;
}

static void
append_header(struct cv_buffer *buffer, const char *kid)
{
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;

	/* The signer wants alg to be first. */
	append_member(&json, "alg", "RS256");
	append_member(&json, "kid", kid);
	append_member(&json, "typ", "JWT");
	cv_buffer_append_text(&json, "}");
	append_part(buffer, &json);
}

void
cv_jws_append_input(struct cv_buffer *buffer, const char *kid, const struct cv_jwt_claims *claims)
{
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;

	append_header(buffer, kid);
	cv_buffer_append_byte(buffer, '.');
	append_member(&json, "aud", claims->audience);
	append_member(&json, "azp", claims->issuer);
	append_member(&json, "email", claims->issuer);
	append_member(&json, "iss", claims->issuer);
	append_member(&json, "sub", claims->issuer);
	cv_buffer_printf(&json, ",\"email_verified\":true,\"exp\":%" PRId64 ",\"iat\":%" PRId64 "}",
	    claims->issued_at_utc + claims->lifetime_seconds, claims->issued_at_utc);
	append_part(buffer, &json);
}

void
cv_jws_append_signature(struct cv_buffer *buffer, struct cv_bytes signature)
{
	cv_buffer_append_byte(buffer, '.');
	cv_base64url_append(buffer, signature);
}
