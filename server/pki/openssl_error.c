#include "cv/pki/openssl_error.h"

#include <openssl/err.h>

bool
cv_openssl_cause(struct cv_error *err)
{
	char text[160];
	const unsigned long oldest = ERR_get_error();
	ERR_clear_error();
	if (oldest == 0)
		return cv_error_cause(err, "%s", "OpenSSL gave no reason");
	ERR_error_string_n(oldest, text, sizeof(text));
	return cv_error_cause(err, "%s", text);
}

void
cv_openssl_forget(void)
{
	ERR_clear_error();
}

bool
cv_openssl_is_out_of_memory(void)
{
	return ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;
}
