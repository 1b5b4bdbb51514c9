/*
 * Events as they travel: to event queues of FoundriesFactory in the envelope of a Google Pub/Sub
 * push queue, to webhooks as CloudEvents 1.0 in structured mode; and what asks for either. Any
 * thread.
 */
#ifndef CV_CODEC_EVENT_JSON_H
#define CV_CODEC_EVENT_JSON_H

#include <stdbool.h>

#include "cv/model/event.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* Kinds that an event queue does not know are DEVICE_ and the name in capitals. */
void cv_event_append_queue_message(
    struct cv_buffer *buffer, const struct cv_event *event, const char *label);
void cv_event_append_cloudevent(struct cv_buffer *buffer, const struct cv_event *event);

/* {"<kid>":"<certificate in PEM>",...}: begin with has_one false. */
void cv_event_append_key(
    struct cv_buffer *buffer, const char *kid, struct cv_bytes certificate, bool *has_one);

struct cv_subscription_body {
	char label[CV_SUBSCRIPTION_LABEL_MAX + 1];
	char url[CV_CALLBACK_URL_MAX + 1];
	char events[256]; /* comma list; "": every kind */
};
/* {"name", "url", "events"?:[...]}. CV_E_INPUT also for a URL that is none, and unknown kinds. */
bool cv_json_decode_webhook(
    struct cv_bytes body, struct cv_subscription_body *ret_webhook, struct cv_error *err);
/* {"label", "type":"push", "push-url"}; other members are ignored. CV_E_INPUT also for "pull". */
bool cv_json_decode_event_queue(
    struct cv_bytes body, struct cv_subscription_body *ret_queue, struct cv_error *err);

#endif
