/* CA certificates for anyone, over plain HTTP (RFC 5280 section 4.2.2.1: caIssuers). */
#ifndef CV_HTTP_PUBLIC_HANDLERS_INTERNAL_H
#define CV_HTTP_PUBLIC_HANDLERS_INTERNAL_H

struct cv_request;

/* "<authority>.cer" as DER, "<factory>.pem" as bundle. */
void cv_public_show_ca(struct cv_request *request);

#endif
