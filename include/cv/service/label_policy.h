/*
 * What a label asks of a request, and what it tells clients beforehand. Pure functions; any thread.
 */
#ifndef CV_SERVICE_LABEL_POLICY_H
#define CV_SERVICE_LABEL_POLICY_H

#include <stdbool.h>

#include "cv/model/label.h"
#include "cv/pki/csr.h"
#include "cv/service/enrolment.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/*
 * The authority that signs at this label for a factory, "": the newest. Without a label every
 * factory is served, and an authority of another one says nothing.
 */
const char *cv_label_authority(
    const struct cv_label *label, const struct cv_realm *realm, const char *factory);

/* Why the label can serve nobody, or without a name not by its authority: what it names does not
 * exist, or not together. NULL: nothing. */
const char *cv_label_flaw(const struct cv_label *label, const struct cv_realm *realm);

/* Fits the key, the link to the connection, what is asked for, and what must be there? True: yes.
 * False: answer has outcome and detail. */
bool cv_label_accepts(const struct cv_label *label, const struct cv_csr *csr,
    const struct cv_channel_binding *binding, struct cv_enrolment_answer *answer);

/* The same for a request whose key is not certified, because we make one: its type does not matter.
 */
bool cv_label_accepts_for_new_key(const struct cv_label *label, const struct cv_csr *csr,
    const struct cv_channel_binding *binding, struct cv_enrolment_answer *answer);

/*
 * Appends the DER of csrattrs (RFC 7030 section 4.5.2); nothing: there is nothing to say. unit: OU
 * that requests should have; may be "". oids_only: for clients that know nothing else.
 */
bool cv_label_csrattrs(const struct cv_label *label, const char *unit, bool oids_only,
    struct cv_buffer *buffer, struct cv_error *err);

#endif
