/* How many certificates this instance issued, by authority and by what was asked for. For metrics.
 * Any thread. */
#ifndef CV_SERVICE_ISSUE_COUNT_H
#define CV_SERVICE_ISSUE_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/util/auto.h"

enum cv_issue_kind {
	CV_ISSUE_ENROLMENT,    /* simpleenroll */
	CV_ISSUE_RENEWAL,      /* simplereenroll */
	CV_ISSUE_KEYGEN,       /* serverkeygen, whichever of the two it stands for */
	CV_ISSUE_REGISTRATION, /* by an operator or for a user: /ota/devices/ */
	CV_ISSUE_KINDS,
};
const char *cv_issue_kind_name(enum cv_issue_kind kind);

struct cv_issue_counts;

/* NULL: out of memory. */
struct cv_issue_counts *cv_issue_counts_new(void);
void cv_issue_counts_free(struct cv_issue_counts *counts);
CV_DEFINE_CLEANUP(cv_issue_counts);

/* authority: its id. Without memory for an authority it is not counted. */
void cv_issue_counts_add(
    struct cv_issue_counts *counts, const char *authority, enum cv_issue_kind kind);
/* 0 for one that issued nothing. */
uint64_t cv_issue_counts_of(
    const struct cv_issue_counts *counts, const char *authority, enum cv_issue_kind kind);

#endif
