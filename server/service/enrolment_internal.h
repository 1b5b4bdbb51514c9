/*
 * What registration and re-enrolment share: one request on its way, the checks of its CSR and key,
 * and the certificate that answers it. Functions return false for a failure; an expected no is
 * true with an outcome other than CV_ENROLMENT_ISSUED.
 */
#ifndef CV_SERVICE_ENROLMENT_INTERNAL_H
#define CV_SERVICE_ENROLMENT_INTERNAL_H

#include "cv/pki/csr.h"
#include "cv/pki/key_wish.h"
#include "cv/service/approval.h"
#include "cv/service/enrolment.h"
#include "cv/service/issue_count.h"

#include "service_internal.h"

struct enrolment {
	struct cv_service *service;
	const struct cv_label *label;
	const struct cv_enrolment_request *request;
	struct cv_enrolment_answer *answer;
	struct cv_buffer *ret_der;
	struct cv_connection *connection; /* NULL: not needed yet */
	struct cv_csr *csr;               /* NULL: it is nobody's, and refused */
	enum cv_csr_outcome csr_outcome;
	const char *csr_detail;
	struct cv_public_key *generated;  /* of the pair that we made; NULL: the CSR's is meant */
	struct cv_key_wish wish;          /* how that is to be protected; lent by the CSR */
	struct cv_certificate *recipient; /* whose key decrypts it; NULL: TLS is enough */
	struct cv_realm *realm;
	const struct cv_realm_authority *issuer; /* lent by the realm; NULL: none signs now */
	const struct cv_factory_row *factory;    /* lent by the realm */
	struct cv_certificate *certificate;      /* issued, and not yet committed */
	struct cv_certificate_row row;           /* of that; borrows from it and from the request */
	struct cv_change_note note;              /* kind NULL: nothing to commit */
	char note_after[512];
	struct cv_approval_request approval; /* where an operator has to decide */
	char approval_identity[CV_APPROVAL_IDENTITY_SIZE];
	char approval_id[CV_UUID_TEXT_SIZE]; /* what was decided; "": nobody has to */
	bool approval_is_used;               /* another certificate needs another one */
	bool must_repeat;                    /* the record changed since the sight: judge again */
};

void cv_enrolment_start(struct enrolment *enrolment, struct cv_service *service,
    const struct cv_enrolment_request *request, struct cv_enrolment_answer *ret_answer,
    struct cv_buffer *ret_der);
void cv_enrolment_deinit(struct enrolment *enrolment);
/* Every refusal is counted once, whatever the way to it. Returns is_good. */
bool cv_enrolment_finish(const struct enrolment *enrolment, bool is_good);

/* An expected no; true, because nothing failed. */
bool cv_enrolment_refuse(
    struct enrolment *enrolment, enum cv_enrolment_outcome outcome, const char *detail);
bool cv_enrolment_refuse_verdict(
    struct enrolment *enrolment, enum cv_verdict verdict, const char *detail);
bool cv_enrolment_is_going_on(const struct enrolment *enrolment);

/* The rate limit; the client may come back after this time. */
void cv_enrolment_refuse_busy(struct enrolment *enrolment, int64_t wait_seconds);

/* A connection for the rest of the request. */
bool cv_enrolment_connect(struct enrolment *enrolment, struct cv_error *err);

/* The key that the certificate is for. */
const struct cv_public_key *cv_enrolment_key(const struct enrolment *enrolment);
/* By what a repeated request is known; NULL: it gets another key each time. */
const struct cv_digest *cv_enrolment_replay_digest(const struct enrolment *enrolment);
/* At which label a repeated request has to come, to be one. */
const char *cv_enrolment_replay_label(const struct enrolment *enrolment);
/* Where a key pair is asked for: may it be given in the way that the CSR asks for, and to whom? */
bool cv_enrolment_judge_wish(struct enrolment *enrolment, struct cv_error *err);
/*
 * Before an operator is asked, and before a key is made, which may take long: refuses what the
 * record is against now: the allowance where a key is made, else the CSR's key, and what objects
 * says (NULL: nothing). All of it is asked again under the lock.
 */
bool cv_enrolment_look_ahead(struct enrolment *enrolment,
    void (*objects)(struct enrolment *enrolment, const struct cv_device_record *record),
    struct cv_error *err);
/* Where a key pair is asked for, makes it, and encrypts it where that is asked for. */
bool cv_enrolment_make_key(struct enrolment *enrolment, struct cv_error *err);

/* A security event of the device in the answer. */
void cv_enrolment_note_event(
    const struct enrolment *enrolment, const char *kind, const struct cv_digest *subject);
/* One that could come with any key, and where only the request says which device it is, under any
 * name: it is an event of the credentials. */
void cv_enrolment_note_claim(
    const struct enrolment *enrolment, const char *kind, const struct cv_public_key *key);
/* Who asks is told what is wrong with the request only after the credentials are good. */
bool cv_enrolment_read_csr(struct enrolment *enrolment, struct cv_error *err);
bool cv_enrolment_judge_csr(struct enrolment *enrolment, struct cv_error *err);
/* Of a first certificate: more is asked of its subject than of one that is renewed. */
bool cv_enrolment_check_new_subject(struct enrolment *enrolment);
/* The factory by whatever named it, and its issuer, if there is one now; a label or OU that
 * contradicts is refused. */
bool cv_enrolment_choose_factory(struct enrolment *enrolment, const char *factory);
/* Whatever the device: keys that everybody has, and our own. */
bool cv_enrolment_check_key(
    struct enrolment *enrolment, const char *factory, const struct cv_public_key *key);
/* Only what is issued needs one: a repeated answer was signed before. */
bool cv_enrolment_check_issuer(struct enrolment *enrolment);
/* What the record says of the requested key. */
bool cv_enrolment_check_named_key(
    struct enrolment *enrolment, const struct cv_device_record *record);
/* RFC 7030 section 4.2.3: where an operator has to decide, the client repeats its request until
 * then. What was approved is used up by the certificate, under the lock. identity: by which
 * credentials it came; most: requests by these that may wait. */
bool cv_enrolment_check_approval(
    struct enrolment *enrolment, const char *identity, int64_t most, struct cv_error *err);
bool cv_enrolment_check_allowance(struct enrolment *enrolment, struct cv_device_change *change);

/*
 * Makes the certificate and adds it, with its note, to the change. Nothing of it may be answered
 * before cv_enrolment_take_issued, which the caller calls after the commit.
 */
bool cv_enrolment_issue(struct enrolment *enrolment, struct cv_device_change *change,
    struct cv_bytes san, struct cv_error *err);
void cv_enrolment_write_note(struct enrolment *enrolment, const struct cv_certificate *certificate,
    const char *kind, const char *actor);
/* A request that was answered before, and now announces its key as well. */
void cv_enrolment_write_announcement(struct enrolment *enrolment, const char *actor);
void cv_enrolment_take_issued(struct enrolment *enrolment, enum cv_issue_kind kind);

/* The answer is this certificate. */
bool cv_enrolment_answer_with(
    struct enrolment *enrolment, const struct cv_certificate *certificate, struct cv_error *err);
/*
 * Under the lock: was this request answered before, by a certificate of the names that it asks for
 * now? Then that becomes the answer. san: what a new certificate would have.
 */
bool cv_enrolment_find_repeat(struct enrolment *enrolment, const struct cv_device_change *change,
    struct cv_bytes san, bool *ret_is_repeat, struct cv_error *err);

/* Before an attempt: as if nothing had been tried. */
void cv_enrolment_begin_attempt(struct enrolment *enrolment);
/* Where the outcome is a repetition: takes into memory what was written the first time. */
bool cv_enrolment_take_repeated(struct enrolment *enrolment, struct cv_error *err);
/* The same, where the answer is there already, and counts it. */
bool cv_enrolment_answer_again(struct enrolment *enrolment, struct cv_error *err);
/*
 * Runs one attempt until it neither collides with another transaction nor finds the record changed.
 * judge_again may be NULL.
 */
bool cv_enrolment_attempt_until_settled(struct enrolment *enrolment,
    bool (*attempt)(struct enrolment *enrolment, struct cv_error *err),
    bool (*judge_again)(struct enrolment *enrolment, struct cv_error *err), struct cv_error *err);

#endif
