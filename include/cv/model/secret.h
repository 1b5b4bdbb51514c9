/*
 * Bearer secrets that we make: operator tokens, enrolment tokens, and what signs for a webhook.
 * 256 random bits as base64url behind a prefix that says what it is, so that scanners find leaked
 * ones. Of tokens only the SHA-256 is ever stored; what signs is stored sealed.
 */
#ifndef CV_MODEL_SECRET_H
#define CV_MODEL_SECRET_H

#define CV_SECRET_SIZE 64
#define CV_SECRET_OPERATOR "cvo_"
#define CV_SECRET_ENROLMENT "cve_"
#define CV_SECRET_WEBHOOK "cvw_"

void cv_secret_generate(const char *prefix, char ret_text[CV_SECRET_SIZE]);

#endif
