/* The shell scripts with which operators of the first generation sign their requests; see
 * deploy/foundries. Any thread. */
#ifndef CV_HTTP_OTA_SCRIPTS_INTERNAL_H
#define CV_HTTP_OTA_SCRIPTS_INTERNAL_H

#include <stdbool.h>

#include "cv/util/bytes.h"

/* Only what needs no quoting, in the shell and in the configuration of openssl, is written into
 * them. */
bool cv_ota_scripts_can_name(const char *user);
/* Appends four members to a JSON object, for a factory and a user who can be named. */
void cv_ota_append_scripts(struct cv_buffer *json, const char *factory, const char *user);

#endif
