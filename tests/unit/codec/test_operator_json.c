#include "cv/codec/operator_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define PEM(label) "-----BEGIN " label "-----\\nZm9v\\n-----END " label "-----\\n"

static struct cv_bytes
body_of(const char *text)
{
	return cv_bytes(text, strlen(text));
}

struct reason_row {
	const char *body;
	bool is_good;
	enum cv_reason reason;
};

static const struct reason_row reason_rows[] = {
    {"", true, CV_REASON_UNSPECIFIED},
    {"{}", true, CV_REASON_UNSPECIFIED},
    {"{\"reason\":null}", true, CV_REASON_UNSPECIFIED},
    {"{\"reason\":\"keyCompromise\"}", true, CV_REASON_KEY_COMPROMISE},
    {" {\"reason\" : \"cessationOfOperation\"}\n", true, CV_REASON_CESSATION_OF_OPERATION},
    {"{\"reason\":\"keycompromise\"}", false, 0},
    {"{\"reason\":\"\"}", false, 0},
    {"{\"reason\":1}", false, 0},
    {"{\"reason\":\"keyCompromise\",\"x\":1}", false, 0},
    {"{\"reason\":\"keyCompromise\",\"reason\":\"superseded\"}", false, 0},
    {"{\"reason\":\"keyCompromise\"} x", false, 0},
    {"[]", false, 0},
    {"\"keyCompromise\"", false, 0},
    {"{\"reason\":\"key\\u0000Compromise\"}", false, 0},
    {"{\"reason\":\"keyCompromise\"", false, 0},
};

Test(operator_json, reads_reasons)
{
	for (size_t i = 0; i < sizeof(reason_rows) / sizeof(reason_rows[0]); i++) {
		const struct reason_row *row = &reason_rows[i];
		enum cv_reason reason = CV_REASON_SUPERSEDED;
		struct cv_error err = CV_ERROR_INIT;

		cr_expect_eq(cv_json_decode_reason(body_of(row->body), &reason, &err), row->is_good,
		    "%s", row->body);
		cr_expect_eq(reason, row->is_good ? row->reason : CV_REASON_SUPERSEDED,
		    "%s: written on success only", row->body);
		if (!row->is_good)
			cr_expect_eq(err.code, CV_E_INPUT, "%s", row->body);
	}
}

Test(operator_json, an_unknown_reason_is_told_the_known_ones)
{
	struct cv_error err = CV_ERROR_INIT;
	enum cv_reason reason;

	cr_assert_not(cv_json_decode_reason(body_of("{\"reason\":\"stolen\"}"), &reason, &err));
	cr_expect_str_eq(err.text, "unknown reason \"stolen\": one of " CV_REASON_WORDS);
}

struct token_row {
	const char *body;
	bool is_good;
	const char *device;
	int64_t uses;
	int64_t expires_in_seconds;
};

static const struct token_row token_rows[] = {
    {"", true, "", 1, 3600},
    {"{}", true, "", 1, 3600},
    {"{\"device\":\"d-1\",\"uses\":1000000,\"expires_in\":31536000}", true, "d-1", 1000000,
	31536000},
    {"{\"uses\":1000001}", false, NULL, 0, 0},
    {"{\"uses\":0}", false, NULL, 0, 0},
    {"{\"uses\":1.0}", false, NULL, 0, 0},
    {"{\"uses\":\"1\"}", false, NULL, 0, 0},
    {"{\"uses\":99999999999999999999}", false, NULL, 0, 0},
    {"{\"expires_in\":31536001}", false, NULL, 0, 0},
    {"{\"expires_in\":0}", false, NULL, 0, 0},
    {"{\"device\":\"d 1\"}", false, NULL, 0, 0},
    {"{\"label\":\"lab~1\"}", true, "", 1, 3600},
    {"{\"label\":\"\"}", false, NULL, 0, 0},
    {"{\"label\":\"a/b\"}", false, NULL, 0, 0},
    {"{\"label\":\"cacerts\"}", false, NULL, 0, 0},
    {"{\"devices\":\"d1\"}", false, NULL, 0, 0},
};

Test(operator_json, reads_token_orders)
{
	for (size_t i = 0; i < sizeof(token_rows) / sizeof(token_rows[0]); i++) {
		const struct token_row *row = &token_rows[i];
		struct cv_enrolment_token_order order;
		struct cv_error err = CV_ERROR_INIT;
		bool is_read = cv_json_decode_token_order(body_of(row->body), &order, &err);

		cr_expect_eq(is_read, row->is_good, "%s", row->body);
		if (!is_read || !row->is_good)
			continue;
		cr_expect_str_eq(order.device, row->device);
		cr_expect_eq(order.uses, row->uses, "%s", row->body);
		cr_expect_eq(order.expires_in_seconds, row->expires_in_seconds, "%s", row->body);
	}
}

static bool
reads_device_of(size_t len)
{
	char body[200];
	char device[100];
	struct cv_enrolment_token_order order;
	struct cv_error err = CV_ERROR_INIT;

	memset(device, 'd', len);
	device[len] = '\0';
	(void)snprintf(body, sizeof(body), "{\"device\":\"%s\"}", device);
	return cv_json_decode_token_order(body_of(body), &order, &err);
}

Test(operator_json, bounds_device_ids)
{
	cr_expect(reads_device_of(CV_DEVICE_ID_MAX));
	cr_expect_not(reads_device_of(CV_DEVICE_ID_MAX + 1));
}

Test(operator_json, reads_the_next_key_and_ignores_the_rest)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_next_key(
	    body_of("{\"next_pubkey\":\"a\\nb\",\"other\":{\"x\":[1]}}"), &pem, &err));
	cr_expect_str_eq(cv_buffer_text(&pem), "a\nb");
}

Test(operator_json, refuses_other_next_keys)
{
	static const char *const bodies[] = {"", "{}", "{\"next_pubkey\":null}",
	    "{\"next_pubkey\":\"\"}", "{\"next_pubkey\":[\"a\"]}", "[\"a\"]",
	    "{\"next_pubkey\":\"a\",\"next_pubkey\":\"b\"}"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
		struct cv_error err = CV_ERROR_INIT;
		cr_expect_not(
		    cv_json_decode_next_key(body_of(bodies[i]), &pem, &err), "%s", bodies[i]);
		cr_expect_eq(err.code, CV_E_INPUT, "%s", bodies[i]);
	}
}

static bool
reads_nesting_of(size_t depth)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	/* Brackets in strings do not nest. */
	cv_buffer_append_text(&body, "{\"next_pubkey\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[\",\"x\":");
	for (size_t i = 1; i < depth; i++)
		cv_buffer_append_byte(&body, '[');
	for (size_t i = 1; i < depth; i++)
		cv_buffer_append_byte(&body, ']');
	cv_buffer_append_byte(&body, '}');
	return cv_json_decode_next_key(cv_buffer_bytes(&body), &pem, &err);
}

Test(operator_json, bounds_the_depth)
{
	cr_expect(reads_nesting_of(CV_JSON_DEPTH_MAX));
	cr_expect_not(reads_nesting_of(CV_JSON_DEPTH_MAX + 1));
}

#define CSR "\"csr\":\"" PEM("CERTIFICATE REQUEST") "\""
#define GATEWAY "\"name\":\"gw\",\"sources\":[\"rfc9440\",\"pem\"]," CSR

static bool
read_gateway(const char *body, struct cv_gateway_body *ret_gateway)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	bool is_read = cv_json_decode_gateway(body_of(body), ret_gateway, &csr, &err);

	if (is_read)
		cr_expect_str_eq(cv_buffer_text(&csr), "foo");
	else
		cr_expect_eq(err.code, CV_E_INPUT, "%s", body);
	return is_read;
}

Test(operator_json, reads_gateways)
{
	struct cv_gateway_body gateway;

	cr_assert(read_gateway("{" GATEWAY "}", &gateway));
	cr_expect_str_eq(gateway.name, "gw");
	cr_expect_str_eq(gateway.sources, "rfc9440,pem");
	cr_expect_str_eq(gateway.factories, "");
	cr_expect(gateway.may_activate);
	cr_expect_eq(gateway.lifetime_days, 365);
	cr_assert(read_gateway(
	    "{" GATEWAY
	    ",\"factories\":[\"a\",\"b\"],\"may_activate\":false,\"lifetime_days\":3650}",
	    &gateway));
	cr_expect_str_eq(gateway.factories, "a,b");
	cr_expect_not(gateway.may_activate);
	cr_expect_eq(gateway.lifetime_days, 3650);
}

Test(operator_json, refuses_other_gateways)
{
	static const char *const bodies[] = {
	    "{}",
	    "{\"sources\":[\"pem\"]," CSR "}",
	    "{\"name\":\"gw\"," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[\"pem\"]}",
	    "{\"name\":\"g w\",\"sources\":[\"pem\"]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":\"pem\"," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[\"pem,sha256\"]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[\"pem=X A\"]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[\"pem=\\u00e4\"]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[\"\"]," CSR "}",
	    "{\"name\":\"gw\",\"sources\":[1]," CSR "}",
	    "{" GATEWAY ",\"factories\":[\"\"]}",
	    "{" GATEWAY ",\"factories\":[]}",
	    "{" GATEWAY ",\"factories\":[\"a\",\"b\",\"a\"]}",
	    "{" GATEWAY ",\"may_activate\":1}",
	    "{" GATEWAY ",\"lifetime_days\":0}",
	    "{" GATEWAY ",\"lifetime_days\":3651}",
	    "{" GATEWAY ",\"role\":\"admin\"}",
	    "{\"name\":\"gw\",\"sources\":[\"pem\"],\"csr\":\"" PEM("CERTIFICATE") "\"}",
	};
	struct cv_gateway_body gateway;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		cr_expect_not(read_gateway(bodies[i], &gateway), "%s", bodies[i]);
}

#define HOLDER "\"name\":\"ann\",\"role\":\"operator\","

static bool
read_operator_certificate(const char *body, struct cv_operator_certificate_body *ret_order)
{
	CV_AUTO_BUFFER struct cv_buffer csr = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	bool is_read = cv_json_decode_operator_certificate(body_of(body), ret_order, &csr, &err);

	if (is_read)
		cr_expect_str_eq(cv_buffer_text(&csr), "foo");
	else
		cr_expect_eq(err.code, CV_E_INPUT, "%s", body);
	return is_read;
}

Test(operator_json, reads_operator_certificates)
{
	static const char *const bad[] = {
	    "{" HOLDER "\"days\":1}",
	    "{\"name\":\"ann\"," CSR "}",
	    "{\"name\":\"ann\",\"role\":\"root\"," CSR "}",
	    "{\"name\":\"a n\",\"role\":\"admin\"," CSR "}",
	    "{" HOLDER CSR ",\"days\":0}",
	    "{" HOLDER CSR ",\"days\":3651}",
	    "{" HOLDER CSR ",\"factories\":[]}",
	    "{" HOLDER CSR ",\"factories\":[\"a\",\"a\"]}",
	    "{" HOLDER CSR ",\"expires_in\":60}",
	    "{" HOLDER "\"csr\":\"" PEM("CERTIFICATE") "\"}",
	};
	struct cv_operator_certificate_body order;

	cr_assert(read_operator_certificate("{" HOLDER CSR "}", &order));
	cr_expect_str_eq(order.operator_.name, "ann");
	cr_expect_str_eq(order.operator_.role, "operator");
	cr_expect_str_eq(order.operator_.factories, "");
	cr_expect_eq(order.days, 365);
	cr_assert(read_operator_certificate(
	    "{" HOLDER CSR ",\"days\":3650,\"factories\":[\"a\",\"b\"]}", &order));
	cr_expect_str_eq(order.operator_.factories, "a,b");
	cr_expect_eq(order.days, 3650);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(read_operator_certificate(bad[i], &order), "%s", bad[i]);
}

#define CERTIFICATE "\"certificate\":\"" PEM("CERTIFICATE") "\""

Test(operator_json, reads_authorities)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
	struct cv_authority_body authority;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_authority(
	    body_of(
		"{\"name\":\"line-1\",\"kind\":\"bootstrap\",\"owner\":\"A & B\"," CERTIFICATE "}"),
	    &authority, &der, &err));
	cr_expect_str_eq(authority.name, "line-1");
	cr_expect_str_eq(authority.owner, "A & B");
	cr_expect_eq(authority.kind, CV_AUTHORITY_BOOTSTRAP);
	cr_expect_str_eq(cv_buffer_text(&der), "foo");
}

Test(operator_json, refuses_other_authorities)
{
	static const char *const bodies[] = {
	    "{\"name\":\"x\",\"kind\":\"online\"," CERTIFICATE "}",
	    "{\"name\":\"x\",\"kind\":\"square\"," CERTIFICATE "}",
	    "{\"name\":\"x\"," CERTIFICATE "}",
	    "{\"kind\":\"offline\"," CERTIFICATE "}",
	    "{\"name\":\"../x\",\"kind\":\"offline\"," CERTIFICATE "}",
	    "{\"name\":\"x\",\"kind\":\"offline\"}",
	    "{\"name\":\"x\",\"kind\":\"offline\",\"certificate\":\"Zm9v\"}",
	    "{\"name\":\"x\",\"kind\":\"offline\",\"owner\":\"a\\u0007\"," CERTIFICATE "}",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_authority_body authority;
		struct cv_error err = CV_ERROR_INIT;
		cr_expect_not(cv_json_decode_authority(body_of(bodies[i]), &authority, &der, &err),
		    "%s", bodies[i]);
		cr_expect_eq(err.code, CV_E_INPUT, "%s", bodies[i]);
	}
}

Test(operator_json, reads_settings)
{
	struct cv_factory_body factory;
	struct cv_group_body group;
	struct cv_gateway_change_body gateway;
	struct cv_operator_token_body token;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_new_factory(
	    body_of("{\"name\":\"a.b\",\"announce\":\"implied\",\"lifetime_days\":7300}"), &factory,
	    &err));
	cr_expect_str_eq(factory.announce, "implied");
	cr_expect_str_eq(factory.first_contact, "");
	cr_expect_eq(factory.lifetime_days, 7300);
	cr_expect_eq(factory.retire_after_days, -1);
	cr_assert(cv_json_decode_factory_change(
	    body_of("{\"first_contact\":\"refuse\",\"retire_after_days\":0}"), &factory, &err));
	cr_expect_str_eq(factory.first_contact, "refuse");
	cr_expect_eq(factory.retire_after_days, 0);
	cr_assert(cv_json_decode_new_group(body_of("{\"name\":\"pilot\"}"), &group, &err));
	cr_expect_str_eq(group.announce, "");
	cr_expect_not(group.has_announce);
	cr_expect_not(group.has_policies);
	cr_assert(cv_json_decode_group_change(body_of("{\"announce\":null}"), &group, &err));
	cr_expect(group.has_announce);
	cr_expect_str_eq(group.announce, "");
	cr_expect_not(group.has_policies);
	cr_assert(cv_json_decode_group_change(
	    body_of("{\"policies\":[\"read\",\"a.b_C-9\"]}"), &group, &err));
	cr_expect_not(group.has_announce);
	cr_expect(group.has_policies);
	cr_expect_str_eq(group.policies, "read,a.b_C-9");
	cr_assert(cv_json_decode_group_change(
	    body_of("{\"policies\":[],\"announce\":\"implied\"}"), &group, &err));
	cr_expect(group.has_policies);
	cr_expect_str_eq(group.policies, "");
	cr_assert(
	    cv_json_decode_gateway_change(body_of("{\"may_activate\":false}"), &gateway, &err));
	cr_expect(gateway.has_may_activate && !gateway.may_activate);
	cr_expect_str_eq(gateway.sources, "");
	cr_assert(cv_json_decode_operator_token(
	    body_of("{\"name\":\"n\",\"role\":\"viewer\",\"factories\":[\"a\",\"b\"]}"), &token,
	    &err));
	cr_expect_str_eq(token.operator_.factories, "a,b");
	cr_expect_eq(token.expires_in_seconds, 0);
}

#define REFUSES(decode, body_type, ...)                                                            \
	do {                                                                                       \
		static const char *const bodies[] = {__VA_ARGS__};                                 \
		for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {                  \
			struct body_type value;                                                    \
			struct cv_error err = CV_ERROR_INIT;                                       \
			cr_expect_not(decode(body_of(bodies[i]), &value, &err), "%s", bodies[i]);  \
			cr_expect_eq(err.code, CV_E_INPUT, "%s", bodies[i]);                       \
		}                                                                                  \
	} while (0)

/* How many policies of this length a group may have. */
static size_t
most_policies(int len)
{
	size_t most = 0;

	for (size_t count = 1; count <= CV_POLICIES_MAX + 1; count++) {
		CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
		struct cv_group_body group;
		struct cv_error err = CV_ERROR_INIT;

		for (size_t i = 0; i < count; i++)
			cv_buffer_printf(
			    &body, "%s\"%0*zu\"", i == 0 ? "{\"policies\":[" : ",", len, i);
		cv_buffer_append_text(&body, "]}");
		if (cv_json_decode_group_change(cv_buffer_bytes(&body), &group, &err))
			most = count;
	}
	return most;
}

/* 16, or as many as fit into 400 characters with ", " between them. */
Test(operator_json, bounds_policies)
{
	cr_expect_eq(most_policies(2), 16);
	cr_expect_eq(most_policies(23), 16); /* 398 */
	cr_expect_eq(most_policies(24), 15); /* 388; another one would make 414 */
	cr_expect_eq(most_policies(32), 11); /* 372 */
}

Test(operator_json, refuses_other_settings)
{
	REFUSES(cv_json_decode_new_factory, cv_factory_body, "{}", "{\"name\":\"a b\"}",
	    "{\"name\":\"a\",\"announce\":\"\"}", "{\"name\":\"a\",\"lifetime_days\":7301}",
	    "{\"name\":\"a\",\"is_default\":true}");
	REFUSES(cv_json_decode_factory_change, cv_factory_body, "", "{\"name\":\"a\"}",
	    "{\"announce\":\"loud\"}", "{\"first_contact\":1}", "{\"retire_after_days\":91}");
	REFUSES(
	    cv_json_decode_new_group, cv_group_body, "{}", "{\"name\":\"a\",\"announce\":\"x\"}");
	REFUSES(cv_json_decode_group_change, cv_group_body, "{}", "{\"announce\":\"x\"}",
	    "{\"policies\":null}", "{\"policies\":\"a\"}", "{\"policies\":[1]}",
	    "{\"policies\":[\"\"]}", "{\"policies\":[\"a b\"]}", "{\"policies\":[\"a,b\"]}",
	    "{\"policies\":[\"a:b\"]}", "{\"policies\":[\"a\",\"b\",\"a\"]}",
	    "{\"policies\":[\"012345678901234567890123456789012\"]}", "{\"name\":\"x\"}");
	REFUSES(cv_json_decode_gateway_change, cv_gateway_change_body, "{\"sources\":[]}",
	    "{\"may_activate\":1}", "{\"name\":\"x\"}");
	REFUSES(cv_json_decode_operator_token, cv_operator_token_body, "{}", "{\"name\":\"a\"}",
	    "{\"name\":\"a\",\"role\":\"root\"}",
	    "{\"name\":\"a\",\"role\":\"viewer\",\"factories\":[]}",
	    "{\"name\":\"a\",\"role\":\"viewer\",\"factories\":[\"b\",\"b\"]}",
	    "{\"name\":\"a\",\"role\":\"viewer\",\"expires_in\":0}");
}

Test(operator_json, reads_remarks)
{
	static const char *const bad[] = {
	    "{\"reason\":\"a\\nb\"}", "{\"reason\":1}", "{\"why\":\"x\"}"};
	char remark[CV_REMARK_SIZE];
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_remark(body_of(""), remark, &err));
	cr_expect_str_eq(remark, "");
	cr_assert(
	    cv_json_decode_remark(body_of("{\"reason\":\"lost in the field\"}"), remark, &err));
	cr_expect_str_eq(remark, "lost in the field");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(cv_json_decode_remark(body_of(bad[i]), remark, &err), "%s", bad[i]);
	cr_expect_not(cv_json_decode_remark(body_of("null"), remark, &err));
	cr_expect_str_eq(err.text, "a JSON object is expected");
	cr_expect_not(cv_json_decode_remark(body_of("nul"), remark, &err));
	cr_expect_str_eq(err.text, "not JSON: line 1, column 3");
}

Test(operator_json, adds_a_member)
{
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;

	cv_json_append_with_member(&json, "{\"a\" : 1}", "token", "x\"y");
	cr_expect_str_eq(cv_buffer_text(&json), "{\"a\" : 1,\"token\":\"x\\\"y\"}");
}

static const char *const strings[][2] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"a\"b\\c", "\"a\\\"b\\\\c\""},
    {"\n\x1b\x7f", "\"\\u000a\\u001b\\u007f\""},
    {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    {"\xc0\xaf", "\"\\ufffd\\ufffd\""},                       /* overlong */
    {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* surrogate */
    {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* beyond U+10FFFF */
    {"\xe2\x82", "\"\\ufffd\\ufffd\""},                       /* cut */
    {"\xe4x", "\"\\ufffdx\""},
};

Test(operator_json, writes_strings)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;
		cv_json_append_string(&json, strings[i][0]);
		cr_expect_str_eq(cv_buffer_text(&json), strings[i][1]);
	}
}

Test(operator_json, writes_problems)
{
	CV_AUTO_BUFFER struct cv_buffer json = CV_BUFFER_INIT;

	cv_json_append_message(&json, "busy", "Wait \"a\" bit.", "id-0");
	cr_expect_str_eq(cv_buffer_text(&json),
	    "{\"message\":\"Wait \\\"a\\\" bit.\",\"code\":\"busy\",\"instance\":\"id-0\"}\n");
	cv_buffer_reset(&json);
	cv_json_append_problem(&json, "busy", "Too many.", 429, "Wait \"a\" bit.", "id-1", true);
	cr_expect_str_eq(cv_buffer_text(&json),
	    "{\"type\":\"urn:certvendor:busy\",\"title\":\"Too many.\",\"status\":429,"
	    "\"detail\":\"Wait \\\"a\\\" bit.\",\"instance\":\"id-1\",\"code\":\"busy\","
	    "\"retryable\":true}\n");
	cv_buffer_reset(&json);
	cv_json_append_problem(&json, "denied", "Forbidden", 403, NULL, "id-2", false);
	cr_expect_str_eq(cv_buffer_text(&json),
	    "{\"type\":\"urn:certvendor:denied\",\"title\":\"Forbidden\",\"status\":403,"
	    "\"instance\":\"id-2\",\"code\":\"denied\",\"retryable\":false}\n");
}

/* ---- telling devices to change their key ---- */

Test(operator_json, an_address_of_an_est_server)
{
	static const struct {
		const char *url;
		bool is_good;
	} rows[] = {
	    {"https://est.example:8443/.well-known/est", true},
	    {"https://[::1]:8443/.well-known/est/label/", true},
	    {"https://a", true},
	    {"https://", false},
	    {"https:///est", false},
	    {"http://est.example/est", false},
	    {"https://est.example/a=b", false},
	    {"https://est.example/a b", false},
	    {"https://est.example/$(x)", false},
	    {"https://est.example/?a", false},
	    {"https://est.example/\u00e4", false},
	    {"https://est.example/\\n", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
		struct cv_rotation_body rotation;
		struct cv_error err = CV_ERROR_INIT;

		cv_buffer_printf(&body, "{\"est_url\":\"%s\"}", rows[i].url);
		cr_expect_eq(cv_json_decode_rotation(cv_buffer_bytes(&body), &rotation, &err),
		    rows[i].is_good, "%s", rows[i].url);
	}
}

/* ---- rotation groups ---- */

#define ROTATION_GROUP(more)                                                                       \
	"{\"name\":\"yearly\",\"est_url\":\"https://a\",\"per_hour\":60" more "}"

static bool
decode_rotation_group(const char *text, struct cv_rotation_group_body *ret_body)
{
	struct cv_error err = CV_ERROR_INIT;

	return cv_json_decode_rotation_group(cv_bytes(text, strlen(text)), ret_body, &err);
}

Test(operator_json, a_rotation_group_has_one_kind_of_members)
{
	struct cv_rotation_group_body body;

	cr_assert(decode_rotation_group(ROTATION_GROUP(""), &body));
	cr_expect_str_eq(body.name, "yearly");
	cr_expect_eq(body.per_hour, 60);
	cr_expect_str_empty(body.group);
	cr_expect_str_empty(body.devices);
	cr_assert(decode_rotation_group(ROTATION_GROUP(",\"devices\":[\"a:1\",\"b\"]"), &body));
	cr_expect_str_eq(body.devices, "a:1,b");
	cr_assert(decode_rotation_group(ROTATION_GROUP(",\"group\":\"g\""), &body));
	cr_expect_str_eq(body.group, "g");
	cr_expect_not(
	    decode_rotation_group(ROTATION_GROUP(",\"group\":\"g\",\"devices\":[\"b\"]"), &body));
	cr_expect_not(decode_rotation_group(ROTATION_GROUP(",\"devices\":[\"a,b\"]"), &body));
	cr_expect_not(decode_rotation_group(ROTATION_GROUP(",\"devices\":[]"), &body));
	/* Nothing said is the whole factory; an empty text is not nothing. */
	cr_expect_not(decode_rotation_group(ROTATION_GROUP(",\"group\":\"\""), &body));
	cr_expect_not(decode_rotation_group(ROTATION_GROUP(",\"expires_before\":\"\""), &body));
	cr_expect(decode_rotation_group(
	    ROTATION_GROUP(",\"group\":null,\"expires_before\":null"), &body));
}

Test(operator_json, a_rotation_group_has_a_rate_and_a_time)
{
	struct cv_rotation_group_body body;

	cr_assert(decode_rotation_group(
	    ROTATION_GROUP(",\"expires_before\":\"2027-03-01T00:00:00Z\""), &body));
	cr_expect_str_eq(body.expires_before, "2027-03-01T00:00:00Z");
	cr_expect_not(
	    decode_rotation_group(ROTATION_GROUP(",\"expires_before\":\"tomorrow\""), &body));
	cr_expect(decode_rotation_group(
	    "{\"name\":\"a\",\"est_url\":\"https://a\",\"per_hour\":36000}", &body));
	cr_expect_not(decode_rotation_group(
	    "{\"name\":\"a\",\"est_url\":\"https://a\",\"per_hour\":36001}", &body));
	cr_expect_not(decode_rotation_group(
	    "{\"name\":\"a\",\"est_url\":\"https://a\",\"per_hour\":0}", &body));
	cr_expect_not(decode_rotation_group("{\"name\":\"a\",\"est_url\":\"https://a\"}", &body));
}
