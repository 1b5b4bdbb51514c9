#include "cv/service/realm.h"

#include <criterion/criterion.h>

#include "../support/openssl_fixture.h"

#define NOW 1000000
#define DAY 86400
#define FACTORY "demo"

static struct cv_realm_authority
authority_of(struct cv_certificate *certificate)
{
	*certificate =
	    (struct cv_certificate){.not_before_utc = NOW - DAY, .not_after_utc = NOW + DAY};
	return (struct cv_realm_authority){.row = {.kind = CV_AUTHORITY_ONLINE,
					       .state = CV_AUTHORITY_TRUSTED,
					       .factory = FACTORY,
					       .name = "one"},
	    .certificate = certificate};
}

Test(realm, an_authority_outside_its_dates_is_as_good_as_disabled)
{
	struct cv_certificate certificate;
	struct cv_realm_authority authority = authority_of(&certificate);
	const int64_t inside[] = {NOW - DAY, NOW, NOW + DAY};
	const int64_t outside[] = {NOW - DAY - 1, NOW + DAY + 1};

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		cr_expect_eq(cv_realm_authority_state(&authority, inside[i]), CV_AUTHORITY_TRUSTED);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		cr_expect_eq(
		    cv_realm_authority_state(&authority, outside[i]), CV_AUTHORITY_DISABLED);
	authority.row.state = CV_AUTHORITY_DISABLED;
	cr_expect_eq(cv_realm_authority_state(&authority, NOW), CV_AUTHORITY_DISABLED);
	/* What is worse stays so. */
	authority.row.state = CV_AUTHORITY_REVOKED;
	cr_expect_eq(cv_realm_authority_state(&authority, NOW), CV_AUTHORITY_REVOKED);
	cr_expect_eq(cv_realm_authority_state(&authority, NOW + DAY + 1), CV_AUTHORITY_REVOKED);
}

Test(realm, only_what_is_trusted_within_its_dates_issues)
{
	struct cv_certificate certificate;
	struct cv_realm_authority authority = authority_of(&certificate);
	struct cv_realm realm = {.authorities = &authority, .authority_count = 1};

	cr_expect_eq(cv_realm_issuer(&realm, FACTORY, "", 0, NOW), &authority);
	cr_expect_eq(cv_realm_issuer(&realm, FACTORY, "", 0, NOW + DAY), &authority);
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW + DAY + 1));
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW - DAY - 1));
	authority.row.state = CV_AUTHORITY_DISABLED;
	cr_expect_null(cv_realm_issuer(&realm, FACTORY, "", 0, NOW));
}

static const struct {
	enum cv_authority_kind first, second;
	const char *refusal;
} kinds[] = {
    {CV_AUTHORITY_OFFLINE, CV_AUTHORITY_OFFLINE, NULL},
    {CV_AUTHORITY_BOOTSTRAP, CV_AUTHORITY_BOOTSTRAP, NULL},
    {CV_AUTHORITY_ROOT, CV_AUTHORITY_OFFLINE, NULL},
    {CV_AUTHORITY_OFFLINE, CV_AUTHORITY_BOOTSTRAP,
	"the key of this CA is already listed as offline"},
    {CV_AUTHORITY_BOOTSTRAP, CV_AUTHORITY_OFFLINE,
	"the key of this CA is already listed as bootstrap"},
    {CV_AUTHORITY_ONLINE, CV_AUTHORITY_OFFLINE, "the key of this CA is already listed as online"},
};

Test(realm, a_ca_is_of_the_kind_that_it_was_first)
{
	const struct cv_digest other = {.bytes = {1}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct cv_certificate certificate;
		struct cv_realm_authority authority = authority_of(&certificate);
		struct cv_realm realm = {.authorities = &authority, .authority_count = 1};
		const char *refusal;

		authority.row.kind = kinds[i].first;
		refusal =
		    cv_realm_key_refusal(&realm, FACTORY, kinds[i].second, &certificate.key_id);
		cr_expect_eq(refusal == NULL, kinds[i].refusal == NULL);
		if (refusal && kinds[i].refusal)
			cr_expect_str_eq(refusal, kinds[i].refusal);
		cr_expect_null(cv_realm_key_refusal(&realm, FACTORY, kinds[i].second, &other));
	}
}

Test(realm, a_revoked_key_does_not_come_back_by_another_certificate)
{
	struct cv_certificate certificate;
	struct cv_realm_authority authority = authority_of(&certificate);
	struct cv_realm realm = {.authorities = &authority, .authority_count = 1};
	const enum cv_authority_kind kind = authority.row.kind;

	authority.row.state = CV_AUTHORITY_DISABLED;
	cr_expect_null(cv_realm_key_refusal(&realm, FACTORY, kind, &certificate.key_id));
	authority.row.state = CV_AUTHORITY_REVOKED;
	cr_expect_not_null(cv_realm_key_refusal(&realm, FACTORY, kind, &certificate.key_id));
}

/* ---- who issued a certificate ---- */

#define ISSUED 1770000000 /* 2026 */

static const struct fixture_extension unknown_critical[] = {
    {"basicConstraints", "critical,CA:TRUE"},
    {"1.2.3.4", "critical,DER:0500"},
    {NULL, NULL},
};

static struct cv_certificate *
ca_of(EVP_PKEY *key, const struct fixture_extension *extensions)
{
	return extensions ? fixture_parsed_certificate(&(struct fixture_certificate){
				.subject = "/CN=ca", .key = key, .extensions = extensions})
			  : fixture_ca("/CN=ca", key);
}

/* A leaf, and two entries of one name: of one key, or the second of another. */
struct pair {
	EVP_PKEY *key, *other_key;
	struct cv_certificate *leaf;
	struct cv_realm_authority authorities[2];
	struct cv_realm realm;
};

static void
pair_init(struct pair *pair, bool is_of_one_key, const struct fixture_extension *extensions)
{
	const struct cv_authority_row row = {
	    .kind = CV_AUTHORITY_OFFLINE, .state = CV_AUTHORITY_TRUSTED, .factory = FACTORY};

	*pair = (struct pair){.key = fixture_key("P-256"), .other_key = fixture_key("P-256")};
	pair->leaf =
	    fixture_parsed_certificate(&(struct fixture_certificate){.subject = "/CN=device-1",
		.key = pair->other_key,
		.issuer = "/CN=ca",
		.issuer_key = pair->key});
	pair->authorities[0] =
	    (struct cv_realm_authority){.row = row, .certificate = ca_of(pair->key, NULL)};
	pair->authorities[1] = (struct cv_realm_authority){.row = row,
	    .certificate = ca_of(is_of_one_key ? pair->key : pair->other_key, extensions)};
	pair->realm = (struct cv_realm){.authorities = pair->authorities, .authority_count = 2};
}

static void
pair_deinit(struct pair *pair)
{
	cv_certificate_free(pair->authorities[0].certificate);
	cv_certificate_free(pair->authorities[1].certificate);
	cv_certificate_free(pair->leaf);
	EVP_PKEY_free(pair->key);
	EVP_PKEY_free(pair->other_key);
}
#define AUTO_PAIR __attribute__((cleanup(pair_deinit)))

static void
turn(struct pair *pair)
{
	struct cv_realm_authority first = pair->authorities[0];

	pair->authorities[0] = pair->authorities[1];
	pair->authorities[1] = first;
}

static const struct cv_certificate *
found(const struct pair *pair, enum cv_chain_outcome expected)
{
	const struct cv_realm_authority *authority = NULL;
	enum cv_chain_outcome outcome;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_realm_find_issuer(
		      &pair->realm, pair->leaf, ISSUED, &authority, &outcome, NULL, &err),
	    "%s", err.text);
	cr_expect_eq(outcome, expected);
	return authority ? authority->certificate : NULL;
}

static const struct fixture_extension *const others[] = {NULL, unknown_critical};

Test(realm, whoever_has_the_name_of_an_authority_does_not_hide_it)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		AUTO_PAIR struct pair pair;

		pair_init(&pair, false, others[i]);
		for (int order = 0; order < 2; order++) {
			const struct cv_certificate *issuer = pair.authorities[order].certificate;

			cr_expect_eq(found(&pair, CV_CHAIN_GOOD), issuer);
			pair.authorities[order].row.state = CV_AUTHORITY_DISABLED;
			cr_expect_eq(found(&pair, CV_CHAIN_GOOD), issuer);
			turn(&pair);
		}
	}
}

Test(realm, of_two_certificates_of_a_ca_the_usable_one_counts)
{
	AUTO_PAIR struct pair pair;

	pair_init(&pair, true, NULL);
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[0].certificate);
	for (int place = 0; place < 2; place++) {
		struct cv_realm_authority *other = &pair.authorities[!place];
		int64_t end = other->certificate->not_after_utc;

		other->row.state = CV_AUTHORITY_DISABLED;
		cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[place].certificate);
		other->row.state = CV_AUTHORITY_TRUSTED;
		other->certificate->not_after_utc = ISSUED - 1;
		cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[place].certificate);
		other->certificate->not_after_utc = end;
	}
	pair.authorities[0].row.state = pair.authorities[1].row.state = CV_AUTHORITY_DISABLED;
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[0].certificate);
}

Test(realm, of_two_certificates_of_a_ca_one_that_is_refused_gives_way)
{
	AUTO_PAIR struct pair pair;

	pair_init(&pair, true, unknown_critical);
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[0].certificate);
	turn(&pair);
	pair.authorities[1].row.state = CV_AUTHORITY_DISABLED;
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[1].certificate);
	pair.realm.authority_count = 1;
	(void)found(&pair, CV_CHAIN_REFUSED);
}

/* Its devices are not another factory's because of a certificate for its key there, and what it
 * vouches for is not more. */
Test(realm, the_usable_one_is_of_the_same_factory_and_kind)
{
	AUTO_PAIR struct pair pair;

	pair_init(&pair, true, NULL);
	pair.authorities[1].row.factory[0] = 'x';
	pair.authorities[0].row.state = CV_AUTHORITY_DISABLED;
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[0].certificate);
	pair.authorities[1].row.factory[0] = pair.authorities[0].row.factory[0];
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[1].certificate);
	pair.authorities[0].row.kind = CV_AUTHORITY_BOOTSTRAP;
	cr_expect_eq(found(&pair, CV_CHAIN_GOOD), pair.authorities[0].certificate);
}

static enum cv_authority_state
state_beside_revoked(struct pair *pair, int revoked)
{
	pair->authorities[revoked].row.state = CV_AUTHORITY_REVOKED;
	pair->authorities[!revoked].row.state = CV_AUTHORITY_TRUSTED;
	cv_realm_spread_revocations(&pair->realm);
	cr_expect_eq(pair->authorities[revoked].row.state, CV_AUTHORITY_REVOKED);
	return pair->authorities[!revoked].row.state;
}

Test(realm, a_revoked_ca_is_revoked_under_every_certificate_of_its_key)
{
	for (int revoked = 0; revoked < 2; revoked++) {
		AUTO_PAIR struct pair pair, unlike;

		pair_init(&pair, true, NULL);
		pair_init(&unlike, false, NULL);
		cr_expect_eq(state_beside_revoked(&pair, revoked), CV_AUTHORITY_REVOKED);
		cr_expect_eq(state_beside_revoked(&unlike, revoked), CV_AUTHORITY_TRUSTED);
		pair.authorities[0].row.factory[0] = 'x';
		cr_expect_eq(state_beside_revoked(&pair, revoked), CV_AUTHORITY_TRUSTED);
		pair.authorities[0].row.factory[0] = pair.authorities[1].row.factory[0];
		pair.authorities[0].row.kind = CV_AUTHORITY_BOOTSTRAP;
		cr_expect_eq(state_beside_revoked(&pair, revoked), CV_AUTHORITY_REVOKED);
		/* Ended as a root that is shown, it goes on as a CA. */
		pair.authorities[0].row.kind = CV_AUTHORITY_ROOT;
		cr_expect_eq(state_beside_revoked(&pair, revoked), CV_AUTHORITY_TRUSTED);
	}
}
