/* Chains the audit trail, and notes the end of the chain where whoever changes the database does
 * not reach it: in the log. The feed's thread. */
#ifndef CV_APP_AUDIT_KEEPER_INTERNAL_H
#define CV_APP_AUDIT_KEEPER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/audit_chain.h"
#include "cv/util/clock.h"

struct cv_audit_keeper {
	struct cv_audit_link head; /* of what this instance chained */
	bool is_noted;
	int64_t noted_ms;
	bool has_failed;
};

void cv_audit_keep(struct cv_audit_keeper *keeper, struct cv_connection *connection);

#endif
