#include "cv/outbound/sender.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cv/service/delivery.h"
#include "cv/util/log.h"
#include "cv/util/random.h"
#include "cv/util/text.h"
#include "cv/util/thread.h"
#include "retry_internal.h"
#include "transfer_internal.h"

#define POLL_MS 500
#define TIDY_EVERY_MS 15000
#define PATIENCE_MS (90 * 1000)
struct cv_sender {
	struct cv_service *service;
	struct cv_sender_settings settings;
	CURLM *multi;
	pthread_t thread;
	bool has_thread;
	_Atomic bool is_stopping;
	_Atomic int64_t stop_at_ms; /* boot time at which nothing is waited for any more */
	_Atomic uint64_t steps;     /* done, for the watchdog */
	/* The thread only: */
	struct cv_transfer *transfers;
	int64_t transfer_count;
	bool has_more; /* there may be more to claim at once */
	int64_t claimed_at_ms, tidied_at_ms;
	bool is_failing; /* logged once until it works again */
};

static int64_t
now_ms(const struct cv_sender *sender)
{
	return cv_clock_boot_ms(cv_service_clock(sender->service));
}

/* What an instance that dies leaves is taken over after it. */
static int64_t
lease_seconds(const struct cv_sender *sender)
{
	return 2 * sender->settings.timeout_seconds + 2;
}

static void
note_outcome(struct cv_sender *sender, bool is_good, const struct cv_error *err)
{
	if (!is_good && !sender->is_failing)
		cv_log_error(CV_LOG_WARNING, "sender-failed",
		    "events wait: what is to be sent cannot be read or recorded", err);
	if (is_good && sender->is_failing)
		cv_log(CV_LOG_INFO, "sender-recovered", "events are sent again");
	sender->is_failing = !is_good;
}

/* ---- what came of an attempt ---- */

static void
log_dead(const struct cv_delivery *delivery, const char *problem)
{
	cv_log(CV_LOG_WARNING, "delivery-dead",
	    "an event was given up; it can be replayed when the receiver works again",
	    CV_LOG_TEXT("factory", delivery->event.factory),
	    CV_LOG_TEXT("subscription", delivery->label),
	    CV_LOG_TEXT("device", delivery->event.device),
	    CV_LOG_NUMBER("message", delivery->event.number), CV_LOG_TEXT("problem", problem));
}

static void
settle(struct cv_sender *sender, const struct cv_delivery *delivery,
    const struct cv_delivery_outcome *outcome)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_good = cv_delivery_settle(sender->service, delivery, outcome, &err);

	note_outcome(sender, is_good, &err);
	if (is_good && outcome->state == CV_DELIVERY_DEAD)
		log_dead(delivery, outcome->error);
}

/* problem "": acknowledged. */
static void
conclude(struct cv_sender *sender, const struct cv_delivery *delivery, const char *problem,
    int64_t retry_after_seconds)
{
	struct cv_delivery_outcome outcome = {.state = CV_DELIVERY_DONE};
	uint32_t chance;

	if (problem[0] != '\0') {
		cv_random_bytes(&chance, sizeof(chance));
		outcome.error = problem;
		outcome.state = delivery->attempt < sender->settings.tries ? CV_DELIVERY_PENDING
									   : CV_DELIVERY_DEAD;
		outcome.retry_ms = cv_retry_wait_ms(
		    &sender->settings, delivery->attempt, retry_after_seconds, chance);
	}
	settle(sender, delivery, &outcome);
}

static void
take_out(struct cv_sender *sender, struct cv_transfer *transfer)
{
	struct cv_transfer **at = &sender->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	sender->transfer_count--;
	curl_multi_remove_handle(sender->multi, transfer->handle);
}

static void
finish(struct cv_sender *sender, CURL *handle, CURLcode code)
{
	struct cv_answer_seen answer;
	char *private = NULL;

	curl_easy_getinfo(handle, CURLINFO_PRIVATE, &private);
	CV_AUTO(cv_transfer) struct cv_transfer *transfer = (struct cv_transfer *)(void *)private;
	cv_transfer_read_answer(transfer, code, &answer);
	take_out(sender, transfer);
	conclude(sender, transfer->delivery, answer.problem, answer.retry_after_seconds);
	sender->has_more = true;
}

/* ---- what is sent next ---- */

struct claimed {
	struct cv_delivery *deliveries[CV_SENDER_CONNECTIONS_MAX]; /* owned */
	size_t count;
	char kid[CV_KID_SIZE]; /* "": not asked for yet */
};

/* Never more than were asked for. */
static void
take_delivery(void *context, struct cv_delivery *delivery)
{
	struct claimed *claimed = context;

	claimed->deliveries[claimed->count++] = delivery;
}

/* Takes the delivery when it succeeds. */
static bool
start_transfer(struct cv_sender *sender, struct claimed *claimed, struct cv_delivery *delivery,
    struct cv_error *err)
{
	struct cv_transfer *transfer = NULL;

	if (delivery->is_push && claimed->kid[0] == '\0' &&
	    !cv_event_key_ready(sender->service, claimed->kid, err))
		return false;
	if (!cv_transfer_new(
		sender->service, &sender->settings, claimed->kid, delivery, &transfer, err))
		return false;
	(void)curl_multi_add_handle(sender->multi, transfer->handle);
	transfer->next = sender->transfers;
	sender->transfers = transfer;
	sender->transfer_count++;
	return true;
}

/* What cannot even be started waits like what failed. */
static void
start_claimed(struct cv_sender *sender, struct claimed *claimed)
{
	for (size_t i = 0; i < claimed->count; i++) {
		CV_AUTO(cv_delivery) struct cv_delivery *delivery = claimed->deliveries[i];
		struct cv_error err = CV_ERROR_INIT;

		if (start_transfer(sender, claimed, delivery, &err)) {
			delivery = NULL;
			continue;
		}
		cv_log_error(CV_LOG_WARNING, "delivery-failed", "an event cannot be sent", &err);
		conclude(sender, delivery, err.text, 0);
	}
	sender->has_more = claimed->count > 0;
}

static void
add_load(struct cv_outbox_load *loads, size_t *count, const struct cv_delivery *delivery)
{
	for (size_t i = 0; i < *count; i++) {
		if (cv_text_equal(loads[i].subscription, delivery->subscription)) {
			loads[i].count++;
			return;
		}
	}
	(void)cv_text_copy(
	    loads[*count].subscription, sizeof(loads[*count].subscription), delivery->subscription);
	loads[(*count)++].count = 1;
}

static void
claim(struct cv_sender *sender)
{
	struct cv_outbox_load loads[CV_SENDER_CONNECTIONS_MAX];
	struct claimed claimed = {.count = 0};
	struct cv_outbox_claim order = {
	    .limit = sender->settings.connections - sender->transfer_count,
	    .limit_per_subscription = sender->settings.per_subscriber,
	    .lease_seconds = lease_seconds(sender),
	    .load = loads,
	};
	struct cv_error err = CV_ERROR_INIT;

	for (const struct cv_transfer *each = sender->transfers; each != NULL; each = each->next)
		add_load(loads, &order.load_count, each->delivery);
	sender->claimed_at_ms = now_ms(sender);
	bool is_good = cv_delivery_take(sender->service, &order, take_delivery, &claimed, &err);
	note_outcome(sender, is_good, &err);
	start_claimed(sender, &claimed);
}

static void
claim_when_due(struct cv_sender *sender)
{
	if (atomic_load(&sender->is_stopping) ||
	    sender->transfer_count >= sender->settings.connections)
		return;
	if (sender->has_more || now_ms(sender) - sender->claimed_at_ms >= POLL_MS)
		claim(sender);
}

static void
tidy_when_due(struct cv_sender *sender)
{
	struct cv_error err = CV_ERROR_INIT;

	if (atomic_load(&sender->is_stopping) ||
	    now_ms(sender) - sender->tidied_at_ms < TIDY_EVERY_MS)
		return;
	sender->tidied_at_ms = now_ms(sender);
	note_outcome(
	    sender, cv_delivery_tidy(sender->service, sender->settings.keep_seconds, &err), &err);
}

/* ---- the thread ---- */

static void
step(struct cv_sender *sender)
{
	CURLMsg *message;
	int count = 0;

	claim_when_due(sender);
	tidy_when_due(sender);
	(void)curl_multi_perform(sender->multi, &count);
	while ((message = curl_multi_info_read(sender->multi, &count)) != NULL) {
		if (message->msg == CURLMSG_DONE)
			finish(sender, message->easy_handle, message->data.result);
	}
	sender->steps++;
	if (!sender->has_more || atomic_load(&sender->is_stopping))
		(void)curl_multi_poll(sender->multi, NULL, 0, POLL_MS, NULL);
}

static bool
must_end(const struct cv_sender *sender)
{
	return atomic_load(&sender->is_stopping) &&
	       (sender->transfers == NULL || now_ms(sender) >= atomic_load(&sender->stop_at_ms));
}

/* Whoever comes next sends them again at once. */
static void
give_back(struct cv_sender *sender)
{
	const struct cv_delivery_outcome outcome = {
	    .state = CV_DELIVERY_PENDING, .error = "the server stopped before there was an answer"};

	while (sender->transfers != NULL) {
		CV_AUTO(cv_transfer) struct cv_transfer *transfer = sender->transfers;

		take_out(sender, transfer);
		settle(sender, transfer->delivery, &outcome);
	}
}

static void *
run(void *context)
{
	struct cv_sender *sender = context;

	(void)pthread_setname_np(pthread_self(), "cv-sender");
	while (!must_end(sender))
		step(sender);
	give_back(sender);
	return NULL;
}

bool
cv_sender_start(struct cv_service *service, const struct cv_sender_settings *settings,
    struct cv_sender **ret_sender, struct cv_error *err)
{
	CV_AUTO(cv_sender) struct cv_sender *sender = calloc(1, sizeof(*sender));

	if (sender == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return cv_fail(err, CV_E_MEMORY, "no memory for the sender of events");
	sender->service = service;
	sender->settings = *settings;
	sender->tidied_at_ms = INT64_MIN / 2;
	sender->claimed_at_ms = INT64_MIN / 2;
	sender->multi = curl_multi_init();
	if (sender->multi == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the sender of events");
	if (settings->connections > 0) {
		if (!cv_thread_start(
			run, sender, "sender of events: no thread", &sender->thread, err))
			return false;
		sender->has_thread = true;
	}
	*ret_sender = CV_TAKE(sender);
	return true;
}

void
cv_sender_read_pulse(const struct cv_sender *sender, struct cv_pulse *ret_pulse)
{
	*ret_pulse = (struct cv_pulse){.part = "sender",
	    .has_work = sender->has_thread,
	    .count = sender->steps,
	    .patience_ms = PATIENCE_MS};
}

void
cv_sender_stop(struct cv_sender *sender, unsigned drain_ms)
{
	if (sender == NULL || !sender->has_thread)
		return;
	atomic_store(&sender->stop_at_ms, now_ms(sender) + (int64_t)drain_ms);
	atomic_store(&sender->is_stopping, true);
	(void)curl_multi_wakeup(sender->multi);
	(void)pthread_join(sender->thread, NULL);
	sender->has_thread = false;
}

void
cv_sender_free(struct cv_sender *sender)
{
	if (sender == NULL)
		return;
	cv_sender_stop(sender, 0);
	curl_multi_cleanup(sender->multi);
	free(sender);
}
