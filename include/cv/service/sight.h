/*
 * Who is asking, and may they talk? One judgement for every door: the gateway check, and every
 * request with a client certificate at the device listener. The first authenticated sight of a
 * pending key activates it.
 */
#ifndef CV_SERVICE_SIGHT_H
#define CV_SERVICE_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/certificate_name.h"
#include "cv/model/name.h"
#include "cv/model/state.h"
#include "cv/model/verdict.h"
#include "cv/service/decision.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* What a door hands over. Borrowed during the call. */
struct cv_evidence {
	enum cv_evidence_class evidence;
	struct cv_bytes certificate; /* DER of the leaf; empty up to CV_EVIDENCE_FINGERPRINT */
	/* SHA-256 of the DER; the door computes it. Below CV_EVIDENCE_FINGERPRINT, of the name. */
	struct cv_digest fingerprint;
	/* Needed below CV_EVIDENCE_FINGERPRINT. Else what was said besides; NULL: nothing. */
	const struct cv_certificate_name *name;
	bool may_activate;
	bool accepts_every_slot;    /* false: the slots of gateways, client and online */
	bool honours_expired_grace; /* simplereenroll and the device paths; never the check */
	const char *factories;      /* comma list a gateway is confined to; NULL: all */
	const char *actor;          /* "device" or "gateway:<name>", for the audit */
	const char *request_id;
};

struct cv_sight {
	enum cv_verdict verdict;
	bool is_decided;       /* false: memory cannot say, judge it in the database */
	struct cv_party party; /* "" names when not known */
	enum cv_certificate_state state;
	bool has_pending;        /* another key is announced */
	uint32_t group;          /* id of the device's group; 0: none */
	int64_t epoch;           /* slot version the verdict rests on; 0 */
	int64_t age_ms;          /* of memory; INT64_MAX: nothing is loaded */
	int64_t not_after_utc;   /* of the certificate; 0: not known */
	int64_t talks_until_utc; /* the end of a replaced key's grace; 0: none is in its grace */
	const char *detail;      /* static text for the log; may be NULL */
};

/* From memory only: never blocks, no query, no parsing. */
void cv_sight_recall(
    struct cv_service *service, const struct cv_evidence *evidence, struct cv_sight *ret_sight);

/*
 * In the database: may activate, register or record. Blocking. Trouble of any kind is the verdict
 * CV_VERDICT_UNAVAILABLE with *err filled (to be logged), never an allowance.
 */
void cv_sight_judge(struct cv_service *service, const struct cv_evidence *evidence,
    struct cv_sight *ret_sight, struct cv_error *err);

#endif
