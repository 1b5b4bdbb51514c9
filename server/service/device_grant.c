#include "cv/service/device_grant.h"

#include <ctype.h>
#include <string.h>

#include "cv/pki/digest.h"
#include "cv/util/log.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#define WAITING_MAX 1000
#define WAITING_OF_DEVICE_MAX 10
#define SESSIONS_MAX 100 /* of a token */

/* ---- codes and tokens ---- */

/* Without vowels, which make words, and without what is taken for a digit (RFC 8628 section 6.1).
 */
static const char user_code_letters[] = "BCDFGHJKLMNPQRSTVWXZ";
#define USER_CODE_LETTERS (sizeof(user_code_letters) - 1)
#define USER_CODE_DASH 4

static void
make_user_code(char ret_code[CV_USER_CODE_SIZE])
{
	for (size_t i = 0; i < CV_USER_CODE_SIZE - 1; i++) {
		uint8_t byte;

		if (i == USER_CODE_DASH) {
			ret_code[i] = '-';
			continue;
		}
		/* Each letter is as likely as any other. */
		do
			cv_random_bytes(&byte, 1);
		while (byte >= 256 / USER_CODE_LETTERS * USER_CODE_LETTERS);
		ret_code[i] = user_code_letters[byte % USER_CODE_LETTERS];
	}
	ret_code[CV_USER_CODE_SIZE - 1] = '\0';
}

/* As it is stored; false: it cannot be one. */
static bool
normalise_user_code(const char *text, char ret_code[CV_USER_CODE_SIZE])
{
	size_t len = 0;

	for (; *text != '\0'; text++) {
		char letter = (char)toupper((unsigned char)*text);

		if (letter == '-' || letter == ' ')
			continue;
		if (strchr(user_code_letters, letter) == NULL || len + 1 >= CV_USER_CODE_SIZE)
			return false;
		if (len == USER_CODE_DASH)
			ret_code[len++] = '-';
		ret_code[len++] = letter;
	}
	ret_code[len] = '\0';
	return len == CV_USER_CODE_SIZE - 1;
}

static void
hash_text(const char *text, struct cv_digest *ret_hash)
{
	cv_digest_sha256(cv_bytes(text, strlen(text)), ret_hash);
}

/* A secret that follows from another one, and from which that does not follow. */
static void
derive(const char *prefix, const char *purpose, const char *secret, char ret_text[CV_SECRET_SIZE])
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};
	struct cv_digest digest;

	cv_buffer_printf(&text, "%s:%s", purpose, secret);
	cv_digest_sha256(cv_buffer_bytes(&text), &digest);
	cv_secret_of(prefix, digest.bytes, ret_text);
	cv_wipe(&digest, sizeof(digest));
}

/* ---- devices ---- */

bool
cv_device_grant_ask(struct cv_service *service, const char *factory, const char *device,
    struct cv_device_codes *ret_codes, bool *ret_waits, struct cv_error *err)
{
	struct cv_digest hash;
	const struct cv_grant_row row = {
	    .factory = factory,
	    .device = device,
	    .user_code = ret_codes->user_code,
	    .code_hash = &hash,
	    .seconds = CV_GRANT_SECONDS,
	    .most = WAITING_MAX,
	    .most_of_device = WAITING_OF_DEVICE_MAX,
	};
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	cv_secret_generate(CV_SECRET_DEVICE_CODE, ret_codes->device_code);
	make_user_code(ret_codes->user_code);
	hash_text(ret_codes->device_code, &hash);
	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_grant_store_ask(connection, &row, ret_waits, err);
}

bool
cv_device_grant_take(struct cv_service *service, const char *device_code, const char *device,
    enum cv_grant_state *ret_state, char ret_token[CV_SECRET_SIZE], struct cv_error *err)
{
	struct cv_digest code_hash, token_hash;
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	derive(CV_SECRET_OPERATOR, "access", device_code, ret_token);
	hash_text(device_code, &code_hash);
	hash_text(ret_token, &token_hash);
	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_grant_store_take(connection, &code_hash, device, &token_hash,
		   CV_GRANT_TOKEN_SECONDS, ret_state, err);
}

bool
cv_device_grant_decide(struct cv_service *service, const struct cv_operator *operator_,
    const char *factory, const char *user_code, bool is_approved, const char *reason,
    const char *request_id, bool *ret_exists, struct cv_error *err)
{
	char code[CV_USER_CODE_SIZE];
	const struct cv_grant_decision decision = {
	    .factory = factory,
	    .user_code = code,
	    .is_approved = is_approved,
	    .actor = operator_->actor,
	    .token = operator_->id,
	    .reason = reason,
	    .request_id = request_id,
	};
	struct cv_connection *connection;
	bool is_good;

	*ret_exists = false;
	if (!normalise_user_code(user_code, code))
		return true;
	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_grant_store_decide(connection, &decision, ret_exists, err);
	cv_pool_return(connection);
	if (is_good && *ret_exists)
		cv_log(CV_LOG_INFO, is_approved ? "device-grant-approved" : "device-grant-refused",
		    "an operator decided on a device that asked for a token",
		    CV_LOG_TEXT("request_id", request_id), CV_LOG_TEXT("actor", operator_->actor),
		    CV_LOG_TEXT("factory", factory));
	return is_good;
}

/* ---- operators ---- */

static bool
is_refresh_token(const char *secret, const char *presented, char ret_expected[CV_SECRET_SIZE])
{
	derive(CV_SECRET_REFRESH, "refresh", secret, ret_expected);
	return presented == NULL ||
	       cv_bytes_equal_secret(cv_bytes(ret_expected, strlen(ret_expected)),
		   cv_bytes(presented, strlen(presented)));
}

bool
cv_session_begin(struct cv_service *service, const char *name, const char *secret,
    const char *refresh_token, bool *ret_is_known, struct cv_operator *ret_operator,
    struct cv_session *ret_session, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;
	struct cv_digest hash;

	if (!cv_access_authenticate(service, secret, ret_is_known, ret_operator, err))
		return false;
	*ret_is_known = *ret_is_known && cv_text_equal(ret_operator->name, name) &&
			is_refresh_token(secret, refresh_token, ret_session->refresh_token);
	if (!*ret_is_known)
		return true;
	cv_secret_generate(CV_SECRET_OPERATOR, ret_session->access_token);
	hash_text(ret_session->access_token, &hash);
	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_grant_store_derive(connection, ret_operator->id, &hash, CV_SESSION_SECONDS,
		   SESSIONS_MAX, ret_is_known, err);
}
