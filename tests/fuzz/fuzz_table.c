/* Answers of a server on an operator's terminal: whatever it sent, no control characters come out,
 * however wide the terminal is and whatever may be cut. */
#include "cv/codec/table.h"
#include "cv/util/error.h"
#include "fuzz.h"

static void
check_plain(const struct cv_buffer *text)
{
	FUZZ_REQUIRE(!text->has_failed);
	for (size_t i = 0; i < text->len; i++) {
		const uint8_t byte = text->data[i];
		FUZZ_REQUIRE(byte == '\n' || (byte >= 0x20 && byte != 0x7f));
		/* U+0080 to U+009F, which terminals obey too. */
		FUZZ_REQUIRE(
		    byte != 0xc2 || i + 1 == text->len || (text->data[i + 1] & 0xe0) != 0x80);
	}
	FUZZ_REQUIRE(text->len == 0 || text->data[text->len - 1] == '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer list = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer named = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer object = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer token = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (size == 0)
		return 0;
	const struct cv_bytes json = cv_bytes(data + 1, size - 1);
	if (!cv_table_append_list(json, NULL, data[0], &list, &err))
		FUZZ_REQUIRE(err.code == CV_E_INPUT && list.len == 0);
	if (!cv_table_append_list(json, "id name~ state at~ url~", data[0], &named, &err))
		FUZZ_REQUIRE(err.code == CV_E_INPUT && named.len == 0);
	if (!cv_table_append_object(json, &object, &err))
		FUZZ_REQUIRE(err.code == CV_E_INPUT && object.len == 0);
	check_plain(&list);
	check_plain(&named);
	check_plain(&object);
	if (!cv_table_find_text(json, "token", &token))
		FUZZ_REQUIRE(token.len == 0);
	(void)cv_table_find_true(json, "retryable");
	return 0;
}
