#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "cv/app/app.h"
#include "cv/service/label_policy.h"
#include "cv/service/realm.h"
#include "cv/store/audit_store.h"
#include "cv/store/schema.h"
#include "cv/util/clock.h"
#include "doctor_internal.h"

#define STATEMENT_MS 10000
#define CA_WARN_DAYS 180
#define OFFSET_WARN_MS 1000
#define OFFSET_FAIL_MS 60000

static void
look_at_clocks(struct cv_doctor *doctor, struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;
	int64_t before_ms = cv_clock_wall_ms(cv_clock_system());
	int64_t there_ms;

	if (!cv_schema_clock(connection, &there_ms, &err)) {
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "database clock", "%s: %s", err.text, err.cause);
		return;
	}
	/* It was read some time between. */
	int64_t offset_ms = there_ms - (before_ms + cv_clock_wall_ms(cv_clock_system())) / 2;
	enum cv_finding finding = llabs(offset_ms) > OFFSET_FAIL_MS   ? CV_FINDING_FAIL
				  : llabs(offset_ms) > OFFSET_WARN_MS ? CV_FINDING_WARN
								      : CV_FINDING_OK;
	cv_doctor_say(doctor, finding, "database clock", "%" PRId64 " ms ahead of this machine%s",
	    offset_ms, finding == CV_FINDING_OK ? "" : ": synchronise both");
}

/* Opened under the passphrase of this machine, as serve would. */
static void
open_made_keys(struct cv_doctor *doctor, const struct cv_config *config, struct cv_signer *signer,
    const struct cv_realm *realm)
{
	struct cv_error err = CV_ERROR_INIT;

	if (realm->key_count > 0 &&
	    !cv_signer_keep_passphrase(signer, config->signer_passphrase, &err))
		cv_doctor_say(doctor, CV_FINDING_FAIL, "made keys", "%s: %s", err.text, err.cause);
	for (size_t i = 0; i < realm->key_count; i++) {
		CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};
		const struct cv_factory_key_row *key = &realm->keys[i];

		if (!cv_signer_open_sealed(
			signer, cv_bytes(key->sealed, strlen(key->sealed)), &pem, &err))
			cv_doctor_say(doctor, CV_FINDING_FAIL, "made keys",
			    "the %s key of factory %s does not open here: is the passphrase that "
			    "of every instance? %s",
			    cv_factory_key_purpose_name(key->purpose), key->factory, err.text);
	}
}

static void
look_at_authority(struct cv_doctor *doctor, const struct cv_signer *signer,
    const struct cv_realm *realm, const struct cv_realm_authority *authority)
{
	char what[160];
	struct cv_bytes algorithm;

	if (authority->row.state != CV_AUTHORITY_TRUSTED)
		return;
	(void)snprintf(what, sizeof(what), "authority %s", authority->row.name);
	cv_doctor_say_end(doctor, what, authority->certificate->not_after_utc, CA_WARN_DAYS);
	if (authority->row.kind == CV_AUTHORITY_ONLINE && signer != NULL &&
	    !cv_realm_has_key(realm, &authority->certificate->key_id) &&
	    !cv_signer_algorithm(signer, &authority->certificate->key_id, &algorithm))
		cv_doctor_say(doctor, CV_FINDING_WARN, what,
		    "its key is not in [signer] directory: it cannot sign here");
}

static void
look_at_label(struct cv_doctor *doctor, const struct cv_realm *realm, const struct cv_label *label)
{
	const char *flaw = cv_label_flaw(label, realm);
	char what[CV_LABEL_NAME_MAX + 16];

	(void)snprintf(
	    what, sizeof(what), "[est%s%s]", label->name[0] == '\0' ? "" : ".", label->name);
	if (flaw != NULL)
		cv_doctor_say(doctor, CV_FINDING_WARN, what, "factory %s, authority %s: %s",
		    label->factory[0] == '\0' ? "(any)" : label->factory,
		    label->authority[0] == '\0' ? "(newest)" : label->authority, flaw);
}

static void
look_at_authorities(
    struct cv_doctor *doctor, const struct cv_config *config, struct cv_connection *connection)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = NULL;
	CV_AUTO(cv_signer) struct cv_signer *signer = NULL;
	CV_AUTO(cv_certificate) struct cv_certificate *service_ca = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_signer_new(&signer, &err) ||
	    !cv_app_add_keys(signer, config, connection, &service_ca, &err)) {
		cv_doctor_say(doctor, CV_FINDING_FAIL, "CA keys", "%s: %s", err.text, err.cause);
		cv_signer_free(CV_TAKE(signer));
	}
	if (!cv_realm_load(connection, &realm, &err)) {
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "authorities", "%s: %s", err.text, err.cause);
		return;
	}
	if (realm->factory_count == 0)
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "factory", "there is none: run certvendor init");
	for (size_t i = 0; i < realm->authority_count; i++)
		look_at_authority(doctor, signer, realm, &realm->authorities[i]);
	for (size_t i = 0; i < config->label_count; i++)
		look_at_label(doctor, realm, &config->labels[i]);
	if (signer != NULL)
		open_made_keys(doctor, config, signer, realm);
	if (service_ca != NULL)
		cv_doctor_say_end(doctor, "service CA", service_ca->not_after_utc, CA_WARN_DAYS);
}

static void
look_at_audit(struct cv_doctor *doctor, struct cv_connection *connection)
{
	struct cv_audit_link head;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_audit_outside outside;

	if (!cv_audit_store_head(connection, &head, &outside, &err))
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "audit chain", "%s: %s", err.text, err.cause);
	else if (outside.late > 0)
		cv_doctor_say(doctor, CV_FINDING_WARN, "audit chain",
		    "%" PRId64 " rows wait for more than a minute: no server runs, or see "
		    "audit-chain-failed in its log",
		    outside.late);
	else if (outside.misplaced > 0)
		cv_doctor_say(doctor, CV_FINDING_WARN, "audit chain",
		    "%" PRId64 " rows stand outside it: see audit verify", outside.misplaced);
	else
		cv_doctor_say(doctor, CV_FINDING_OK, "audit chain",
		    "%" PRId64 " rows, %" PRId64 " wait; audit verify looks at all of them",
		    head.position, outside.unchained);
}

static void
look_at_connection(
    struct cv_doctor *doctor, const struct cv_config *config, struct cv_connection *connection)
{
	struct cv_error err = CV_ERROR_INIT;

	if (cv_schema_check_durability(connection, &err))
		cv_doctor_say(doctor, CV_FINDING_OK, "database settings",
		    "primary; fsync, full_page_writes and synchronous_commit are on");
	else
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "database settings", "%s %s", err.text, err.cause);
	look_at_clocks(doctor, connection);
	if (!cv_schema_check_version(connection, &err)) {
		cv_doctor_say(doctor, CV_FINDING_FAIL, "schema", "%s %s", err.text, err.cause);
		return;
	}
	cv_doctor_say(doctor, CV_FINDING_OK, "schema", "version %d", cv_schema_wanted());
	look_at_authorities(doctor, config, connection);
	look_at_audit(doctor, connection);
}

void
cv_doctor_look_at_database(struct cv_doctor *doctor, const struct cv_config *config)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_app_open_database(config->database_url, STATEMENT_MS, &pool, &connection, &err)) {
		cv_doctor_say(doctor, CV_FINDING_FAIL, "database", "%s: %s", err.text, err.cause);
		return;
	}
	cv_doctor_say(doctor, CV_FINDING_OK, "database", "answers");
	look_at_connection(doctor, config, connection);
	cv_pool_return(connection);
}
