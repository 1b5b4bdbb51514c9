/* What every operator request begins with: who is it, may they, and in which factory. In workers
 * only. */
#ifndef CV_HTTP_OPERATOR_CALL_INTERNAL_H
#define CV_HTTP_OPERATOR_CALL_INTERNAL_H

#include <stdbool.h>

#include "cv/service/access.h"
#include "request_internal.h"

struct cv_operator_call {
	struct cv_operator operator_;
	char factory[CV_FACTORY_NAME_MAX + 1];
};

/*
 * Token, role and factory: ?factory=, else the token's only one, else the default factory. False:
 * answered with 400, 401, 403, 404 (also for a factory that the token may not see), 429 or 503.
 */
bool cv_operator_admit(
    struct cv_request *request, enum cv_role role, struct cv_operator_call *ret_call);

/* 200 with a JSON body, or 500 when building it failed. */
void cv_operator_answer_json(struct cv_request *request, unsigned status);
/* 400 bad-json for what the decoder refused. */
void cv_operator_answer_bad_json(struct cv_request *request, const struct cv_error *err);

#endif
