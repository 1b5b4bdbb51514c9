/* Who wants to be told: webhooks and event queues. Blocking; audited; the caller has checked who
 * may. */
#ifndef CV_SERVICE_SUBSCRIPTION_H
#define CV_SERVICE_SUBSCRIPTION_H

#include <stdbool.h>

#include "cv/model/secret.h"
#include "cv/service/access.h"

struct cv_subscription_order {
	bool is_push;
	const char *url;    /* that cv_callback_url_is_valid */
	const char *events; /* comma list; "": every kind */
};

/*
 * Adds one under the label that order names. Of a webhook DONE and REPEATED give the secret that
 * signs what it is sent, the same one; of an event queue "". NOT_POSSIBLE: the factory has as many
 * as it may. It is told of what happens from now on.
 */
bool cv_subscription_add(struct cv_service *service, const struct cv_operator *operator_,
    const struct cv_subscription_order *subscription, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, char ret_secret[CV_SECRET_SIZE],
    struct cv_error *err);

#endif
