/* Start-up steps of the service that have a file of their own. */
#ifndef CV_APP_APP_INTERNAL_H
#define CV_APP_APP_INTERNAL_H

#include <stdbool.h>

#include "cv/app/config.h"
#include "cv/pki/certificate.h"
#include "cv/service/service.h"
#include "cv/signer/signer.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"

/*
 * Gives the signer the keys of this instance: each device-ca*.pem and .key of [signer] directory
 * that an online authority of the database has as its certificate, and service-ca. A file that fits
 * no authority, and an authority without a file, are warnings: a fleet with offline authorities
 * only signs nothing. ret_service_ca stays NULL when the folder has none.
 */
bool cv_app_add_keys(struct cv_signer *signer, const struct cv_config *config,
    struct cv_connection *connection, struct cv_certificate **ret_service_ca, struct cv_error *err);

/* Tells the service the keys of the servers that config names and of the service CA (NULL: not
 * here), so that no device gets a certificate for one. What cannot be read is a warning. */
void cv_app_tell_own_keys(struct cv_service *service, const struct cv_config *config,
    const struct cv_certificate *service_ca);

#endif
