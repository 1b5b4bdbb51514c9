#include "cv/model/event.h"

#include <stdlib.h>
#include <string.h>

const char *
cv_event_kind_name(enum cv_event_kind kind)
{
	switch (kind) {
	case CV_EVENT_KEY_CHANGED:
		return "key-changed";
	case CV_EVENT_FIRST_SEEN:
		return "first-seen";
	case CV_EVENT_CONFIG_APPLIED:
		return "config-applied";
	case CV_EVENT_DEVICE_REGISTERED:
		return "device-registered";
	case CV_EVENT_DEVICE_HELD:
		return "device-held";
	case CV_EVENT_DEVICE_DELETED:
		return "device-deleted";
	case CV_EVENT_DEVICE_REVOKED:
		return "device-revoked";
	case CV_EVENT_DEVICE_ALLOWED:
		return "device-allowed";
	case CV_EVENT_CERTIFICATE_REVOKED:
		return "certificate-revoked";
	}
	return "none";
}

bool
cv_event_kind_parse(const char *name, enum cv_event_kind *ret_kind)
{
	for (int kind = 0; kind < CV_EVENT_KINDS; kind++) {
		if (strcmp(cv_event_kind_name((enum cv_event_kind)kind), name) == 0) {
			*ret_kind = (enum cv_event_kind)kind;
			return true;
		}
	}
	return false;
}

const char *
cv_delivery_state_name(enum cv_delivery_state state)
{
	switch (state) {
	case CV_DELIVERY_PENDING:
		return "pending";
	case CV_DELIVERY_DONE:
		return "done";
	case CV_DELIVERY_DEAD:
		return "dead";
	}
	return "none";
}

void
cv_delivery_free(struct cv_delivery *delivery)
{
	if (!delivery)
		return;
	cv_buffer_deinit(&delivery->event.new_key);
	cv_buffer_deinit(&delivery->event.old_key);
	cv_buffer_deinit(&delivery->url);
	cv_buffer_deinit(&delivery->sealed_secret);
	free(delivery);
}
