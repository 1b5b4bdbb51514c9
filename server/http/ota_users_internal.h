/*
 * Users as FoundriesFactory clients know them: whoever holds an operator token is the user of that
 * name. In workers only.
 */
#ifndef CV_HTTP_OTA_USERS_INTERNAL_H
#define CV_HTTP_OTA_USERS_INTERNAL_H

struct cv_request;

/* Who asks. "polis-id" is what owners and creators are called, and what a local CA bears in its
 * name. */
void cv_ota_show_self(struct cv_request *request);
void cv_ota_show_user(struct cv_request *request);
void cv_ota_list_all_users(struct cv_request *request);

#endif
