#include <criterion/criterion.h>
#include <string.h>

#include "cv/pki/seal.h"

static const struct cv_digest key = {{1, 2, 3}};
static const struct cv_digest other = {{1, 2, 4}};

static void
seal(const char *text, struct cv_buffer *ret_sealed)
{
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_seal(&key, cv_bytes(text, strlen(text)), ret_sealed, &err), "%s", err.text);
}

Test(seal, opens_with_its_key_only)
{
	static const char *const texts[] = {"", "a", "cvo_0123456789"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer sealed = CV_BUFFER_INIT, text = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;

		seal(texts[i], &sealed);
		cr_assert(cv_unseal(&key, cv_buffer_bytes(&sealed), &text, &err), "%s", err.text);
		cr_expect_str_eq(cv_buffer_text(&text), texts[i]);
		cr_expect(!cv_unseal(&other, cv_buffer_bytes(&sealed), &text, &err));
		cr_expect_eq(err.code, CV_E_CRYPTO);
	}
}

Test(seal, every_bit_counts)
{
	CV_AUTO_BUFFER struct cv_buffer sealed = CV_BUFFER_INIT, text = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	seal("secret", &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 1;
		cr_expect(!cv_unseal(&key, cv_buffer_bytes(&sealed), &text, &err), "byte %zu", i);
		sealed.data[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		cr_expect(!cv_unseal(&key, cv_bytes(sealed.data, len), &text, &err), "%zu", len);
	cr_expect_eq(text.len, 0);
}

Test(seal, the_same_text_looks_different_each_time)
{
	CV_AUTO_BUFFER struct cv_buffer first = CV_BUFFER_INIT, second = CV_BUFFER_INIT;

	seal("secret", &first);
	seal("secret", &second);
	cr_expect(!cv_bytes_equal(cv_buffer_bytes(&first), cv_buffer_bytes(&second)));
	cr_expect_null(memmem(first.data, first.len, "secret", 6));
}
