/* Time, behind an object so that tests can step it. Any thread. */
#ifndef CV_UTIL_CLOCK_H
#define CV_UTIL_CLOCK_H

#include <stdint.h>

struct cv_clock {
	int64_t (*wall_ms)(const struct cv_clock *clock); /* milliseconds since 1970, UTC */
	int64_t (*boot_ms)(
	    const struct cv_clock *clock); /* CLOCK_BOOTTIME: goes on while suspended */
};

/* The system's clock; static, never freed. */
const struct cv_clock *cv_clock_system(void);

static inline int64_t
cv_clock_wall_ms(const struct cv_clock *clock)
{
	return clock->wall_ms(clock);
}

static inline int64_t
cv_clock_wall_seconds(const struct cv_clock *clock)
{
	return clock->wall_ms(clock) / 1000;
}

static inline int64_t
cv_clock_boot_ms(const struct cv_clock *clock)
{
	return clock->boot_ms(clock);
}

#endif
