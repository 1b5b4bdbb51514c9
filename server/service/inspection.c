#include "cv/service/inspection.h"

/* Each borrows a connection for one read. */

bool
cv_inspect_list(struct cv_service *service, const struct cv_view_query *query,
    struct cv_buffer *ret_items, char ret_next[CV_VIEW_KEY_SIZE], struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_inspection_list(connection, query, ret_items, ret_next, err);
}

bool
cv_inspect_show(struct cv_service *service, const struct cv_view_query *query, bool *ret_exists,
    struct cv_buffer *ret_json, char ret_tag[CV_ENTITY_TAG_SIZE], struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_inspection_show(connection, query, ret_exists, ret_json, ret_tag, err);
}

bool
cv_inspect_fleet(struct cv_service *service, const char *factory, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_inspection_fleet(connection, factory, ret_json, err);
}

bool
cv_inspect_device(struct cv_service *service, const struct cv_party *party, bool *ret_exists,
    struct cv_device_facts *ret_facts, struct cv_error *err)
{
	CV_AUTO_CONNECTION struct cv_connection *connection = NULL;

	return cv_pool_borrow(cv_service_pool(service), &connection, err) &&
	       cv_inspection_device(connection, party, ret_exists, ret_facts, err);
}
