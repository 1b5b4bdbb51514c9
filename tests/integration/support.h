/*
 * A real service on a database of its own, and devices to try it with. Everything aborts the test
 * when it fails itself; what the rules answer is returned.
 */
#ifndef CV_TESTS_INTEGRATION_SUPPORT_H
#define CV_TESTS_INTEGRATION_SUPPORT_H

#include <libpq-fe.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/index/feed.h"
#include "cv/index/index.h"
#include "cv/model/secret.h"
#include "cv/service/announcement.h"
#include "cv/service/device_lifecycle.h"
#include "cv/service/enrolment.h"
#include "cv/service/service.h"
#include "cv/service/sight.h"
#include "cv/signer/key_file.h"
#include "cv/signer/signer.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/clock.h"

#define FACTORY "alpha"
#define DEVICE "unit-1"
#define DAY 86400

/* Fails the test with the text of the error unless is_good. */
void must(bool is_good, const char *what, const struct cv_error *err);

/* ---- databases ---- */

struct database {
	char name[64];
	char url[512];
};

/* A copy of the migrated template, which the first caller makes; or, empty, without schema. */
void database_open(struct database *ret_database);
void database_open_empty(struct database *ret_database);
void database_close(const struct database *database);

/* A connection of the test itself, beside all pools. */
PGconn *database_connect(const struct database *database);
/* Statements on it; run_sql fails the test when they fail, try_sql returns the SQLSTATE, "" when
 * they worked. */
void run_sql(PGconn *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));
void try_sql(PGconn *connection, const char *text, char ret_state[6]);
/* The one number that a query gives, over a connection made for it. */
int64_t ask_number(const struct database *database, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Statements over a connection made for them. */
void change_database(const struct database *database, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* From now on the clock of this database is the test's: `now()` runs ahead as told. */
void database_take_clock(const struct database *database);
void database_set_ahead(PGconn *connection, int64_t ahead_ms);
/* Ends every connection and refuses new ones, as a server that is away does; and the opposite. */
void database_stop(const struct database *database);
void database_start(const struct database *database);

/* ---- a realm with one factory ---- */

struct test_authority {
	struct cv_private_key *key;
	struct cv_certificate *certificate;
	char id[CV_UUID_SIZE];
};

/* A CA with a key of its own; issuer NULL: certified by itself. */
void make_authority(enum cv_profile profile, const char *name, const struct test_authority *issuer,
    struct test_authority *ret_authority);
void authority_deinit(struct test_authority *authority);

struct world {
	struct database database;
	char folder[64];
	struct cv_signer *signer;
	struct test_authority root, online, offline;
};

/* announce = explicit, first contact registers, no grace. */
void world_open(struct world *ret_world);
void world_close(struct world *world);

/* ---- instances ---- */

/* A clock that the test moves ahead. */
struct test_clock {
	struct cv_clock clock; /* first */
	_Atomic int64_t ahead_ms;
};

/* Where a feed waits until it may read again. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	bool is_held;
	int permits;
	uint64_t arrivals;
};

struct instance {
	struct world *world;
	struct gate gate;
	struct test_clock clock;
	struct cv_pool *pool;
	struct cv_index *index;
	struct cv_service *service;
	struct cv_feed *feed;
};

struct cv_service_settings default_settings(void);
/* settings NULL: the usual ones. The feed polls every 20 ms. */
void instance_open(
    struct world *world, const struct cv_service_settings *settings, struct instance *ret_instance);
/* The same, but it reads the feed only when told, as one that lags. */
void instance_open_held(
    struct world *world, const struct cv_service_settings *settings, struct instance *ret_instance);
void instance_read_feed(struct instance *instance);
void instance_close(struct instance *instance);

/* Two instances of the service, each with its own connections and memory, on one database. */
struct pair {
	struct world world; /* opened before the rest */
	struct instance here, there;
	PGconn *database;
};
void pair_start(struct pair *pair);
/* With the world. */
void pair_close(struct pair *pair);

/* Takes a change of factories or authorities in at once, and writes security events. */
void instance_refresh(struct instance *instance);
/* Waits until memory says of every certificate what the tables say; false when it never does. */
bool instance_equals_tables(struct instance *instance);
/* Waits until memory has this status for a certificate; false when it never does. */
bool instance_reaches(
    struct instance *instance, const struct cv_digest *fingerprint, enum cv_index_status status);
enum cv_index_status status_in_memory(
    const struct instance *instance, const struct cv_digest *fingerprint);

/* ---- what devices have ---- */

/* A key and a certificate for it; the key is not owned. */
struct credential {
	EVP_PKEY *key;
	struct cv_buffer der;
	struct cv_digest fingerprint;
};

EVP_PKEY *make_key(void);
void make_request(
    EVP_PKEY *key, const char *device, const char *factory, struct cv_buffer *ret_csr);
void credential_deinit(struct credential *credential);
void credential_set(struct credential *credential, EVP_PKEY *key, struct cv_bytes der);
#define AUTO_CREDENTIAL __attribute__((cleanup(credential_deinit)))
#define CREDENTIAL_INIT                                                                            \
	{                                                                                          \
		.key = NULL                                                                        \
	}

static inline void
key_cleanup(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define AUTO_KEY __attribute__((cleanup(key_cleanup)))

/* Signed by an authority whose key the test holds, and by nobody's rule. factory NULL: no OU. */
void sign_credential(const struct test_authority *authority, EVP_PKEY *key, const char *device,
    const char *factory, struct credential *ret_credential);
/* Gives a device a slot that no door makes, with its first key and a certificate of ours. */
void give_slot(struct instance *instance, const char *device, const char *slot, EVP_PKEY *key,
    struct credential *ret_credential);
void key_id_of(EVP_PKEY *key, struct cv_digest *ret_id);
/* The same TBSCertificate under the signature (r, n - s), which verifies as well. */
void make_variant(const struct credential *credential, struct credential *ret_variant);

/* ---- what they do ---- */

/* An enrolment token; device NULL: for any id. */
void make_token(
    struct instance *instance, const char *device, int64_t uses, char ret_secret[CV_SECRET_SIZE]);
enum cv_enrolment_outcome enrol_with_token(struct instance *instance, const char *secret,
    EVP_PKEY *key, const char *device, struct credential *ret_credential);
/* Enrolled with a token and seen once. */
void enrol_and_see(struct instance *instance, EVP_PKEY *key, const char *device,
    struct credential *ret_credential);

/* A gateway's evidence with the whole certificate. */
struct cv_evidence evidence_of(const struct credential *credential);
/* The device's own handshake. */
struct cv_evidence handshake_of(const struct credential *credential);
/* The whole way of a request: from memory, and in the database where memory cannot say. */
struct cv_sight see_evidence(struct instance *instance, const struct cv_evidence *evidence);
enum cv_verdict see(struct instance *instance, const struct credential *credential);
/* From memory only; CV_VERDICT_UNAVAILABLE and not decided where it cannot say. */
struct cv_sight recall(struct instance *instance, const struct credential *credential);

/* simplereenroll over the credential. */
struct cv_enrolment_answer reenrol(struct instance *instance, const struct credential *over,
    EVP_PKEY *key, const char *device, struct credential *ret_credential);
struct cv_enrolment_answer reenrol_request(struct instance *instance, const struct credential *over,
    struct cv_bytes csr, EVP_PKEY *key, struct credential *ret_credential);
/* ret_verdict may be NULL. */
enum cv_announcement_outcome announce(struct instance *instance, const struct credential *over,
    EVP_PKEY *key, enum cv_verdict *ret_verdict);
enum cv_lifecycle_outcome act(
    struct instance *instance, enum cv_lifecycle_act what, const char *device);
enum cv_lifecycle_outcome revoke_credential(struct instance *instance, const char *device,
    const struct credential *credential, enum cv_reason reason, bool *ret_ends_key);

/* Runs both at the same moment, each in a thread. */
void at_once(
    void *(*first)(void *), void *first_context, void *(*second)(void *), void *second_context);

void pause_ms(long milliseconds);

/* Until so many at least wait for a lock of this database. */
void until_waiting(const struct database *database, int64_t count);

#endif
