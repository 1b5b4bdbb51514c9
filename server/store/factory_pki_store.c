#include "cv/store/factory_pki_store.h"

#include "cv/util/clock.h"
#include "cv/util/random.h"

#include "audit_internal.h"
#include "authority_parameters_internal.h"
#include "database_internal.h"

/* ---- reading ---- */

static bool
run_for(struct cv_connection *connection, struct cv_sql sql, const char *factory,
    PGresult **ret_result, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, factory);
	return cv_execute(connection, sql, &parameters, ret_result, err);
}

static bool
give_pki(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	if (!run_for(connection, CV_SQL(factory_pki_find), factory, &result, err))
		return false;
	if (PQntuples(result) == 0)
		return true;
	row = (struct cv_row){result, 0};
	const struct cv_factory_pki_row pki = {
	    .root_crt = cv_row_text(row, 0),
	    .ca_crt = cv_row_text(row, 1),
	    .created_at_utc = cv_row_number(row, 2),
	    .created_by = cv_row_text(row, 3),
	    .updated_at_utc = cv_row_number(row, 4),
	    .updated_by = cv_row_text(row, 5),
	};
	return sink->pki(sink->context, &pki) ||
	       cv_fail(err, CV_E_MEMORY, "no memory for the PKI of a factory");
}

static bool
give_rows(struct cv_connection *connection, struct cv_sql sql, const char *factory,
    bool (*give)(struct cv_row row, const struct cv_realm_sink *sink),
    const struct cv_realm_sink *sink, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!run_for(connection, sql, factory, &result, err))
		return false;
	for (int i = 0; i < PQntuples(result); i++) {
		if (!give((struct cv_row){result, i}, sink))
			return cv_fail(err, CV_E_INTERNAL, "%s: a row cannot be read", sql.name);
	}
	return true;
}

static bool
give_all(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err)
{
	const struct cv_realm_sink rows = {
	    .context = sink->context, .authority = sink->authority, .key = sink->key};

	return give_pki(connection, factory, sink, err) &&
	       give_rows(
		   connection, CV_SQL(factory_keys), factory, cv_factory_key_give, &rows, err) &&
	       give_rows(
		   connection, CV_SQL(factory_authorities), factory, cv_authority_give, &rows, err);
}

bool
cv_factory_pki_store_read(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err)
{
	bool is_good = cv_execute(connection, CV_SQL(begin_snapshot), NULL, NULL, err) &&
		       give_all(connection, factory, sink, err) &&
		       cv_execute(connection, CV_SQL(commit), NULL, NULL, err);

	if (!is_good)
		cv_rollback(connection);
	return is_good || cv_error_context(err, "PKI of factory %s", factory);
}

bool
cv_factory_pki_store_begin(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_sink *sink, struct cv_error *err)
{
	bool is_good = cv_execute(connection, CV_SQL(begin), NULL, NULL, err) &&
		       cv_execute(connection, CV_SQL(authorities_lock), NULL, NULL, err) &&
		       run_for(connection, CV_SQL(factory_lock), factory, NULL, err) &&
		       run_for(connection, CV_SQL(factory_authorities_lock), factory, NULL, err) &&
		       give_all(connection, factory, sink, err);

	if (!is_good)
		cv_rollback(connection);
	return is_good || cv_error_context(err, "PKI of factory %s", factory);
}

void
cv_factory_pki_store_rollback(struct cv_connection *connection)
{
	cv_rollback(connection);
}

static bool
ask(struct cv_connection *connection, struct cv_sql sql, const struct cv_parameters *parameters,
    bool *ret_answer, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, sql, parameters, &result, err))
		return false;
	*ret_answer = cv_row_bool((struct cv_row){result, 0}, 0);
	return true;
}

bool
cv_factory_pki_store_has_user(struct cv_connection *connection, const char *name,
    const char *factory, bool *ret_has, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, name);
	cv_parameter_text(&parameters, factory);
	return ask(connection, CV_SQL(user_exists), &parameters, ret_has, err);
}

bool
cv_factory_pki_store_holds_key(struct cv_connection *connection, const struct cv_digest *key_id,
    bool *ret_holds, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_digest(&parameters, key_id);
	return ask(connection, CV_SQL(factory_key_is_held), &parameters, ret_holds, err);
}

/* By two statements: the second sees what whoever had the lock before has written. */
bool
cv_factory_pki_store_names_taken(struct cv_connection *connection, const char *factory,
    const char *names, bool *ret_are_taken, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, names);
	return cv_execute(connection, CV_SQL(factory_names_lock), NULL, NULL, err) &&
	       ask(connection, CV_SQL(factory_names_taken), &parameters, ret_are_taken, err);
}

/* ---- writing ---- */

static bool
finish(struct cv_connection *connection, const struct cv_factory_pki_act *act, const char *action,
    struct cv_error *err)
{
	const struct cv_audit_row audit = {
	    .actor = act->actor,
	    .action = action,
	    .factory = act->factory,
	    .request_id = act->request_id,
	    .after_json = act->after_json,
	};

	return cv_audit_write(connection, &audit, err) &&
	       cv_execute(connection, CV_SQL(commit), NULL, NULL, err);
}

static bool
run_for_key(struct cv_connection *connection, struct cv_sql sql, const char *factory,
    enum cv_factory_key_purpose purpose, const char *certificate, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, factory);
	cv_parameter_text(&parameters, cv_factory_key_purpose_name(purpose));
	if (certificate != NULL)
		cv_parameter_text(&parameters, certificate);
	return cv_execute(connection, sql, &parameters, NULL, err);
}

static bool
put_key(struct cv_connection *connection, const struct cv_factory_pki_act *act,
    const struct cv_new_factory_key *key, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	char id[CV_UUID_TEXT_SIZE];

	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_parameter_text(&parameters, id);
	cv_parameter_text(&parameters, act->factory);
	cv_parameter_text(&parameters, cv_factory_key_purpose_name(key->purpose));
	cv_parameter_digest(&parameters, &key->key_id);
	cv_parameter_text(&parameters, key->names);
	cv_parameter_text(&parameters, key->csr);
	cv_parameter_text(&parameters, key->sealed);
	cv_parameter_text(&parameters, act->user);
	return run_for_key(connection, CV_SQL(factory_key_drop_pending), act->factory, key->purpose,
		   NULL, err) &&
	       cv_execute(connection, CV_SQL(factory_key_insert), &parameters, NULL, err);
}

bool
cv_factory_pki_store_put_keys(struct cv_connection *connection,
    const struct cv_factory_pki_act *act, const struct cv_new_factory_key *keys, size_t count,
    struct cv_error *err)
{
	bool is_good = true;

	for (size_t i = 0; is_good && i < count; i++)
		is_good = put_key(connection, act, &keys[i], err);
	is_good = is_good && finish(connection, act, "factory-keys-made", err);
	if (!is_good)
		cv_rollback(connection);
	return is_good || cv_error_context(err, "keys of factory %s", act->factory);
}

static bool
write_texts(struct cv_connection *connection, const struct cv_factory_pki_act *act,
    const struct cv_factory_pki_change *change, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, act->factory);
	cv_parameter_text(&parameters, change->root_crt);
	cv_parameter_text(&parameters, change->ca_crt);
	cv_parameter_text(&parameters, act->user);
	return cv_execute(connection, CV_SQL(factory_pki_write), &parameters, NULL, err);
}

static bool
write_authorities(struct cv_connection *connection, const struct cv_factory_pki_change *change,
    struct cv_error *err)
{
	for (size_t i = 0; i < change->added_count; i++) {
		struct cv_parameters parameters = {0};

		cv_authority_parameters(&parameters, &change->added[i]);
		if (!cv_execute(connection, CV_SQL(authority_insert), &parameters, NULL, err))
			return false;
	}
	for (size_t i = 0; i < change->turn_count; i++) {
		struct cv_parameters parameters = {0};

		cv_parameter_text(&parameters, change->turns[i].id);
		cv_parameter_text(&parameters, cv_authority_state_name(change->turns[i].state));
		if (!cv_execute(connection, CV_SQL(authority_set_state), &parameters, NULL, err))
			return false;
	}
	return true;
}

static bool
write_keys(struct cv_connection *connection, const char *factory,
    const struct cv_factory_pki_change *change, struct cv_error *err)
{
	for (size_t i = 0; i < change->key_count; i++) {
		const struct cv_factory_key_turn *turn = &change->keys[i];

		if (!run_for_key(connection, CV_SQL(factory_key_retire), factory, turn->purpose,
			NULL, err) ||
		    !run_for_key(connection, CV_SQL(factory_key_activate), factory, turn->purpose,
			turn->certificate, err))
			return false;
	}
	return true;
}

static bool
set_signing(struct cv_connection *connection, struct cv_sql sql, const char *id, int64_t seconds,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, id);
	cv_parameter_number(&parameters, seconds);
	return cv_execute(connection, sql, &parameters, NULL, err);
}

static bool
write_succession(struct cv_connection *connection, const struct cv_factory_pki_change *change,
    struct cv_error *err)
{
	const int64_t seconds = change->switch_after_seconds;

	for (size_t i = 0; i < change->ended_count; i++) {
		if (!set_signing(
			connection, CV_SQL(authority_sign_until), change->ended[i], seconds, err))
			return false;
	}
	return change->successor == NULL || set_signing(connection, CV_SQL(authority_sign_from),
						change->successor, seconds, err);
}

bool
cv_factory_pki_store_write(struct cv_connection *connection, const struct cv_factory_pki_act *act,
    const struct cv_factory_pki_change *change, struct cv_error *err)
{
	bool is_good = write_texts(connection, act, change, err) &&
		       write_authorities(connection, change, err) &&
		       write_keys(connection, act->factory, change, err) &&
		       write_succession(connection, change, err) &&
		       finish(connection, act, "factory-pki-changed", err);

	if (!is_good)
		cv_rollback(connection);
	return is_good || cv_error_context(err, "PKI of factory %s", act->factory);
}
