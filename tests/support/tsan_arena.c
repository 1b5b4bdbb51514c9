/*
 * Lets Criterion run under the thread sanitizer. Criterion shares memory with its test processes at
 * a random fixed address, chosen with rand_r() between 2^45 and about 3 * 2^45; the sanitizer
 * allows only a few ranges there and refuses the rest. This rand_r(), linked in that lane alone,
 * chooses addresses from 0x550000000000: allowed, and below all that the kernel places itself.
 */
#include <stdlib.h>

#define FIRST_SLOT 0x350000U /* (0x550000000000 - 2^45) / 2^24 */
#define SLOT_COUNT 0x5000U

int
rand_r(unsigned int *seed)
{
	*seed = *seed * 1103515245U + 12345U;
	return (int)(FIRST_SLOT + (*seed >> 8) % SLOT_COUNT);
}
