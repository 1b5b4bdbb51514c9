#include "connection_share_internal.h"

static unsigned
smaller(unsigned wanted, uint64_t left)
{
	return left < wanted ? (unsigned)left : wanted;
}

bool
cv_connection_share_make(
    unsigned wanted, unsigned others, uint64_t descriptors, struct cv_connection_share *ret_share)
{
	struct cv_connection_share share = {.device = wanted, .each_other = wanted};

	if ((uint64_t)wanted * (others + 1) > descriptors) {
		/* A fleet has more connections than its gateways and operators. */
		if (others > 0)
			share.each_other = smaller(wanted, descriptors * 2 / 5 / others);
		share.device = smaller(wanted, descriptors - (uint64_t)share.each_other * others);
	}
	if (share.device < CV_CONNECTION_SHARE_MIN || share.each_other < CV_CONNECTION_SHARE_MIN)
		return false;
	*ret_share = share;
	return true;
}
