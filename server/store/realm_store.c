#include "cv/store/realm_store.h"

#include <string.h>

#include "cv/model/scope.h"
#include "cv/util/clock.h"
#include "cv/util/random.h"
#include "cv/util/text.h"

#include "audit_internal.h"
#include "authority_parameters_internal.h"
#include "enrolment_token_internal.h"

bool
cv_realm_store_version(struct cv_connection *connection, int64_t *ret_version, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, CV_SQL(realm_version), NULL, &result, err))
		return cv_error_context(err, "realm");
	*ret_version = cv_row_number((struct cv_row){result, 0}, 0);
	return true;
}

bool
cv_realm_store_hold(
    struct cv_connection *connection, int64_t version, bool *ret_is_current, struct cv_error *err)
{
	int64_t found;

	/* A statement of its own: the next one sees who had the lock before. */
	if (!cv_execute(connection, CV_SQL(authorities_lock), NULL, NULL, err) ||
	    !cv_realm_store_version(connection, &found, err))
		return false;
	*ret_is_current = found == version;
	return true;
}

bool
cv_realm_store_await(struct cv_connection *connection, struct cv_error *err)
{
	return cv_execute(connection, CV_SQL(authorities_lock), NULL, NULL, err);
}

/* ---- load ---- */

static bool
give_factory(struct cv_row row, const struct cv_realm_sink *sink)
{
	struct cv_factory_row factory = {0};

	cv_text_copy(factory.name, sizeof(factory.name), cv_row_text(row, 0));
	factory.is_default = cv_row_bool(row, 1);
	factory.registers_first_contact = cv_row_bool(row, 2);
	factory.announce_is_implied = cv_row_bool(row, 3);
	factory.retire_after_days = (int)cv_row_number(row, 4);
	factory.lifetime_days = (int)cv_row_number(row, 5);
	factory.made_at_us = cv_row_number(row, 6);
	return sink->factory == NULL || sink->factory(sink->context, &factory);
}

bool
cv_authority_give(struct cv_row row, const struct cv_realm_sink *sink)
{
	struct cv_authority_row authority = {0};
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	cv_text_copy(authority.id, sizeof(authority.id), cv_row_text(row, 0));
	cv_text_copy(authority.factory, sizeof(authority.factory), cv_row_text(row, 1));
	cv_text_copy(authority.name, sizeof(authority.name), cv_row_text(row, 2));
	cv_text_copy(authority.owner, sizeof(authority.owner), cv_row_text(row, 3));
	if (!cv_authority_kind_parse(cv_row_text(row, 4), &authority.kind) ||
	    !cv_authority_state_parse(cv_row_text(row, 5), &authority.state) ||
	    !cv_row_digest(row, 6, &authority.fingerprint) || !cv_row_bytes(row, 7, &der))
		return false;
	authority.certificate = cv_buffer_bytes(&der);
	authority.created_at_utc = cv_row_number(row, 8);
	authority.signs_from_utc = cv_row_number(row, 9);
	authority.signs_until_utc = cv_row_number(row, 10);
	return sink->authority == NULL || sink->authority(sink->context, &authority);
}

bool
cv_factory_key_give(struct cv_row row, const struct cv_realm_sink *sink)
{
	struct cv_factory_key_row key = {
	    .names = cv_row_text(row, 4),
	    .certificate = cv_row_text(row, 5),
	    .sealed = cv_row_text(row, 6),
	};

	return cv_text_copy(key.factory, sizeof(key.factory), cv_row_text(row, 0)) &&
	       cv_factory_key_purpose_parse(cv_row_text(row, 1), &key.purpose) &&
	       cv_factory_key_state_parse(cv_row_text(row, 2), &key.state) &&
	       cv_row_digest(row, 3, &key.key_id) &&
	       (sink->key == NULL || sink->key(sink->context, &key));
}

static bool
give_gateway(struct cv_row row, const struct cv_realm_sink *sink)
{
	struct cv_gateway_row gateway = {0};
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	cv_text_copy(gateway.id, sizeof(gateway.id), cv_row_text(row, 0));
	cv_text_copy(gateway.name, sizeof(gateway.name), cv_row_text(row, 1));
	gateway.has_every_factory = cv_row_bool(row, 2);
	gateway.may_activate = cv_row_bool(row, 5);
	if (!cv_text_copy(gateway.factories, sizeof(gateway.factories), cv_row_text(row, 3)) ||
	    !cv_text_copy(gateway.sources, sizeof(gateway.sources), cv_row_text(row, 4)) ||
	    !cv_row_digest(row, 6, &gateway.fingerprint) || !cv_row_bytes(row, 7, &der))
		return false;
	gateway.certificate = cv_buffer_bytes(&der);
	return sink->gateway == NULL || sink->gateway(sink->context, &gateway);
}

static bool
give_operator(struct cv_row row, const struct cv_realm_sink *sink)
{
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	return cv_row_bytes(row, 0, &der) &&
	       (sink->operator_ == NULL || sink->operator_(sink->context, cv_buffer_bytes(&der)));
}

static bool
give_group(struct cv_row row, const struct cv_realm_sink *sink)
{
	struct cv_group_row group = {.id = (uint32_t)cv_row_number(row, 0)};

	return cv_text_copy(group.policies, sizeof(group.policies), cv_row_text(row, 1)) &&
	       (sink->group == NULL || sink->group(sink->context, &group));
}

static bool
give_rows(struct cv_connection *connection, struct cv_sql sql,
    bool (*give)(struct cv_row row, const struct cv_realm_sink *sink),
    const struct cv_realm_sink *sink, struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;

	if (!cv_execute(connection, sql, NULL, &result, err))
		return cv_error_context(err, "%s", sql.name);
	for (int i = 0; i < PQntuples(result); i++) {
		if (!give((struct cv_row){result, i}, sink))
			return cv_fail(err, CV_E_INTERNAL, "%s: a row cannot be read", sql.name);
	}
	return true;
}

bool
cv_realm_store_load(struct cv_connection *connection, const struct cv_realm_sink *sink,
    int64_t *ret_version, struct cv_error *err)
{
	bool is_good =
	    cv_execute(connection, CV_SQL(begin_snapshot), NULL, NULL, err) &&
	    cv_realm_store_version(connection, ret_version, err) &&
	    give_rows(connection, CV_SQL(realm_factories), give_factory, sink, err) &&
	    give_rows(connection, CV_SQL(realm_authorities), cv_authority_give, sink, err) &&
	    give_rows(connection, CV_SQL(realm_keys), cv_factory_key_give, sink, err) &&
	    give_rows(connection, CV_SQL(realm_gateways), give_gateway, sink, err) &&
	    give_rows(connection, CV_SQL(realm_operators), give_operator, sink, err) &&
	    give_rows(connection, CV_SQL(realm_groups), give_group, sink, err) &&
	    cv_execute(connection, CV_SQL(commit), NULL, NULL, err);

	if (!is_good)
		cv_rollback(connection);
	return is_good;
}

/* ---- init ---- */

void
cv_authority_parameters(struct cv_parameters *parameters, const struct cv_authority_row *row)
{
	cv_parameter_text(parameters, row->id);
	cv_parameter_text(parameters, row->factory);
	cv_parameter_text(parameters, cv_authority_kind_name(row->kind));
	cv_parameter_text(parameters, cv_authority_state_name(row->state));
	cv_parameter_text(parameters, row->name);
	cv_parameter_text(parameters, row->owner[0] ? row->owner : NULL);
	cv_parameter_digest(parameters, &row->fingerprint);
	cv_parameter_bytes(parameters, row->certificate);
}

static bool
insert_factory(
    struct cv_connection *connection, const struct cv_factory_row *row, struct cv_error *err)
{
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, row->name);
	cv_parameter_bool(&parameters, row->is_default);
	cv_parameter_bool(&parameters, row->registers_first_contact);
	cv_parameter_bool(&parameters, row->announce_is_implied);
	cv_parameter_number(&parameters, row->retire_after_days);
	cv_parameter_number(&parameters, row->lifetime_days);
	return cv_execute(connection, CV_SQL(factory_insert), &parameters, NULL, err);
}

/* One factory may have imported it while the folder of another waited for its init. */
static bool
check_authority_is_new(
    struct cv_connection *connection, const struct cv_authority_row *row, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_digest(&parameters, &row->fingerprint);
	if (!cv_execute(connection, CV_SQL(authority_factory_of), &parameters, &result, err))
		return false;
	return PQntuples(result) == 0 ||
	       cv_fail(err, CV_E_CONSTRAINT,
		   "the certificate of authority %s is listed in factory %s: it cannot be in both",
		   row->name, cv_row_text((struct cv_row){result, 0}, 0));
}

static bool
insert_authorities(
    struct cv_connection *connection, const struct cv_first_factory *first, struct cv_error *err)
{
	for (size_t i = 0; i < first->authority_count; i++) {
		struct cv_parameters parameters = {0};

		cv_authority_parameters(&parameters, &first->authorities[i]);
		if (!check_authority_is_new(connection, &first->authorities[i], err) ||
		    !cv_execute(connection, CV_SQL(authority_insert), &parameters, NULL, err))
			return false;
	}
	return true;
}

bool
cv_realm_store_name_is_free(
    struct cv_connection *connection, const char *name, bool *ret_is_free, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *holder = NULL;

	cv_parameter_text(&parameters, name);
	/* A statement of its own: the next one sees who had the lock before. */
	if (!cv_execute(connection, CV_SQL(operator_names_lock), NULL, NULL, err) ||
	    !cv_execute(connection, CV_SQL(operator_name_holder), &parameters, &holder, err))
		return false;
	*ret_is_free = PQntuples(holder) == 0;
	return true;
}

static bool
insert_operator_token(
    struct cv_connection *connection, const struct cv_first_factory *first, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	char id[CV_UUID_TEXT_SIZE];
	bool is_free;

	if (!cv_realm_store_name_is_free(connection, first->operator_token_name, &is_free, err))
		return false;
	if (!is_free)
		return cv_fail(
		    err, CV_E_CONSTRAINT, "there is an operator %s", first->operator_token_name);
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), id);
	cv_parameter_text(&parameters, id);
	cv_parameter_text(&parameters, first->operator_token_name);
	cv_parameter_digest(&parameters, &first->operator_token_hash);
	cv_parameter_text(&parameters, "admin");
	cv_parameter_text(&parameters, NULL);
	cv_parameter_text(&parameters, NULL);
	cv_parameter_text(&parameters, NULL);
	return cv_execute(connection, CV_SQL(operator_token_insert), &parameters, NULL, err);
}

bool
cv_realm_store_init(
    struct cv_connection *connection, const struct cv_first_factory *first, struct cv_error *err)
{
	const struct cv_audit_row audit = {
	    .actor = "init", .action = "factory-initialised", .factory = first->factory.name};
	/* The lock before the row of the realm's version, as everybody else has them. */
	bool is_good = cv_execute(connection, CV_SQL(begin), NULL, NULL, err) &&
		       cv_execute(connection, CV_SQL(authorities_lock), NULL, NULL, err) &&
		       insert_factory(connection, &first->factory, err) &&
		       insert_authorities(connection, first, err) &&
		       insert_operator_token(connection, first, err) &&
		       cv_audit_write(connection, &audit, err) &&
		       cv_execute(connection, CV_SQL(commit), NULL, NULL, err);

	if (!is_good) {
		cv_rollback(connection);
		return cv_error_context(err, "factory %s", first->factory.name);
	}
	return true;
}

/* ---- tokens ---- */

static bool
parse_role(const char *name, enum cv_role *ret_role)
{
	if (strcmp(name, "viewer") == 0)
		*ret_role = CV_ROLE_VIEWER;
	else if (strcmp(name, "operator") == 0)
		*ret_role = CV_ROLE_OPERATOR;
	else if (strcmp(name, "admin") == 0)
		*ret_role = CV_ROLE_ADMIN;
	else
		return false;
	return true;
}

/* The first columns of both queries. */
static bool
take_credential(
    struct cv_row row, struct cv_operator_credential *ret_credential, struct cv_error *err)
{
	cv_text_copy(ret_credential->id, sizeof(ret_credential->id), cv_row_text(row, 0));
	cv_text_copy(ret_credential->name, sizeof(ret_credential->name), cv_row_text(row, 1));
	ret_credential->has_every_factory = cv_row_bool(row, 3);
	return (parse_role(cv_row_text(row, 2), &ret_credential->role) &&
		   cv_text_copy(ret_credential->factories, sizeof(ret_credential->factories),
		       cv_row_text(row, 4))) ||
	       cv_fail(err, CV_E_INTERNAL, "database: an operator's credential cannot be read");
}

bool
cv_realm_store_find_operator(struct cv_connection *connection, const struct cv_digest *hash,
    bool *ret_exists, struct cv_operator_credential *ret_credential, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_digest(&parameters, hash);
	if (!cv_execute(connection, CV_SQL(operator_token_find), &parameters, &result, err))
		return cv_error_context(err, "finding an operator token");
	*ret_exists = PQntuples(result) == 1;
	row = (struct cv_row){result, 0};
	if (!*ret_exists)
		return true;
	if (cv_row_text(row, 5)[0] != '\0' &&
	    !cv_scopes_parse(cv_row_text(row, 5), &ret_credential->scopes))
		return cv_fail(
		    err, CV_E_INTERNAL, "database: the scopes of a token cannot be read");
	ret_credential->made_at_us = cv_row_number(row, 7);
	return cv_text_copy(
		   ret_credential->device, sizeof(ret_credential->device), cv_row_text(row, 6)) &&
	       take_credential(row, ret_credential, err);
}

bool
cv_realm_store_find_operator_certificate(struct cv_connection *connection,
    const struct cv_digest *fingerprint, enum cv_credential_standing *ret_standing,
    struct cv_operator_credential *ret_credential, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_digest(&parameters, fingerprint);
	if (!cv_execute(connection, CV_SQL(operator_certificate_find), &parameters, &result, err))
		return cv_error_context(err, "finding an operator certificate");
	*ret_standing = CV_CREDENTIAL_UNKNOWN;
	if (PQntuples(result) == 0)
		return true;
	row = (struct cv_row){result, 0};
	*ret_standing = cv_row_bool(row, 5)   ? CV_CREDENTIAL_REVOKED
			: cv_row_bool(row, 6) ? CV_CREDENTIAL_EXPIRED
					      : CV_CREDENTIAL_GOOD;
	return take_credential(row, ret_credential, err);
}

bool
cv_realm_store_find_enrolment_token(struct cv_connection *connection, const struct cv_digest *hash,
    const char *device, bool *ret_exists, struct cv_enrolment_token_row *ret_row,
    struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, NULL);
	cv_parameter_digest(&parameters, hash);
	cv_parameter_text(&parameters, device);
	if (!cv_execute(connection, CV_SQL(enrolment_token_find), &parameters, &result, err))
		return cv_error_context(err, "finding an enrolment token");
	*ret_exists = PQntuples(result) == 1;
	if (*ret_exists)
		cv_enrolment_token_from_row((struct cv_row){result, 0}, ret_row);
	return true;
}
