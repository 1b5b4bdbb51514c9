/* Devices that register at /ota/devices/, and the base URLs that they are given. In workers only.
 */
#ifndef CV_HTTP_OTA_REGISTRATION_INTERNAL_H
#define CV_HTTP_OTA_REGISTRATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct cv_request;
struct cv_http;

/* POST: a CSR, answered with certificate, root and sota.toml: 201 for what lmp-device-register and
 * fioup send. */
void cv_ota_register_device(struct cv_request *request);
/* PUT: a certificate of a local CA, sent by a registrar: 201, or 200 when it is known. */
void cv_ota_register_certificate(struct cv_request *request);

/*
 * Where the devices of a factory find the device gateway: [foundries] gateway_url, else the first
 * name of the factory's own server certificate, else of that of the device listener, with the port
 * of the listener. Without a slash at its end. False: there is none.
 */
#define CV_BASE_URL_SIZE 288
bool cv_ota_gateway_url(
    const struct cv_http *http, const char *factory, char ret_url[CV_BASE_URL_SIZE]);
/* And the OSTree server: [foundries] ostree_url, else as above with the second name. */
bool cv_ota_ostree_url(
    const struct cv_http *http, const char *factory, char ret_url[CV_BASE_URL_SIZE]);

#endif
