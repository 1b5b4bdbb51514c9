/*
 * Parameters with which RabbitMQ asks (rabbitmq_auth_backend_http): those of a query or of a form
 * body, application/x-www-form-urlencoded. Any thread.
 */
#ifndef CV_CODEC_BROKER_FORM_H
#define CV_CODEC_BROKER_FORM_H

#include <stdbool.h>

#include "cv/codec/broker_json.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_BROKER_PARAMETERS_MAX 64
#define CV_BROKER_PARAMETER_NAME_MAX 64 /* bytes, decoded */

/*
 * "username=..&vhost=..": the username as the client's name. With a password beside it the name is
 * the client's own claim and not that of a certificate: none is given then. Other parameters are
 * ignored. CV_E_INPUT: none at all, one without "=" or twice, bad percent-encoding, a username that
 * is no line of text or longer than any device id; CV_E_LIMIT: too many, too long a name.
 */
bool cv_form_decode_rabbitmq(
    struct cv_bytes form, struct cv_broker_client *ret_client, struct cv_error *err);

#endif
