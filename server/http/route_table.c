#include "route_table_internal.h"

#include "broker_handlers_internal.h"
#include "cv/codec/est.h"
#include "device_configuration_internal.h"
#include "device_handlers_internal.h"
#include "est_handlers_internal.h"
#include "health_handlers_internal.h"
#include "oauth_handlers_internal.h"
#include "operator_handlers_internal.h"
#include "ota_configuration_internal.h"
#include "ota_factory_pki_internal.h"
#include "ota_devices_internal.h"
#include "ota_registration_internal.h"
#include "ota_users_internal.h"
#include "public_handlers_internal.h"

#define EST "/.well-known/est"
#define JSON_MAX 16384
#define ACT_MAX 1024
#define CERTIFICATE_MAX 65536
#define CONFIGURATION_MAX ((size_t)2304 * 1024) /* 1 MiB of files, encrypted and in base64 */
#define EVENTS_MAX ((size_t)1024 * 1024)
#define BROKER_MAX CV_REQUEST_DROP_MAX /* MQTT lets clients choose names of 64 KiB */

#define EST_READ (CV_ROUTE_EST | CV_ROUTE_BLIND | CV_ROUTE_DOUBLED_SLASH)
#define EST_ENROL (CV_ROUTE_EST | CV_ROUTE_WORKER | CV_ROUTE_BOOTSTRAP | CV_ROUTE_DOUBLED_SLASH)
#define EST_REENROL                                                                                \
	(CV_ROUTE_EST | CV_ROUTE_WORKER | CV_ROUTE_CERTIFICATE | CV_ROUTE_GRACE |                  \
	    CV_ROUTE_DOUBLED_SLASH)
#define DEVICE (CV_ROUTE_WORKER | CV_ROUTE_CERTIFICATE | CV_ROUTE_GRACE)

/* fullcmc is not offered: an unknown path, whatever the method. */
static const struct cv_route device_rows[] = {
    {"GET", EST "/cacerts", cv_est_cacerts, 0, EST_READ},
    {"GET", EST "/{label}/cacerts", cv_est_cacerts, 0, EST_READ | CV_ROUTE_LABEL},
    {"GET", EST "/csrattrs", cv_est_csrattrs, 0, EST_READ},
    {"GET", EST "/{label}/csrattrs", cv_est_csrattrs, 0, EST_READ | CV_ROUTE_LABEL},
    {"POST", EST "/simpleenroll", cv_est_simpleenroll, CV_EST_BODY_MAX, EST_ENROL},
    {"POST", EST "/{label}/simpleenroll", cv_est_simpleenroll, CV_EST_BODY_MAX,
	EST_ENROL | CV_ROUTE_LABEL},
    {"POST", EST "/simplereenroll", cv_est_simplereenroll, CV_EST_BODY_MAX, EST_REENROL},
    {"POST", EST "/{label}/simplereenroll", cv_est_simplereenroll, CV_EST_BODY_MAX,
	EST_REENROL | CV_ROUTE_LABEL},
    {"POST", EST "/serverkeygen", cv_est_serverkeygen, CV_EST_BODY_MAX, EST_ENROL},
    {"POST", EST "/{label}/serverkeygen", cv_est_serverkeygen, CV_EST_BODY_MAX,
	EST_ENROL | CV_ROUTE_LABEL},
    {"GET", "/device", cv_device_show, 0, DEVICE},
    {"PATCH", "/device", cv_device_patch, JSON_MAX, DEVICE},
    {"GET", "/config", cv_device_show_configuration, 0, DEVICE},
    {"PATCH", "/config", cv_device_change_configuration, CONFIGURATION_MAX, DEVICE},
    {"GET", "/config-device", cv_device_show_own_configuration, 0, DEVICE},
    {"POST", "/events", cv_device_take_events, EVENTS_MAX, DEVICE},
};

/* Besides the check. */
static const struct cv_route gateway_rows[] = {
    {"POST", "/v1/broker/emqx", cv_broker_ask, BROKER_MAX, CV_ROUTE_EMQX},
    {"POST", "/v1/broker/vernemq", cv_broker_ask, BROKER_MAX, CV_ROUTE_VERNEMQ},
    {"GET", "/v1/broker/rabbitmq/user", cv_broker_ask, 0, CV_ROUTE_RABBITMQ},
    {"POST", "/v1/broker/rabbitmq/user", cv_broker_ask, BROKER_MAX, CV_ROUTE_RABBITMQ},
    {"GET", "/v1/broker/rabbitmq/vhost", cv_broker_ask, 0, CV_ROUTE_RABBITMQ},
    {"POST", "/v1/broker/rabbitmq/vhost", cv_broker_ask, BROKER_MAX, CV_ROUTE_RABBITMQ},
    {"GET", "/v1/broker/rabbitmq/resource", cv_broker_ask, 0, CV_ROUTE_RABBITMQ},
    {"POST", "/v1/broker/rabbitmq/resource", cv_broker_ask, BROKER_MAX, CV_ROUTE_RABBITMQ},
    {"GET", "/v1/broker/rabbitmq/topic", cv_broker_ask, 0, CV_ROUTE_RABBITMQ},
    {"POST", "/v1/broker/rabbitmq/topic", cv_broker_ask, BROKER_MAX, CV_ROUTE_RABBITMQ},
};

#define VIEWER (CV_ROUTE_WORKER | CV_ROUTE_VIEWER)
#define OPERATOR (CV_ROUTE_WORKER | CV_ROUTE_OPERATOR)
#define ADMIN (CV_ROUTE_WORKER | CV_ROUTE_ADMIN)
#define REALM CV_ROUTE_REALM
#define CHANGE CV_ROUTE_CHANGE
#define CREATES CV_ROUTE_CREATES
#define DELETES CV_ROUTE_DELETES

#define OTA_FACTORY "/ota/factories/{factory}"
#define OAUTH (CV_ROUTE_WORKER | CV_ROUTE_OTA)
#define OTA_VIEWER (VIEWER | CV_ROUTE_OTA)
#define OTA_OPERATOR (OPERATOR | CV_ROUTE_OTA)
#define OTA_LAYER(pattern_, handle_)                                                               \
	{"GET", pattern_, handle_, 0, OTA_VIEWER},                                                 \
	    {"PATCH", pattern_, handle_, CONFIGURATION_MAX, OTA_OPERATOR},                         \
	    {"POST", pattern_, handle_, CONFIGURATION_MAX, OTA_OPERATOR},                          \
	{                                                                                          \
		"DELETE", pattern_ "{file...}/", handle_, ACT_MAX, OTA_OPERATOR                    \
	}
#define OTA_ADMIN (ADMIN | CV_ROUTE_OTA)
#define OTA_BUNDLE_MAX ((size_t)200 * 1024)

/* /v1 is described to clients in docs/protocol/openapi.json, /ota in docs/foundries.md. */
static const struct cv_route operator_rows[] = {
    {"GET", "/v1/devices", cv_operator_list, 0, VIEWER},
    {"GET", "/v1/devices/{id}", cv_operator_show, 0, VIEWER},
    {"DELETE", "/v1/devices/{id}", cv_operator_delete_device, ACT_MAX, OPERATOR | DELETES},
    {"POST", "/v1/devices/{id}/revoke", cv_operator_change_device, ACT_MAX, OPERATOR},
    {"POST", "/v1/devices/{id}/hold", cv_operator_change_device, ACT_MAX, OPERATOR},
    {"POST", "/v1/devices/{id}/release", cv_operator_change_device, ACT_MAX, OPERATOR},
    {"POST", "/v1/devices/{id}/allow", cv_operator_change_device, ACT_MAX, OPERATOR | DELETES},
    {"POST", "/v1/devices/{id}/cancel", cv_operator_change_device, ACT_MAX, OPERATOR},
    {"POST", "/v1/devices/{id}/approve", cv_operator_change_device, ACT_MAX, OPERATOR},
    {"POST", "/v1/devices/{id}/rotate", cv_operator_rotate_device, ACT_MAX, OPERATOR},
    {"GET", "/v1/certificates", cv_operator_list, 0, VIEWER},
    {"GET", "/v1/certificates/{sha256}", cv_operator_show, 0, VIEWER},
    {"POST", "/v1/certificates/{sha256}/revoke", cv_operator_revoke_certificate, ACT_MAX, OPERATOR},
    {"GET", "/v1/denials", cv_operator_list, 0, VIEWER},
    {"GET", "/v1/groups", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/groups", cv_operator_add_group, JSON_MAX, ADMIN},
    {"GET", "/v1/groups/{name}", cv_operator_show, 0, VIEWER},
    {"PATCH", "/v1/groups/{name}", cv_operator_change_group, JSON_MAX, ADMIN | CHANGE},
    {"DELETE", "/v1/groups/{name}", cv_operator_delete_group, ACT_MAX, ADMIN},
    {"POST", "/v1/groups/{name}/rotate", cv_operator_rotate_group, ACT_MAX, OPERATOR},
    {"PUT", "/v1/groups/{name}/devices/{id}", cv_operator_join_group, ACT_MAX, OPERATOR},
    {"DELETE", "/v1/groups/{name}/devices/{id}", cv_operator_leave_group, ACT_MAX, OPERATOR},
    {"GET", "/v1/authorities", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/authorities", cv_operator_import_authority, CERTIFICATE_MAX, ADMIN},
    {"GET", "/v1/authorities/{name}", cv_operator_show, 0, VIEWER},
    {"POST", "/v1/authorities/{name}/enable", cv_operator_change_authority, ACT_MAX, ADMIN},
    {"POST", "/v1/authorities/{name}/disable", cv_operator_change_authority, ACT_MAX, ADMIN},
    {"POST", "/v1/authorities/{name}/revoke", cv_operator_change_authority, ACT_MAX, ADMIN},
    {"GET", "/v1/enrolment-tokens", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/enrolment-tokens", cv_operator_make_enrolment_token, JSON_MAX,
	OPERATOR | CREATES},
    {"GET", "/v1/enrolment-tokens/{id}", cv_operator_show, 0, VIEWER},
    {"DELETE", "/v1/enrolment-tokens/{id}", cv_operator_revoke_enrolment_token, ACT_MAX, OPERATOR},
    {"GET", "/v1/factories", cv_operator_list, 0, VIEWER | REALM},
    {"POST", "/v1/factories", cv_operator_add_factory, JSON_MAX, ADMIN | REALM},
    {"GET", "/v1/factories/{name}", cv_operator_show, 0, VIEWER | REALM},
    {"PATCH", "/v1/factories/{name}", cv_operator_change_factory, JSON_MAX, ADMIN | CHANGE | REALM},
    {"GET", "/v1/gateways", cv_operator_list, 0, VIEWER | REALM},
    {"POST", "/v1/gateways", cv_operator_add_gateway, CERTIFICATE_MAX, ADMIN | REALM},
    {"GET", "/v1/gateways/{name}", cv_operator_show, 0, VIEWER | REALM},
    {"PATCH", "/v1/gateways/{name}", cv_operator_change_gateway, JSON_MAX, ADMIN | CHANGE | REALM},
    {"DELETE", "/v1/gateways/{name}", cv_operator_remove_gateway, ACT_MAX, ADMIN | REALM},
    {"GET", "/v1/operator-tokens", cv_operator_list, 0, ADMIN | REALM},
    {"POST", "/v1/operator-tokens", cv_operator_make_operator_token, JSON_MAX, ADMIN | REALM},
    {"GET", "/v1/operator-tokens/{id}", cv_operator_show, 0, ADMIN | REALM},
    {"DELETE", "/v1/operator-tokens/{id}", cv_operator_revoke_operator_token, ACT_MAX,
	ADMIN | REALM},
    {"GET", "/v1/operator-certificates", cv_operator_list, 0, ADMIN | REALM},
    {"POST", "/v1/operator-certificates", cv_operator_add_certificate, CERTIFICATE_MAX,
	ADMIN | REALM},
    {"GET", "/v1/operator-certificates/{id}", cv_operator_show, 0, ADMIN | REALM},
    {"DELETE", "/v1/operator-certificates/{id}", cv_operator_revoke_operator_certificate, ACT_MAX,
	ADMIN | REALM},
    {"GET", "/v1/approvals", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/approvals/{id}/approve", cv_operator_approve_enrolment, ACT_MAX, OPERATOR},
    {"POST", "/v1/approvals/{id}/refuse", cv_operator_refuse_enrolment, ACT_MAX, OPERATOR},
    {"GET", "/v1/rotation-groups", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/rotation-groups", cv_operator_add_rotation_group, JSON_MAX, OPERATOR},
    {"GET", "/v1/rotation-groups/{name}", cv_operator_show, 0, VIEWER},
    {"POST", "/v1/rotation-groups/{name}/pause", cv_operator_change_rotation_group, ACT_MAX,
	OPERATOR},
    {"POST", "/v1/rotation-groups/{name}/resume", cv_operator_change_rotation_group, ACT_MAX,
	OPERATOR},
    {"POST", "/v1/rotation-groups/{name}/end", cv_operator_change_rotation_group, ACT_MAX,
	OPERATOR},
    {"GET", "/v1/webhooks", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/webhooks", cv_operator_add_webhook, JSON_MAX, OPERATOR},
    {"GET", "/v1/webhooks/{name}", cv_operator_show, 0, VIEWER},
    {"DELETE", "/v1/webhooks/{name}", cv_operator_remove_webhook, ACT_MAX, OPERATOR},
    {"GET", "/v1/webhooks/{name}/deliveries", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/webhooks/{name}/replay", cv_operator_replay_webhook, ACT_MAX, OPERATOR},
    {"GET", "/v1/event-keys", cv_operator_list_event_keys, 0, CV_ROUTE_WORKER},
    {"POST", "/v1/event-keys", cv_operator_replace_event_key, ACT_MAX, ADMIN | REALM},
    {"GET", "/v1/device-grants", cv_operator_list, 0, VIEWER},
    {"POST", "/v1/device-grants/{user_code}/approve", cv_operator_approve_device, ACT_MAX,
	OPERATOR | CREATES},
    {"POST", "/v1/device-grants/{user_code}/refuse", cv_operator_refuse_device, ACT_MAX,
	OPERATOR | CREATES},
    {"GET", "/v1/audit", cv_operator_list, 0, VIEWER | REALM},
    {"GET", "/v1/status", cv_operator_show_status, 0, VIEWER},
    {"GET", "/v1/openapi.json", cv_operator_show_description, 0, 0},
    {"POST", "/oauth/authorization/device/", cv_oauth_ask, ACT_MAX, OAUTH},
    {"GET", "/oauth/device/", cv_oauth_explain, 0, OAUTH},
    {"POST", "/oauth/token/", cv_oauth_give, ACT_MAX, OAUTH},
    {"GET", "/ota/devices/", cv_ota_list, 0, OTA_VIEWER},
    {"POST", "/ota/devices/", cv_ota_register_device, CERTIFICATE_MAX,
	OTA_OPERATOR | CREATES | REALM},
    {"PUT", "/ota/devices/", cv_ota_register_certificate, CERTIFICATE_MAX,
	OTA_OPERATOR | CREATES | REALM},
    {"GET", "/ota/devices/{device}/", cv_ota_show, 0, OTA_VIEWER},
    {"PATCH", "/ota/devices/{device}/", cv_ota_change, JSON_MAX, OTA_OPERATOR},
    {"DELETE", "/ota/devices/{device}/", cv_ota_delete, ACT_MAX, OTA_OPERATOR | DELETES},
    {"GET", OTA_FACTORY "/denied-devices/", cv_ota_list_denied, 0, OTA_VIEWER},
    {"DELETE", OTA_FACTORY "/denied-devices/{uuid}/", cv_ota_allow, ACT_MAX,
	OTA_OPERATOR | DELETES},
    {"GET", OTA_FACTORY "/device-groups/", cv_ota_list_device_groups, 0, OTA_VIEWER},
    {"POST", OTA_FACTORY "/device-groups/", cv_ota_add_device_group, JSON_MAX, OTA_OPERATOR},
    {"GET", OTA_FACTORY "/device-groups/{name}/", cv_ota_show_device_group, 0, OTA_VIEWER},
    {"PATCH", OTA_FACTORY "/device-groups/{name}/", cv_ota_describe_device_group, JSON_MAX,
	OTA_OPERATOR},
    {"DELETE", OTA_FACTORY "/device-groups/{name}/", cv_ota_delete_device_group, ACT_MAX,
	OTA_OPERATOR},
    {"GET", OTA_FACTORY "/users/", cv_ota_list_all_users, 0, OTA_VIEWER},
    {"GET", OTA_FACTORY "/users/self/", cv_ota_show_self, 0, OTA_VIEWER},
    OTA_LAYER("/ota/devices/{device}/config/", cv_ota_device_configuration),
    OTA_LAYER(OTA_FACTORY "/device-groups/{group}/config/", cv_ota_group_configuration),
    OTA_LAYER(OTA_FACTORY "/config/", cv_ota_factory_configuration),
    {"GET", "/ota/devices/{device}/updates/", cv_ota_list_updates, 0, OTA_VIEWER},
    {"GET", "/ota/devices/{device}/updates/{id}/", cv_ota_show_update, 0, OTA_VIEWER},
    {"GET", OTA_FACTORY "/event-queues/", cv_ota_list_event_queues, 0, OTA_VIEWER},
    {"POST", OTA_FACTORY "/event-queues/", cv_ota_add_event_queue, JSON_MAX, OTA_OPERATOR},
    {"DELETE", OTA_FACTORY "/event-queues/{label}/", cv_ota_remove_event_queue, ACT_MAX,
	OTA_OPERATOR},
    {"GET", OTA_FACTORY "/certs/", cv_ota_show_certs, 0, OTA_VIEWER},
    {"POST", OTA_FACTORY "/certs/", cv_ota_make_certs, ACT_MAX, OTA_ADMIN},
    {"PATCH", OTA_FACTORY "/certs/", cv_ota_change_certs, OTA_BUNDLE_MAX, OTA_ADMIN},
    {"POST", OTA_FACTORY "/certs/est/", cv_ota_make_est_certs, ACT_MAX, OTA_ADMIN},
    {"PUT", OTA_FACTORY "/certs/est/", cv_ota_change_est_certs, CERTIFICATE_MAX, OTA_ADMIN},
    {"GET", "/ota/default-online-ca.pem", cv_ota_show_default_online_ca, 0, CV_ROUTE_OTA},
    {"GET", OTA_FACTORY "/users/{user}/", cv_ota_show_user, 0, OTA_VIEWER},
};

static const struct cv_route public_rows[] = {
    {"GET", "/ca/{file}", cv_public_show_ca, 0, 0},
};

static const struct cv_route monitoring_rows[] = {
    {"GET", "/metrics", cv_health_metrics, 0, 0},
    {"GET", "/livez", cv_health_live, 0, 0},
    {"GET", "/readyz", cv_health_ready, 0, 0},
    {"GET", "/healthz", cv_health_ready, 0, 0},
};

#define TABLE(rows_)                                                                               \
	{                                                                                          \
		.rows = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0])                       \
	}

static const struct cv_route_table tables[CV_LISTENER_COUNT] = {
    [CV_LISTENER_DEVICE] = TABLE(device_rows),
    [CV_LISTENER_GATEWAY] = TABLE(gateway_rows),
    [CV_LISTENER_GATEWAY_SOCKET] = TABLE(gateway_rows),
    [CV_LISTENER_OPERATOR] = TABLE(operator_rows),
    [CV_LISTENER_PUBLIC] = TABLE(public_rows),
    [CV_LISTENER_MONITORING] = TABLE(monitoring_rows),
};

const struct cv_route_table *
cv_route_table_of(enum cv_listener_kind kind)
{
	return &tables[kind];
}
