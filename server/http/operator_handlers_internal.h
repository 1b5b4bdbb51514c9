/* The operator API, /v1: reading, and acting. All in workers but the description. */
#ifndef CV_HTTP_OPERATOR_HANDLERS_INTERNAL_H
#define CV_HTTP_OPERATOR_HANDLERS_INTERNAL_H

struct cv_request;

/* What the pattern of the route says: operator_views.c has a row for each. */
void cv_operator_list(struct cv_request *request);
void cv_operator_show(struct cv_request *request);
void cv_operator_show_status(struct cv_request *request);
void cv_operator_show_description(struct cv_request *request);

/* Devices and certificates. The last segment of the path names the act. */
void cv_operator_change_device(struct cv_request *request);
void cv_operator_delete_device(struct cv_request *request);
void cv_operator_join_group(struct cv_request *request);
void cv_operator_leave_group(struct cv_request *request);
/* Tells devices, through their configuration, to change their key. */
void cv_operator_rotate_device(struct cv_request *request);
void cv_operator_rotate_group(struct cv_request *request);
/* Tells them so one after the other, at a rate. */
void cv_operator_add_rotation_group(struct cv_request *request);
void cv_operator_change_rotation_group(struct cv_request *request);
void cv_operator_revoke_certificate(struct cv_request *request);
void cv_operator_approve_enrolment(struct cv_request *request);
void cv_operator_refuse_enrolment(struct cv_request *request);

/* What is configured. */
void cv_operator_add_factory(struct cv_request *request);
void cv_operator_change_factory(struct cv_request *request);
void cv_operator_add_group(struct cv_request *request);
void cv_operator_change_group(struct cv_request *request);
void cv_operator_delete_group(struct cv_request *request);
void cv_operator_import_authority(struct cv_request *request);
void cv_operator_change_authority(struct cv_request *request);
void cv_operator_add_gateway(struct cv_request *request);
void cv_operator_change_gateway(struct cv_request *request);
void cv_operator_remove_gateway(struct cv_request *request);
void cv_operator_make_enrolment_token(struct cv_request *request);
void cv_operator_revoke_enrolment_token(struct cv_request *request);
void cv_operator_make_operator_token(struct cv_request *request);
void cv_operator_revoke_operator_token(struct cv_request *request);
void cv_operator_add_certificate(struct cv_request *request);
void cv_operator_revoke_operator_certificate(struct cv_request *request);

/* Who is told of what happens; also in the words of FoundriesFactory clients. */
void cv_operator_add_webhook(struct cv_request *request);
void cv_operator_remove_webhook(struct cv_request *request);
void cv_operator_replay_webhook(struct cv_request *request);
void cv_operator_list_event_keys(struct cv_request *request);
void cv_operator_replace_event_key(struct cv_request *request);
void cv_ota_list_event_queues(struct cv_request *request);
void cv_ota_add_event_queue(struct cv_request *request);
void cv_ota_remove_event_queue(struct cv_request *request);

#endif
