/* OpenSSL's error queue ends here: pki and signer turn it into the cause of a cv_error. Any thread.
 */
#ifndef CV_PKI_OPENSSL_ERROR_H
#define CV_PKI_OPENSSL_ERROR_H

#include <stdbool.h>

#include "cv/util/error.h"

/* Fills *err, with the queue of this thread as its cause, and is false. */
#define cv_openssl_fail(err, code, ...) (cv_fail((err), (code), __VA_ARGS__), cv_openssl_cause(err))

/* Empties the queue into the cause: its oldest entry, which is the root. Returns false. */
bool cv_openssl_cause(struct cv_error *err);
/* Empties the queue after a failure that was an answer, such as a bad signature. */
void cv_openssl_forget(void);
/* Whether the queue says that memory ran out: then the input is not to blame. */
bool cv_openssl_is_out_of_memory(void);

#endif
