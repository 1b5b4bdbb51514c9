#include "cv/service/ca_certificates.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/util/text.h"
#include "../support/openssl_fixture.h"

#define NOW 1770000000 /* 2026 */
#define FACTORY "demo"
#define AUTHORITIES_MAX 12

static const struct fixture_extension ca_extensions[] = {
    {"basicConstraints", "critical,CA:TRUE"},
    {"keyUsage", "critical,keyCertSign"},
    {"subjectKeyIdentifier", "hash"},
    {NULL, NULL},
};

/* A realm that grows; names of authorities are those by which the set is told. */
struct scene {
	struct cv_realm_authority authorities[AUTHORITIES_MAX];
	struct cv_realm realm;
	EVP_PKEY *old_key, *new_key, *online_key;
};

static void
scene_init(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->realm.authorities = scene->authorities;
	scene->old_key = fixture_key("P-256");
	scene->new_key = fixture_key("P-256");
	scene->online_key = fixture_key("P-256");
}

static void
scene_deinit(struct scene *scene)
{
	for (size_t i = 0; i < scene->realm.authority_count; i++)
		cv_certificate_free(scene->authorities[i].certificate);
	EVP_PKEY_free(scene->old_key);
	EVP_PKEY_free(scene->new_key);
	EVP_PKEY_free(scene->online_key);
}
#define AUTO_SCENE __attribute__((cleanup(scene_deinit)))

/* A CA certificate with both key identifiers, as `openssl` computes them. */
static struct cv_certificate *
make(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key)
{
	char identifier[64] = "DER:30168014";
	CV_AUTO(cv_certificate) struct cv_certificate *signer = fixture_ca(issuer, issuer_key);
	struct fixture_extension extensions[5];

	memcpy(extensions, ca_extensions, sizeof(ca_extensions));
	cr_assert_eq(signer->subject_key.len, 20);
	cv_hex_encode(
	    signer->subject_key.data, signer->subject_key.len, identifier + strlen(identifier));
	extensions[3] = (struct fixture_extension){"authorityKeyIdentifier", identifier};
	extensions[4] = (struct fixture_extension){NULL, NULL};
	return fixture_parsed_certificate(&(struct fixture_certificate){.subject = subject,
	    .key = key,
	    .issuer = issuer,
	    .issuer_key = issuer_key,
	    .extensions = extensions});
}

/* Takes the certificate. */
static struct cv_realm_authority *
add(struct scene *scene, const char *name, enum cv_authority_kind kind,
    struct cv_certificate *certificate)
{
	struct cv_realm_authority *added = &scene->authorities[scene->realm.authority_count++];

	(void)cv_text_copy(added->row.name, sizeof(added->row.name), name);
	(void)cv_text_copy(added->row.factory, sizeof(added->row.factory), FACTORY);
	added->row.kind = kind;
	added->certificate = certificate;
	return added;
}

struct listing {
	const struct scene *scene;
	char names[256];
};

static void
list(void *context, struct cv_bytes der)
{
	struct listing *listing = context;

	for (size_t i = 0; i < listing->scene->realm.authority_count; i++) {
		const struct cv_realm_authority *each = &listing->scene->authorities[i];
		size_t len = strlen(listing->names);

		if (each->certificate->der.data == der.data)
			(void)snprintf(listing->names + len, sizeof(listing->names) - len, "%s%s",
			    len > 0 ? " " : "", each->row.name);
	}
}

static void
expect_set(const struct scene *scene, const char *name, int64_t now_utc, const char *expected)
{
	struct listing listing = {.scene = scene};

	(void)cv_ca_certificates(&scene->realm, FACTORY, name, now_utc, list, &listing);
	cr_expect_str_eq(listing.names, expected);
}

/* In the worst order, and with roots of one name, as a change of keys alone makes them. */
static void
add_rollover(struct scene *scene, const char *old_name, const char *new_name)
{
	add(scene, "new-with-old", CV_AUTHORITY_ROOT,
	    make(new_name, scene->new_key, old_name, scene->old_key));
	add(scene, "old-with-new", CV_AUTHORITY_ROOT,
	    make(old_name, scene->old_key, new_name, scene->new_key));
	add(scene, "old", CV_AUTHORITY_ROOT,
	    make(old_name, scene->old_key, old_name, scene->old_key));
	add(scene, "new", CV_AUTHORITY_ROOT, fixture_ca(new_name, scene->new_key));
	add(scene, "online", CV_AUTHORITY_ONLINE,
	    make("/CN=online", scene->online_key, old_name, scene->old_key));
}

Test(ca_certificates, rollover_certificates_come_last)
{
	static const char *const names[][2] = {{"/CN=old", "/CN=new"}, {"/CN=root", "/CN=root"}};

	for (size_t i = 0; i < 2; i++) {
		AUTO_SCENE struct scene scene;

		scene_init(&scene);
		add_rollover(&scene, names[i][0], names[i][1]);
		expect_set(&scene, "", NOW, "online old new new-with-old old-with-new");
		scene.authorities[2].row.state = CV_AUTHORITY_REVOKED;
		expect_set(&scene, "", NOW, "online new new-with-old");
	}
}

Test(ca_certificates, intermediates_come_before_roots)
{
	AUTO_SCENE struct scene scene;

	scene_init(&scene);
	add(&scene, "root", CV_AUTHORITY_ROOT, fixture_ca("/CN=root", scene.old_key));
	add(&scene, "middle", CV_AUTHORITY_ROOT,
	    make("/CN=middle", scene.new_key, "/CN=root", scene.old_key));
	add(&scene, "online", CV_AUTHORITY_ONLINE,
	    make("/CN=online", scene.online_key, "/CN=middle", scene.new_key));
	add(&scene, "offline", CV_AUTHORITY_OFFLINE, fixture_ca("/CN=offline", scene.new_key));
	add(&scene, "maker", CV_AUTHORITY_BOOTSTRAP, fixture_ca("/CN=maker", scene.new_key));
	expect_set(&scene, "", NOW, "online middle root");
}

/* Of an authority of another label, nothing. */
Test(ca_certificates, crossed_issuers_go_with_their_label)
{
	AUTO_SCENE struct scene scene;

	scene_init(&scene);
	add_rollover(&scene, "/CN=old", "/CN=new");
	add(&scene, "online-with-new", CV_AUTHORITY_ROOT,
	    make("/CN=online", scene.online_key, "/CN=new", scene.new_key));
	expect_set(
	    &scene, "online", NOW, "online old new new-with-old old-with-new online-with-new");
	expect_set(&scene, "second", NOW, "old new new-with-old old-with-new");
}

Test(ca_certificates, nothing_out_of_date)
{
	AUTO_SCENE struct scene scene;

	scene_init(&scene);
	add_rollover(&scene, "/CN=old", "/CN=new");
	scene.authorities[1].certificate->not_after_utc = NOW - 1;
	scene.authorities[3].certificate->not_before_utc = NOW + 1;
	expect_set(&scene, "", NOW, "online old new-with-old");
}

static void
expect_refusal(const struct scene *scene, struct cv_certificate *certificate, const char *expected)
{
	const char *refusal = cv_ca_certificates_refusal(&scene->realm, FACTORY, certificate);

	if (expected == NULL)
		cr_expect_null(refusal, "%s", refusal);
	else
		cr_expect_not_null(
		    strstr(refusal == NULL ? "" : refusal, expected), "%s", expected);
	cv_certificate_free(certificate);
}

Test(ca_certificates, what_may_be_shown)
{
	AUTO_SCENE struct scene scene;
	const struct fixture_certificate nameless = {
	    .subject = "/CN=new", .issuer = "/CN=old", .extensions = ca_extensions};
	struct fixture_certificate wanted = nameless;

	scene_init(&scene);
	add(&scene, "old", CV_AUTHORITY_ROOT, fixture_ca("/CN=old", scene.old_key));
	expect_refusal(&scene, fixture_ca("/CN=new", scene.new_key), NULL);
	expect_refusal(&scene, make("/CN=new", scene.new_key, "/CN=old", scene.old_key), NULL);
	/* Without authorityKeyIdentifier. */
	wanted.key = scene.new_key;
	wanted.issuer_key = scene.old_key;
	expect_refusal(&scene, fixture_parsed_certificate(&wanted), "authorityKeyIdentifier");
	/* Its own, as if it had signed itself. */
	struct cv_certificate *equal = make("/CN=new", scene.new_key, "/CN=old", scene.old_key);
	equal->authority_key = equal->subject_key;
	expect_refusal(&scene, equal, "authorityKeyIdentifier");
	/* By nobody who is known. */
	expect_refusal(
	    &scene, make("/CN=new", scene.new_key, "/CN=old", scene.online_key), "import that");
}
