/* What the rules share among themselves. */
#ifndef CV_SERVICE_SERVICE_INTERNAL_H
#define CV_SERVICE_SERVICE_INTERNAL_H

#include "cv/model/certificate_row.h"
#include "cv/service/decision.h"
#include "cv/service/service.h"
#include "cv/service/sight.h"
#include "cv/store/device_change.h"
#include "cv/util/combiner.h"

struct cv_device_pace;

/* How often a whole operation is repeated after a serialisation failure or a deadlock. */
#define CV_ATTEMPTS_MAX 4
/* And after the realm changed while it waited for its turn to list an authority: of those that wait
 * for the same, one is done each time, so that about this many may come at once. */
#define CV_OVERTAKEN_MAX 64

/* Re-enrolments that wait together are written together; so many at most. */
#define CV_RENEWALS_TOGETHER 32
struct cv_combiner *cv_service_renewals(struct cv_service *service);
/* Of what devices change of themselves, and of what they fetch and tell. */
struct cv_device_pace *cv_service_change_pace(struct cv_service *service);
struct cv_device_pace *cv_service_request_pace(struct cv_service *service);
void cv_reenrol_together(struct cv_combiner_item *const *items, size_t count);

/* A presented certificate with everything that was found out about it, before its device's record
 * is read. */
struct cv_presenter {
	struct cv_realm *realm;                     /* a reference */
	struct cv_certificate *certificate;         /* NULL: only its fingerprint was presented */
	const struct cv_realm_authority *authority; /* lent by the realm; NULL: none known */
	const struct cv_factory_row *factory;       /* lent by the realm */
	struct cv_party party;
	struct cv_digest key_id;
	struct cv_digest tbs_digest;
	struct cv_presented presented;
	struct cv_decision_policy policy;
};

void cv_presenter_deinit(struct cv_presenter *presenter);
#define CV_AUTO_PRESENTER __attribute__((cleanup(cv_presenter_deinit)))

/*
 * Finds out who presents what. When the answer needs no record, *ret_is_refused and *ret_verdict
 * say so (bad certificate, of no authority, another factory's gateway). A connection is borrowed
 * where there is none and memory does not know the certificate; the caller returns it.
 */
bool cv_presenter_identify(struct cv_service *service, struct cv_connection **connection,
    const struct cv_evidence *evidence, struct cv_presenter *ret_presenter, bool *ret_is_refused,
    enum cv_verdict *ret_verdict, const char **ret_detail, struct cv_error *err);

/*
 * Certificates by other names than their SHA-256. In memory: missing unless every name that was
 * given leads to the same certificate. In the database: *ret_is_one false, with a verdict, unless
 * one certificate goes by the name.
 */
void cv_naming_recall(struct cv_service *service, const struct cv_evidence *evidence,
    struct cv_index_answer *ret_found);
bool cv_naming_resolve(struct cv_service *service, struct cv_connection *connection,
    const struct cv_evidence *evidence, struct cv_digest *ret_fingerprint, bool *ret_is_one,
    enum cv_verdict *ret_verdict, struct cv_error *err);

/* The query that a decision about this presenter needs. named_key and csr_digest may be NULL. */
struct cv_record_query cv_presenter_query(const struct cv_service *service,
    const struct cv_presenter *presenter, const struct cv_digest *named_key,
    const struct cv_digest *csr_digest);

/* A row for a parsed certificate. Borrows from it. */
void cv_certificate_to_row(const struct cv_certificate *certificate, const char *authority,
    bool is_ours, struct cv_certificate_row *ret_row);

/*
 * After a commit: this instance's index takes the new state of the slot ("": of every slot) before
 * anything is answered, and remembered refusals are forgotten.
 */
bool cv_service_take_change(struct cv_service *service, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err);

/* The same for every slot of the device. */
bool cv_service_take_device(struct cv_service *service, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err);

/*
 * The same for the realm. What was made is made, whatever memory knows: what fails here is logged,
 * and the change feed reads it. What was taken away is done when this instance lets it in no more.
 */
bool cv_service_take_realm(struct cv_service *service, struct cv_connection *connection,
    bool takes_away, struct cv_error *err);

/* Before a judgement asks the database: told to cv_service_remember_refusal. */
uint64_t cv_service_refusals_begin(struct cv_service *service);
/* A refusal read from the primary database may be repeated from memory for one second, unless its
 * device was changed since the judgement began. */
void cv_service_remember_refusal(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, uint64_t began_at);
bool cv_service_recall_refusal(
    struct cv_service *service, const struct cv_evidence *evidence, struct cv_sight *ret_sight);

/* With which request an event came; each text may be NULL. */
struct cv_event_origin {
	const char *actor;
	const char *request_id;
	const char *label;
	const char *claimed_device; /* by whoever asks; NULL: the party is known */
	const struct cv_digest
	    *credentials; /* who asks may name another key, or device, each time:
			     all with these is one event. NULL: does not matter */
};

/* Counts a security event; collected in a bounded table and written in batches, the first of each
 * into the audit trail too. key_id: or of a certificate; NULL: not known. */
void cv_service_note_event(struct cv_service *service, const struct cv_party *party,
    const char *kind, const struct cv_digest *key_id, const struct cv_event_origin *origin);

#endif
