#include "cv/model/state.h"

#include <criterion/criterion.h>
#include <stddef.h>

struct expected {
	int value;
	const char *name;
};

/* Texts that no table may take: empty, another case, blanks, a number, a name of none of them. */
static const char *const foreign[] = {
    "", "Trusted", "OK", "ok ", " ok", "1", "invalid", "keycompromise", "removeFromCRL"};
#define FOREIGN_COUNT (sizeof(foreign) / sizeof(foreign[0]))

/*
 * A name for every value, back to the value, and nothing for foreign texts. One body for five
 * types, which C can share only as a macro.
 */
#define CHECK_NAMES(kind, rows, name_of, parse)                                                    \
	do {                                                                                       \
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {                      \
			enum kind value = (enum kind)rows[i].value;                                \
			enum kind back = (enum kind)77;                                            \
			cr_expect_str_eq(name_of(value), rows[i].name);                            \
			cr_expect(parse(rows[i].name, &back), "%s", rows[i].name);                 \
			cr_expect_eq(back, value, "%s", rows[i].name);                             \
		}                                                                                  \
		for (size_t i = 0; i < FOREIGN_COUNT; i++) {                                       \
			enum kind back = (enum kind)77;                                            \
			cr_expect_not(parse(foreign[i], &back), "\"%s\"", foreign[i]);             \
			cr_expect_eq(back, (enum kind)77);                                         \
		}                                                                                  \
		cr_expect_str_eq(name_of((enum kind)77), "invalid");                               \
	} while (0)

Test(state, authority_kinds)
{
	static const struct expected rows[] = {
	    {CV_AUTHORITY_ROOT, "root"},
	    {CV_AUTHORITY_ONLINE, "online"},
	    {CV_AUTHORITY_OFFLINE, "offline"},
	    {CV_AUTHORITY_BOOTSTRAP, "bootstrap"},
	};

	CHECK_NAMES(cv_authority_kind, rows, cv_authority_kind_name, cv_authority_kind_parse);
}

Test(state, authority_states)
{
	static const struct expected rows[] = {
	    {CV_AUTHORITY_TRUSTED, "trusted"},
	    {CV_AUTHORITY_DISABLED, "disabled"},
	    {CV_AUTHORITY_REVOKED, "revoked"},
	};

	CHECK_NAMES(cv_authority_state, rows, cv_authority_state_name, cv_authority_state_parse);
}

Test(state, device_states)
{
	static const struct expected rows[] = {
	    {CV_DEVICE_OK, "ok"},
	    {CV_DEVICE_HELD, "held"},
	    {CV_DEVICE_DELETED, "deleted"},
	    {CV_DEVICE_REVOKED, "revoked"},
	};

	CHECK_NAMES(cv_device_state, rows, cv_device_state_name, cv_device_state_parse);
}

Test(state, key_states)
{
	static const struct expected rows[] = {
	    {CV_KEY_UNKNOWN, "unknown"},
	    {CV_KEY_ASKED, "asked"},
	    {CV_KEY_ANNOUNCED, "announced"},
	    {CV_KEY_CURRENT, "current"},
	    {CV_KEY_RETIRED, "retired"},
	    {CV_KEY_DISCARDED, "discarded"},
	    {CV_KEY_COMPROMISED, "compromised"},
	};

	CHECK_NAMES(cv_key_state, rows, cv_key_state_name, cv_key_state_parse);
}

Test(state, reasons_have_the_names_and_numbers_of_rfc_5280)
{
	static const struct expected rows[] = {
	    {0, "unspecified"},
	    {1, "keyCompromise"},
	    {2, "cACompromise"},
	    {3, "affiliationChanged"},
	    {4, "superseded"},
	    {5, "cessationOfOperation"},
	    {9, "privilegeWithdrawn"},
	};

	CHECK_NAMES(cv_reason, rows, cv_reason_name, cv_reason_parse);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(strstr(CV_REASON_WORDS, rows[i].name), "%s", rows[i].name);
	/* certificateHold, removeFromCRL and the unused number are no reasons here. */
	cr_expect_str_eq(cv_reason_name((enum cv_reason)6), "invalid");
	cr_expect_str_eq(cv_reason_name((enum cv_reason)7), "invalid");
	cr_expect_str_eq(cv_reason_name((enum cv_reason)8), "invalid");
}

Test(state, certificate_states)
{
	static const struct expected rows[] = {
	    {CV_CERTIFICATE_UNKNOWN, "unknown"},
	    {CV_CERTIFICATE_ISSUED, "issued"},
	    {CV_CERTIFICATE_ANNOUNCED, "announced"},
	    {CV_CERTIFICATE_ACTIVE, "active"},
	    {CV_CERTIFICATE_RETIRED, "retired"},
	    {CV_CERTIFICATE_REVOKED, "revoked"},
	    {CV_CERTIFICATE_DISCARDED, "discarded"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_str_eq(
		    cv_certificate_state_name((enum cv_certificate_state)rows[i].value),
		    rows[i].name);
	cr_expect_str_eq(cv_certificate_state_name((enum cv_certificate_state)77), "invalid");
}

Test(state, certificate_follows_from_key_and_revocation)
{
	static const struct {
		enum cv_key_state key;
		enum cv_certificate_state certificate;
		bool is_denied;
	} rows[] = {
	    {CV_KEY_UNKNOWN, CV_CERTIFICATE_UNKNOWN, false},
	    {CV_KEY_ASKED, CV_CERTIFICATE_ISSUED, false},
	    {CV_KEY_ANNOUNCED, CV_CERTIFICATE_ANNOUNCED, false},
	    {CV_KEY_CURRENT, CV_CERTIFICATE_ACTIVE, false},
	    {CV_KEY_RETIRED, CV_CERTIFICATE_RETIRED, true},
	    {CV_KEY_DISCARDED, CV_CERTIFICATE_DISCARDED, true},
	    {CV_KEY_COMPROMISED, CV_CERTIFICATE_REVOKED, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(cv_certificate_state_of(rows[i].key, false), rows[i].certificate,
		    "key state %d", (int)rows[i].key);
		cr_expect_eq(cv_certificate_state_of(rows[i].key, true), CV_CERTIFICATE_REVOKED,
		    "key state %d", (int)rows[i].key);
		cr_expect_eq(cv_key_state_is_denied(rows[i].key), rows[i].is_denied, "key state %d",
		    (int)rows[i].key);
	}
}
