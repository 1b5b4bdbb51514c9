/* JSON bodies of the operator API and of device paths; the only users of jansson. Any thread. */
#ifndef CV_CODEC_OPERATOR_JSON_H
#define CV_CODEC_OPERATOR_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/label.h"
#include "cv/model/name.h"
#include "cv/model/scope.h"
#include "cv/model/source.h"
#include "cv/model/state.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_JSON_DEPTH_MAX 16

/* {"reason": "keyCompromise"}; empty body or no member: unspecified. Unknown members and reasons:
 * CV_E_INPUT. */
bool cv_json_decode_reason(struct cv_bytes body, enum cv_reason *ret_reason, struct cv_error *err);

struct cv_enrolment_token_order {
	char device[CV_DEVICE_ID_MAX + 1]; /* "": none */
	char label[CV_LABEL_NAME_MAX + 1]; /* "": any */
	int64_t uses;                      /* 1 */
	int64_t expires_in_seconds;        /* 3,600 */
};
/* {"device"?, "label"?, "uses"?, "expires_in"?}; bounds: uses 1..1000000, expires_in 1..31536000.
 */
bool cv_json_decode_token_order(
    struct cv_bytes body, struct cv_enrolment_token_order *ret_order, struct cv_error *err);
/* {"next_pubkey": PEM}; other members ignored (device clients send more). The text is appended. */
bool cv_json_decode_next_key(struct cv_bytes body, struct cv_buffer *ret_pem, struct cv_error *err);

struct cv_gateway_body {
	char name[65];
	char factories[1024];              /* comma list; "": every factory */
	char sources[CV_SOURCE_LIST_SIZE]; /* comma list, not yet parsed */
	bool may_activate;
	int64_t lifetime_days;
};
/* {"name", "sources":[...], "factories"?:[...], "may_activate"?, "lifetime_days"?, "csr": PEM}; CSR
 * as DER. */
bool cv_json_decode_gateway(struct cv_bytes body, struct cv_gateway_body *ret_gateway,
    struct cv_buffer *ret_csr_der, struct cv_error *err);

/* {"sources"?:[...], "may_activate"?}; what is absent stays. */
struct cv_gateway_change_body {
	char sources[CV_SOURCE_LIST_SIZE]; /* "": absent */
	bool has_may_activate;
	bool may_activate;
};
bool cv_json_decode_gateway_change(
    struct cv_bytes body, struct cv_gateway_change_body *ret_change, struct cv_error *err);

/* {"name","kind":"root"|"offline"|"bootstrap","certificate":PEM,"owner"?}; certificate as DER. */
struct cv_authority_body {
	char name[65];
	char owner[129];
	enum cv_authority_kind kind;
};
bool cv_json_decode_authority(struct cv_bytes body, struct cv_authority_body *ret_authority,
    struct cv_buffer *ret_der, struct cv_error *err);

/* {"announce"?, "first_contact"?, "retire_after_days"?, "lifetime_days"?}, and "name" where one is
 * added. */
struct cv_factory_body {
	char name[CV_FACTORY_NAME_MAX + 1];
	char announce[16];         /* "explicit", "implied"; "": absent */
	char first_contact[16];    /* "register", "refuse"; "": absent */
	int64_t retire_after_days; /* 0 to 90; -1: absent */
	int64_t lifetime_days;     /* 1 to 7,300; -1: absent */
};
bool cv_json_decode_new_factory(
    struct cv_bytes body, struct cv_factory_body *ret_factory, struct cv_error *err);
bool cv_json_decode_factory_change(
    struct cv_bytes body, struct cv_factory_body *ret_factory, struct cv_error *err);

/* {"name", "announce"?, "policies"?:[...]}, or one or both of these to change them; announce null:
 * what the factory says. */
struct cv_group_body {
	char name[CV_FACTORY_NAME_MAX + 1];
	bool has_announce;
	char announce[16]; /* "": null or absent */
	bool has_policies;
	char policies[CV_POLICY_LIST_SIZE]; /* comma list; "": none */
};
bool cv_json_decode_new_group(
    struct cv_bytes body, struct cv_group_body *ret_group, struct cv_error *err);
bool cv_json_decode_group_change(
    struct cv_bytes body, struct cv_group_body *ret_group, struct cv_error *err);

/* An operator, whatever they log in with. */
struct cv_operator_body {
	char name[65];
	char role[16];
	char factories[1024]; /* comma list; "": every factory */
};

/* {"name", "role", "factories"?:[...], "scopes"?:[...], "expires_in"?}; expires_in 1..315360000,
 * absent: never. */
struct cv_operator_token_body {
	struct cv_operator_body operator_;
	int64_t expires_in_seconds;      /* 0: never */
	char scopes[CV_SCOPE_LIST_SIZE]; /* comma list; "": whatever the role may */
};
bool cv_json_decode_operator_token(
    struct cv_bytes body, struct cv_operator_token_body *ret_token, struct cv_error *err);

/* {"name", "role", "factories"?:[...], "csr": PEM, "days"?}; days 1..3650, 365. CSR as DER. */
struct cv_operator_certificate_body {
	struct cv_operator_body operator_;
	int64_t days;
};
bool cv_json_decode_operator_certificate(struct cv_bytes body,
    struct cv_operator_certificate_body *ret_certificate, struct cv_buffer *ret_csr_der,
    struct cv_error *err);

/* {"reason"?: a line of text}; the body may be empty. */
#define CV_REMARK_SIZE 201
bool cv_json_decode_remark(
    struct cv_bytes body, char ret_remark[CV_REMARK_SIZE], struct cv_error *err);

/* {"est_url", "reason"?}: an https address without "=", which cuts lines on the device, and blanks.
 */
struct cv_rotation_body {
	char est_url[513];
	char reason[CV_REMARK_SIZE];
};
bool cv_json_decode_rotation(
    struct cv_bytes body, struct cv_rotation_body *ret_rotation, struct cv_error *err);

/* {"name", "est_url", "per_hour", "group"?, "devices"?, "expires_before"?, "reason"?}, of group and
 * devices one at most. */
#define CV_DEVICE_LIST_SIZE 16384
struct cv_rotation_group_body {
	char name[CV_FACTORY_NAME_MAX + 1];
	struct cv_rotation_body rotation;
	int64_t per_hour;                    /* 1 to 36,000 */
	char group[CV_FACTORY_NAME_MAX + 1]; /* "": not by group */
	char devices[CV_DEVICE_LIST_SIZE];   /* comma list; "": no list */
	char expires_before[40];             /* "": whenever */
};
bool cv_json_decode_rotation_group(
    struct cv_bytes body, struct cv_rotation_group_body *ret_rotation_group, struct cv_error *err);

/* Appends "text" as a JSON string with quotes. */
void cv_json_append_string(struct cv_buffer *buffer, const char *text);
/* Appends an object with one more member; object is "{...}". */
void cv_json_append_with_member(
    struct cv_buffer *buffer, const char *object, const char *name, const char *text);

/* RFC 9457 body: type urn:certvendor:<code>, title, status, detail (may be NULL), code, instance,
 * retryable. */
void cv_json_append_problem(struct cv_buffer *buffer, const char *code, const char *title,
    int status, const char *detail, const char *request_id, bool is_retryable);
/* {"message","code","instance"}: an error as FoundriesFactory clients print it. */
void cv_json_append_message(
    struct cv_buffer *buffer, const char *code, const char *message, const char *request_id);

#endif
