#include "cv/pki/mac.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 4231 sections 4.3 and 4.7; the text in two pieces, wherever it is cut. */
static const struct vector {
	const char *key;
	size_t key_len; /* 0: its length; else so many of its first byte */
	const char *text;
	const char *mac;
} vectors[] = {
    {"Jefe", 0, "what do ya want for nothing?",
	"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"\xaa", 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

Test(mac, gives_what_the_rfc_says)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *vector = &vectors[i];
		size_t key_len = vector->key_len ? vector->key_len : strlen(vector->key);
		size_t len = strlen(vector->text);
		char key[131], hex[CV_DIGEST_HEX_SIZE];

		if (vector->key_len)
			memset(key, vector->key[0], key_len);
		else
			memcpy(key, vector->key, key_len);
		for (size_t cut = 0; cut <= len; cut++) {
			struct cv_error err = CV_ERROR_INIT;
			struct cv_digest mac;

			cr_assert(cv_mac_sha256(cv_bytes(key, key_len), cv_bytes(vector->text, cut),
			    cv_bytes(vector->text + cut, len - cut), &mac, &err));
			cv_digest_format(&mac, hex);
			cr_expect_str_eq(hex, vector->mac);
		}
	}
}
