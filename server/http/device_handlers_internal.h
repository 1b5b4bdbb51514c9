/* What devices read and name of themselves: /device. */
#ifndef CV_HTTP_DEVICE_HANDLERS_INTERNAL_H
#define CV_HTTP_DEVICE_HANDLERS_INTERNAL_H

struct cv_request;

void cv_device_show(struct cv_request *request);
/* Announces the next key. */
void cv_device_patch(struct cv_request *request);

#endif
