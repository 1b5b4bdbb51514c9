#include "cv/service/subscription.h"

#include <string.h>

#include "cv/util/random.h"

/* The secret as the database keeps it. */
static bool
seal_for_store(struct cv_service *service, const char *secret, struct cv_buffer *ret_sealed,
    struct cv_error *err)
{
	struct cv_event_signer *signer = cv_service_event_signer(service);

	if (!signer)
		return cv_fail(err, CV_E_SIGNER, "no passphrase to seal the secret of a webhook");
	return cv_event_signer_seal(signer, cv_bytes(secret, strlen(secret)), ret_sealed, err);
}

static bool
add(struct cv_service *service, const struct cv_operator *operator_,
    const struct cv_subscription_order *subscription, struct cv_configuration_order *order,
    const char *secret, struct cv_configuration_result *ret_result, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer stored = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer kept = CV_BUFFER_INIT;
	struct cv_subscription_row row = {.is_push = subscription->is_push,
	    .url = subscription->url,
	    .events = subscription->events[0] ? subscription->events : NULL};

	cv_uuid7(cv_clock_wall_ms(cv_service_clock(service)), row.id);
	if (!row.is_push && (!seal_for_store(service, secret, &stored, err) ||
				!cv_access_keep_secret(operator_, secret, order, &kept, err)))
		return false;
	row.sealed_secret = cv_buffer_bytes(&stored);
	order->act = CV_ADD_SUBSCRIPTION;
	order->value.subscription = &row;
	return cv_configure(service, order, ret_result, err);
}

bool
cv_subscription_add(struct cv_service *service, const struct cv_operator *operator_,
    const struct cv_subscription_order *subscription, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, char ret_secret[CV_SECRET_SIZE],
    struct cv_error *err)
{
	struct cv_configuration_order own = *order;

	ret_secret[0] = '\0';
	if (!subscription->is_push)
		cv_secret_generate(CV_SECRET_WEBHOOK, ret_secret);
	return add(service, operator_, subscription, &own, ret_secret, ret_result, err) &&
	       (subscription->is_push || ret_result->outcome != CV_CONFIGURATION_REPEATED ||
		   cv_access_recall_secret(operator_, &ret_result->kept, ret_secret, err));
}
