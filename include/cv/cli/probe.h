/* One GET without a body being shown, for health checks. Blocking; any thread. */
#ifndef CV_CLI_PROBE_H
#define CV_CLI_PROBE_H

#include <stdbool.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* CV_E_IO: no answer within timeout_ms. Appends the body of the answer, at most 64 KiB. */
bool cv_probe(const char *url, long timeout_ms, long *ret_status, struct cv_buffer *ret_body,
    struct cv_error *err);

#endif
