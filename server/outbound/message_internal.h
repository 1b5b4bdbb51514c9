/* What one attempt sends: body and headers. Blocking: signs, and may ask the database. */
#ifndef CV_OUTBOUND_MESSAGE_INTERNAL_H
#define CV_OUTBOUND_MESSAGE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/service/delivery.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

struct cv_message {
	struct cv_buffer body;
	const char *content_type;       /* static */
	struct cv_buffer authorization; /* header line; empty: none */
	struct cv_buffer signature;     /* header line; empty: none */
};
void cv_message_deinit(struct cv_message *message);

/* kid: of the key that is ready; read for event queues only. */
bool cv_message_make(struct cv_service *service, const struct cv_delivery *delivery,
    const char *kid, const char *issuer, struct cv_message *ret_message, struct cv_error *err);

#endif
