/* What a subject says besides the names of device and factory. Any thread. */
#ifndef CV_PKI_SUBJECT_H
#define CV_PKI_SUBJECT_H

#include <stdbool.h>

#include "cv/util/bytes.h"

/* Does the Name element have a businessCategory (X.520 section 6.5.4) that says "production"? So
 * FoundriesFactory tells production devices from others. */
bool cv_subject_is_production(struct cv_bytes name);

#endif
