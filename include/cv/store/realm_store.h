/* Factories, authorities, gateways and tokens as the rules read them. Blocking; one connection, one
 * thread. */
#ifndef CV_STORE_REALM_STORE_H
#define CV_STORE_REALM_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/device_record.h"
#include "cv/model/digest.h"
#include "cv/model/factory_key.h"
#include "cv/model/label.h"
#include "cv/model/name.h"
#include "cv/model/source.h"
#include "cv/model/state.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_AUTHORITY_NAME_SIZE 65
#define CV_GATEWAY_NAME_SIZE 65
#define CV_OWNER_SIZE 129
/* The factories of a gateway, comma separated. */
#define CV_FACTORY_LIST_SIZE 1024

struct cv_factory_row {
	char name[CV_FACTORY_NAME_MAX + 1];
	bool is_default;
	bool registers_first_contact;
	bool announce_is_implied;
	int retire_after_days;
	int lifetime_days;
	int64_t made_at_us; /* as loaded: microseconds since 1970 */
};

struct cv_authority_row {
	char id[CV_UUID_SIZE];
	char factory[CV_FACTORY_NAME_MAX + 1];
	char name[CV_AUTHORITY_NAME_SIZE];
	char owner[CV_OWNER_SIZE]; /* "": none */
	enum cv_authority_kind kind;
	enum cv_authority_state state;
	int64_t created_at_utc; /* set when read */
	/* When a successor signs in its place; 0: not said. Set when read. */
	int64_t signs_from_utc;
	int64_t signs_until_utc;
	struct cv_digest fingerprint;
	struct cv_bytes certificate; /* DER, lent during the call */
};

/* A key that was made for a factory. Texts are lent during the call. */
struct cv_factory_key_row {
	char factory[CV_FACTORY_NAME_MAX + 1];
	enum cv_factory_key_purpose purpose;
	enum cv_factory_key_state state;
	struct cv_digest key_id;
	const char *names;       /* of its server, comma separated */
	const char *certificate; /* PEM; "": it has none yet */
	const char *sealed;      /* encrypted PKCS#8 PEM */
};

struct cv_gateway_row {
	char id[CV_UUID_SIZE];
	char name[CV_GATEWAY_NAME_SIZE];
	bool has_every_factory;
	char factories[CV_FACTORY_LIST_SIZE];
	char sources[CV_SOURCE_LIST_SIZE];
	bool may_activate;
	struct cv_digest fingerprint;
	struct cv_bytes certificate;
};

/* A group whose devices have policies. */
struct cv_group_row {
	uint32_t id;
	char policies[CV_POLICY_LIST_SIZE]; /* "a, b" */
};

/* Receives the rows one by one; false stops the reading with CV_E_MEMORY. NULL: not wanted. */
struct cv_realm_sink {
	void *context;
	bool (*factory)(void *context, const struct cv_factory_row *row);
	bool (*authority)(void *context, const struct cv_authority_row *row);
	bool (*gateway)(
	    void *context, const struct cv_gateway_row *row); /* removed ones are left out */
	bool (*group)(
	    void *context, const struct cv_group_row *row); /* those with policies, by id */
	/* The certificates that operators may log in with, as DER. */
	bool (*operator_)(void *context, struct cv_bytes certificate);
	/* Active ones, and retired online ones. */
	bool (*key)(void *context, const struct cv_factory_key_row *row);
};

/*
 * For whoever lists an authority that was looked at beside the others of this version: is it still
 * the one? Whoever else lists one waits until the end of the transaction: the first lock of all.
 */
bool cv_realm_store_hold(
    struct cv_connection *connection, int64_t version, bool *ret_is_current, struct cv_error *err);
/* Waits for the end of whoever lists an authority, also of one who is no longer there. */
bool cv_realm_store_await(struct cv_connection *connection, struct cv_error *err);
bool cv_realm_store_version(
    struct cv_connection *connection, int64_t *ret_version, struct cv_error *err);
/* Version and rows in one snapshot. */
bool cv_realm_store_load(struct cv_connection *connection, const struct cv_realm_sink *sink,
    int64_t *ret_version, struct cv_error *err);

/* The whole of `init` that concerns the database, in one transaction. */
struct cv_first_factory {
	struct cv_factory_row factory;
	const struct cv_authority_row *authorities;
	size_t authority_count;
	const char *operator_token_name;
	struct cv_digest operator_token_hash;
};
/* CV_E_CONSTRAINT when a factory or an operator of that name exists. */
bool cv_realm_store_init(
    struct cv_connection *connection, const struct cv_first_factory *first, struct cv_error *err);

/* Whether a new operator may have this name: the audit knows operators by their names, so no two
 * that can log in have the same. In a transaction nobody else takes it until the end. */
bool cv_realm_store_name_is_free(
    struct cv_connection *connection, const char *name, bool *ret_is_free, struct cv_error *err);

enum cv_role { CV_ROLE_VIEWER, CV_ROLE_OPERATOR, CV_ROLE_ADMIN };
/* What an operator's token or client certificate stands for. */
struct cv_operator_credential {
	char id[CV_UUID_SIZE];
	char name[CV_OWNER_SIZE];
	enum cv_role role;
	bool has_every_factory;
	char factories[CV_FACTORY_LIST_SIZE];
	unsigned scopes;                   /* 0: whatever the role may */
	char device[CV_DEVICE_ID_MAX + 1]; /* "": it is not made for one device */
	int64_t made_at_us;                /* of a token: microseconds since 1970 */
};
/* ret_exists false: no such token, expired or revoked. */
bool cv_realm_store_find_operator(struct cv_connection *connection, const struct cv_digest *hash,
    bool *ret_exists, struct cv_operator_credential *ret_credential, struct cv_error *err);

enum cv_credential_standing {
	CV_CREDENTIAL_GOOD,
	CV_CREDENTIAL_UNKNOWN, /* the credential is not filled */
	CV_CREDENTIAL_REVOKED,
	CV_CREDENTIAL_EXPIRED,
};
bool cv_realm_store_find_operator_certificate(struct cv_connection *connection,
    const struct cv_digest *fingerprint, enum cv_credential_standing *ret_standing,
    struct cv_operator_credential *ret_credential, struct cv_error *err);

struct cv_enrolment_token_row {
	char id[CV_UUID_SIZE];
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1]; /* "": any unregistered id */
	char label[CV_LABEL_NAME_MAX + 1]; /* of EST; "": any, and none */
	int64_t uses_max;
	int64_t uses;            /* devices so far */
	bool is_used_by_device;  /* the device asked about already has a use */
	bool is_spent_by_device; /* and what it was given has been seen, or has ended */
	int64_t expires_in_seconds;
	int64_t made_at_us; /* microseconds since 1970 */
};
/* device: whose use is asked about. Reads only; it is decided again under its lock. */
bool cv_realm_store_find_enrolment_token(struct cv_connection *connection,
    const struct cv_digest *hash, const char *device, bool *ret_exists,
    struct cv_enrolment_token_row *ret_row, struct cv_error *err);

#endif
