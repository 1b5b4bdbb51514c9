#include "cv/service/inspection.h"

#include "cv/store/inspection_store.h"

/* Each borrows a connection for one read. */

bool
cv_inspect_devices(struct cv_service *service, const char *factory, const char *after, int limit,
    struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_inspection_devices(connection, factory, after, limit, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_certificates(struct cv_service *service, const char *factory, const char *device,
    const char *after, int limit, struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good =
	    cv_inspection_certificates(connection, factory, device, after, limit, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_authorities(struct cv_service *service, const char *factory, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_inspection_authorities(connection, factory, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_fleet(struct cv_service *service, const char *factory, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_inspection_fleet(connection, factory, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_device(struct cv_service *service, const char *factory, const char *device,
    bool *ret_exists, struct cv_buffer *ret_json, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_inspection_device(connection, factory, device, ret_exists, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_certificate(struct cv_service *service, const char *factory,
    const struct cv_digest *fingerprint, bool *ret_exists, struct cv_buffer *ret_json,
    struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good =
	    cv_inspection_certificate(connection, factory, fingerprint, ret_exists, ret_json, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}

bool
cv_inspect_keys(struct cv_service *service, const struct cv_party *party, bool *ret_exists,
    struct cv_buffer *ret_current_spki, struct cv_buffer *ret_next_spki, int64_t *ret_last_seen_utc,
    struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_good = cv_inspection_keys(connection, party->factory, party->device, party->slot,
	    ret_exists, ret_current_spki, ret_next_spki, ret_last_seen_utc, err);
	cv_pool_return(cv_service_pool(service), connection);
	return is_good;
}
