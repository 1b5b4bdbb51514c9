/*
 * Members of forms: a line of text within its bounds, or nothing; and what was read is read again
 * from its encoding, wherever it stands.
 */
#include "cv/codec/form.h"
#include "fuzz.h"

#define VALUE_SIZE 16

static void
append_encoded(struct cv_buffer *form, const char *plain)
{
	for (; *plain != '\0'; plain++)
		cv_buffer_printf(form, "%%%02x", (unsigned char)*plain);
}

static void
check_again(const struct cv_buffer *form, enum cv_form_outcome expected, const char *value)
{
	char again[VALUE_SIZE];

	FUZZ_REQUIRE(
	    cv_form_find(cv_buffer_bytes(form), "scope", again, sizeof(again)) == expected);
	FUZZ_REQUIRE(strcmp(again, value) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_MEMORY char *text = fuzz_text(data, size);
	CV_AUTO_BUFFER struct cv_buffer form = CV_BUFFER_INIT;
	char value[VALUE_SIZE];

	switch (cv_form_find(cv_bytes(text, size), "scope", value, sizeof(value))) {
	case CV_FORM_ABSENT:
	case CV_FORM_BAD:
		FUZZ_REQUIRE(value[0] == '\0');
		return 0;
	case CV_FORM_FOUND:
		break;
	}
	FUZZ_REQUIRE(strlen(value) < sizeof(value));
	for (const char *at = value; *at != '\0'; at++)
		FUZZ_REQUIRE((unsigned char)*at >= 0x20 && *at != 0x7f);
	cv_buffer_append_text(&form, "a=1&scope=");
	append_encoded(&form, value);
	check_again(&form, CV_FORM_FOUND, value);
	cv_buffer_append_text(&form, "&scope=");
	check_again(&form, CV_FORM_BAD, "");
	return 0;
}
