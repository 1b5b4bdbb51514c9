/*
 * Bearer secrets that we make: operator tokens, enrolment tokens, and what signs for a webhook.
 * 256 random bits as base64url behind a prefix that says what it is, so that scanners find leaked
 * ones. Of tokens only the SHA-256 is ever stored; what signs is stored sealed.
 */
#ifndef CV_MODEL_SECRET_H
#define CV_MODEL_SECRET_H

#include <stdint.h>

#define CV_SECRET_SIZE 64
#define CV_SECRET_OPERATOR "cvo_"
#define CV_SECRET_ENROLMENT "cve_"
#define CV_SECRET_WEBHOOK "cvw_"

#define CV_SECRET_DEVICE_CODE "cvd_" /* of a device that waits for an operator */
#define CV_SECRET_REFRESH "cvr_"

void cv_secret_generate(const char *prefix, char ret_text[CV_SECRET_SIZE]);
/* The secret of these 32 bytes, which nobody else knows or can find. */
void cv_secret_of(const char *prefix, const uint8_t bytes[32], char ret_text[CV_SECRET_SIZE]);

#endif
