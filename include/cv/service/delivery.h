/*
 * Deliveries as the sender works on them, and the keys and secrets that sign them. Instances share
 * the work: what one has taken, another takes over when its lease has ended. Blocking; each borrows
 * a connection.
 */
#ifndef CV_SERVICE_DELIVERY_H
#define CV_SERVICE_DELIVERY_H

#include <stdbool.h>

#include "cv/service/configuration.h"
#include "cv/service/service.h"
#include "cv/store/outbox_store.h"

/* As cv_outbox_claim. */
bool cv_delivery_take(struct cv_service *service, const struct cv_outbox_claim *claim,
    cv_delivery_sink *sink, void *context, struct cv_error *err);
/* Records what came of it, and counts it. */
bool cv_delivery_settle(struct cv_service *service, const struct cv_delivery *delivery,
    const struct cv_delivery_outcome *outcome, struct cv_error *err);
/* Counts what waits, for the metrics, and drops what ended longer ago. */
bool cv_delivery_tidy(struct cv_service *service, int64_t keep_seconds, struct cv_error *err);

/* HMAC-SHA-256 over "<time>.<body>" with the secret of the webhook. */
bool cv_delivery_sign(struct cv_service *service, const struct cv_delivery *delivery,
    int64_t time_utc, struct cv_bytes body, struct cv_digest *ret_mac, struct cv_error *err);

/* The key that signs for event queues is loaded, and made if there is none. */
bool cv_event_key_ready(
    struct cv_service *service, char ret_kid[CV_KID_SIZE], struct cv_error *err);
/* input: of a JWT. */
bool cv_event_key_sign(struct cv_service *service, struct cv_bytes input,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err);
/* As cv_outbox_published_keys. */
bool cv_event_key_list(
    struct cv_service *service, cv_event_key_sink *sink, void *context, struct cv_error *err);
/* A new key signs from now on; the old one stays published for a day. EXISTS: somebody else does it
 * at the same time. */
bool cv_event_key_replace(struct cv_service *service, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err);

#endif
