/* Bodies with which MQTT brokers ask whether a client may connect, and our answers. Any thread. */
#ifndef CV_CODEC_BROKER_JSON_H
#define CV_CODEC_BROKER_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* What a broker knows of its client. */
struct cv_broker_client {
	bool has_certificate;
	char name[CV_DEVICE_ID_MAX + 1]; /* CN of its certificate; "": none */
};

/*
 * EMQX 5, HTTP authenticator: {"cert_pem", "cert_common_name"}, other members ignored. The DER of
 * the former (PEM, or its base64 alone) is appended to *ret_der. What EMQX has nothing to put in
 * for is "" or "undefined". CV_E_INPUT.
 */
bool cv_json_decode_emqx(struct cv_bytes body, struct cv_buffer *ret_der,
    struct cv_broker_client *ret_client, struct cv_error *err);
/* VerneMQ, webhook auth_on_register: {"username"}, the CN with use_identity_as_username; other
 * members ignored. CV_E_INPUT. */
bool cv_json_decode_vernemq(
    struct cv_bytes body, struct cv_broker_client *ret_client, struct cv_error *err);

/* device "": none. expires_utc: when EMQX is to end the session; 0: never. */
void cv_json_append_emqx_answer(struct cv_buffer *body, bool is_allowed, const char *device,
    const char *factory, int64_t expires_utc);
void cv_json_append_vernemq_answer(struct cv_buffer *body, bool is_allowed);

#endif
