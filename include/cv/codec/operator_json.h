/* JSON bodies of the operator API and of device paths; the only users of jansson. Any thread. */
#ifndef CV_CODEC_OPERATOR_JSON_H
#define CV_CODEC_OPERATOR_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/model/state.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_JSON_DEPTH_MAX 16

/* {"reason": "keyCompromise"}; empty body or no member: unspecified. Unknown members and reasons:
 * CV_E_INPUT. */
bool cv_json_decode_reason(struct cv_bytes body, enum cv_reason *ret_reason, struct cv_error *err);

struct cv_enrolment_token_order {
	char device[CV_DEVICE_ID_MAX + 1]; /* "": none */
	int64_t uses;                      /* 1 */
	int64_t expires_in_seconds;        /* 3,600 */
};
/* {"device"?, "uses"?, "expires_in"?}; bounds: uses 1..1000000, expires_in 1..31536000. */
bool cv_json_decode_token_order(
    struct cv_bytes body, struct cv_enrolment_token_order *ret_order, struct cv_error *err);
/* {"next_pubkey": PEM}; other members ignored (device clients send more). The text is appended. */
bool cv_json_decode_next_key(struct cv_bytes body, struct cv_buffer *ret_pem, struct cv_error *err);

struct cv_gateway_body {
	char name[65];
	char factories[1024]; /* comma list; "": every factory */
	char sources[128];
	bool may_activate;
	int64_t lifetime_days;
};
/* {"name", "sources":[...], "factories"?:[...], "may_activate"?, "lifetime_days"?, "csr": PEM}; CSR
 * as DER. */
bool cv_json_decode_gateway(struct cv_bytes body, struct cv_gateway_body *ret_gateway,
    struct cv_buffer *ret_csr_der, struct cv_error *err);

/* {"name","kind":"offline"|"bootstrap","certificate":PEM,"owner"?}; certificate as DER. */
struct cv_authority_body {
	char name[65];
	char owner[129];
	enum cv_authority_kind kind;
};
bool cv_json_decode_authority(struct cv_bytes body, struct cv_authority_body *ret_authority,
    struct cv_buffer *ret_der, struct cv_error *err);

/* Appends "text" as a JSON string with quotes. */
void cv_json_append_string(struct cv_buffer *buffer, const char *text);

/* RFC 9457 body: type urn:certvendor:<code>, title, status, detail (may be NULL), code, instance,
 * retryable. */
void cv_json_append_problem(struct cv_buffer *buffer, const char *code, const char *title,
    int status, const char *detail, const char *request_id, bool is_retryable);

#endif
