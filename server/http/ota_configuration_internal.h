/* Configuration of devices, groups and factories, and the log of devices' updates, as
 * FoundriesFactory clients ask for them. In workers only. */
#ifndef CV_HTTP_OTA_CONFIGURATION_INTERNAL_H
#define CV_HTTP_OTA_CONFIGURATION_INTERNAL_H

struct cv_request;

/* GET, PATCH, POST and, of one file, DELETE; of what the path names. */
void cv_ota_device_configuration(struct cv_request *request);
void cv_ota_group_configuration(struct cv_request *request);
void cv_ota_factory_configuration(struct cv_request *request);

void cv_ota_list_updates(struct cv_request *request);
void cv_ota_show_update(struct cv_request *request);

#endif
