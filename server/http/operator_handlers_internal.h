/* The operator API, /v1: reading, and acting. All in workers. */
#ifndef CV_HTTP_OPERATOR_HANDLERS_INTERNAL_H
#define CV_HTTP_OPERATOR_HANDLERS_INTERNAL_H

struct cv_request;

/* Viewers. */
void cv_operator_list_devices(struct cv_request *request);
void cv_operator_show_device(struct cv_request *request);
void cv_operator_list_certificates(struct cv_request *request);
void cv_operator_show_certificate(struct cv_request *request);
void cv_operator_list_authorities(struct cv_request *request);
void cv_operator_show_status(struct cv_request *request);

/* Operators. */
void cv_operator_revoke_device(struct cv_request *request);
void cv_operator_hold_device(struct cv_request *request);
void cv_operator_release_device(struct cv_request *request);
void cv_operator_allow_device(struct cv_request *request);
void cv_operator_cancel_device(struct cv_request *request);
void cv_operator_approve_device(struct cv_request *request);
void cv_operator_delete_device(struct cv_request *request);
void cv_operator_revoke_certificate(struct cv_request *request);
void cv_operator_make_token(struct cv_request *request);

/* Administrators. */
void cv_operator_import_authority(struct cv_request *request);
void cv_operator_enable_authority(struct cv_request *request);
void cv_operator_disable_authority(struct cv_request *request);
void cv_operator_revoke_authority(struct cv_request *request);
void cv_operator_add_gateway(struct cv_request *request);

#endif
