/* Distinguished names as the programs in front of us write them. Any thread. */
#ifndef CV_PKI_NAME_TEXT_H
#define CV_PKI_NAME_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"

enum cv_name_style {
	CV_NAME_RFC2253, /* nginx, HAProxy with rfc2253, ALB: "CN=Leaf CA,O=Acme" */
	CV_NAME_SLASHES, /* nginx' legacy form, HAProxy by default: "/O=Acme/CN=Leaf CA" */
	CV_NAME_TRAEFIK, /* with all its parts on: "O=Acme,CN=Leaf CA", nothing escaped */
	CV_NAME_STYLES
};

/* name: whole Name element. False, and "", when it is malformed, empty or does not fit. */
bool cv_name_write(struct cv_bytes name, enum cv_name_style style, char *ret_text, size_t size);

#endif
