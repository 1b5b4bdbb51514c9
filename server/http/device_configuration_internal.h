/*
 * What fioconfig and aktualizr-lite ask of their gateway: configuration, events, and what they say
 * about themselves in headers. In workers only, but for the headers.
 */
#ifndef CV_HTTP_DEVICE_CONFIGURATION_INTERNAL_H
#define CV_HTTP_DEVICE_CONFIGURATION_INTERNAL_H

struct cv_request;

void cv_device_show_configuration(struct cv_request *request);
/* The layer of the device alone. */
void cv_device_show_own_configuration(struct cv_request *request);
void cv_device_change_configuration(struct cv_request *request);
void cv_device_take_events(struct cv_request *request);

/* Keeps the x-ats- headers of a request that a device made, to be written later. Never blocks. */
void cv_device_note_report(const struct cv_request *request);

#endif
