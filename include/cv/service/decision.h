/*
 * The decision itself: a pure function of what was presented, the record, the policy and the time.
 * Every door comes through here, before and again under the lock. First match wins; the order is
 * the rule.
 */
#ifndef CV_SERVICE_DECISION_H
#define CV_SERVICE_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/device_record.h"
#include "cv/model/state.h"
#include "cv/model/verdict.h"

/* How well we know that whoever asks holds the certificate's key. */
enum cv_evidence_class {
	CV_EVIDENCE_NAME,        /* a name, a topic, issuer and serial: may read, moves nothing, and
				    only where nobody but us can issue under it */
	CV_EVIDENCE_SHA1,        /* as the next one */
	CV_EVIDENCE_FINGERPRINT, /* hash of the certificate from an authenticated gateway: allow,
				    activate, announce */
	CV_EVIDENCE_CERTIFICATE, /* the whole certificate from an authenticated gateway: also first
				    contact */
	CV_EVIDENCE_HANDSHAKE,   /* our own finished TLS handshake: everything */
};

struct cv_presented {
	enum cv_evidence_class evidence;
	bool has_authority; /* some authority of a factory issued it */
	enum cv_authority_kind authority_kind;
	enum cv_authority_state authority_state; /* as of now */
	int64_t not_before_utc;
	int64_t not_after_utc;
	bool is_full; /* the whole certificate is at hand and was verified against the authority */
	const char *key_refusal; /* why no device gets its key; NULL: one may. Not looked for
				    where the certificate is recorded */
	bool may_activate;       /* door and gateway may activate and register */
	bool slot_is_accepted;   /* the door names this slot */
};

struct cv_decision_policy {
	bool announce_is_implied; /* of the factory; the record has that of the group */
	bool registers_first_contact;
	int64_t skew_seconds;          /* not-yet-valid certificates within it are accepted; 300 */
	int64_t expired_grace_seconds; /* 0, or for the doors that honour it */
};

/* What the caller has to do about it. */
enum cv_step {
	CV_STEP_NONE,          /* answer the verdict */
	CV_STEP_ACTIVATE,      /* make the presented key current, then answer activated */
	CV_STEP_FIRST_CONTACT, /* register the device with this certificate, then answer registered
				*/
	CV_STEP_RECORD, /* key is current, certificate not yet recorded: record it, then answer ok
			 */
	CV_STEP_MARK_SEEN, /* first sight of a registered device, or of a cleared one: note it, then
			      answer ok */
};

struct cv_decision {
	enum cv_verdict verdict; /* what is answered when the step was done */
	enum cv_step step;
	bool is_alarm;      /* claims our online authority and is not recorded */
	bool key_was_asked; /* a third key that the current key asked for: a wrong announce setting
			     */
};

struct cv_decision cv_decide(const struct cv_presented *presented,
    const struct cv_device_record *record, const struct cv_decision_policy *policy);

#endif
