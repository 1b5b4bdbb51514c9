/* Whether a part of the process gets on with its work: what a watchdog looks at. */
#ifndef CV_UTIL_PULSE_H
#define CV_UTIL_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct cv_pulse {
	const char *part; /* static name */
	bool has_work;
	uint64_t count;      /* changes whenever some of the work was done */
	int64_t patience_ms; /* for what one step may rightly take */
};

#endif
