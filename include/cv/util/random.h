/* Random bytes from the system generator, and ids made of them. Any thread. */
#ifndef CV_UTIL_RANDOM_H
#define CV_UTIL_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills memory from getrandom(2). Aborts the process when the system has none: nothing may go on.
 */
void cv_random_bytes(void *ret_data, size_t len);

#define CV_UUID_TEXT_SIZE 37

/* UUIDv7 (RFC 9562 section 5.7): milliseconds, then 74 random bits; as lower-case text. */
void cv_uuid7(int64_t wall_ms, char ret_text[CV_UUID_TEXT_SIZE]);

#endif
