#include "cv/codec/sota_toml.h"

#include <criterion/criterion.h>
#include <string.h>

static struct cv_sota_terms
terms_with(const struct cv_sota_override *overrides, size_t count)
{
	return (struct cv_sota_terms){
	    .gateway_url = "https://gw:8443",
	    .ostree_url = "https://ostree:8443",
	    .hardware_id = "intel",
	    .directory = "/var/sota",
	    .overrides = overrides,
	    .override_count = count,
	};
}

Test(sota_toml, writes_the_defaults)
{
	CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
	struct cv_sota_terms terms = terms_with(NULL, 0);
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_sota_append(&toml, &terms, &err));
	cr_expect_str_eq(cv_buffer_text(&toml), "[tls]\n"
						"server = \"https://gw:8443\"\n"
						"ca_source = \"file\"\n"
						"pkey_source = \"file\"\n"
						"cert_source = \"file\"\n"
						"\n"
						"[provision]\n"
						"server = \"https://gw:8443\"\n"
						"primary_ecu_hardware_id = \"intel\"\n"
						"\n"
						"[uptane]\n"
						"repo_server = \"https://gw:8443/repo\"\n"
						"key_source = \"file\"\n"
						"\n"
						"[pacman]\n"
						"type = \"ostree+compose_apps\"\n"
						"ostree_server = \"https://ostree:8443/ostree\"\n"
						"\n"
						"[storage]\n"
						"type = \"sqlite\"\n"
						"path = \"/var/sota/\"\n"
						"\n"
						"[import]\n"
						"tls_cacert_path = \"/var/sota/root.crt\"\n"
						"tls_pkey_path = \"/var/sota/pkey.pem\"\n"
						"tls_clientcert_path = \"/var/sota/client.pem\"\n");
}

struct row {
	struct cv_sota_override override;
	const char *line; /* in the file; NULL: refused */
};

static const struct row rows[] = {
    {{"pacman", "tags", "\"main\""}, "\ntags = \"main\"\n"},
    {{"pacman", "tags", "main"}, "\ntags = \"main\"\n"},
    {{"pacman", "tags", "'main'"}, "\ntags = 'main'\n"},
    {{"pacman", "tags", "true"}, "\ntags = \"true\"\n"},
    {{"pacman", "tags", "it's"}, "\ntags = \"it's\"\n"},
    {{"pacman", "tags", "\"\""}, "\ntags = \"\"\n"},
    {{"pacman", "tags", "\"a\\\"b\\\\\""}, "\ntags = \"a\\\"b\\\\\"\n"},
    {{"pacman", "type", ""}, "\n# type is not set\n"},
    {{"p11", "module", "\"x\""}, "\n[p11]\nmodule = \"x\"\n"},
    {{"a.b-c_d", "e", "\"x\""}, "\n[a.b-c_d]\ne = \"x\"\n"},
    {{"logger", "a.b", "\"x\""}, "\n[logger]\na.b = \"x\"\n"},
    {{"pacman", "tags", "\""}, NULL},
    {{"pacman", "tags", "\"a"}, NULL},
    {{"pacman", "tags", "a\""}, NULL},
    {{"pacman", "tags", "\"a\"b\""}, NULL},
    {{"pacman", "tags", "\"a\\\""}, NULL},
    {{"pacman", "tags", "\"a\\n\""}, NULL},
    {{"pacman", "tags", "\"\"\"a\"\"\""}, NULL},
    {{"pacman", "tags", "'a'b'"}, NULL},
    {{"pacman", "tags", "a\\b"}, NULL},
    {{"pacman", "tags", "a\nb"}, NULL},
    {{"pacman", "tags", "\"a\nb\""}, NULL},
    {{"pacman", "tags", "a\x7f"}, NULL},
    {{"pacman]", "tags", "a"}, NULL},
    {{"pac man", "tags", "a"}, NULL},
    {{"pacman", "tags = 1\nx", "a"}, NULL},
    {{"", "tags", "a"}, NULL},
    {{"pacman", "", "a"}, NULL},
    {{".pacman", "tags", "a"}, NULL},
    {{"pacman.", "tags", "a"}, NULL},
    {{"pac..man", "tags", "a"}, NULL},
    {{"pacman.type", "tags", "a"}, NULL}, /* a value and a table at once */
    {{"pacman", "type.x", "a"}, NULL},
    {{"p\xc3\xa4", "tags", "a"}, NULL},
};

Test(sota_toml, takes_overrides)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
		struct cv_sota_terms terms = terms_with(&rows[i].override, 1);
		struct cv_error err = CV_ERROR_INIT;
		bool is_good = cv_sota_append(&toml, &terms, &err);

		cr_expect_eq(is_good, rows[i].line != NULL, "row %zu: %s", i, err.text);
		if (rows[i].line == NULL) {
			cr_expect_eq(err.code, CV_E_INPUT, "row %zu", i);
			continue;
		}
		cr_expect_not_null(strstr(cv_buffer_text(&toml), rows[i].line), "row %zu: %s", i,
		    cv_buffer_text(&toml));
	}
}

Test(sota_toml, knows_what_contradicts)
{
	static const struct cv_sota_override pairs[][2] = {
	    {{"a", "b", "1"}, {"a.b", "c", "2"}},
	    {{"a.b", "c", "1"}, {"a", "b", "2"}},
	    {{"a", "b.c", "1"}, {"a.b", "d", "2"}},
	    {{"a", "b", "1"}, {"a", "b.c", "2"}},
	    {{"a", "b.c", "1"}, {"a.b", "c", "2"}},
	};
	static const struct cv_sota_override good[][2] = {
	    {{"a", "b", "1"}, {"a.c", "d", "2"}},
	    {{"a", "b.c", "1"}, {"a", "b.d", "2"}},
	    {{"ab", "c", "1"}, {"a", "b", "2"}},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
		struct cv_sota_terms terms = terms_with(pairs[i], 2);
		struct cv_error err = CV_ERROR_INIT;

		cr_expect_not(cv_sota_append(&toml, &terms, &err), "pair %zu", i);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
		struct cv_sota_terms terms = terms_with(good[i], 2);
		struct cv_error err = CV_ERROR_INIT;

		cr_expect(cv_sota_append(&toml, &terms, &err), "good %zu: %s", i, err.text);
	}
}

Test(sota_toml, bounds_what_is_said)
{
	CV_AUTO_BUFFER struct cv_buffer toml = CV_BUFFER_INIT;
	char value[CV_SOTA_VALUE_MAX + 2], word[CV_SOTA_WORD_MAX + 2];
	struct cv_sota_override override = {"pacman", "tags", value};
	struct cv_sota_terms terms = terms_with(&override, 1);
	struct cv_error err = CV_ERROR_INIT;

	memset(value, 'a', sizeof(value));
	value[CV_SOTA_VALUE_MAX] = '\0';
	cr_expect(cv_sota_append(&toml, &terms, &err));
	value[CV_SOTA_VALUE_MAX] = 'a';
	value[CV_SOTA_VALUE_MAX + 1] = '\0';
	cr_expect_not(cv_sota_append(&toml, &terms, &err));
	memset(word, 'a', sizeof(word));
	word[CV_SOTA_WORD_MAX] = '\0';
	override = (struct cv_sota_override){"pacman", word, "x"};
	cr_expect(cv_sota_append(&toml, &terms, &err));
	word[CV_SOTA_WORD_MAX] = 'a';
	word[CV_SOTA_WORD_MAX + 1] = '\0';
	cr_expect_not(cv_sota_append(&toml, &terms, &err));
	terms.override_count = 0;
	terms.hardware_id = "a\"b";
	cr_expect_not(cv_sota_append(&toml, &terms, &err));
	terms.hardware_id = "";
	cv_buffer_reset(&toml);
	cr_assert(cv_sota_append(&toml, &terms, &err));
	cr_expect_not_null(strstr(cv_buffer_text(&toml), "# primary_ecu_hardware_id is not set\n"));
}
