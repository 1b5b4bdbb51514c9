#include "cv/codec/factory_pki_json.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cv_bytes
text(const char *body)
{
	return cv_bytes(body, strlen(body));
}

Test(factory_pki_json, requests_of_every_generation)
{
	struct cv_factory_keys_body keys;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_factory_keys(text("{\"first-time-init\":false,\"ca-csr\":false,"
						   "\"est-tls-csr\":true,\"tls-csr\":false}"),
	    &keys, &err));
	cr_expect(keys.has_est_tls && !keys.has_ca && !keys.has_tls && !keys.is_first_time);
	cr_expect_not(keys.is_old);
	cr_assert(cv_json_decode_factory_keys(
	    text("{\"first-time-init\":true,\"ca-csr\":null,\"tls-csr\":true,\"more\":[1]}"), &keys,
	    &err));
	cr_expect(keys.is_first_time && keys.has_tls && !keys.has_ca && !keys.is_old);
	static const char *const old[] = {"", "{}", " { } "};
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		cr_assert(cv_json_decode_factory_keys(text(old[i]), &keys, &err), "%s", old[i]);
		cr_expect(keys.is_old && keys.is_first_time && keys.has_ca && keys.has_tls);
		cr_expect_not(keys.has_est_tls);
	}
	static const char *const bad[] = {"[]", "null", "{\"ca-csr\":\"true\"}", "{", " "};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_json_decode_factory_keys(text(bad[i]), &keys, &err), "%s", bad[i]);
}

Test(factory_pki_json, texts_that_are_absent_null_or_empty_stay_empty)
{
	CV_AUTO_BUFFER struct cv_buffer a = CV_BUFFER_INIT, b = CV_BUFFER_INIT, c = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer d = CV_BUFFER_INIT;
	const struct cv_json_text_member members[] = {
	    {"a", &a}, {"b", &b}, {"c", &c}, {"d", &d}, {NULL, NULL}};
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_texts(text("{\"a\":\"x\\ny\",\"b\":null,\"c\":\"\",\"change-"
					    "meta\":{\"created-at\":\"\"},\"e\":7}"),
	    members, &err));
	cr_expect_str_eq(cv_buffer_text(&a), "x\ny");
	cr_expect_eq(b.len + c.len + d.len, 0);
	static const char *const bad[] = {"{\"a\":7}", "{\"b\":[\"x\"]}", "{\"a\":\"x\\u0000y\"}",
	    "", "[]", "{\"a\":\"1\",\"a\":\"2\"}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct cv_error)CV_ERROR_INIT;
		cr_expect_not(cv_json_decode_texts(text(bad[i]), members, &err), "%s", bad[i]);
		cr_expect_eq(err.code, CV_E_INPUT);
	}
}
