/* Tells systemd how the service is doing, by one datagram; does nothing without NOTIFY_SOCKET. Any
 * thread. */
#ifndef CV_APP_NOTIFY_H
#define CV_APP_NOTIFY_H

/* state as in sd_notify(3): "READY=1", "STOPPING=1", "STATUS=...". */
void cv_notify(const char *state);

#endif
