/*
 * What the database knows of one (device, slot), as the rules look at it: plain values, read in one
 * go, under the device's lock where a decision will be written.
 */
#ifndef CV_MODEL_DEVICE_RECORD_H
#define CV_MODEL_DEVICE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"
#include "cv/model/state.h"

/* Certificates of a current key that are recorded on sight; more are served unrecorded. */
#define CV_RECORDED_MAX 32
#define CV_UUID_SIZE 37 /* lower-case text and NUL */

/* One key as (device, slot) sees it. */
struct cv_key_view {
	enum cv_key_state state;
	bool is_asked_by_current;     /* it was named over the key that is current now, and not
					 withdrawn */
	int64_t talks_until_utc;      /* retired key in its grace; 0: none */
	int64_t first_issued_version; /* order of issue; 0: no certificate of ours */
	bool is_of_device;            /* this device proved it */
	bool is_of_another;           /* another device of the factory proved it */
};

/* What announces the next key, where a group says so. */
enum cv_announce {
	CV_ANNOUNCE_OF_FACTORY, /* the group leaves it to the factory */
	CV_ANNOUNCE_EXPLICIT,
	CV_ANNOUNCE_IMPLIED,
};

struct cv_device_record {
	int64_t now_utc; /* the database's clock */
	bool exists;     /* the device has a row */
	enum cv_device_state device_state;
	bool is_seen;                        /* a certificate of it was seen at some door */
	bool is_cleared;                     /* it was deleted, then cleared, and not seen since */
	char registered_by[CV_UUID_SIZE];    /* token; "": none */
	char origin[CV_UUID_SIZE];           /* authority by which it began; "": not known */
	char group[CV_FACTORY_NAME_MAX + 1]; /* "": none */
	uint32_t group_id;                   /* 0: none */
	enum cv_announce group_announce;
	bool has_slot;
	int64_t version;          /* of the slot; 0 without slot */
	int64_t locked_since_utc; /* 0: not locked */
	int64_t issue_debt_until_utc;
	int64_t tokens_void_before_us; /* microseconds since 1970; tokens made before it
					  do not count; 0: none */
	bool has_current;
	bool current_was_named; /* it took over from another key, or the operator announced it */
	struct cv_digest current_key;
	unsigned announced_count;
	unsigned current_certificates; /* certificates of the current key that are neither revoked
					  nor expired */
	bool has_usable_certificate;   /* one of them that is not the presented one, nor of a
					 revoked authority; looked for if the named key is the
					 current one */
	struct cv_key_view presented;  /* of the presented key */
	struct cv_key_view named;      /* of the key that the request names */
	bool certificate_is_known;     /* presented certificate, found by its TBS digest */
	bool certificate_is_revoked;   /* it is itself denied */
};

#endif
