/*
 * Bearer secrets that we make: operator tokens and enrolment tokens. 256 random bits as base64url
 * behind a prefix that says what it is ("cvo_", "cve_"), so that scanners find leaked ones. Only
 * the SHA-256 is ever stored.
 */
#ifndef CV_MODEL_SECRET_H
#define CV_MODEL_SECRET_H

#define CV_SECRET_SIZE 64
#define CV_SECRET_OPERATOR "cvo_"
#define CV_SECRET_ENROLMENT "cve_"

void cv_secret_generate(const char *prefix, char ret_text[CV_SECRET_SIZE]);

#endif
