/* The examination behind "certvendor doctor": one line for each thing looked at, with what to do.
 */
#ifndef CV_APP_DOCTOR_INTERNAL_H
#define CV_APP_DOCTOR_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/app/config.h"
#include "cv/store/pool.h"

enum cv_finding { CV_FINDING_OK, CV_FINDING_WARN, CV_FINDING_FAIL };

/* How many of each. */
struct cv_doctor {
	unsigned findings[CV_FINDING_FAIL + 1];
};

/* Prints "ok    what: text" on standard output. */
void cv_doctor_say(struct cv_doctor *doctor, enum cv_finding finding, const char *what,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* One line about the end of a certificate: warns `warn_days` before it. */
void cv_doctor_say_end(
    struct cv_doctor *doctor, const char *what, int64_t not_after_utc, int warn_days);

/* Files, permissions, key pairs, clock and ports of this machine. */
void cv_doctor_look_at_machine(struct cv_doctor *doctor, const struct cv_config *config);
/* Schema, settings that make commits durable, clock, authorities and their keys, audit chain. */
void cv_doctor_look_at_database(struct cv_doctor *doctor, const struct cv_config *config);

#endif
