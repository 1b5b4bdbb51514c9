/* JSON bodies of operators and devices: values within their bounds or an error, for any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cv/codec/operator_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_small_bodies(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_enrolment_token_order order;
	enum cv_reason reason;
	if (cv_json_decode_token_order(body, &order, &err) &&
	    (order.uses < 1 || order.uses > 1000000 || order.expires_in_seconds < 1 ||
		order.expires_in_seconds > 31536000 ||
		(order.device[0] != '\0' &&
		    !cv_device_id_is_valid(order.device, strlen(order.device)))))
		abort();
	(void)cv_json_decode_reason(body, &reason, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
	struct cv_bytes body = cv_bytes(data, size);
	struct cv_error err = CV_ERROR_INIT;
	struct cv_gateway_body gateway;
	struct cv_authority_body authority;
	check_small_bodies(body);
	if (cv_json_decode_next_key(body, &pem, &err) && pem.len == 0)
		abort();
	if (cv_json_decode_gateway(body, &gateway, &csr, &err) &&
	    (gateway.lifetime_days < 1 || gateway.sources[0] == '\0' || csr.len == 0))
		abort();
	if (cv_json_decode_authority(body, &authority, &der, &err) &&
	    (authority.kind != CV_AUTHORITY_OFFLINE && authority.kind != CV_AUTHORITY_BOOTSTRAP))
		abort();
	cv_json_append_string(&json, cv_buffer_text(&pem));
	return 0;
}
