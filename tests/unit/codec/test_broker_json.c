#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/codec/broker_json.h"

#define PEM "-----BEGIN CERTIFICATE-----\\nZm9v\\n-----END CERTIFICATE-----\\n"

static struct cv_bytes
text(const char *value)
{
	return cv_bytes(value, strlen(value));
}

/* EMQX, HTTP authenticator: a template that the operator writes. */
Test(broker_json, reads_what_emqx_asks)
{
	static const struct {
		const char *body;
		bool is_good, has_certificate;
		const char *name;
	} rows[] = {
	    {"{\"cert_pem\":\"" PEM "\"}", true, true, ""},
	    {"{\"cert_pem\":\"Zm9v\",\"cert_common_name\":\"a\"}", true, true, "a"},
	    {"{\"clientid\":\"c\",\"username\":\"u\",\"peerhost\":\"10.0.0.7\",\"cert_subject\":"
	     "\"CN=a\",\"cert_common_name\":\"a\",\"cert_pem\":\"" PEM "\"}",
		true, true, "a"},
	    {"{\"cert_pem\":\"\",\"cert_common_name\":\"a\"}", true, false, "a"},
	    {"{\"cert_pem\":\"undefined\",\"cert_common_name\":\"undefined\"}", true, false, ""},
	    {"{\"cert_pem\":null}", true, false, ""},
	    {"{\"cert_pem\":1}", false, false, ""},
	    {"{\"cert_pem\":[]}", false, false, ""},
	    {"{\"cert_pem\":false,\"cert_common_name\":\"a\"}", false, false, ""},
	    {"{\"cert_common_name\":{}}", false, false, ""},
	    {"{\"cert_pem\":\"Zm9v\",\"cert_common_name\":1}", false, false, ""},
	    {"{\"cert_pem\":null,\"cert_common_name\":null}", true, false, ""},
	    {"{}", true, false, ""},
	    {"{\"cert_pem\":\"" PEM PEM "\"}", false, false, ""},
	    {"{\"cert_pem\":\"Zm9\"}", false, false, ""},
	    {"{\"cert_pem\":\"%2D%2D\"}", false, false, ""},
	    {"{\"cert_pem\":\"" PEM "\",\"cert_pem\":\"\"}", false, false, ""},
	    {"{\"username\":\"\\u0000\"}", false, false, ""},
	    {"[]", false, false, ""},
	    {"", false, false, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;
		struct cv_broker_client client = {.name = ""};
		struct cv_error err = CV_ERROR_INIT;

		cr_expect_eq(cv_json_decode_emqx(text(rows[i].body), &der, &client, &err),
		    rows[i].is_good, "%s: %s", rows[i].body, err.text);
		cr_expect_eq(err.code, rows[i].is_good ? CV_E_NONE : CV_E_INPUT);
		cr_expect_eq(client.has_certificate, rows[i].has_certificate, "%s", rows[i].body);
		cr_expect_str_eq(client.name, rows[i].name, "%s", rows[i].body);
		if (client.has_certificate)
			cr_expect_str_eq(cv_buffer_text(&der), "foo");
	}
}

Test(broker_json, bounds_the_name)
{
	struct cv_broker_client client;
	struct cv_error err = CV_ERROR_INIT;
	char body[128];

	snprintf(body, sizeof(body), "{\"username\":\"%064d\"}", 0);
	cr_expect(cv_json_decode_vernemq(text(body), &client, &err), "%s", err.text);
	cr_expect_eq(strlen(client.name), 64);
	snprintf(body, sizeof(body), "{\"username\":\"%065d\"}", 0);
	cr_expect_not(cv_json_decode_vernemq(text(body), &client, &err));
}

Test(broker_json, reads_what_vernemq_asks)
{
	struct cv_broker_client client;
	struct cv_error err = CV_ERROR_INIT;

	cr_assert(cv_json_decode_vernemq(
	    text("{\"peer_addr\":\"127.0.0.1\",\"peer_port\":8888,\"username\":\"unit-1\","
		 "\"password\":null,\"mountpoint\":\"\",\"client_id\":\"c\",\"clean_session\":"
		 "false}"),
	    &client, &err));
	cr_expect_str_eq(client.name, "unit-1");
	cr_assert(cv_json_decode_vernemq(text("{\"username\":null}"), &client, &err));
	cr_expect_str_eq(client.name, "");
	cr_expect_not(client.has_certificate);
	cr_expect_not(cv_json_decode_vernemq(text("username=unit-1"), &client, &err));
	cr_expect_not(cv_json_decode_vernemq(text("{\"username\":1}"), &client, &err));
}

static void
expect_body(struct cv_buffer *body, const char *expected)
{
	cr_expect_str_eq(cv_buffer_text(body), expected);
	cv_buffer_reset(body);
}

Test(broker_json, answers_in_the_brokers_words)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;

	cv_json_append_emqx_answer(&body, true, "unit-1", "alpha", 0);
	expect_body(&body, "{\"result\":\"allow\",\"client_attrs\":{\"device\":\"unit-1\","
			   "\"factory\":\"alpha\"}}\n");
	cv_json_append_emqx_answer(&body, true, "u", "a", 1800000000);
	expect_body(&body, "{\"result\":\"allow\",\"client_attrs\":{\"device\":\"u\",\"factory\":"
			   "\"a\"},\"expire_at\":1800000000}\n");
	cv_json_append_emqx_answer(&body, false, "u", "a", 1800000000);
	expect_body(&body, "{\"result\":\"deny\"}\n");
	cv_json_append_vernemq_answer(&body, true);
	expect_body(&body, "{\"result\":\"ok\"}\n");
	cv_json_append_vernemq_answer(&body, false);
	expect_body(&body, "{\"result\":{\"error\":\"not_allowed\"}}\n");
}
