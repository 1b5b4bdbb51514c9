#include "cv/service/factory_pki.h"

#include <string.h>

#include "factory_pki_internal.h"

void
cv_factory_pki_view_deinit(struct cv_factory_pki_view *view)
{
	cv_buffer_deinit(&view->root_crt);
	cv_buffer_deinit(&view->ca_crt);
	cv_buffer_deinit(&view->tls_crt);
	cv_buffer_deinit(&view->est_tls_crt);
	cv_buffer_deinit(&view->disabled);
	cv_buffer_deinit(&view->created_by);
	cv_buffer_deinit(&view->updated_by);
}

/* The text as it was stored, without the blocks of CAs that are not trusted any more. */
static bool
append_stored_cas(const struct factory_pki *pki, struct cv_bundle *bundle,
    struct cv_buffer *ret_text, struct cv_error *err)
{
	const struct cv_bytes text = cv_bytes(pki->ca_crt, strlen(pki->ca_crt));
	const uint8_t *at = text.data;

	if (!cv_bundle_parse(text, bundle, err))
		return cv_error_context(err, "recorded device CAs");
	for (size_t i = 0; i < bundle->count; i++) {
		const struct cv_bundle_item *item = &bundle->items[i];
		const struct cv_realm_authority *authority =
		    factory_pki_find(pki, &item->certificate->fingerprint);

		if (authority != NULL && authority->row.state != CV_AUTHORITY_REVOKED)
			continue;
		cv_buffer_append(ret_text, at, (size_t)(item->text.data - at));
		at = item->text.data + item->text.len;
		at += strspn((const char *)at, "\r\n");
	}
	cv_buffer_append(ret_text, at, (size_t)(text.data + text.len - at));
	return true;
}

/* And those that came another way: by init, or over the operator API. */
static void
append_other_cas(
    const struct factory_pki *pki, const struct cv_bundle *bundle, struct cv_buffer *ret_text)
{
	for (size_t i = 0; i < pki->authority_count; i++) {
		const struct cv_realm_authority *each = &pki->authorities[i];

		if (!factory_pki_is_device_ca(each) || each->row.state == CV_AUTHORITY_REVOKED ||
		    cv_bundle_find(bundle, &each->row.fingerprint) != NULL)
			continue;
		if (ret_text->len > 0 && ret_text->data[ret_text->len - 1] != '\n')
			cv_buffer_append_byte(ret_text, '\n');
		cv_certificate_append_pem(ret_text, each->certificate->der);
	}
}

static bool
append_cas(const struct factory_pki *pki, struct cv_buffer *ret_text, struct cv_error *err)
{
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};

	if (pki->has_row && pki->ca_crt[0] != '\0' &&
	    !append_stored_cas(pki, &bundle, ret_text, err))
		return false;
	append_other_cas(pki, &bundle, ret_text);
	return true;
}

static void
append_disabled(const struct factory_pki *pki, struct cv_buffer *ret_text)
{
	char decimal[CV_SERIAL_DECIMAL_SIZE];

	for (size_t i = 0; i < pki->authority_count; i++) {
		const struct cv_realm_authority *each = &pki->authorities[i];

		if (!factory_pki_is_device_ca(each) || each->row.state != CV_AUTHORITY_DISABLED)
			continue;
		cv_serial_write_decimal(each->certificate->serial, decimal);
		cv_buffer_printf(ret_text, "%s%s", ret_text->len > 0 ? "," : "", decimal);
	}
}

/* The first certificate of a text, without what follows. */
static void
append_first(struct cv_buffer *ret_text, const char *pem)
{
	CV_AUTO_BUNDLE struct cv_bundle bundle = {.count = 0};
	struct cv_error err = CV_ERROR_INIT;

	if (pem != NULL && pem[0] != '\0' &&
	    cv_bundle_parse(cv_bytes(pem, strlen(pem)), &bundle, &err))
		cv_certificate_append_pem(ret_text, bundle.items[0].certificate->der);
}

static void
append_servers(const struct factory_pki *pki, const struct cv_factory_pki_order *order,
    struct cv_factory_pki_view *view)
{
	const struct cv_factory_key_row *tls =
	    factory_pki_key(pki, CV_FACTORY_KEY_TLS, CV_FACTORY_KEY_ACTIVE);
	const struct cv_factory_key_row *est =
	    factory_pki_key(pki, CV_FACTORY_KEY_EST_TLS, CV_FACTORY_KEY_ACTIVE);

	if (tls != NULL)
		cv_buffer_append_text(&view->tls_crt, tls->certificate);
	else
		append_first(&view->tls_crt, order->listener_certificate);
	if (est != NULL)
		cv_buffer_append_text(&view->est_tls_crt, est->certificate);
}

static bool
fill_view(const struct factory_pki *pki, const struct cv_factory_pki_order *order,
    struct cv_factory_pki_view *view, struct cv_error *err)
{
	view->is_configured = pki->root != NULL;
	if (pki->root == NULL)
		return true;
	if (pki->has_row && pki->root_crt[0] != '\0')
		cv_buffer_append_text(&view->root_crt, pki->root_crt);
	else
		cv_certificate_append_pem(&view->root_crt, pki->root->certificate->der);
	if (!append_cas(pki, &view->ca_crt, err))
		return false;
	append_servers(pki, order, view);
	append_disabled(pki, &view->disabled);
	view->has_history = pki->has_row;
	if (pki->has_row) {
		view->created_at_utc = pki->created_at_utc;
		view->updated_at_utc = pki->updated_at_utc;
		cv_buffer_append_text(&view->created_by, pki->created_by);
		cv_buffer_append_text(&view->updated_by, pki->updated_by);
	}
	return true;
}

bool
cv_factory_pki_show(struct cv_service *service, const struct cv_factory_pki_order *order,
    struct cv_factory_pki_view *ret_view, struct cv_error *err)
{
	AUTO_FACTORY_PKI struct factory_pki pki = {.has_row = false};
	struct cv_connection *connection;
	bool is_read;

	if (!cv_pool_borrow(cv_service_pool(service), &connection, err))
		return false;
	is_read = factory_pki_read(connection, order->factory, false, &pki, err);
	cv_pool_return(connection);
	return is_read && fill_view(&pki, order, ret_view, err);
}
