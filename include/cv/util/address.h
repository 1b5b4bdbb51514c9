/* Where a listener listens: the text of the setting, taken apart. Pure; any thread. */
#ifndef CV_UTIL_ADDRESS_H
#define CV_UTIL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/util/error.h"

#define CV_HOST_MAX 253

struct cv_address {
	char host[CV_HOST_MAX + 1]; /* "": every address of this machine */
	uint16_t port;              /* 0: any free one */
};

/* "host:port", "[v6]:port" or ":port". CV_E_CONFIG otherwise. */
bool cv_address_parse(const char *text, struct cv_address *ret_address, struct cv_error *err);

#endif
