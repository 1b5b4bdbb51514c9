/*
 * What a certificate may be called when neither it nor its SHA-256 is at hand. Plain values; any
 * thread.
 */
#ifndef CV_MODEL_CERTIFICATE_NAME_H
#define CV_MODEL_CERTIFICATE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/model/digest.h"
#include "cv/model/name.h"

#define CV_ISSUER_TEXT_SIZE 256
#define CV_SERIAL_OCTETS_MAX 20 /* RFC 5280 section 4.1.2.2 */

struct cv_certificate_name {
	bool has_sha1;
	uint8_t sha1[CV_SHA1_LEN];
	/* As the gateway's program writes names; "": issuer and serial are not known. */
	char issuer[CV_ISSUER_TEXT_SIZE];
	uint8_t serial[CV_SERIAL_OCTETS_MAX]; /* without leading zero octets */
	size_t serial_len;                    /* 1 at least, where there is an issuer */
	struct cv_party party; /* "" names: not known; beside a certificate its device only */
};

#endif
