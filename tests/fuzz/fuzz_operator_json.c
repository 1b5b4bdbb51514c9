/*
 * JSON bodies of operators and devices: values within their bounds or an error, for any bytes; and
 * what was read says the same when it is written down and read again.
 */
#include <jansson.h>
#include <strings.h>

#include "cv/codec/armour.h"
#include "cv/codec/event_json.h"
#include "cv/codec/operator_json.h"
#include "cv/util/pem.h"
#include "fuzz.h"

static void
check_refused(const struct cv_error *err)
{
	FUZZ_REQUIRE(err->code == CV_E_INPUT);
	for (const char *at = err->text; *at != '\0'; at++)
		FUZZ_REQUIRE((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static struct cv_bytes
text_bytes(const char *text)
{
	return cv_bytes(text, strlen(text));
}

/* Takes the object; the caller frees the text. */
static char *
encode(json_t *object)
{
	FUZZ_REQUIRE(object != NULL);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	FUZZ_REQUIRE(text != NULL);
	return text;
}

/* "a,b" as an array. */
static json_t *
split(const char *list)
{
	json_t *array = json_array();

	while (*list != '\0') {
		size_t len = strcspn(list, ",");
		json_array_append_new(array, json_stringn(list, len));
		list += len + (list[len] == ',');
	}
	return array;
}

static void
check_reason(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_reason reason;
	enum cv_reason again;

	if (!cv_json_decode_reason(body, &reason, &err)) {
		check_refused(&err);
		return;
	}
	CV_AUTO_MEMORY char *text = encode(json_pack("{s:s}", "reason", cv_reason_name(reason)));
	FUZZ_REQUIRE(cv_json_decode_reason(text_bytes(text), &again, &err) && again == reason);
}

static void
check_token_order(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_enrolment_token_order order;
	struct cv_enrolment_token_order again;

	if (!cv_json_decode_token_order(body, &order, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(order.uses >= 1 && order.uses <= 1000000);
	FUZZ_REQUIRE(order.expires_in_seconds >= 1 && order.expires_in_seconds <= 31536000);
	FUZZ_REQUIRE(
	    order.device[0] == '\0' || cv_device_id_is_valid(order.device, strlen(order.device)));
	json_t *object = json_pack("{s:I, s:I}", "uses", (json_int_t)order.uses, "expires_in",
	    (json_int_t)order.expires_in_seconds);
	if (order.device[0] != '\0')
		json_object_set_new(object, "device", json_string(order.device));
	CV_AUTO_MEMORY char *text = encode(object);
	FUZZ_REQUIRE(cv_json_decode_token_order(text_bytes(text), &again, &err));
	FUZZ_REQUIRE(again.uses == order.uses &&
		     again.expires_in_seconds == order.expires_in_seconds &&
		     strcmp(again.device, order.device) == 0);
}

static void
check_next_key(struct cv_bytes body)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_decode_next_key(body, &pem, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(pem.len > 0 && strlen(cv_buffer_text(&pem)) == pem.len);
	cv_buffer_append_text(&json, "{\"next_pubkey\":");
	cv_json_append_string(&json, cv_buffer_text(&pem));
	cv_buffer_append_text(&json, "}");
	FUZZ_REQUIRE(cv_json_decode_next_key(cv_buffer_bytes(&json), &again, &err));
	FUZZ_REQUIRE(cv_bytes_equal(cv_buffer_bytes(&pem), cv_buffer_bytes(&again)));
}

static void
check_gateway(struct cv_bytes body)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer csr_again = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_gateway_body gateway;
	struct cv_gateway_body again;

	if (!cv_json_decode_gateway(body, &gateway, &csr, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(gateway.lifetime_days >= 1 && gateway.sources[0] != '\0' && csr.len > 0);
	cv_pem_append(&pem, CV_ARMOUR_REQUEST, cv_buffer_bytes(&csr));
	json_t *object = json_pack("{s:s, s:o, s:b, s:I, s:s}", "name", gateway.name, "sources",
	    split(gateway.sources), "may_activate", gateway.may_activate, "lifetime_days",
	    (json_int_t)gateway.lifetime_days, "csr", cv_buffer_text(&pem));
	if (gateway.factories[0] != '\0')
		json_object_set_new(object, "factories", split(gateway.factories));
	CV_AUTO_MEMORY char *text = encode(object);
	FUZZ_REQUIRE(cv_json_decode_gateway(text_bytes(text), &again, &csr_again, &err));
	FUZZ_REQUIRE(strcmp(again.name, gateway.name) == 0 &&
		     strcmp(again.sources, gateway.sources) == 0 &&
		     strcmp(again.factories, gateway.factories) == 0 &&
		     again.may_activate == gateway.may_activate &&
		     again.lifetime_days == gateway.lifetime_days);
	FUZZ_REQUIRE(cv_bytes_equal(cv_buffer_bytes(&csr), cv_buffer_bytes(&csr_again)));
}

static void
check_authority(struct cv_bytes body)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	struct cv_authority_body authority;

	if (!cv_json_decode_authority(body, &authority, &der, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(der.len > 0);
	FUZZ_REQUIRE(authority.kind != CV_AUTHORITY_ONLINE);
	FUZZ_REQUIRE(cv_factory_name_is_valid(authority.name, strlen(authority.name)));
}

/* Absent members are -1. */
static bool
is_within(int64_t value, int64_t min, int64_t max)
{
	return value == -1 || (value >= min && value <= max);
}

static void
check_factory(bool is_read, const struct cv_factory_body *factory, const struct cv_error *err)
{
	if (!is_read) {
		check_refused(err);
		return;
	}
	FUZZ_REQUIRE(is_within(factory->retire_after_days, 0, 90));
	FUZZ_REQUIRE(is_within(factory->lifetime_days, 1, 7300));
}

/* What operators configure besides gateways' and authorities' certificates. */
static void
check_settings(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_factory_body factory;
	struct cv_group_body group;
	struct cv_gateway_change_body gateway;
	struct cv_operator_token_body token;
	struct cv_operator_certificate_body certificate;
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	char remark[CV_REMARK_SIZE];
	bool is_read;

	is_read = cv_json_decode_new_factory(body, &factory, &err);
	check_factory(is_read, &factory, &err);
	FUZZ_REQUIRE(!is_read || cv_factory_name_is_valid(factory.name, strlen(factory.name)));
	is_read = cv_json_decode_factory_change(body, &factory, &err);
	check_factory(is_read, &factory, &err);
	if (cv_json_decode_new_group(body, &group, &err))
		FUZZ_REQUIRE(cv_factory_name_is_valid(group.name, strlen(group.name)));
	else
		check_refused(&err);
	if (!cv_json_decode_group_change(body, &group, &err))
		check_refused(&err);
	if (!cv_json_decode_gateway_change(body, &gateway, &err))
		check_refused(&err);
	if (cv_json_decode_operator_token(body, &token, &err))
		FUZZ_REQUIRE(token.operator_.role[0] != '\0' && token.expires_in_seconds >= 0 &&
			     token.expires_in_seconds <= 315360000);
	else
		check_refused(&err);
	if (cv_json_decode_operator_certificate(body, &certificate, &csr, &err))
		FUZZ_REQUIRE(certificate.operator_.role[0] != '\0' && certificate.days >= 1 &&
			     certificate.days <= 3650 && csr.len > 0);
	else
		check_refused(&err);
	if (cv_json_decode_remark(body, remark, &err))
		FUZZ_REQUIRE(strlen(remark) < CV_REMARK_SIZE);
	else
		check_refused(&err);
}

/* Wherever it comes from: an address that we will send to. */
static void
check_subscription(
    bool is_read, const struct cv_subscription_body *body, const struct cv_error *err)
{
	const char *problem;

	if (!is_read) {
		check_refused(err);
		return;
	}
	FUZZ_REQUIRE(cv_factory_name_is_valid(body->label, strlen(body->label)));
	FUZZ_REQUIRE(cv_callback_url_is_valid(body->url, strlen(body->url), &problem));
	FUZZ_REQUIRE(
	    strncasecmp(body->url, "http", 4) == 0 && strpbrk(body->url, " \r\n#") == NULL);
}

static void
check_subscriptions(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_subscription_body subscription;
	bool is_read;

	is_read = cv_json_decode_webhook(body, &subscription, &err);
	check_subscription(is_read, &subscription, &err);
	is_read = cv_json_decode_event_queue(body, &subscription, &err);
	check_subscription(is_read, &subscription, &err);
}

/* A line of a file, which is cut at '='. */
static void
check_rotation(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_rotation_body rotation;

	if (!cv_json_decode_rotation(body, &rotation, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(strncmp(rotation.est_url, "https://", 8) == 0);
	FUZZ_REQUIRE(strpbrk(rotation.est_url, "= \n\r\t") == NULL);
}

static void
check_rotation_group(struct cv_bytes body)
{
	struct cv_error err = CV_ERROR_INIT;
	struct cv_rotation_group_body group;

	if (!cv_json_decode_rotation_group(body, &group, &err)) {
		check_refused(&err);
		return;
	}
	FUZZ_REQUIRE(group.per_hour >= 1 && group.per_hour <= 36000);
	FUZZ_REQUIRE(group.group[0] == '\0' || group.devices[0] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cv_bytes body = cv_bytes(data, size);

	check_reason(body);
	check_token_order(body);
	check_next_key(body);
	check_gateway(body);
	check_authority(body);
	check_settings(body);
	check_subscriptions(body);
	check_rotation(body);
	check_rotation_group(body);
	return 0;
}
