/* Lists and details for operators. Reads only; blocking; one connection, one thread. */
#ifndef CV_STORE_INSPECTION_STORE_H
#define CV_STORE_INSPECTION_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* What can be looked at, with its filters in their order. The first filter of what can be shown
 * alone is its name or id. */
enum cv_view {
	CV_VIEW_APPROVALS,             /* state */
	CV_VIEW_AUDIT,                 /* device actor action since until; the newest first */
	CV_VIEW_AUTHORITIES,           /* name kind */
	CV_VIEW_CERTIFICATE,           /* sha256: alone */
	CV_VIEW_CERTIFICATES,          /* device state authority ends-before */
	CV_VIEW_DELIVERIES,            /* subscription state */
	CV_VIEW_DENIALS,               /* device */
	CV_VIEW_DEVICE,                /* id: alone, with its slots and keys */
	CV_VIEW_DEVICE_GRANTS,         /* state */
	CV_VIEW_DEVICES,               /* state group rotation */
	CV_VIEW_ENROLMENT_TOKENS,      /* id device */
	CV_VIEW_EVENT_KEYS,            /* kid */
	CV_VIEW_EVENT_QUEUES,          /* subscriptions in the words of FoundriesFactory clients */
	CV_VIEW_FACTORIES,             /* name */
	CV_VIEW_GATEWAYS,              /* name */
	CV_VIEW_GROUPS,                /* name */
	CV_VIEW_OPERATOR_CERTIFICATES, /* id */
	CV_VIEW_OPERATOR_TOKENS,       /* id */
	CV_VIEW_ROTATION_GROUPS,       /* name state */
	CV_VIEW_SUBSCRIPTIONS,         /* name type */
};

#define CV_VIEW_FILTERS_MAX 5
#define CV_VIEW_KEY_SIZE 80
#define CV_ENTITY_TAG_SIZE 40

struct cv_view_query {
	enum cv_view view;
	const char *scope; /* the factory; of factories, gateways, operators and the audit
			      those that are seen, comma separated, NULL: every one */
	const char *after; /* key of the last item before; NULL: from the start */
	int limit;
	const char *filters[CV_VIEW_FILTERS_MAX]; /* NULL: any */
};

/*
 * Appends at most limit JSON objects, with commas between. ret_next: the key to go on after; "":
 * there is no more. CV_E_INPUT: a filter or `after` is malformed.
 */
bool cv_inspection_list(struct cv_connection *connection, const struct cv_view_query *query,
    struct cv_buffer *ret_items, char ret_next[CV_VIEW_KEY_SIZE], struct cv_error *err);
/* Appends one JSON object. ret_tag: "" where objects of the kind are not changed by themselves. */
bool cv_inspection_show(struct cv_connection *connection, const struct cv_view_query *query,
    bool *ret_exists, struct cv_buffer *ret_json, char ret_tag[CV_ENTITY_TAG_SIZE],
    struct cv_error *err);

/* {"devices":{state: number},"rotations":{"pending","stalled"},"stalled":[...]}, the latter the ten
 * that wait longest. */
bool cv_inspection_fleet(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err);

/* What a device is told of itself. */
struct cv_device_facts {
	struct cv_buffer current_spki; /* empty: none */
	struct cv_buffer next_spki;    /* of the newest announced key; empty: none */
	int64_t last_seen_utc;
	char group[CV_FACTORY_NAME_MAX + 1]; /* "": none */
	bool is_production;
};
void cv_device_facts_deinit(struct cv_device_facts *facts);
#define CV_AUTO_DEVICE_FACTS __attribute__((cleanup(cv_device_facts_deinit)))
bool cv_inspection_device(struct cv_connection *connection, const struct cv_party *party,
    bool *ret_exists, struct cv_device_facts *ret_facts, struct cv_error *err);

#endif
