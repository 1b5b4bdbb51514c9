/*
 * Tells subscribers what happened: one thread that claims what is due, sends many at once
 * (libcurl), and records what came of each. At least once, and in order for each device; a receiver
 * that is slow or away holds up nobody else. Several instances share the work.
 */
#ifndef CV_OUTBOUND_SENDER_H
#define CV_OUTBOUND_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/service.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "cv/util/pulse.h"

struct cv_sender;

#define CV_SENDER_CONNECTIONS_MAX 256

struct cv_sender_settings {
	int64_t connections;    /* at once; CV_SENDER_CONNECTIONS_MAX at most */
	int64_t per_subscriber; /* of these, to one */
	int64_t
	    timeout_seconds;   /* of one attempt, from the first packet to the end of the answer */
	int64_t tries;         /* then it is given up */
	int64_t retry_seconds; /* after the first attempt; twice as long after each other */
	int64_t retry_max_seconds;
	int64_t keep_seconds; /* what ended is shown so long */
	const char *ca_file;  /* PEM; "": those of the system */
	const char *issuer;   /* of the tokens for event queues */
};

/* The settings' texts must outlive the sender. Nothing is sent where connections is 0. */
bool cv_sender_start(struct cv_service *service, const struct cv_sender_settings *settings,
    struct cv_sender **ret_sender, struct cv_error *err);
/* Whether the thread goes on. */
void cv_sender_read_pulse(const struct cv_sender *sender, struct cv_pulse *ret_pulse);
/* Claims nothing more, and waits up to drain_ms for what is on its way; the rest is due at once for
 * whoever comes next. */
void cv_sender_stop(struct cv_sender *sender, unsigned drain_ms);
void cv_sender_free(struct cv_sender *sender);
CV_DEFINE_CLEANUP(cv_sender);

#endif
