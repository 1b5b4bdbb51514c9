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

static bool
apply(struct cv_service *service, struct cv_connection *connection,
    const struct cv_configuration_order *order, struct cv_configuration_result *ret_result,
    struct cv_error *err)
{
	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (cv_configuration_apply(connection, order, ret_result, err))
			return cv_service_refresh(service, connection, err);
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
	is_good = apply(service, connection, order, ret_result, err);
	cv_pool_return(connection);
	if (is_good && ret_result->outcome == CV_CONFIGURATION_DONE)
		log_act(order);
	return is_good;
}
