#include "cv/util/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "cv/util/text.h"

void
cv_random_bytes(void *ret_data, size_t len)
{
	uint8_t *next = ret_data;

	while (len > 0) {
		ssize_t count = getrandom(next, len, 0);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			abort();
		next += count;
		len -= (size_t)count;
	}
}

/* What need not be a secret comes from a stock of its thread: one system call for many. */
static void
take_from_stock(uint8_t *ret_data, size_t len)
{
	static _Thread_local uint8_t stock[4096];
	static _Thread_local size_t left;

	if (left < len) {
		cv_random_bytes(stock, sizeof(stock));
		left = sizeof(stock);
	}
	left -= len;
	memcpy(ret_data, stock + left, len);
}

void
cv_uuid7(int64_t wall_ms, char ret_text[CV_UUID_TEXT_SIZE])
{
	static const size_t group_lens[] = {4, 2, 2, 2, 6};
	uint8_t bytes[16];

	take_from_stock(bytes, sizeof(bytes));
	for (size_t i = 0; i < 6; i++)
		bytes[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
	bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f)); /* version 7 */
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* variant 10 */

	const uint8_t *group = bytes;
	for (size_t i = 0; i < sizeof(group_lens) / sizeof(group_lens[0]); i++) {
		if (i > 0)
			*ret_text++ = '-';
		cv_hex_encode(group, group_lens[i], ret_text);
		ret_text += 2 * group_lens[i];
		group += group_lens[i];
	}
}
