/*
 * Parameters of RabbitMQ: a name that was read is read again from its encoding and from any other
 * place among the parameters, and never beside a password.
 */
#include "cv/codec/broker_form.h"
#include "fuzz.h"

static void
append_encoded(struct cv_buffer *form, const char *plain)
{
	for (; *plain != '\0'; plain++)
		cv_buffer_printf(form, "%%%02x", (unsigned char)*plain);
}

static void
check_again(const struct cv_buffer *form, const char *name)
{
	struct cv_broker_client client;
	struct cv_error err = CV_ERROR_INIT;

	FUZZ_REQUIRE(cv_form_decode_rabbitmq(cv_buffer_bytes(form), &client, &err));
	FUZZ_REQUIRE(strcmp(client.name, name) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CV_AUTO_MEMORY char *text = fuzz_text(data, size);
	CV_AUTO_BUFFER struct cv_buffer form = CV_BUFFER_INIT;
	struct cv_broker_client client;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_form_decode_rabbitmq(cv_bytes(text, size), &client, &err)) {
		FUZZ_REQUIRE(err.code == CV_E_INPUT || err.code == CV_E_LIMIT);
		return 0;
	}
	FUZZ_REQUIRE(strlen(client.name) <= CV_DEVICE_ID_MAX && !client.has_certificate);
	cv_buffer_append_text(&form, "vhost=%2F&username=");
	append_encoded(&form, client.name);
	check_again(&form, client.name);
	cv_buffer_append_text(&form, "&password=");
	check_again(&form, "");
	return 0;
}
