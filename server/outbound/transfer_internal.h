/* One attempt under way: a request of libcurl, and what is known of its answer. The sender's thread
 * only. */
#ifndef CV_OUTBOUND_TRANSFER_INTERNAL_H
#define CV_OUTBOUND_TRANSFER_INTERNAL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "cv/model/event.h"
#include "cv/outbound/sender.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "message_internal.h"

/* Of an answer nothing but the status is read; what is longer ends the attempt. */
#define CV_ANSWER_MAX 65536

struct cv_transfer {
	struct cv_transfer *next;     /* of those under way */
	struct cv_delivery *delivery; /* owned */
	struct cv_message message;
	CURL *handle;
	struct curl_slist *headers;
	size_t received;
	bool saw_processing; /* 102, which is an acknowledgement when nothing follows */
};

/* Takes the delivery when it succeeds. */
bool cv_transfer_new(struct cv_service *service, const struct cv_sender_settings *settings,
    const char *kid, struct cv_delivery *delivery, struct cv_transfer **ret_transfer,
    struct cv_error *err);
/* The handle must be out of the multi handle. */
void cv_transfer_free(struct cv_transfer *transfer);
CV_DEFINE_CLEANUP(cv_transfer);

/* What an attempt that ended came to. 0: no answer. */
struct cv_answer_seen {
	long status;
	int64_t retry_after_seconds; /* 0: not said */
	char problem[128];           /* "": acknowledged */
};
void cv_transfer_read_answer(
    const struct cv_transfer *transfer, CURLcode code, struct cv_answer_seen *ret_answer);

#endif
