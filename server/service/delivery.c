#include "cv/service/delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cv/pki/mac.h"
#include "cv/util/log.h"
#include "cv/util/text.h"

bool
cv_delivery_take(struct cv_service *service, const struct cv_outbox_claim *claim,
    cv_delivery_sink *sink, void *context, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_outbox_claim(connection, claim, sink, context, err);
}

static void
count(struct cv_service *service, enum cv_delivery_state state)
{
	struct cv_service_counters *counters = cv_service_counters(service);

	switch (state) {
	case CV_DELIVERY_PENDING:
		counters->deliveries_failed++;
		break;
	case CV_DELIVERY_DONE:
		counters->deliveries_done++;
		break;
	case CV_DELIVERY_DEAD:
		counters->deliveries_dead++;
		break;
	}
}

bool
cv_delivery_settle(struct cv_service *service, const struct cv_delivery *delivery,
    const struct cv_delivery_outcome *outcome, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err) ||
	    !cv_outbox_settle(connection, delivery, outcome, err))
		return false;
	count(service, outcome->state);
	return true;
}

bool
cv_delivery_tidy(struct cv_service *service, int64_t keep_seconds, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;
	int64_t pending;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err) ||
	    !cv_outbox_trim(connection, keep_seconds, err) ||
	    !cv_outbox_count(connection, &pending, err))
		return false;
	cv_service_counters(service)->outbox_pending = pending;
	return true;
}

static bool
need_signer(struct cv_service *service, struct cv_event_signer **ret_signer, struct cv_error *err)
{
	*ret_signer = cv_service_event_signer(service);
	return *ret_signer || cv_fail(err, CV_E_SIGNER, "no passphrase for keys of events");
}

bool
cv_delivery_sign(struct cv_service *service, const struct cv_delivery *delivery, int64_t time_utc,
    struct cv_bytes body, struct cv_digest *ret_mac, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer secret = {.is_secret = true};
	struct cv_event_signer *signer;
	char begin[24];

	snprintf(begin, sizeof(begin), "%" PRId64 ".", time_utc);
	return need_signer(service, &signer, err) &&
	       cv_event_signer_unseal(
		   signer, cv_buffer_bytes(&delivery->sealed_secret), &secret, err) &&
	       cv_mac_sha256(
		   cv_buffer_bytes(&secret), cv_bytes(begin, strlen(begin)), body, ret_mac, err);
}

/* ---- the key for event queues ---- */

static bool
make_key(struct cv_service *service, struct cv_event_key *ret_key, struct cv_error *err)
{
	struct cv_event_signer *signer;

	return need_signer(service, &signer, err) &&
	       cv_event_signer_make(signer, cv_clock_wall_seconds(cv_service_clock(service)),
		   ret_key->kid, &ret_key->certificate, &ret_key->sealed, err);
}

static bool
insert_first(struct cv_service *service, struct cv_connection *connection, struct cv_error *err)
{
	CV_AUTO_EVENT_KEY struct cv_event_key made = {.kid = ""};

	if (!make_key(service, &made, err) || !cv_outbox_insert_key(connection, &made, err))
		return false;
	cv_log(CV_LOG_INFO, "event-key-made", "the first key that signs for event queues",
	    CV_LOG_TEXT("kid", made.kid));
	return true;
}

/* Whoever made the first one: it is the one that is there. */
static bool
find_key(struct cv_service *service, struct cv_connection *connection, struct cv_event_key *ret_key,
    struct cv_error *err)
{
	bool exists = false;

	if (!cv_outbox_current_key(connection, &exists, ret_key, err))
		return false;
	if (exists)
		return true;
	if (!insert_first(service, connection, err) ||
	    !cv_outbox_current_key(connection, &exists, ret_key, err))
		return false;
	return exists || cv_fail(err, CV_E_CONFLICT, "the key for events went away");
}

bool
cv_event_key_ready(struct cv_service *service, char ret_kid[CV_KID_SIZE], struct cv_error *err)
{
	CV_AUTO_EVENT_KEY struct cv_event_key key = {.kid = ""};
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;
	struct cv_event_signer *signer;

	if (!need_signer(service, &signer, err) ||
	    !cv_pool_borrow(cv_service_pool(service), &connection, err) ||
	    !find_key(service, connection, &key, err))
		return false;
	if (!cv_event_signer_has(signer, key.kid) &&
	    !cv_event_signer_load(signer, key.kid, cv_buffer_bytes(&key.certificate),
		cv_buffer_bytes(&key.sealed), err))
		return false;
	return cv_text_copy(ret_kid, CV_KID_SIZE, key.kid);
}

bool
cv_event_key_sign(struct cv_service *service, struct cv_bytes input,
    uint8_t ret_signature[CV_SIGNATURE_MAX], size_t *ret_len, struct cv_error *err)
{
	struct cv_event_signer *signer;

	return need_signer(service, &signer, err) &&
	       cv_event_signer_sign(signer, input, ret_signature, ret_len, err);
}

bool
cv_event_key_list(
    struct cv_service *service, cv_event_key_sink *sink, void *context, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_outbox_published_keys(connection, sink, context, err);
}

bool
cv_event_key_replace(struct cv_service *service, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	CV_AUTO_EVENT_KEY struct cv_event_key made = {.kid = ""};
	struct cv_configuration_order own = *order;

	if (!make_key(service, &made, err))
		return false;
	own.act = CV_REPLACE_EVENT_KEY;
	own.name = made.kid;
	own.value.event_key = &made;
	return cv_configure(service, &own, ret_result, err);
}
