/*
 * What operators configure: factories, authorities, groups, gateways, tokens and operators'
 * certificates. Each act is one
 * transaction: the object is locked and read, the precondition compared, the change made, the
 * object read again, and both states go into the audit row. A request with an Idempotency-Key is
 * recorded in the same transaction, so it happens once or not at all. Blocking; one connection, one
 * thread.
 */
#ifndef CV_STORE_CONFIGURATION_STORE_H
#define CV_STORE_CONFIGURATION_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/scope.h"
#include "cv/store/inspection_store.h"
#include "cv/store/outbox_store.h"
#include "cv/store/realm_store.h"

enum cv_configuration_act {
	CV_ADD_FACTORY,      /* factory */
	CV_CHANGE_FACTORY,   /* factory */
	CV_ADD_AUTHORITY,    /* authority */
	CV_CHANGE_AUTHORITY, /* authority.state */
	CV_ADD_GROUP,        /* group */
	CV_CHANGE_GROUP,     /* group */
	CV_DESCRIBE_GROUP,   /* description */
	CV_DELETE_GROUP,     /* not possible while a device is in it */
	CV_ADD_GATEWAY,      /* gateway */
	CV_CHANGE_GATEWAY,   /* gateway_change */
	CV_REMOVE_GATEWAY,
	CV_ADD_ENROLMENT_TOKEN, /* enrolment_token, token_hash */
	CV_REVOKE_ENROLMENT_TOKEN,
	CV_ADD_OPERATOR_TOKEN, /* operator_, token_hash */
	CV_REVOKE_OPERATOR_TOKEN,
	CV_ADD_OPERATOR_CERTIFICATE, /* operator_ */
	CV_REVOKE_OPERATOR_CERTIFICATE,
	CV_ADD_SUBSCRIPTION, /* subscription */
	CV_REMOVE_SUBSCRIPTION,
	CV_REMOVE_EVENT_QUEUE,  /* not a webhook of that name */
	CV_REPLAY_SUBSCRIPTION, /* what was given up is tried again */
	CV_REPLACE_EVENT_KEY,   /* event_key */
	CV_ADD_ROTATION_GROUP, /* rotation_group; not possible when it has no or too many devices */
	CV_PAUSE_ROTATION_GROUP,
	CV_RESUME_ROTATION_GROUP,
	CV_END_ROTATION_GROUP,
};

/* NULL and -1: the default, or as it was. */
struct cv_factory_settings {
	const char *announce;
	const char *first_contact;
	int64_t retire_after_days;
	int64_t lifetime_days;
};

struct cv_group_settings {
	bool sets_announce;   /* of a change */
	const char *announce; /* NULL: what the factory says */
	const char *policies; /* comma list, "": none; NULL: none, or as they were */
};

struct cv_gateway_change {
	const char *sources;      /* comma list; NULL: as they were */
	const bool *may_activate; /* NULL: as it was */
};

/* An operator, and what they are to log in with: a token, or a certificate. */
struct cv_operator_row {
	char name[CV_OWNER_SIZE];
	char role[16];
	char factories[CV_FACTORY_LIST_SIZE]; /* comma list; "": every one */
	int64_t expires_in_seconds;           /* of a token; 0: never */
	char scopes[CV_SCOPE_LIST_SIZE]; /* of a token, comma list; "": whatever the role may */
	struct cv_digest fingerprint;
	struct cv_bytes certificate; /* DER, lent during the call */
	int64_t not_after_utc;       /* of the certificate */
};

struct cv_subscription_row {
	char id[CV_UUID_SIZE];
	bool is_push; /* an event queue; else a webhook */
	const char *url;
	const char *events;            /* comma list; NULL: every kind */
	struct cv_bytes sealed_secret; /* of a webhook */
};

/* Devices that are told one after the other to change their key: of a group, or of a list, or else
 * of the factory. */
#define CV_ROTATION_DEVICES_MAX 100000
struct cv_rotation_group_row {
	const char *est_url;
	int64_t per_hour;
	const char *files;   /* JSON array, see layer_store.h: what they are told */
	const char *summary; /* of the files, JSON object for the audit */
	const char *rotation_id;
	const char *group;       /* NULL: not by group */
	const char *devices;     /* comma list; NULL: no list */
	const char *ends_before; /* time: only whose current certificate does; NULL: all */
};

/* A request that must not happen twice. */
struct cv_idempotency {
	const char *operator_; /* id of the credential that it came with */
	const char *key;
	struct cv_digest request_digest;
};

struct cv_configuration_order {
	enum cv_configuration_act act;
	const char *name; /* of the object; of a credential its id */
	/* As cv_view_query has it. Of what belongs to one factory: that. */
	const char *scope;
	const char *if_match;              /* entity tag that the object must have; NULL: any */
	const struct cv_idempotency *once; /* NULL: the request has no key */
	struct cv_bytes kept;              /* kept for a repeat of the request */
	const char *actor;
	const char *reason; /* may be NULL */
	const char *request_id;
	const char *description; /* of a group; NULL: none */
	union {
		const struct cv_factory_settings *factory;
		const struct cv_authority_row *authority;
		const struct cv_group_settings *group;
		const struct cv_gateway_row *gateway;
		const struct cv_gateway_change *gateway_change;
		const struct cv_enrolment_token_row *enrolment_token;
		const struct cv_operator_row *operator_;
		const struct cv_subscription_row *subscription;
		const struct cv_event_key *event_key;
		const struct cv_rotation_group_row *rotation_group;
	} value;
	struct cv_digest token_hash;
	/* Of a gateway and of an operator's certificate, whose key nobody else may have. */
	struct cv_digest key_id;
	struct cv_bytes spki;
	int64_t realm_version; /* of an authority: what it was looked at beside */
};

enum cv_configuration_outcome {
	CV_CONFIGURATION_DONE,
	CV_CONFIGURATION_REPEATED,  /* this very request was answered before */
	CV_CONFIGURATION_UNCHANGED, /* it was so already */
	CV_CONFIGURATION_NOT_FOUND,
	CV_CONFIGURATION_EXISTS,
	CV_CONFIGURATION_STALE,      /* if_match is the tag of an older state */
	CV_CONFIGURATION_KEY_REUSED, /* another request had this Idempotency-Key */
	CV_CONFIGURATION_KEY_IN_USE, /* of a device, gateway, operator or authority */
	CV_CONFIGURATION_NOT_POSSIBLE,
	CV_CONFIGURATION_OVERTAKEN, /* the realm is of another version by now */
};

/* The object afterwards, as cv_inspection_show gives it. */
struct cv_configuration_result {
	enum cv_configuration_outcome outcome;
	struct cv_buffer object; /* JSON; empty: it is gone */
	char tag[CV_ENTITY_TAG_SIZE];
	struct cv_buffer kept; /* REPEATED: what was kept */
};
void cv_configuration_result_deinit(struct cv_configuration_result *result);
#define CV_AUTO_CONFIGURATION __attribute__((cleanup(cv_configuration_result_deinit)))

bool cv_configuration_apply(struct cv_connection *connection,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    struct cv_error *err);

#endif
