#include "cv/service/configuration.h"

#include "cv/util/log.h"

#include "service_internal.h"

static void
log_act(const struct cv_configuration_order *order)
{
	cv_log(CV_LOG_INFO, "configuration-changed", "changed by an operator",
	    CV_LOG_TEXT("request_id", order->request_id), CV_LOG_TEXT("actor", order->actor),
	    CV_LOG_TEXT("object", order->name));
}

/* Does it change what the memory of this instance lets in? Credentials are looked for in the
 * database. */
static bool
may_take_away(enum cv_configuration_act act)
{
	return act == CV_CHANGE_FACTORY || act == CV_CHANGE_AUTHORITY || act == CV_CHANGE_GROUP ||
	       act == CV_CHANGE_GATEWAY || act == CV_REMOVE_GATEWAY;
}

static bool
apply(struct cv_connection *connection, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (cv_configuration_apply(connection, order, ret_result, err))
			return true;
		if (err->code != CV_E_CONFLICT)
			return false;
		cv_buffer_reset(&ret_result->object);
	}
	return false;
}

bool
cv_configure(struct cv_service *service, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = apply(connection, order, ret_result, err);
	if (is_good && ret_result->outcome == CV_CONFIGURATION_DONE)
		log_act(order);
	is_good =
	    is_good && cv_service_take_realm(service, connection, may_take_away(order->act), err);
	cv_pool_return(connection);
	return is_good;
}
