#include "cv/app/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cv/util/file.h"
#include "../support/openssl_fixture.h"

static char folder[256];
static char path[300];

static void
make_folder(void)
{
	fixture_make_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/test.conf", folder);
}

static void
remove_folder(void)
{
	fixture_remove_folder(folder);
}

TestSuite(config_labels, .init = make_folder, .fini = remove_folder);

/* NULL: it was refused, and problems say why. */
static struct cv_config *
load(const char *text, struct cv_buffer *problems)
{
	struct cv_config *config = NULL;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_file_write(path, cv_bytes(text, strlen(text)), 0600, &err), "%s", err.text);
	(void)cv_config_load(path, false, CV_CONFIG_VALUES, &config, problems, &err);
	return config;
}

Test(config_labels, without_a_section_there_is_the_default_one)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	CV_AUTO(cv_config) struct cv_config *config = load("", &problems);

	cr_assert_not_null(config);
	cr_assert_eq(config->label_count, 1);
	cr_expect_str_eq(config->labels[0].name, "");
	cr_expect_eq(config->labels[0].keys, (1 << CV_KEY_TYPE_COUNT) - 1);
	cr_expect_eq(
	    config->labels[0].enrols, CV_ENROL_DEVICE | CV_ENROL_BOOTSTRAP | CV_ENROL_TOKEN);
	cr_expect_eq(config->labels[0].columns, CV_COLUMNS_AUTO);
}

/* Whatever the order of the sections. */
Test(config_labels, take_from_est_what_they_do_not_set)
{
	CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
	CV_AUTO(cv_config)
	struct cv_config *config =
	    load("[est.a]\nkeys = p256\nlinking = required\n[est]\n"
		 "keys = rsa, p384\nlifetime_days = 30\n[est.b]\nfactory = x\n"
		 "operations = cacerts, serverkeygen\ngenerated_key = rsa2048\n",
		&problems);

	cr_assert_not_null(config, "%s", cv_buffer_text(&problems));
	cr_assert_eq(config->label_count, 3);
	cr_expect_str_eq(config->labels[1].name, "a");
	cr_expect_eq(config->labels[1].keys, 1 << CV_KEY_TYPE_P256);
	cr_expect_eq(config->labels[1].linking, CV_LINKING_REQUIRED);
	cr_expect_eq(config->labels[1].lifetime_days, 30);
	cr_expect_str_eq(config->labels[2].name, "b");
	cr_expect_eq(config->labels[2].keys, 1 << CV_KEY_TYPE_RSA | 1 << CV_KEY_TYPE_P384);
	cr_expect_eq(config->labels[2].linking, CV_LINKING_OFF);
	cr_expect_eq(config->labels[0].operations & CV_EST_SERVERKEYGEN, 0);
	cr_expect_eq(config->labels[2].operations, CV_EST_CACERTS | CV_EST_SERVERKEYGEN);
	cr_expect_eq(config->labels[1].generated_key, CV_NEW_KEY_P256);
	cr_expect_eq(config->labels[2].generated_key, CV_NEW_KEY_RSA_2048);
}

Test(config_labels, say_what_is_wrong_and_where)
{
	static const char *const bad[] = {"[est]\nkeys = p255",
	    "[est]\nkeys =", "[est]\nlinking = off, required", "[est]\nnonsense = 1",
	    "[est.x]\nlifetime_days = 8000", "[est]\nrsa_min_bits = 1024",
	    "[est]\ngenerated_key = rsa", "[est]\nattributes = 1.2.x",
	    "[est]\nattributes = 2.5.4.5, 1.2.840.113549.1.9.7", "[est]\ncrl_url = ftp://x",
	    "[est.cacerts]\nkeys = p256", "[est.serverkeygen]\nkeys = p256",
	    "[est.a/b]\nkeys = p256", "[est.a b]\nkeys = p256", "[est.]\nkeys = p256",
	    "[est]\nkeys = p256\nkeys = rsa",
	    "[est.lllllllllllllllllllllllllllllllllllllllllllllllllll]\nkeys = p256"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer problems = CV_BUFFER_INIT;
		CV_AUTO(cv_config) struct cv_config *config = load(bad[i], &problems);

		cr_expect_null(config, "row %zu", i);
		cr_expect_not_null(strstr(cv_buffer_text(&problems), "test.conf:"), "row %zu", i);
	}
}
