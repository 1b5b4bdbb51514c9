#include "cv/util/clock.h"

#include <stdlib.h>
#include <time.h>

/* Both clocks exist on every kernel that runs this; without time no decision is safe. */
static int64_t
read_clock_ms(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		abort();
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
system_wall_ms(const struct cv_clock *clock)
{
	(void)clock;
	return read_clock_ms(CLOCK_REALTIME);
}

static int64_t
system_boot_ms(const struct cv_clock *clock)
{
	(void)clock;
	return read_clock_ms(CLOCK_BOOTTIME);
}

const struct cv_clock *
cv_clock_system(void)
{
	static const struct cv_clock system_clock = {
	    .wall_ms = system_wall_ms,
	    .boot_ms = system_boot_ms,
	};

	return &system_clock;
}
