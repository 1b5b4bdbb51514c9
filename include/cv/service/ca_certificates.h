/*
 * The CA certificates that clients get to verify what a factory issues (RFC 7030 section 4.1.3),
 * also while its root changes. What they are is told from the certificates alone: a root is signed
 * by itself; a CA that is kept as a root and is signed by another is an intermediate, or, when
 * another authority of the factory has its name and key, a rollover certificate (OldWithNew,
 * NewWithOld; RFC 4210 section 4.4). Any thread.
 */
#ifndef CV_SERVICE_CA_CERTIFICATES_H
#define CV_SERVICE_CA_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#include "cv/service/realm.h"
#include "cv/util/bytes.h"

/*
 * Calls sink for each: those that issue, intermediates, roots, rollover certificates; none outside
 * its dates. name: of the one online authority; "": all of them. The realm must be held by the
 * caller. Returns how many of them issue.
 */
size_t cv_ca_certificates(const struct cv_realm *realm, const char *factory, const char *name,
    int64_t now_utc, void (*sink)(void *context, struct cv_bytes der), void *context);

/* The root or online authority of the factory whose name and key a certificate from another issuer
 * has; NULL: none. */
const struct cv_realm_authority *cv_ca_certificates_twin(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *crossed);

/* What speaks against taking this certificate as a root, intermediate or rollover certificate of
 * the factory; static text, NULL: nothing. */
const char *cv_ca_certificates_refusal(
    const struct cv_realm *realm, const char *factory, const struct cv_certificate *certificate);

/* Logs each factory whose set is more than some clients read, and each authority that is left out
 * because of its dates. */
void cv_ca_certificates_warn(const struct cv_realm *realm, int64_t now_utc);

#endif
