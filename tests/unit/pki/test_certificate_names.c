#include "cv/pki/certificate.h"

#include <criterion/criterion.h>

#include "../support/openssl_fixture.h"

struct scene {
	EVP_PKEY *root_key, *key;
	struct cv_certificate *root, *leaf;
};

static void
scene_init(struct scene *scene)
{
	static const struct fixture_extension extensions[] = {
	    {"keyUsage", "critical,digitalSignature"},
	    {"extendedKeyUsage", "critical,serverAuth"},
	    {"subjectAltName",
		"IP:127.0.0.1,DNS:Gateway.Example.org,DNS:b.example.org,email:x@y.z"},
	    {NULL, NULL},
	};

	scene->root_key = fixture_key("P-521");
	scene->key = fixture_key("P-256");
	scene->root = fixture_ca("/CN=Factory-CA/OU=f", scene->root_key);
	scene->leaf =
	    fixture_parsed_certificate(&(struct fixture_certificate){.subject = "/CN=server",
		.key = scene->key,
		.issuer = "/CN=Factory-CA/OU=f",
		.issuer_key = scene->root_key,
		.digest = "SHA512",
		.extensions = extensions});
}

static void
scene_deinit(struct scene *scene)
{
	EVP_PKEY_free(scene->root_key);
	EVP_PKEY_free(scene->key);
	cv_certificate_free(scene->root);
	cv_certificate_free(scene->leaf);
}

Test(certificate_names, dns_names_are_compared_without_case_and_no_other_kind_counts)
{
	struct scene scene;
	char name[64] = "";

	scene_init(&scene);
	cr_expect(scene.leaf->allows_server);
	cr_expect_not(scene.root->allows_server);
	cr_expect(cv_certificate_has_dns_name(scene.leaf, "gateway.example.ORG"));
	cr_expect(cv_certificate_has_dns_name(scene.leaf, "b.example.org"));
	cr_expect_not(cv_certificate_has_dns_name(scene.leaf, "c.example.org"));
	cr_expect_not(cv_certificate_has_dns_name(scene.leaf, "b.example.or"));
	cr_expect_not(cv_certificate_has_dns_name(scene.leaf, "127.0.0.1"));
	cr_expect_not(cv_certificate_has_dns_name(scene.leaf, "x@y.z"));
	cr_expect_not(cv_certificate_has_dns_name(scene.root, "b.example.org"));
	cr_expect(cv_certificate_first_dns_name(scene.leaf, name, sizeof(name)));
	cr_expect_str_eq(name, "Gateway.Example.org");
	cr_expect_not(cv_certificate_first_dns_name(scene.leaf, name, 8));
	cr_expect_not(cv_certificate_first_dns_name(scene.root, name, sizeof(name)));
	scene_deinit(&scene);
}

Test(certificate_names, serial_numbers_in_decimal)
{
	static const uint8_t most[CV_SERIAL_MAX] = {0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t small[] = {0x01, 0x00};
	char text[CV_SERIAL_DECIMAL_SIZE];

	cv_serial_write_decimal(CV_BYTES(most), text);
	cr_expect_str_eq(text, "1461501637330902918203684832716283019655932542975");
	cv_serial_write_decimal(cv_bytes(most + 1, 20), text);
	cr_expect_str_eq(text, "1461501637330902918203684832716283019655932542975");
	cv_serial_write_decimal(CV_BYTES(small), text);
	cr_expect_str_eq(text, "256");
	cv_serial_write_decimal(cv_bytes("", 1), text);
	cr_expect_str_eq(text, "0");
}
