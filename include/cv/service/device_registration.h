/*
 * Devices that an operator, or a token that is cut down to it, registers by name: with a
 * certificate request that we answer, or with a certificate that a local CA has issued. The first
 * key of the device becomes current at once; nothing is answered before it is committed. Blocking.
 */
#ifndef CV_SERVICE_DEVICE_REGISTRATION_H
#define CV_SERVICE_DEVICE_REGISTRATION_H

#include <stdbool.h>

#include "cv/service/access.h"
#include "cv/service/enrolment.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Borrowed during the call. */
struct cv_device_order {
	const struct cv_operator
	    *operator_;          /* whose word is taken; the owner, where nobody else is */
	const char *factory;     /* NULL: that of the OU, if the operator sees it */
	const char *uuid;        /* must be the CN; NULL: that is the id */
	const char *name;        /* NULL: the id */
	const char *group;       /* NULL: none */
	const char *hardware_id; /* NULL: not known */
	const char *request_id;
};

/*
 * Registers and issues: CN is the id, the only OU the factory. ISSUED, or REPEATED for the id with
 * the key that it has: the certificate of that key. A deleted device is registered anew, which ends
 * every earlier key of it; one that is held or revoked is REFUSED. TAKEN: the id has another key,
 * or the name is another's. BAD_NAME, NO_GROUP, NO_ISSUER, BUSY, and what is wrong with CSR and
 * key. Appends the certificate's DER. label: terms of the certificate.
 */
bool cv_register_device(struct cv_service *service, const struct cv_label *label,
    struct cv_bytes csr, const struct cv_device_order *order,
    struct cv_enrolment_answer *ret_answer, struct cv_buffer *ret_der, struct cv_error *err);

/*
 * Registers a device with its certificate (DER) of an authority whose key is not ours; that must be
 * trusted, and not disabled. ISSUED: registered; REPEATED: it was, with this key. TAKEN as above,
 * and for a key that another device has; REFUSED: the id is denied, or the authority;
 * BAD_CERTIFICATE.
 */
bool cv_register_certificate(struct cv_service *service, struct cv_bytes certificate,
    const struct cv_device_order *order, struct cv_enrolment_answer *ret_answer,
    struct cv_error *err);

#endif
