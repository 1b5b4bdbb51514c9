#include "app_internal.h"
#include "config_internal.h"
#include "cv/pki/bundle.h"
#include "cv/util/file.h"
#include "cv/util/log.h"

/* A listener that is off here may be on elsewhere, with the same files; one that is not there has
 * no key. */
static void
add_server(const char *path, struct cv_digest keys[CV_OWN_KEYS_MAX], size_t *count)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err = CV_ERROR_INIT;

	if (path[0] == '\0' || !cv_file_exists(path))
		return;
	if (!cv_file_read(path, CV_CONFIG_PEM_MAX, &pem, &err) ||
	    !cv_bundle_parse(cv_buffer_bytes(&pem), &bundle, &err)) {
		(void)cv_error_context(&err, "%s", path);
		cv_log_error(CV_LOG_WARNING, "own-key-unknown",
		    "a device could get a certificate for the key of this server", &err);
		return;
	}
	keys[(*count)++] = bundle.items[0].certificate->key_id;
}

void
cv_app_tell_own_keys(struct cv_service *service, const struct cv_config *config,
    const struct cv_certificate *service_ca)
{
	struct cv_digest keys[CV_OWN_KEYS_MAX];
	size_t count = 0;

	add_server(config->device_certificate, keys, &count);
	add_server(config->gateway_certificate, keys, &count);
	add_server(config->operator_certificate, keys, &count);
	if (service_ca != NULL)
		keys[count++] = service_ca->key_id;
	cv_service_set_own_keys(service, keys, count);
}
