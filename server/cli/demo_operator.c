#include "demo_internal.h"

#include <stdio.h>
#include <string.h>

#include "cv/codec/table.h"
#include "cv/model/name.h"
#include "cv/util/text.h"
#include "invocation_internal.h"
#include "login_internal.h"

#define TOKEN_SECONDS 600

bool
cv_demo_fail(const struct cv_error *err)
{
	(void)fflush(stdout);
	(void)cv_cli_report(err);
	return false;
}

bool
cv_demo_expect(const struct cv_demo *demo, long status, const char *meaning)
{
	const struct cv_demo_answer *answer = &demo->answer;

	if (answer->status == status) {
		(void)printf("    answer: %ld%s%s. %s\n", answer->status,
		    answer->code[0] == '\0' ? "" : " ", answer->code, meaning);
		(void)fflush(stdout);
		return true;
	}
	(void)printf("    answer: %ld%s%s\n", answer->status, answer->code[0] == '\0' ? "" : " ",
	    answer->code);
	(void)fflush(stdout);
	(void)fprintf(stderr, "certvendor demo: step %u: expected %ld and got %ld%s%s\n",
	    demo->step, status, answer->status, answer->code[0] == '\0' ? "" : " ", answer->code);
	return false;
}

/* id NULL: the path has none. */
static bool
ask_operator_api(struct cv_demo *demo, const char *method, const char *path, const char *id,
    struct cv_bytes body, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer token = {.is_secret = true};
	CV_AUTO_BUFFER struct cv_buffer url = CV_BUFFER_INIT;
	struct cv_transport_request request = {.method = method, .body = body};

	if (!cv_cli_append_base(&url, cv_cli_server(demo->global), err))
		return false;
	cv_buffer_append_text(&url, path);
	if (id != NULL)
		cv_cli_append_escaped(&url, id);
	if (demo->global->factory != NULL && !cv_text_has_prefix(path, "/v1/factories")) {
		cv_buffer_append_text(&url, "?factory=");
		cv_cli_append_escaped(&url, demo->global->factory);
	}
	if (url.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for an address");
	(void)printf("    sent: %s %s%s as the operator\n", method, path, id == NULL ? "" : id);
	request.url = cv_buffer_text(&url);
	cv_buffer_reset(&demo->answer.body);
	if (!cv_cli_log_in(demo->global, &request, &token, err) ||
	    !cv_transport_send(&request, &demo->answer.status, &demo->answer.body, err))
		return false;
	cv_transport_find_code(
	    cv_buffer_bytes(&demo->answer.body), demo->answer.code, sizeof(demo->answer.code));
	return true;
}

static bool
find_text(const struct cv_demo *demo, const char *member, char *ret_text, size_t size)
{
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	return cv_table_find_text(cv_buffer_bytes(&demo->answer.body), member, &text) &&
	       cv_text_copy(ret_text, size, cv_buffer_text(&text));
}

/* It goes into a header. */
static bool
is_header_word(const struct cv_buffer *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] <= ' ' || text->data[i] >= 0x7f)
			return false;
	}
	return text->len > 0;
}

/* What is shown, and sent to others, must be what it should be: nothing from another machine may
 * command the terminal, or add lines to a request. */
static bool
take_token(struct cv_demo *demo)
{
	const char *factory = demo->name.factory;

	if (!find_text(demo, "id", demo->token_id, sizeof(demo->token_id)) ||
	    !cv_uuid_is_valid(demo->token_id)) {
		demo->token_id[0] = '\0';
		return false;
	}
	return find_text(demo, "factory", demo->name.factory, sizeof(demo->name.factory)) &&
	       cv_factory_name_is_valid(factory, strlen(factory)) &&
	       cv_table_find_text(cv_buffer_bytes(&demo->answer.body), "token", &demo->token) &&
	       is_header_word(&demo->token);
}

bool
cv_demo_check_new(struct cv_demo *demo)
{
	struct cv_error err = CV_ERROR_INIT;

	if (!ask_operator_api(
		demo, "GET", "/v1/devices/", demo->name.device, cv_bytes(NULL, 0), &err))
		return cv_demo_fail(&err);
	if (demo->answer.status == 200) {
		(void)fprintf(stderr,
		    "certvendor demo: there is a device %s already, and what is deleted keeps its "
		    "id: choose another --id\n",
		    demo->name.device);
		return false;
	}
	return cv_demo_expect(demo, 404, "There is no such device yet.");
}

bool
cv_demo_make_token(struct cv_demo *demo)
{
	CV_AUTO_BUFFER struct cv_buffer body = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	cv_buffer_printf(&body, "{\"device\":\"%s\",\"uses\":1,\"expires_in\":%d}",
	    demo->name.device, TOKEN_SECONDS);
	if (!ask_operator_api(
		demo, "POST", "/v1/enrolment-tokens", NULL, cv_buffer_bytes(&body), &err))
		return cv_demo_fail(&err);
	if (!cv_demo_expect(demo, 201, "A token, good for one enrolment of this device."))
		return false;
	if (take_token(demo))
		return true;
	(void)cv_fail(&err, CV_E_INTERNAL, "the answer holds no token");
	return cv_demo_fail(&err);
}

bool
cv_demo_read_rules(struct cv_demo *demo)
{
	struct cv_error err = CV_ERROR_INIT;
	char announce[16];

	if (!ask_operator_api(
		demo, "GET", "/v1/factories/", demo->name.factory, cv_bytes(NULL, 0), &err))
		return cv_demo_fail(&err);
	if (demo->answer.status != 200)
		return cv_demo_expect(demo, 200, "");
	if (!find_text(demo, "announce", announce, sizeof(announce)) ||
	    !cv_table_find_number(
		cv_buffer_bytes(&demo->answer.body), "retire_after_days", &demo->grace_days)) {
		(void)cv_fail(&err, CV_E_INTERNAL, "the answer holds no rules of the factory");
		return cv_demo_fail(&err);
	}
	demo->is_implied = cv_text_equal(announce, "implied");
	(void)printf("    factory %s: announce = %s\n", demo->name.factory,
	    demo->is_implied ? "implied" : "explicit");
	return true;
}

bool
cv_demo_delete(struct cv_demo *demo)
{
	static const char body[] = "{\"reason\":\"certvendor demo\"}";
	struct cv_error err = CV_ERROR_INIT;

	if (!ask_operator_api(demo, "DELETE", "/v1/devices/", demo->name.device,
		cv_bytes(body, sizeof(body) - 1), &err))
		return cv_demo_fail(&err);
	return true;
}

void
cv_demo_clear_away(struct cv_demo *demo)
{
	struct cv_error err = CV_ERROR_INIT;

	if (demo->token_id[0] != '\0' && !ask_operator_api(demo, "DELETE", "/v1/enrolment-tokens/",
					     demo->token_id, cv_bytes("{}", 2), &err))
		(void)cv_demo_fail(&err);
	if (!demo->may_be_there)
		return;
	if (!cv_demo_delete(demo)) {
		(void)fprintf(stderr, "certvendor demo: device %s may be left; delete it\n",
		    demo->name.device);
		return;
	}
	if (demo->answer.status == 200)
		(void)fprintf(stderr, "certvendor demo: device %s is deleted\n", demo->name.device);
	else if (demo->answer.status != 404)
		(void)fprintf(stderr,
		    "certvendor demo: device %s cannot be deleted: %ld %s; delete it\n",
		    demo->name.device, demo->answer.status, demo->answer.code);
}
