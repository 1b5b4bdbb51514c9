/*
 * The states of authorities, devices, keys and certificates, as in the database and on the wire,
 * and the reasons of RFC 5280 section 5.3.1. Plain values; any thread.
 *
 * A key of a (device, slot) is asked -> announced -> current -> retired; discarded from the first
 * two, compromised from all. The state of a certificate follows from its key and its own revocation
 * and is stored nowhere.
 */
#ifndef CV_MODEL_STATE_H
#define CV_MODEL_STATE_H

#include <stdbool.h>

enum cv_authority_kind {
	CV_AUTHORITY_ROOT,      /* vouches for no leaf */
	CV_AUTHORITY_ONLINE,    /* we hold the key */
	CV_AUTHORITY_OFFLINE,   /* certificate only */
	CV_AUTHORITY_BOOTSTRAP, /* a manufacturer's, for simpleenroll only */
};

enum cv_authority_state {
	CV_AUTHORITY_TRUSTED,
	CV_AUTHORITY_DISABLED, /* signs nothing, admits no new device; known ones go on */
	CV_AUTHORITY_REVOKED,  /* nobody */
};

enum cv_device_state {
	CV_DEVICE_OK,
	CV_DEVICE_HELD,
	CV_DEVICE_DELETED, /* the row is kept, the id refused */
	CV_DEVICE_REVOKED,
};

enum cv_key_state {
	CV_KEY_UNKNOWN = 0, /* no row for this (device, slot) */
	CV_KEY_ASKED, /* a certificate was asked for with the current key, nothing announced */
	CV_KEY_ANNOUNCED,
	CV_KEY_CURRENT,
	CV_KEY_RETIRED,     /* was current; denied, perhaps after a grace */
	CV_KEY_DISCARDED,   /* never became current; denied */
	CV_KEY_COMPROMISED, /* denied for ever */
};

enum cv_certificate_state {
	CV_CERTIFICATE_UNKNOWN = 0,
	CV_CERTIFICATE_ISSUED,
	CV_CERTIFICATE_ANNOUNCED,
	CV_CERTIFICATE_ACTIVE,
	CV_CERTIFICATE_RETIRED,
	CV_CERTIFICATE_REVOKED,
	CV_CERTIFICATE_DISCARDED,
};

enum cv_reason {
	CV_REASON_UNSPECIFIED = 0,
	CV_REASON_KEY_COMPROMISE = 1,
	CV_REASON_CA_COMPROMISE = 2,
	CV_REASON_AFFILIATION_CHANGED = 3,
	CV_REASON_SUPERSEDED = 4,
	CV_REASON_CESSATION_OF_OPERATION = 5,
	CV_REASON_PRIVILEGE_WITHDRAWN = 9,
};

#define CV_REASON_WORDS                                                                            \
	"unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "               \
	"cessationOfOperation, privilegeWithdrawn"

/* State of a certificate of a key in key_state; is_revoked: the certificate itself is denied. */
enum cv_certificate_state cv_certificate_state_of(enum cv_key_state key_state, bool is_revoked);

/* retired, discarded, compromised */
bool cv_key_state_is_denied(enum cv_key_state state);

/* Database and wire names; never NULL. Parsing is exact; false on anything else. */
const char *cv_authority_kind_name(enum cv_authority_kind kind);
bool cv_authority_kind_parse(const char *name, enum cv_authority_kind *ret_kind);
const char *cv_authority_state_name(enum cv_authority_state state);
bool cv_authority_state_parse(const char *name, enum cv_authority_state *ret_state);
const char *cv_device_state_name(enum cv_device_state state);
bool cv_device_state_parse(const char *name, enum cv_device_state *ret_state);
const char *cv_key_state_name(enum cv_key_state state);
bool cv_key_state_parse(const char *name, enum cv_key_state *ret_state);
const char *cv_certificate_state_name(enum cv_certificate_state state);
const char *cv_reason_name(enum cv_reason reason); /* keyCompromise, cessationOfOperation, ... */
bool cv_reason_parse(const char *name, enum cv_reason *ret_reason);

#endif
