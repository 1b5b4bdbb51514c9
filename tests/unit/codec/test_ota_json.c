#include "cv/codec/ota_json.h"

#include <criterion/criterion.h>
#include <string.h>

#define CSR "-----BEGIN CERTIFICATE REQUEST-----\\nAAEC\\n-----END CERTIFICATE REQUEST-----\\n"
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\\nAAEC\\n-----END CERTIFICATE-----\\n"

static struct cv_bytes
bytes_of(const char *text)
{
	return cv_bytes(text, strlen(text));
}

Test(ota_json, reads_a_registration_of_boost)
{
	/* Scalars are texts, and slashes are escaped. */
	static const char body[] =
	    "{\n    \"uuid\": \"u-1\",\n    \"name\": \"n\",\n    \"use-ostree-server\": "
	    "\"false\",\n"
	    "    \"sota-config-dir\": \"\\/var\\/sota\\/\\/\",\n    \"hardware-id\": \"intel\",\n"
	    "    \"csr\": \"" CSR "\",\n"
	    "    \"overrides\": {\n        \"pacman\": {\n            \"tags\": \"\\\"main\\\"\"\n"
	    "        },\n        \"p11\": \"\"\n    }\n}\n";
	__attribute__((cleanup(cv_ota_registration_deinit))) struct cv_ota_registration read;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_ota_decode_registration(bytes_of(body), &read, &err), "%s", err.text);
	cr_expect_str_eq(read.uuid, "u-1");
	cr_expect_str_eq(read.name, "n");
	cr_expect_str_eq(read.group, "");
	cr_expect_str_eq(read.hardware_id, "intel");
	cr_expect_str_eq(read.directory, "/var/sota");
	cr_expect_not(read.uses_ostree_server);
	cr_expect_eq(read.csr.len, 3);
	cr_assert_eq(read.override_count, 1);
	cr_expect_str_eq(read.overrides[0].section, "pacman");
	cr_expect_str_eq(read.overrides[0].key, "tags");
	cr_expect_str_eq(read.overrides[0].value, "\"main\"");
}

Test(ota_json, reads_a_registration_of_go)
{
	static const char body[] =
	    "{\"uuid\":\"u-1\",\"csr\":\"" CSR
	    "\",\"name\":null,\"use-ostree-server\":true,\"overrides\":null,\"files\":null}";
	__attribute__((cleanup(cv_ota_registration_deinit))) struct cv_ota_registration read;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_ota_decode_registration(bytes_of(body), &read, &err), "%s", err.text);
	cr_expect_str_eq(read.name, "");
	cr_expect_str_eq(read.directory, "/var/sota");
	cr_expect(read.uses_ostree_server);
	cr_expect_eq(read.override_count, 0);
}

static const char *const bad_registrations[] = {
    "",
    "[]",
    "{}",
    "{\"uuid\":\"u\"}",
    "{\"csr\":\"" CSR "\"}",
    "{\"uuid\":\"a b\",\"csr\":\"" CSR "\"}",
    "{\"uuid\":7,\"csr\":\"" CSR "\"}",
    "{\"uuid\":\"u\",\"csr\":\"x\"}",
    "{\"uuid\":\"u\",\"csr\":\"" CERTIFICATE "\"}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"use-ostree-server\":\"yes\"}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"use-ostree-server\":1}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"overrides\":[]}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"overrides\":{\"a\":1}}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"overrides\":{\"a\":{\"b\":1}}}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"overrides\":{\"a\":{\"b\":{}}}}",
    "{\"uuid\":\"u\",\"uuid\":\"u\",\"csr\":\"" CSR "\"}",
    "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"hardware-id\":\"a\\nb\"}",
};

Test(ota_json, refuses_bad_registrations)
{
	for (size_t i = 0; i < sizeof(bad_registrations) / sizeof(bad_registrations[0]); i++) {
		struct cv_ota_registration read;
		struct cv_error err = CV_ERROR_INIT;

		cr_expect_not(
		    cv_ota_decode_registration(bytes_of(bad_registrations[i]), &read, &err), "%s",
		    bad_registrations[i]);
		cr_expect_eq(err.code, CV_E_INPUT, "%s", bad_registrations[i]);
		cv_ota_registration_deinit(&read);
	}
}

Test(ota_json, bounds_the_overrides)
{
	for (int more = 0; more < 2; more++) {
		CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
		struct cv_ota_registration read;
		struct cv_error err = CV_ERROR_INIT;

		cv_buffer_append_text(
		    &body, "{\"uuid\":\"u\",\"csr\":\"" CSR "\",\"overrides\":{\"a\":{");
		for (int i = 0; i < CV_SOTA_OVERRIDES_MAX + more; i++)
			cv_buffer_printf(&body, "%s\"k%d\":\"v\"", i == 0 ? "" : ",", i);
		cv_buffer_append_text(&body, "}}}");
		cr_expect_eq(
		    cv_ota_decode_registration(cv_buffer_bytes(&body), &read, &err), more == 0);
		cv_ota_registration_deinit(&read);
	}
}

Test(ota_json, reads_a_certificate)
{
	static const char body[] =
	    "{\"client.pem\":\"" CERTIFICATE CERTIFICATE "\",\"name\":\"n\",\"group\":null}";
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_ota_certificate read;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_ota_decode_certificate(bytes_of(body), &read, &der, &err), "%s", err.text);
	cr_expect_eq(der.len, 3);
	cr_expect_str_eq(read.name, "n");
	cr_expect_str_eq(read.group, "");
	cr_expect_not(cv_ota_decode_certificate(bytes_of("{\"name\":\"n\"}"), &read, &der, &err));
	cr_expect_not(
	    cv_ota_decode_certificate(bytes_of("{\"client.pem\":\"" CSR "\"}"), &read, &der, &err));
	cr_expect_not(
	    cv_ota_decode_certificate(bytes_of("{\"client.pem\":\"\"}"), &read, &der, &err));
}

Test(ota_json, reads_a_change)
{
	struct cv_ota_device_change read;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_ota_decode_device_change(bytes_of("{\"group\":\"\"}"), &read, &err));
	cr_expect(read.has_group && !read.has_name && !read.has_owner);
	cr_assert(cv_ota_decode_device_change(
	    bytes_of("{\"name\":\"a b\",\"owner\":\"o\",\"group\":null,\"x\":1}"), &read, &err));
	cr_expect(!read.has_group && read.has_name && read.has_owner);
	cr_expect_str_eq(read.name, "a b");
	cr_expect_not(cv_ota_decode_device_change(bytes_of("{}"), &read, &err));
	cr_expect_not(cv_ota_decode_device_change(bytes_of("{\"owner\":\"\"}"), &read, &err));
	cr_expect_not(cv_ota_decode_device_change(bytes_of("{\"owner\":\"a\\\"\"}"), &read, &err));
	cr_expect_not(cv_ota_decode_device_change(bytes_of("{\"name\":1}"), &read, &err));
}

Test(ota_json, reads_a_group)
{
	struct cv_ota_group read;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_ota_decode_group(
	    bytes_of("{\"name\":\"g\",\"description\":null}"), true, &read, &err));
	cr_expect(read.has_name && !read.has_description);
	cr_expect_str_eq(read.name, "g");
	cr_expect_not(cv_ota_decode_group(bytes_of("{\"description\":\"d\"}"), true, &read, &err));
	cr_expect(cv_ota_decode_group(bytes_of("{\"description\":\"d\"}"), false, &read, &err));
	cr_expect_not(cv_ota_decode_group(bytes_of("{\"name\":\"a b\"}"), true, &read, &err));
}
