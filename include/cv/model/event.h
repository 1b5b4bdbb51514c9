/*
 * What others are told: kinds of events, an event with all that its messages say, and the delivery
 * of one event to one subscription. Plain values; a delivery owns its texts.
 */
#ifndef CV_MODEL_EVENT_H
#define CV_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/device_record.h"
#include "cv/model/name.h"
#include "cv/util/bytes.h"

enum cv_event_kind {
	CV_EVENT_KEY_CHANGED,       /* a waiting key became current: activation */
	CV_EVENT_FIRST_SEEN,        /* the first authenticated sight of a device */
	CV_EVENT_CONFIG_APPLIED,    /* a device took its configuration */
	CV_EVENT_DEVICE_REGISTERED, /* for the first time, or anew */
	CV_EVENT_DEVICE_HELD,       /* by an operator, like the next four */
	CV_EVENT_DEVICE_DELETED,
	CV_EVENT_DEVICE_REVOKED,
	CV_EVENT_DEVICE_ALLOWED,      /* a hold, deletion or revocation ended */
	CV_EVENT_CERTIFICATE_REVOKED, /* one certificate */
};
#define CV_EVENT_KINDS (CV_EVENT_CERTIFICATE_REVOKED + 1)

/* For settings, help and messages. */
#define CV_EVENT_WORDS                                                                             \
	"key-changed, first-seen, config-applied, device-registered, device-held, "                \
	"device-deleted, device-revoked, device-allowed, certificate-revoked"
/* What event queues of FoundriesFactory clients know. */
#define CV_EVENT_QUEUE_LIST "key-changed,first-seen,config-applied"

/* "key-changed" */
const char *cv_event_kind_name(enum cv_event_kind kind);
bool cv_event_kind_parse(const char *name, enum cv_event_kind *ret_kind);

#define CV_EVENT_REASON_SIZE 64

struct cv_event {
	char id[CV_UUID_SIZE];
	int64_t number; /* tells it apart, rises within a device; the same at each attempt */
	char factory[CV_FACTORY_NAME_MAX + 1];
	char device[CV_DEVICE_ID_MAX + 1];
	char slot[CV_SLOT_NAME_MAX + 1];
	enum cv_event_kind kind;
	int64_t at_ms;                       /* milliseconds since 1970 */
	char group[CV_FACTORY_NAME_MAX + 1]; /* "": none */
	int64_t group_number;                /* -1: none */
	struct cv_buffer new_key;            /* SPKI as DER; empty: none */
	struct cv_buffer old_key;
	char reason[CV_EVENT_REASON_SIZE]; /* "": none */
	char certificate[65];              /* SHA-256 in hex; "": none */
};

#define CV_SUBSCRIPTION_LABEL_MAX 64
#define CV_CALLBACK_URL_MAX 2048

struct cv_delivery {
	struct cv_event event;
	char subscription[CV_UUID_SIZE];
	char label[CV_SUBSCRIPTION_LABEL_MAX + 1];
	bool is_push; /* an event queue; else a webhook */
	struct cv_buffer url;
	struct cv_buffer sealed_secret; /* of a webhook */
	int64_t attempt;                /* this is the n-th */
};

enum cv_delivery_state { CV_DELIVERY_PENDING, CV_DELIVERY_DONE, CV_DELIVERY_DEAD };
const char *cv_delivery_state_name(enum cv_delivery_state state);

void cv_delivery_free(struct cv_delivery *delivery);
CV_DEFINE_CLEANUP(cv_delivery);

/*
 * Is this an address that we may send to? http or https, a host, at most 2,048 printable ASCII
 * characters, no user name or password, no fragment, no port 0. Else ret_problem: static text.
 * Where it leads, to a machine of our own network say, is the operator's to know.
 */
bool cv_callback_url_is_valid(const char *url, size_t len, const char **ret_problem);

#endif
