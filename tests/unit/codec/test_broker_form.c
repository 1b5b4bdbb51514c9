#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cv/codec/broker_form.h"

static bool
decode(const char *form, struct cv_broker_client *ret_client, enum cv_error_code *ret_code)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_good = cv_form_decode_rabbitmq(cv_bytes(form, strlen(form)), ret_client, &err);

	*ret_code = err.code;
	return is_good;
}

/* As rabbit_auth_backend_http 3.10 writes them. */
Test(broker_form, reads_what_rabbitmq_asks)
{
	static const struct {
		const char *form, *name;
	} rows[] = {
	    {"username=unit-1", "unit-1"},
	    {"username=unit-1&vhost=%2F&ip=%3A%3Affff%3A10.0.0.7&tags=", "unit-1"},
	    {"username=unit-1&vhost=%2F&resource=queue&name=mqtt-subscription-a+bqos1&permission="
	     "configure&tags=&client_id=a+b",
		"unit-1"},
	    {"username=u&vhost=%2F&resource=topic&name=amq.topic&permission=write&tags=&"
	     "routing_key=a.b.%23&variable_map.username=u&variable_map.vhost=%2F&"
	     "variable_map.client_id=c",
		"u"},
	    {"vhost=/&username=%75nit%2d1", "unit-1"},
	    {"user%6Eame=u", "u"},
	    {"username=a+b%2B", "a b+"},
	    {"username=", ""},
	    {"vhost=%00%FF", ""},
	    {"user=u&Username=v", ""},
	    {"username=a=b", "a=b"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cv_broker_client client = {.has_certificate = true};
		enum cv_error_code code;

		cr_expect(decode(rows[i].form, &client, &code), "%s", rows[i].form);
		cr_expect_str_eq(client.name, rows[i].name, "%s", rows[i].form);
		cr_expect_not(client.has_certificate);
	}
}

/* A client that logs in with a password says its own name. */
Test(broker_form, a_password_beside_it_makes_a_name_worthless)
{
	static const char *const forms[] = {"username=u&password=p", "password=&username=u",
	    "username=u&p%61ssword=p", "username=u&password=p&client_id=c"};
	struct cv_broker_client client = {.name = "x"};
	enum cv_error_code code;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		cr_assert(decode(forms[i], &client, &code), "%s", forms[i]);
		cr_expect_str_eq(client.name, "", "%s", forms[i]);
	}
	cr_assert(decode("username=u&xpassword=p", &client, &code));
	cr_expect_str_eq(client.name, "u");
}

Test(broker_form, refuses_what_is_no_form)
{
	static const char *const forms[] = {"", "&", "username", "username=u&", "&username=u",
	    "username=u&&vhost=v", "=u", "username=u&username=u", "username=u&user%6eame=v",
	    "vhost=a&vhost=a", "username=%", "username=%7", "username=%zz", "vhost=%zz&username=u",
	    "%zz=a", "username=a%00b", "{\"username\":\"u\"}"};
	struct cv_broker_client client = {.name = "x"};
	enum cv_error_code code;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		cr_expect_not(decode(forms[i], &client, &code), "%s", forms[i]);
		cr_expect(code == CV_E_INPUT || code == CV_E_LIMIT, "%s", forms[i]);
	}
	cr_expect_str_eq(client.name, "x");
}

Test(broker_form, has_bounds)
{
	CV_AUTO_BUFFER struct cv_buffer form = CV_BUFFER_INIT;
	struct cv_broker_client client;
	enum cv_error_code code;

	cv_buffer_append_text(&form, "username=u");
	for (int i = 1; i < CV_BROKER_PARAMETERS_MAX; i++)
		cv_buffer_printf(&form, "&p%d=", i);
	cr_expect(decode(cv_buffer_text(&form), &client, &code));
	cv_buffer_append_text(&form, "&q=");
	cr_expect_not(decode(cv_buffer_text(&form), &client, &code));
	cr_expect_eq(code, CV_E_LIMIT);

	cv_buffer_reset(&form);
	cv_buffer_printf(&form, "username=%064d&%064d=", 1, 1);
	cr_expect(decode(cv_buffer_text(&form), &client, &code));
	cv_buffer_reset(&form);
	cv_buffer_printf(&form, "username=u&%065d=", 1);
	cr_expect_not(decode(cv_buffer_text(&form), &client, &code));
	cv_buffer_reset(&form);
	cv_buffer_printf(&form, "username=%065d", 1);
	cr_expect_not(decode(cv_buffer_text(&form), &client, &code));
}
