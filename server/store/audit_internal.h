/* One row of the audit trail, in the transaction of what it tells; change_finish writes those of
 * devices. */
#ifndef CV_STORE_AUDIT_INTERNAL_H
#define CV_STORE_AUDIT_INTERNAL_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "cv/store/pool.h"
#include "cv/util/error.h"
#include "database_internal.h"

/* Texts may be NULL but actor and action. */
struct cv_audit_row {
	const char *actor;
	const char *action;
	const char *factory;
	const char *reason;
	const char *request_id;
	const char *before_json;
	const char *after_json;
	bool is_of_object; /* before and after are an object, which says whose it is */
};

bool cv_audit_write(
    struct cv_connection *connection, const struct cv_audit_row *row, struct cv_error *err);

#endif
