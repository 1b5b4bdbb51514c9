#include <stdlib.h>
#include <string.h>

#include "cv/util/log.h"
#include "factory_pki_internal.h"
#include "service_internal.h"

void
cv_factory_pki_upload_deinit(struct cv_factory_pki_upload *upload)
{
	cv_buffer_deinit(&upload->root_crt);
	cv_buffer_deinit(&upload->ca_crt);
	cv_buffer_deinit(&upload->tls_crt);
	cv_buffer_deinit(&upload->est_tls_crt);
	cv_buffer_deinit(&upload->ca_revoke_crl);
}

struct upload_job {
	const struct cv_factory_pki_order *order;
	const struct cv_factory_pki_upload *upload;
	struct cv_factory_pki_result *result;
	bool is_overtaken; /* the realm in memory is of another version by now */
};

/* What the database is told besides what the check has filled. */
struct plan {
	struct cv_factory_pki_change change;
	struct cv_authority_turn *turns;
	const char **ended;
	struct cv_buffer after;
};

static void
plan_deinit(struct plan *plan)
{
	free(plan->turns);
	free(plan->ended);
	cv_buffer_deinit(&plan->after);
}

static void
plan_turns(const struct upload_check *check, struct plan *plan)
{
	for (size_t i = 0; i < check->pki->authority_count; i++) {
		const struct cv_authority_row *row = &check->pki->authorities[i].row;

		if (check->states[i] == row->state)
			continue;
		plan->turns[plan->change.turn_count++] =
		    (struct cv_authority_turn){.id = row->id, .state = check->states[i]};
		cv_buffer_printf(&plan->after, "%s\"%s\":\"%s\"",
		    plan->change.turn_count > 1 ? "," : "", row->name,
		    cv_authority_state_name(check->states[i]));
	}
}

/* In whose place a new online CA signs: of its own kind before it, or else of whoever signs now. */
static void
plan_succession(struct cv_service *service, const struct upload_check *check, struct plan *plan)
{
	const struct cv_factory_key_row *active =
	    factory_pki_key(check->pki, CV_FACTORY_KEY_ONLINE, CV_FACTORY_KEY_ACTIVE);
	const struct cv_realm realm = {
	    .authorities = check->pki->authorities, .authority_count = check->pki->authority_count};
	const struct cv_realm_authority *signing = cv_realm_issuer(&realm, check->order->factory,
	    "", cv_service_settings(service)->publish_ahead_seconds, check->now_utc);

	plan->change.successor = check->successor;
	plan->change.switch_after_seconds = cv_service_settings(service)->switch_after_seconds;
	for (size_t i = 0; check->successor != NULL && i < check->pki->authority_count; i++) {
		const struct cv_realm_authority *each = &check->pki->authorities[i];
		bool is_made = active != NULL && each->row.kind == CV_AUTHORITY_ONLINE &&
			       cv_digest_equal(&each->certificate->key_id, &active->key_id);

		if (is_made || each == signing)
			plan->ended[plan->change.ended_count++] = each->row.id;
	}
}

static void
describe(const struct upload_check *check, struct plan *plan)
{
	struct cv_buffer *after = &plan->after;

	cv_buffer_append_text(after, "},\"added\":[");
	for (size_t i = 0; i < check->added_count; i++)
		cv_buffer_printf(after, "%s\"%s\"", i > 0 ? "," : "", check->added[i].name);
	cv_buffer_append_text(after, "],\"keys\":[");
	for (size_t i = 0; i < check->key_count; i++)
		cv_buffer_printf(after, "%s\"%s\"", i > 0 ? "," : "",
		    cv_factory_key_purpose_name(check->keys[i].purpose));
	cv_buffer_append_text(after, "]}");
}

static bool
make_plan(struct cv_service *service, const struct upload_check *check, struct plan *plan,
    struct cv_error *err)
{
	const size_t count = check->pki->authority_count + 1;
	bool has_root_text = check->pki->has_row && check->pki->root_crt[0] != '\0';

	plan->turns = calloc(count, sizeof(*plan->turns));
	plan->ended = calloc(count, sizeof(*plan->ended));
	if (plan->turns == NULL || plan->ended == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory to write an upload");
	if (check->root_bundle.count > 0 && !has_root_text)
		plan->change.root_crt = cv_buffer_text(&check->upload->root_crt);
	if (check->has_new_ca_text &&
	    !(check->pki->has_row &&
		strcmp(check->pki->ca_crt, cv_buffer_text(&check->upload->ca_crt)) == 0))
		plan->change.ca_crt = cv_buffer_text(&check->upload->ca_crt);
	cv_buffer_append_text(&plan->after, "{\"states\":{");
	plan_turns(check, plan);
	plan_succession(service, check, plan);
	describe(check, plan);
	plan->change.turns = plan->turns;
	plan->change.ended = plan->ended;
	plan->change.added = check->added;
	plan->change.added_count = check->added_count;
	plan->change.keys = check->keys;
	plan->change.key_count = check->key_count;
	return !plan->after.has_failed || cv_fail(err, CV_E_MEMORY, "no memory for the audit");
}

static bool
is_empty(const struct cv_factory_pki_change *change)
{
	return change->root_crt == NULL && change->ca_crt == NULL && change->added_count == 0 &&
	       change->turn_count == 0 && change->key_count == 0;
}

static bool
write_upload(struct cv_service *service, const struct upload_check *check, struct cv_error *err)
{
	__attribute__((cleanup(plan_deinit))) struct plan plan = {.turns = NULL};

	if (!make_plan(service, check, &plan, err))
		return false;
	if (is_empty(&plan.change))
		return factory_pki_end(check->result, CV_FACTORY_PKI_DONE, "");
	const struct cv_factory_pki_act act = {
	    .factory = check->order->factory,
	    .user = check->order->user,
	    .actor = check->order->actor,
	    .request_id = check->order->request_id,
	    .after_json = cv_buffer_text(&plan.after),
	};
	if (cv_factory_pki_store_write(check->connection, &act, &plan.change, err)) {
		cv_log(CV_LOG_INFO, "factory-pki-changed", "the PKI of a factory was changed",
		    CV_LOG_TEXT("factory", act.factory), CV_LOG_TEXT("actor", act.actor),
		    CV_LOG_TEXT("request_id", act.request_id));
		return factory_pki_end(check->result, CV_FACTORY_PKI_DONE, "");
	}
	return err->code == CV_E_CONSTRAINT &&
	       factory_pki_end(
		   check->result, CV_FACTORY_PKI_CONFLICT, "One of the CAs is listed already.");
}

/* If not, what the realm in memory says of other factories holds until the end. */
static bool
look_if_overtaken(const struct upload_check *check, bool *ret_is_overtaken, struct cv_error *err)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(check->service);
	int64_t version;

	if (!cv_realm_store_version(check->connection, &version, err))
		return false;
	*ret_is_overtaken = version != realm->version;
	return true;
}

static bool
check_and_write(struct cv_service *service, struct upload_check *check, bool *ret_is_overtaken,
    struct cv_error *err)
{
	if (!look_if_overtaken(check, ret_is_overtaken, err))
		return false;
	if (*ret_is_overtaken)
		return true;
	if (upload_check_all(check, err))
		return write_upload(service, check, err);
	return check->is_refused;
}

static bool
try_upload(struct cv_service *service, struct cv_connection *connection, void *context,
    struct cv_error *err)
{
	AUTO_FACTORY_PKI struct factory_pki pki = {.has_row = false};
	CV_AUTO_MEMORY struct upload_check *check = calloc(1, sizeof(*check));
	struct upload_job *job = context;
	bool is_good = false;

	if (check == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory to look at an upload");
	check->service = service;
	check->connection = connection;
	check->order = job->order;
	check->upload = job->upload;
	check->pki = &pki;
	check->result = job->result;
	check->now_utc = cv_clock_wall_seconds(cv_service_clock(service));
	check->skew_seconds = cv_service_settings(service)->skew_seconds;
	if (factory_pki_read(connection, job->order->factory, true, &pki, err))
		is_good = check_and_write(service, check, &job->is_overtaken, err);
	upload_check_deinit(check);
	cv_factory_pki_store_rollback(connection);
	return is_good;
}

bool
cv_factory_pki_upload(struct cv_service *service, const struct cv_factory_pki_order *order,
    const struct cv_factory_pki_upload *upload, struct cv_factory_pki_result *ret_result,
    struct cv_error *err)
{
	struct upload_job job = {.order = order, .upload = upload, .result = ret_result};

	for (int i = 0; i < CV_OVERTAKEN_MAX; i++) {
		if (!factory_pki_carry_out(service, try_upload, &job, true, err))
			return false;
		if (!job.is_overtaken)
			return true;
	}
	return cv_fail(err, CV_E_CONFLICT, "others list authorities all the time");
}
