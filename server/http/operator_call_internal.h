/* What every operator request begins and ends with: who is it, may they, in which factory, under
 * which condition; and the answer. In workers only. */
#ifndef CV_HTTP_OPERATOR_CALL_INTERNAL_H
#define CV_HTTP_OPERATOR_CALL_INTERNAL_H

#include <stdbool.h>

#include "cv/codec/operator_json.h"
#include "cv/service/access.h"
#include "request_internal.h"

struct cv_operator_call {
	struct cv_operator operator_;
	char factory[CV_FACTORY_NAME_MAX + 1]; /* "" on CV_ROUTE_REALM without ?factory= */
	char if_match[CV_ENTITY_TAG_SIZE];
	char idempotency_key[CV_ACCESS_KEY_SIZE];
	struct cv_idempotency once;
};

/*
 * Certificate or token, role of the route, and factory: {factory} of an /ota/factories/ path, else
 * ?factory=, else the operator's only one, else the default factory. False: answered with 400, 401,
 * 403, 404 (also for a factory that the operator may not see), 429 or 503.
 */
bool cv_operator_admit(struct cv_request *request, struct cv_operator_call *ret_call);

/* The factories that the request is about, as cv_view_query has it: the chosen one, or on
 * CV_ROUTE_REALM without ?factory= those that the operator sees. */
const char *cv_operator_scope(const struct cv_operator_call *call);

/*
 * After admission: the order of an act, with If-Match and Idempotency-Key. name lives as long as
 * the order. False: answered with 400 or 428.
 */
bool cv_operator_order(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name, struct cv_configuration_order *ret_order);

/* After admission: are there all of these factories, and does the operator see them? "", every
 * factory: only who sees every one. */
bool cv_operator_sees_factories(
    const struct cv_request *request, const struct cv_operator *operator_, const char *factories);

/* The operator that is to be made. False: of factories that the maker does not see, answered 404:
 * who has some factories makes operators of these only, and says which. */
bool cv_operator_grant(struct cv_request *request, const struct cv_operator_call *call,
    const struct cv_operator_body *body, struct cv_operator_row *ret_operator);

/* 200 with a JSON body, or 500 when building it failed. */
void cv_operator_answer_json(struct cv_request *request, unsigned status);
/* 400 bad-json for what the decoder refused. */
void cv_operator_answer_bad_json(struct cv_request *request, const struct cv_error *err);
/* {"outcome":"..."} */
void cv_operator_answer_outcome(struct cv_request *request, const char *outcome);

/* The reason in the body, "" when there is none. False: the body is no such one, which is answered.
 */
bool cv_operator_read_remark(struct cv_request *request, char ret_remark[CV_REMARK_SIZE]);

/* Ends or repeats an object: reads the remark of the body, carries the order out and answers the
 * outcome. */
void cv_operator_act_on(struct cv_request *request, struct cv_operator_call *call,
    enum cv_configuration_act act, const char *name);

/* Carries an order out. False: it was refused, and that is answered. */
bool cv_operator_configure(struct cv_request *request, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result);
/* The same with its answer: 201 to what was made, 200 with the ETag to what was changed. */
void cv_operator_carry_out(struct cv_request *request, const struct cv_configuration_order *order);
/* Did it come to something? False: the refusal is answered. */
bool cv_operator_accept(struct cv_request *request, const struct cv_configuration_result *result);
/* 200 with the object and its ETag. */
void cv_operator_answer_object(
    struct cv_request *request, const struct cv_configuration_result *result);
/* 201 with the object and one more member. */
void cv_operator_answer_created(struct cv_request *request,
    const struct cv_configuration_result *result, const char *member, const char *text);

#endif
