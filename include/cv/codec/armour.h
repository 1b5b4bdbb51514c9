/* PEM (RFC 7468) as clients send it: one block and no other, its label checked. Any thread. */
#ifndef CV_CODEC_ARMOUR_H
#define CV_CODEC_ARMOUR_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_ARMOUR_CERTIFICATE "CERTIFICATE"
#define CV_ARMOUR_PUBLIC_KEY "PUBLIC KEY"
#define CV_ARMOUR_REQUEST "CERTIFICATE REQUEST"
#define CV_ARMOUR_NEW_REQUEST                                                                      \
	"NEW CERTIFICATE REQUEST" /* RFC 7468 section 7: older tools write it */

enum cv_armour_surroundings {
	CV_ARMOUR_ALONE,     /* only white space around the block */
	CV_ARMOUR_WITH_TEXT, /* explanatory text around it is ignored, as "openssl x509 -text"
				writes it */
};

/*
 * Appends the decoded bytes of the only block to *ret_der. CV_E_INPUT: no block, another label, a
 * second block, no end, nothing inside, or not base64. other_label may be NULL. White space inside
 * may be of any kind.
 */
bool cv_armour_decode(struct cv_bytes text, enum cv_armour_surroundings surroundings,
    const char *label, const char *other_label, struct cv_buffer *ret_der, struct cv_error *err);

#endif
