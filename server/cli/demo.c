/* One whole rotation of a device that is made for it, step by step and in plain words. */
#include "demo_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cv/util/clock.h"
#include "cv/util/text.h"
#include "invocation_internal.h"
#include "login_internal.h"

/* Another instance than the one that was told learns of a change within a second as a rule. */
#define SETTLE_MS 10000
#define PAUSE_NS 100000000

static void
demo_deinit(struct cv_demo *demo)
{
	cv_demo_identity_deinit(&demo->old_identity);
	cv_demo_identity_deinit(&demo->new_identity);
	cv_demo_answer_deinit(&demo->answer);
	cv_buffer_deinit(&demo->token);
}

/* ---- saying what happens ---- */

static void
begin_step(struct cv_demo *demo, const char *what)
{
	(void)printf("%s%2u. %s\n", demo->step == 0 ? "" : "\n", demo->step + 1, what);
	(void)fflush(stdout);
	demo->step++;
}

static void
say(const char *what)
{
	(void)printf("    %s\n", what);
	(void)fflush(stdout);
}

/* ---- signals ---- */

static volatile sig_atomic_t is_interrupted;

static void
note_signal(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* What was made is cleared away first; a second signal ends it at once. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_flags = (int)SA_RESETHAND};

	action.sa_handler = note_signal;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

static bool
may_go_on(void)
{
	if (is_interrupted)
		(void)fputs("certvendor demo: interrupted\n", stderr);
	return !is_interrupted;
}

/* ---- the device ---- */

static bool
has_gateway(const struct cv_demo *demo)
{
	return demo->doors.socket != NULL || demo->doors.gateway_url != NULL;
}

typedef bool (*ask_door)(const struct cv_demo_doors *doors, const struct cv_demo_identity *identity,
    struct cv_demo_answer *ret_answer, struct cv_error *err);

/* Asks until memory of other instances has caught up: an old allowance is theirs for a moment. */
static bool
ask_until(struct cv_demo *demo, ask_door ask, const struct cv_demo_identity *identity, long status)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	const int64_t deadline = cv_clock_boot_ms(cv_clock_system()) + SETTLE_MS;
	struct cv_error err = CV_ERROR_INIT;

	if (!may_go_on())
		return false;
	do {
		if (!ask(&demo->doors, identity, &demo->answer, &err))
			return cv_demo_fail(&err);
	} while (status == 403 && demo->answer.status == 200 &&
		 cv_clock_boot_ms(cv_clock_system()) < deadline && nanosleep(&pause, NULL) == 0);
	return true;
}

static bool
show_at_gateway(struct cv_demo *demo, const char *which, const struct cv_demo_identity *identity,
    long status, const char *meaning)
{
	(void)printf(
	    "    sent: GET /v1/check as a gateway, with the certificate of the %s key\n", which);
	return ask_until(demo, cv_demo_check, identity, status) &&
	       cv_demo_expect(demo, status, meaning);
}

static bool
show_at_device_listener(struct cv_demo *demo, const char *which,
    const struct cv_demo_identity *identity, long status, const char *meaning)
{
	(void)printf("    sent: GET /device with the certificate of the %s key\n", which);
	return ask_until(demo, cv_demo_show, identity, status) &&
	       cv_demo_expect(demo, status, meaning);
}

/* At the gateway where there is one: it is what most depends on. */
static bool
show_at_door(struct cv_demo *demo, const char *which, const struct cv_demo_identity *identity,
    long status, const char *meaning)
{
	return has_gateway(demo) ? show_at_gateway(demo, which, identity, status, meaning)
				 : show_at_device_listener(demo, which, identity, status, meaning);
}

static bool
get_certificate(struct cv_demo *demo, struct cv_demo_identity *identity,
    const struct cv_demo_identity *present, const char *meaning)
{
	const char *token = present == NULL ? cv_buffer_text(&demo->token) : NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!may_go_on())
		return false;
	(void)printf("    sent: POST /.well-known/est/%s\n",
	    present == NULL ? "simpleenroll, a request for its key, and the token"
			    : "simplereenroll over mutual TLS with the old key");
	if (!cv_demo_identity_make(identity, &err) ||
	    !cv_demo_request_certificate(
		&demo->doors, &demo->name, identity, present, token, &demo->answer, &err))
		return cv_demo_fail(&err);
	if (!cv_demo_expect(demo, 200, meaning))
		return false;
	return cv_demo_identity_certify(
		   identity, demo->name.device, cv_buffer_bytes(&demo->answer.body), &err) ||
	       cv_demo_fail(&err);
}

/* ---- the steps ---- */

static bool
enrol(struct cv_demo *demo)
{
	begin_step(demo, "An operator makes a token for a new device.");
	(void)printf("    device %s\n", demo->name.device);
	if (!cv_demo_check_new(demo) || !cv_demo_make_token(demo) || !cv_demo_read_rules(demo))
		return false;

	begin_step(demo, "The device enrols with it.");
	demo->may_be_there = true;
	if (!get_certificate(demo, &demo->old_identity, NULL,
		"A certificate. The key is the current key of the device."))
		return false;

	begin_step(demo, "It talks.");
	return (!has_gateway(demo) || show_at_gateway(demo, "old", &demo->old_identity, 200,
					  "The gateway may let it in.")) &&
	       show_at_device_listener(
		   demo, "old", &demo->old_identity, 200, "certvendor itself lets it in.");
}

static bool
renew(struct cv_demo *demo)
{
	begin_step(
	    demo, "It makes a new key and asks for a certificate, with the old key as proof.");
	if (!get_certificate(demo, &demo->new_identity, &demo->old_identity,
		"A second certificate. The old key is still the current key."))
		return false;
	if (demo->is_implied)
		return true;
	begin_step(demo, "Too early: it uses the new key before it has announced it.");
	return show_at_door(demo, "new", &demo->new_identity, 403,
	    "A certificate alone moves nothing: the old key did not name this one.");
}

static bool
announce(struct cv_demo *demo)
{
	struct cv_error err = CV_ERROR_INIT;

	if (demo->is_implied) {
		begin_step(demo, "There is nothing to announce.");
		say("The rule of the factory is announce = implied: asking for the certificate was "
		    "the announcement.");
	} else {
		begin_step(demo, "It announces the new key, over a connection of the old one.");
		say("sent: PATCH /device with the new public key");
		if (!cv_demo_announce(&demo->doors, &demo->new_identity, &demo->old_identity,
			&demo->answer, &err))
			return cv_demo_fail(&err);
		if (!cv_demo_expect(demo, 200, "The new key waits for its first use."))
			return false;
	}
	begin_step(demo, "Until then the old certificate keeps working.");
	return show_at_door(demo, "old", &demo->old_identity, 200,
	    "A device that loses power now has lost nothing.");
}

/* Where the factory has a grace the replaced key may still talk. */
static bool
show_that_the_old_is_over(struct cv_demo *demo)
{
	const bool has_grace = demo->grace_days > 0;
	const long status = has_grace ? 200 : 403;

	begin_step(demo, has_grace ? "The old key may still talk, and change nothing."
				   : "The old certificate is refused from now on.");
	if (has_grace)
		(void)printf("    factory %s: retire_after_days = %lld\n", demo->name.factory,
		    (long long)demo->grace_days);
	return (!has_gateway(demo) ||
		   show_at_gateway(demo, "old", &demo->old_identity, status,
		       has_grace ? "It is in its grace." : "Refused at the gateway.")) &&
	       show_at_device_listener(demo, "old", &demo->old_identity, status,
		   has_grace ? "It is in its grace." : "Refused by certvendor itself.");
}

static bool
activate(struct cv_demo *demo)
{
	begin_step(demo, "First use of the new key.");
	if (!show_at_door(demo, "new", &demo->new_identity, 200,
		"Both keys are proved: the new one is the current key now.") ||
	    !show_that_the_old_is_over(demo))
		return false;
	begin_step(demo, "The new key goes on.");
	return show_at_device_listener(
	    demo, "new", &demo->new_identity, 200, "The rotation is complete.");
}

static bool
end_well(struct cv_demo *demo, bool is_kept)
{
	if (is_kept) {
		(void)printf("\nEvery step came out as expected. Device %s stays; nobody has its "
			     "keys any more.\n",
		    demo->name.device);
		return true;
	}
	begin_step(demo, "The operator deletes the device.");
	if (!cv_demo_delete(demo) || !cv_demo_expect(demo, 200, "Its id is refused.") ||
	    !show_at_device_listener(demo, "new", &demo->new_identity, 403,
		"So is its certificate, though the key was current."))
		return false;
	demo->may_be_there = false;
	(void)printf("\nEvery step came out as expected.\n");
	return true;
}

/* ---- the verb ---- */

static int
fail_usage(const char *problem)
{
	(void)fprintf(stderr, "certvendor demo: %s\n", problem);
	return CV_CLI_USAGE;
}

/* "demo-" and the random end of a UUID. */
static void
make_id(char *ret_id, size_t size)
{
	char uuid[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), uuid);
	(void)snprintf(ret_id, size, "demo-%s", strrchr(uuid, '-') + 1);
}

/* All of them before anything is sent: nothing would be left that must be deleted again. */
static bool
check_addresses(const struct cv_demo *demo, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer unused = CV_BUFFER_INIT;
	const char *gateway_url = demo->doors.gateway_url;

	return cv_cli_append_base(&unused, cv_cli_server(demo->global), err) &&
	       cv_cli_append_base(&unused, demo->doors.device_url, err) &&
	       (gateway_url == NULL || cv_cli_append_base(&unused, gateway_url, err));
}

/* CV_CLI_DONE, or the exit code. */
static int
read_options(const struct cv_cli_invocation *invocation, struct cv_demo *demo)
{
	struct cv_error err = CV_ERROR_INIT;
	const char *id = cv_cli_value(invocation, "id");

	demo->doors.device_url = cv_cli_value(invocation, "device-url");
	demo->doors.ca_file = cv_cli_ca_file(demo->global);
	demo->doors.gateway_url = cv_cli_value(invocation, "gateway-url");
	demo->doors.gateway_certificate = cv_cli_value(invocation, "gateway-cert");
	demo->doors.gateway_key = cv_cli_value(invocation, "gateway-key");
	demo->doors.socket = cv_cli_value(invocation, "socket");
	if (demo->global->is_json)
		return fail_usage("does not take --json");
	if (id != NULL && !cv_device_id_is_valid(id, strlen(id)))
		return fail_usage("--id: letters, digits and . _ : - only, at most 64");
	if (demo->doors.socket != NULL && demo->doors.gateway_url != NULL)
		return fail_usage("takes --socket or --gateway-url, not both");
	if ((demo->doors.gateway_url != NULL) != (demo->doors.gateway_certificate != NULL))
		return fail_usage("--gateway-url and --gateway-cert need each other");
	if (!check_addresses(demo, &err))
		return cv_cli_report(&err);
	if (id == NULL)
		make_id(demo->name.device, sizeof(demo->name.device));
	else
		(void)cv_text_copy(demo->name.device, sizeof(demo->name.device), id);
	return CV_CLI_DONE;
}

int
cv_cli_demo(const struct cv_cli_invocation *invocation)
{
	__attribute__((cleanup(demo_deinit))) struct cv_demo demo = {.global = &invocation->global,
	    .answer = {.body = {.is_secret = true}},
	    .token = {.is_secret = true}};
	const bool is_kept = cv_cli_value(invocation, "keep") != NULL;
	int end = read_options(invocation, &demo);

	if (end != CV_CLI_DONE)
		return end;
	catch_signals();
	if (enrol(&demo) && renew(&demo) && announce(&demo) && activate(&demo) &&
	    end_well(&demo, is_kept))
		return CV_CLI_DONE;
	if (!is_kept)
		cv_demo_clear_away(&demo);
	return CV_CLI_REFUSED;
}
