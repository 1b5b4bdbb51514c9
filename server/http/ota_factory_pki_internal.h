/*
 * The PKI of a factory as FoundriesFactory clients set it up: /ota/factories/{factory}/certs/, in
 * the words of every generation of them. In workers only.
 */
#ifndef CV_HTTP_OTA_FACTORY_PKI_INTERNAL_H
#define CV_HTTP_OTA_FACTORY_PKI_INTERNAL_H

struct cv_request;

/* 200 with what there is; 206 with nulls until there is a root. */
void cv_ota_show_certs(struct cv_request *request);
/* Makes keys and answers their requests; to clients of the first generation also the scripts with
 * which they sign. */
void cv_ota_make_certs(struct cv_request *request);
void cv_ota_change_certs(struct cv_request *request);
/* The same for the EST server's certificate alone, as clients of the second generation ask. */
void cv_ota_make_est_certs(struct cv_request *request);
void cv_ota_change_est_certs(struct cv_request *request);

/* PEM of the CA that signs for the default factory; no secret, and so for everybody. */
void cv_ota_show_default_online_ca(struct cv_request *request);

#endif
