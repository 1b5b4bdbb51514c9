/*
 * How many connections each listener may have when the process may not open as many files as all of
 * them want: who floods the listener of the devices must leave descriptors to gateways and
 * operators. Pure; any thread.
 */
#ifndef CV_HTTP_CONNECTION_SHARE_INTERNAL_H
#define CV_HTTP_CONNECTION_SHARE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* A listener with less could not serve even a quiet site. */
#define CV_CONNECTION_SHARE_MIN 16

struct cv_connection_share {
	unsigned device;
	unsigned each_other;
};

/*
 * wanted: of each listener; others: listeners beside that of the devices; descriptors: for all of
 * them together. False when a share would be less than the minimum.
 */
bool cv_connection_share_make(
    unsigned wanted, unsigned others, uint64_t descriptors, struct cv_connection_share *ret_share);

#endif
