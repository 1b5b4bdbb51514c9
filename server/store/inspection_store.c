#include "cv/store/inspection_store.h"

#include "cv/util/text.h"

#include "database_internal.h"

struct view_row {
	struct cv_sql sql;
	size_t filters;
	struct cv_sql of_device; /* where the first filter, a device, is set; text NULL: no other */
};
#define VIEW(view, name, filters_) [view] = {.sql = {#name, cv_sql_##name}, .filters = (filters_)}
#define VIEW_OF_DEVICE(view, name, filters_)                                                       \
	[view] = {.sql = {#name, cv_sql_##name},                                                   \
	    .filters = (filters_),                                                                 \
	    .of_device = {#name "_of_device", cv_sql_##name##_of_device}}

static const struct view_row views[] = {
    VIEW(CV_VIEW_APPROVALS, list_approvals, 1),
    VIEW(CV_VIEW_AUDIT, list_audit, 5),
    VIEW(CV_VIEW_AUTHORITIES, list_authorities, 2),
    VIEW(CV_VIEW_CERTIFICATE, show_certificate, 1),
    VIEW_OF_DEVICE(CV_VIEW_CERTIFICATES, list_certificates, 4),
    VIEW(CV_VIEW_DELIVERIES, list_deliveries, 2),
    VIEW_OF_DEVICE(CV_VIEW_DENIALS, list_denials, 1),
    VIEW(CV_VIEW_DEVICE, show_device, 1),
    VIEW(CV_VIEW_DEVICES, list_devices, 3),
    VIEW(CV_VIEW_DEVICE_GRANTS, list_device_grants, 1),
    VIEW(CV_VIEW_ENROLMENT_TOKENS, list_enrolment_tokens, 2),
    VIEW(CV_VIEW_EVENT_KEYS, list_event_keys, 1),
    VIEW(CV_VIEW_EVENT_QUEUES, list_event_queues, 0),
    VIEW(CV_VIEW_FACTORIES, list_factories, 1),
    VIEW(CV_VIEW_GATEWAYS, list_gateways, 1),
    VIEW(CV_VIEW_GROUPS, list_groups, 1),
    VIEW(CV_VIEW_OPERATOR_CERTIFICATES, list_operator_certificates, 1),
    VIEW(CV_VIEW_OPERATOR_TOKENS, list_operator_tokens, 1),
    VIEW(CV_VIEW_ROTATION_GROUPS, list_rotation_groups, 2),
    VIEW(CV_VIEW_SUBSCRIPTIONS, list_subscriptions, 2),
};

static bool
read_view(struct cv_connection *connection, const struct cv_view_query *query, int limit,
    PGresult **ret_result, struct cv_error *err)
{
	const struct view_row *view = &views[query->view];
	struct cv_sql sql = view->of_device.text && query->filters[0] ? view->of_device : view->sql;
	struct cv_parameters parameters = {0};

	cv_parameter_text(&parameters, query->scope);
	cv_parameter_text(&parameters, query->after);
	cv_parameter_number(&parameters, limit);
	for (size_t i = 0; i < view->filters; i++)
		cv_parameter_text(&parameters, query->filters[i]);
	return cv_execute(connection, sql, &parameters, ret_result, err) ||
	       cv_error_context(err, "%s", sql.name);
}

bool
cv_inspection_list(struct cv_connection *connection, const struct cv_view_query *query,
    struct cv_buffer *ret_items, char ret_next[CV_VIEW_KEY_SIZE], struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	const char *last = "";

	/* One more than is shown tells whether there is more. */
	if (!read_view(connection, query, query->limit + 1, &result, err))
		return false;
	for (int i = 0; i < PQntuples(result) && i < query->limit; i++) {
		struct cv_row row = {result, i};

		cv_buffer_append_text(ret_items, i == 0 ? "" : ",");
		cv_buffer_append_text(ret_items, cv_row_text(row, 1));
		last = cv_row_text(row, 0);
	}
	if (ret_items->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return cv_text_copy(
	    ret_next, CV_VIEW_KEY_SIZE, PQntuples(result) > query->limit ? last : "");
}

bool
cv_inspection_show(struct cv_connection *connection, const struct cv_view_query *query,
    bool *ret_exists, struct cv_buffer *ret_json, char ret_tag[CV_ENTITY_TAG_SIZE],
    struct cv_error *err)
{
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	if (!read_view(connection, query, 1, &result, err))
		return false;
	*ret_exists = PQntuples(result) == 1;
	ret_tag[0] = '\0';
	if (!*ret_exists)
		return true;
	row = (struct cv_row){result, 0};
	cv_buffer_append_text(ret_json, cv_row_text(row, 1));
	if (ret_json->has_failed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	return PQnfields(result) < 3 ||
	       cv_text_copy(ret_tag, CV_ENTITY_TAG_SIZE, cv_row_text(row, 2));
}

bool
cv_inspection_fleet(struct cv_connection *connection, const char *factory,
    struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;

	cv_parameter_text(&parameters, factory);
	if (!cv_execute(connection, CV_SQL(inspection_fleet), &parameters, &result, err))
		return cv_error_context(err, "fleet of factory %s", factory);
	cv_buffer_append_text(ret_json, cv_row_text((struct cv_row){result, 0}, 0));
	return !ret_json->has_failed || cv_fail(err, CV_E_MEMORY, "out of memory");
}

void
cv_device_facts_deinit(struct cv_device_facts *facts)
{
	cv_buffer_deinit(&facts->current_spki);
	cv_buffer_deinit(&facts->next_spki);
}

bool
cv_inspection_device(struct cv_connection *connection, const struct cv_party *party,
    bool *ret_exists, struct cv_device_facts *ret_facts, struct cv_error *err)
{
	struct cv_parameters parameters = {0};
	CV_AUTO_RESULT PGresult *result = NULL;
	struct cv_row row;

	cv_parameter_text(&parameters, party->factory);
	cv_parameter_text(&parameters, party->device);
	cv_parameter_text(&parameters, party->slot);
	if (!cv_execute(connection, CV_SQL(inspection_device), &parameters, &result, err))
		return cv_error_context(err, "keys of device %s", party->device);
	*ret_exists = PQntuples(result) == 1;
	if (!*ret_exists)
		return true;
	row = (struct cv_row){result, 0};
	if (!cv_row_is_null(row, 0) && !cv_row_bytes(row, 0, &ret_facts->current_spki))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	if (!cv_row_is_null(row, 1) && !cv_row_bytes(row, 1, &ret_facts->next_spki))
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	ret_facts->last_seen_utc = cv_row_number(row, 2);
	ret_facts->is_production = cv_row_bool(row, 4);
	return cv_text_copy(ret_facts->group, sizeof(ret_facts->group), cv_row_text(row, 3));
}
