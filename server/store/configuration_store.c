#include "cv/store/configuration_store.h"

#include <string.h>

#include "audit_internal.h"
#include "authority_parameters_internal.h"
#include "database_internal.h"

#define MEMBERS_AT_ONCE 5000

/* ---- the acts ---- */

#define SQL_OF(name)                                                                               \
	{                                                                                          \
#name, cv_sql_##name                                                               \
	}

typedef void fill_parameters(
    struct cv_parameters *parameters, const struct cv_configuration_order *order);

struct act_row {
	const char *action; /* in the audit */
	enum cv_view view;
	struct cv_sql lock; /* takes the name, and the factory where has_factory; text NULL: new */
	struct cv_sql sql;
	fill_parameters *fill;
	bool has_factory; /* the object belongs to one factory, order.scope */
};

static void
fill_name(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	cv_parameter_text(parameters, order->name);
}

static void
fill_name_and_factory(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, order->scope);
}

static void
add_days(struct cv_parameters *parameters, int64_t days)
{
	if (days < 0)
		cv_parameter_text(parameters, NULL);
	else
		cv_parameter_number(parameters, days);
}

static void
fill_factory(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_factory_settings *settings = order->value.factory;

	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, settings->announce);
	cv_parameter_text(parameters, settings->first_contact);
	add_days(parameters, settings->retire_after_days);
	add_days(parameters, settings->lifetime_days);
}

static void
fill_new_authority(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	cv_authority_parameters(parameters, order->value.authority);
}

static void
fill_authority(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, cv_authority_state_name(order->value.authority->state));
}

static void
fill_new_group(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, order->value.group->announce);
	cv_parameter_text(parameters, order->value.group->policies);
	cv_parameter_text(parameters, order->description);
	cv_parameter_text(parameters, order->actor);
}

static void
fill_group(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_group_settings *settings = order->value.group;

	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, settings->announce);
	cv_parameter_bool(parameters, settings->sets_announce);
	cv_parameter_text(parameters, settings->policies);
}

static void
fill_group_description(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, order->description);
	cv_parameter_text(parameters, order->actor);
}

static void
fill_new_gateway(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_gateway_row *row = order->value.gateway;

	cv_parameter_text(parameters, row->id);
	cv_parameter_text(parameters, row->name);
	cv_parameter_bool(parameters, row->has_every_factory);
	cv_parameter_text(parameters, row->factories);
	cv_parameter_text(parameters, row->sources);
	cv_parameter_bool(parameters, row->may_activate);
	cv_parameter_digest(parameters, &row->fingerprint);
	cv_parameter_bytes(parameters, row->certificate);
}

static void
fill_gateway(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_gateway_change *change = order->value.gateway_change;

	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, change->sources);
	if (change->may_activate)
		cv_parameter_bool(parameters, *change->may_activate);
	else
		cv_parameter_text(parameters, NULL);
}

static void
fill_new_enrolment_token(
    struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_enrolment_token_row *row = order->value.enrolment_token;

	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, row->factory);
	cv_parameter_digest(parameters, &order->token_hash);
	cv_parameter_text(parameters, row->device[0] ? row->device : NULL);
	cv_parameter_number(parameters, row->uses_max);
	cv_parameter_number(parameters, row->expires_in_seconds);
	cv_parameter_text(parameters, order->actor);
	cv_parameter_text(parameters, row->label[0] ? row->label : NULL);
}

static void
fill_new_operator_token(
    struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_operator_row *token = order->value.operator_;

	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, token->name);
	cv_parameter_digest(parameters, &order->token_hash);
	cv_parameter_text(parameters, token->role);
	cv_parameter_text(parameters, token->factories[0] ? token->factories : NULL);
	if (token->expires_in_seconds > 0)
		cv_parameter_number(parameters, token->expires_in_seconds);
	else
		cv_parameter_text(parameters, NULL);
	cv_parameter_text(parameters, token->scopes[0] ? token->scopes : NULL);
}

static void
fill_new_operator_certificate(
    struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_operator_row *row = order->value.operator_;

	cv_parameter_text(parameters, order->name);
	cv_parameter_text(parameters, row->name);
	cv_parameter_text(parameters, row->role);
	cv_parameter_text(parameters, row->factories[0] ? row->factories : NULL);
	cv_parameter_digest(parameters, &row->fingerprint);
	cv_parameter_bytes(parameters, row->certificate);
	cv_parameter_number(parameters, row->not_after_utc);
}

static void
fill_new_subscription(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_subscription_row *row = order->value.subscription;

	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, row->id);
	cv_parameter_text(parameters, row->is_push ? "push" : "webhook");
	cv_parameter_text(parameters, row->url);
	cv_parameter_text(parameters, row->events);
	if (row->is_push)
		cv_parameter_text(parameters, NULL);
	else
		cv_parameter_bytes(parameters, row->sealed_secret);
	cv_parameter_text(parameters, order->actor);
}

static void
fill_event_key(struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_event_key *key = order->value.event_key;

	cv_parameter_text(parameters, key->kid);
	cv_parameter_bytes(parameters, cv_buffer_bytes(&key->certificate));
	cv_parameter_text(parameters, cv_buffer_text(&key->sealed));
}

static void
fill_new_rotation_group(
    struct cv_parameters *parameters, const struct cv_configuration_order *order)
{
	const struct cv_rotation_group_row *row = order->value.rotation_group;

	fill_name_and_factory(parameters, order);
	cv_parameter_text(parameters, row->est_url);
	cv_parameter_number(parameters, row->per_hour);
	cv_parameter_text(parameters, row->files);
	cv_parameter_text(parameters, row->summary);
	cv_parameter_text(parameters, row->rotation_id);
	cv_parameter_text(parameters, order->reason ? order->reason : "");
	cv_parameter_text(parameters, order->actor);
	cv_parameter_text(parameters, row->group);
	cv_parameter_text(parameters, row->devices);
}

#define NEW                                                                                        \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

/* clang-format off */
static const struct act_row acts[] = {
	[CV_ADD_FACTORY] = {"factory-added", CV_VIEW_FACTORIES, NEW, SQL_OF(factory_add),
	    fill_factory, false},
	[CV_CHANGE_FACTORY] = {"factory-changed", CV_VIEW_FACTORIES, SQL_OF(factory_lock),
	    SQL_OF(factory_change), fill_factory, false},
	[CV_ADD_AUTHORITY] = {"authority-added", CV_VIEW_AUTHORITIES, NEW,
	    SQL_OF(authority_insert), fill_new_authority, true},
	[CV_CHANGE_AUTHORITY] = {"authority-changed", CV_VIEW_AUTHORITIES,
	    SQL_OF(authority_lock_named), SQL_OF(authority_change), fill_authority, true},
	[CV_ADD_GROUP] = {"group-added", CV_VIEW_GROUPS, NEW, SQL_OF(group_insert), fill_new_group,
	    true},
	[CV_DESCRIBE_GROUP] = {"group-described", CV_VIEW_GROUPS, SQL_OF(group_lock),
	    SQL_OF(group_describe), fill_group_description, true},
	[CV_CHANGE_GROUP] = {"group-changed", CV_VIEW_GROUPS, SQL_OF(group_lock),
	    SQL_OF(group_change), fill_group, true},
	[CV_DELETE_GROUP] = {"group-deleted", CV_VIEW_GROUPS, SQL_OF(group_lock),
	    SQL_OF(group_delete), fill_name_and_factory, true},
	[CV_ADD_GATEWAY] = {"gateway-added", CV_VIEW_GATEWAYS, NEW, SQL_OF(gateway_insert),
	    fill_new_gateway, false},
	[CV_CHANGE_GATEWAY] = {"gateway-changed", CV_VIEW_GATEWAYS, SQL_OF(gateway_lock),
	    SQL_OF(gateway_change), fill_gateway, false},
	[CV_REMOVE_GATEWAY] = {"gateway-removed", CV_VIEW_GATEWAYS, SQL_OF(gateway_lock),
	    SQL_OF(gateway_remove), fill_name, false},
	[CV_ADD_ENROLMENT_TOKEN] = {"enrolment-token-made", CV_VIEW_ENROLMENT_TOKENS, NEW,
	    SQL_OF(enrolment_token_insert), fill_new_enrolment_token, true},
	[CV_REVOKE_ENROLMENT_TOKEN] = {"enrolment-token-revoked", CV_VIEW_ENROLMENT_TOKENS,
	    SQL_OF(enrolment_token_lock_named), SQL_OF(enrolment_token_revoke),
	    fill_name_and_factory, true},
	[CV_ADD_OPERATOR_TOKEN] = {"operator-token-made", CV_VIEW_OPERATOR_TOKENS, NEW,
	    SQL_OF(operator_token_insert), fill_new_operator_token, false},
	[CV_REVOKE_OPERATOR_TOKEN] = {"operator-token-revoked", CV_VIEW_OPERATOR_TOKENS,
	    SQL_OF(operator_token_lock), SQL_OF(operator_token_revoke), fill_name, false},
	[CV_ADD_OPERATOR_CERTIFICATE] = {"operator-certificate-issued",
	    CV_VIEW_OPERATOR_CERTIFICATES, NEW, SQL_OF(operator_certificate_insert),
	    fill_new_operator_certificate, false},
	[CV_REVOKE_OPERATOR_CERTIFICATE] = {"operator-certificate-revoked",
	    CV_VIEW_OPERATOR_CERTIFICATES, SQL_OF(operator_certificate_lock),
	    SQL_OF(operator_certificate_revoke), fill_name, false},
	[CV_ADD_SUBSCRIPTION] = {"subscription-added", CV_VIEW_SUBSCRIPTIONS, NEW,
	    SQL_OF(subscription_insert), fill_new_subscription, true},
	[CV_REMOVE_SUBSCRIPTION] = {"subscription-removed", CV_VIEW_SUBSCRIPTIONS,
	    SQL_OF(subscription_lock), SQL_OF(subscription_remove), fill_name_and_factory, true},
	[CV_REMOVE_EVENT_QUEUE] = {"subscription-removed", CV_VIEW_SUBSCRIPTIONS,
	    SQL_OF(subscription_lock), SQL_OF(subscription_remove), fill_name_and_factory, true},
	[CV_REPLAY_SUBSCRIPTION] = {"subscription-replayed", CV_VIEW_SUBSCRIPTIONS,
	    SQL_OF(subscription_lock), SQL_OF(subscription_replay), fill_name_and_factory, true},
	[CV_REPLACE_EVENT_KEY] = {"event-key-replaced", CV_VIEW_EVENT_KEYS, NEW,
	    SQL_OF(event_key_replace), fill_event_key, false},
	[CV_ADD_ROTATION_GROUP] = {"rotation-group-added", CV_VIEW_ROTATION_GROUPS, NEW,
	    SQL_OF(rotation_group_insert), fill_new_rotation_group, true},
	[CV_PAUSE_ROTATION_GROUP] = {"rotation-group-paused", CV_VIEW_ROTATION_GROUPS,
	    SQL_OF(rotation_group_lock), SQL_OF(rotation_group_pause), fill_name_and_factory, true},
	[CV_RESUME_ROTATION_GROUP] = {"rotation-group-resumed", CV_VIEW_ROTATION_GROUPS,
	    SQL_OF(rotation_group_lock), SQL_OF(rotation_group_resume), fill_name_and_factory, true},
	[CV_END_ROTATION_GROUP] = {"rotation-group-ended", CV_VIEW_ROTATION_GROUPS,
	    SQL_OF(rotation_group_lock), SQL_OF(rotation_group_end), fill_name_and_factory, true},
};
/* clang-format on */

/* ---- one transaction ---- */

struct work {
	struct cv_connection *connection;
	const struct cv_configuration_order *order;
	const struct act_row *act;
	struct cv_buffer before;
	char tag_before[CV_ENTITY_TAG_SIZE];
	struct cv_configuration_result *result;
};

static void
work_deinit(struct work *work)
{
	cv_rollback(work->connection);
	cv_buffer_deinit(&work->before);
}
#define AUTO_WORK __attribute__((cleanup(work_deinit)))

static bool
end(struct work *work, enum cv_configuration_outcome outcome)
{
	work->result->outcome = outcome;
	return true;
}

static bool
take_recorded(struct work *work, struct cv_row row, struct cv_error *err)
{
	struct cv_configuration_result *result = work->result;

	if (!cv_row_bool(row, 0))
		return end(work, CV_CONFIGURATION_KEY_REUSED);
	cv_buffer_append_text(&result->object, cv_row_text(row, 1));
	result->kept.is_secret = true;
	if (result->object.has_failed ||
	    (!cv_row_is_null(row, 2) && !cv_row_bytes(row, 2, &result->kept)))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return end(work, CV_CONFIGURATION_REPEATED);
}

static void
add_key(struct cv_parameters *parameters, const struct cv_idempotency *once)
{
	cv_parameter_text(parameters, once->operator_);
	cv_parameter_text(parameters, once->key);
}

/* Waits for the same request under way; then this one is the first, or finds what came of it. */
static bool
claim(struct work *work, bool *ret_is_first, struct cv_error *err)
{
	const struct cv_idempotency *once = work->order->once;
	struct cv_parameters key = {0};
	struct cv_parameters request = {0};
	CV_AUTO_RESULT PGresult *claimed = NULL;
	CV_AUTO_RESULT PGresult *recorded = NULL;

	*ret_is_first = true;
	if (!once)
		return true;
	add_key(&key, once);
	add_key(&request, once);
	cv_parameter_digest(&request, &once->request_digest);
	if (!cv_execute(work->connection, CV_SQL(idempotency_trim), &key, NULL, err) ||
	    !cv_execute(work->connection, CV_SQL(idempotency_claim), &request, &claimed, err))
		return false;
	*ret_is_first = strcmp(PQcmdTuples(claimed), "1") == 0;
	if (*ret_is_first)
		return true;
	if (!cv_execute(work->connection, CV_SQL(idempotency_find), &request, &recorded, err))
		return false;
	if (PQntuples(recorded) == 0)
		return cv_fail(err, CV_E_CONFLICT, "the recorded request is gone");
	return take_recorded(work, (struct cv_row){recorded, 0}, err);
}

static bool
record_answer(const struct work *work, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;
	struct cv_parameters parameters = {0};

	if (!order->once)
		return true;
	add_key(&parameters, order->once);
	cv_parameter_text(&parameters, cv_buffer_text(&work->result->object));
	if (order->kept.len > 0)
		cv_parameter_bytes(&parameters, order->kept);
	else
		cv_parameter_text(&parameters, NULL);
	return cv_execute(work->connection, CV_SQL(idempotency_complete), &parameters, NULL, err);
}

/* The second filter of its view: what kind of object the act is about. NULL: any. */
static const char *
kind_of(const struct work *work)
{
	return work->order->act == CV_REMOVE_EVENT_QUEUE ? "push" : NULL;
}

static bool
read_object(const struct work *work, bool *ret_exists, struct cv_buffer *ret_json,
    char ret_tag[CV_ENTITY_TAG_SIZE], struct cv_error *err)
{
	const struct cv_view_query query = {.view = work->act->view,
	    .scope = work->order->scope,
	    .filters = {work->order->name, kind_of(work)}};

	return cv_inspection_show(work->connection, &query, ret_exists, ret_json, ret_tag, err);
}

/* Locks what is to be changed, by a statement of its own, and reads it; true for what is new. */
static bool
find(struct work *work, bool *ret_goes_on, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;
	struct cv_parameters parameters = {0};
	bool exists;

	*ret_goes_on = true;
	if (!work->act->lock.text)
		return true;
	(work->act->has_factory ? fill_name_and_factory : fill_name)(&parameters, order);
	if (!cv_execute(work->connection, work->act->lock, &parameters, NULL, err) ||
	    !read_object(work, &exists, &work->before, work->tag_before, err))
		return false;
	*ret_goes_on =
	    exists && (!order->if_match || strcmp(order->if_match, work->tag_before) == 0);
	if (*ret_goes_on)
		return true;
	return end(work, exists ? CV_CONFIGURATION_STALE : CV_CONFIGURATION_NOT_FOUND);
}

static bool
take_name(struct work *work, bool *ret_goes_on, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;

	*ret_goes_on = true;
	if (order->act != CV_ADD_OPERATOR_TOKEN && order->act != CV_ADD_OPERATOR_CERTIFICATE)
		return true;
	if (!cv_realm_store_name_is_free(
		work->connection, order->value.operator_->name, ret_goes_on, err))
		return false;
	return *ret_goes_on || end(work, CV_CONFIGURATION_EXISTS);
}

/* Of what a factory has so many at most. NULL: there is no such limit. */
static const char *
limited_kind(enum cv_configuration_act act)
{
	if (act == CV_ADD_SUBSCRIPTION)
		return "subscription";
	return act == CV_ADD_ROTATION_GROUP ? "rotation group" : NULL;
}

/*
 * Where what is there already counts, one after the other: of what is limited those of one factory
 * and kind, of authorities all, as the key of one says something of every factory. The row of the
 * factory stays free: a group of many devices takes its time, and others change the factory.
 */
static bool
take_turn(struct work *work, bool *ret_goes_on, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;
	const char *kind = limited_kind(order->act);
	struct cv_parameters parameters = {0};

	*ret_goes_on = true;
	if (order->act == CV_ADD_AUTHORITY)
		return cv_realm_store_hold(
			   work->connection, order->realm_version, ret_goes_on, err) &&
		       (*ret_goes_on || end(work, CV_CONFIGURATION_OVERTAKEN));
	if (kind == NULL)
		return true;
	cv_parameter_text(&parameters, order->scope);
	cv_parameter_text(&parameters, kind);
	return cv_execute(work->connection, CV_SQL(factory_turn), &parameters, NULL, err);
}

/*
 * A device whose key became that of a gateway or an operator could not renew any more. Devices that
 * prove the key from now on are refused by each instance that knows of the new holder, within a
 * second: one that does before that gets its certificate, and is refused at the next renewal.
 */
static bool
take_key(struct work *work, bool *ret_goes_on, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *holder = NULL;

	*ret_goes_on = true;
	if (order->act != CV_ADD_GATEWAY && order->act != CV_ADD_OPERATOR_CERTIFICATE)
		return true;
	cv_parameter_digest(&parameters, &order->key_id);
	cv_parameter_bytes(&parameters, order->spki);
	if (!cv_execute(work->connection, CV_SQL(operator_names_lock), NULL, NULL, err) ||
	    !cv_execute(work->connection, CV_SQL(key_holder), &parameters, &holder, err))
		return false;
	*ret_goes_on = PQntuples(holder) == 0;
	return *ret_goes_on || end(work, CV_CONFIGURATION_KEY_IN_USE);
}

/* Takes the devices in, some thousands at a time: one statement for all would not end in time. */
static bool
add_members(const struct work *work, int64_t *ret_count, struct cv_error *err)
{
	const struct cv_rotation_group_row *row = work->order->value.rotation_group;
	struct cv_parameters parameters = {0};
	bool has_more = true;

	fill_name_and_factory(&parameters, work->order);
	cv_parameter_text(&parameters, row->group);
	cv_parameter_text(&parameters, row->devices);
	cv_parameter_text(&parameters, row->ends_before);
	cv_parameter_number(&parameters, MEMBERS_AT_ONCE);
	*ret_count = 0;
	while (has_more && *ret_count <= CV_ROTATION_DEVICES_MAX) {
		CV_AUTO_RESULT PGresult *result = NULL;

		if (!cv_execute(
			work->connection, CV_SQL(rotation_group_fill), &parameters, &result, err))
			return false;
		has_more = PQntuples(result) == 1;
		if (has_more)
			*ret_count = cv_row_number((struct cv_row){result, 0}, 0);
	}
	return true;
}

/* What belongs to the object besides its row. False in *ret_is_possible: it may not be so. */
static bool
add_parts(const struct work *work, bool *ret_is_possible, struct cv_error *err)
{
	int64_t count = 0;

	*ret_is_possible = true;
	if (work->order->act != CV_ADD_ROTATION_GROUP)
		return true;
	if (!add_members(work, &count, err))
		return false;
	*ret_is_possible = count > 0 && count <= CV_ROTATION_DEVICES_MAX;
	return true;
}

static bool
change(struct work *work, bool *ret_goes_on, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	bool exists, is_possible;

	*ret_goes_on = false;
	work->act->fill(&parameters, work->order);
	if (!cv_execute(work->connection, work->act->sql, &parameters, &result, err))
		return err->code == CV_E_CONSTRAINT && !work->act->lock.text
			   ? end(work, CV_CONFIGURATION_EXISTS)
			   : false;
	if (strcmp(PQcmdTuples(result), "0") == 0)
		return end(work, CV_CONFIGURATION_NOT_POSSIBLE);
	if (!add_parts(work, &is_possible, err))
		return false;
	if (!is_possible)
		return end(work, CV_CONFIGURATION_NOT_POSSIBLE);
	if (!read_object(work, &exists, &work->result->object, work->result->tag, err))
		return false;
	if (exists && strcmp(work->tag_before, work->result->tag) == 0)
		return end(work, CV_CONFIGURATION_UNCHANGED);
	*ret_goes_on = true;
	return end(work, CV_CONFIGURATION_DONE);
}

static bool
finish(const struct work *work, struct cv_error *err)
{
	const struct cv_configuration_order *order = work->order;
	const struct cv_buffer *after = &work->result->object;
	const struct cv_audit_row audit = {
	    .actor = order->actor,
	    .action = work->act->action,
	    .factory = work->act->has_factory                 ? order->scope
		       : work->act->view == CV_VIEW_FACTORIES ? order->name
							      : NULL,
	    .reason = order->reason,
	    .request_id = order->request_id,
	    .before_json = work->before.len > 0 ? cv_buffer_text(&work->before) : NULL,
	    .after_json = after->len > 0 ? cv_buffer_text(after) : NULL,
	    .is_of_object = true,
	};

	return cv_audit_write(work->connection, &audit, err) && record_answer(work, err) &&
	       cv_execute(work->connection, CV_SQL(commit), NULL, NULL, err);
}

void
cv_configuration_result_deinit(struct cv_configuration_result *result)
{
	cv_buffer_deinit(&result->object);
	cv_buffer_deinit(&result->kept);
}

bool
cv_configuration_apply(struct cv_connection *connection, const struct cv_configuration_order *order,
    struct cv_configuration_result *ret_result, struct cv_error *err)
{
	AUTO_WORK struct work work = {.connection = connection,
	    .order = order,
	    .act = &acts[order->act],
	    .result = ret_result};
	bool goes_on;

	if (!cv_execute(connection, CV_SQL(begin), NULL, NULL, err) || !claim(&work, &goes_on, err))
		return false;
	if (goes_on && !find(&work, &goes_on, err))
		return false;
	if (goes_on && !take_turn(&work, &goes_on, err))
		return false;
	if (goes_on && !take_name(&work, &goes_on, err))
		return false;
	if (goes_on && !take_key(&work, &goes_on, err))
		return false;
	if (goes_on && !change(&work, &goes_on, err))
		return false;
	return !goes_on || finish(&work, err) || cv_error_context(err, "%s", work.act->action);
}
