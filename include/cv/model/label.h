/*
 * An EST label (RFC 7030 section 3.2.2): which factory and authority a path stands for, who may
 * enrol there, what a request must look like, and what the certificate gets. From the
 * configuration; plain values, read-only; any thread.
 */
#ifndef CV_MODEL_LABEL_H
#define CV_MODEL_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/key_type.h"
#include "cv/model/name.h"

#define CV_LABEL_NAME_MAX 128 /* libest has the same bound */
#define CV_LABEL_TEXT_SIZE 512
#define CV_LABEL_URL_SIZE 256

/* Bits of operations. */
enum cv_est_operation {
	CV_EST_CACERTS = 1 << 0,
	CV_EST_CSRATTRS = 1 << 1,
	CV_EST_SIMPLEENROLL = 1 << 2,
	CV_EST_SIMPLEREENROLL = 1 << 3,
	CV_EST_SERVERKEYGEN = 1 << 4,
};

/* Bits of enrols: what entitles to simpleenroll. */
enum cv_enrol_way {
	CV_ENROL_DEVICE = 1 << 0,    /* the device's own certificate: a re-enrolment */
	CV_ENROL_BOOTSTRAP = 1 << 1, /* a manufacturer's certificate */
	CV_ENROL_TOKEN = 1 << 2,
	CV_ENROL_BOTH = 1 << 3, /* a manufacturer's certificate together with a token */
};

/* Which schemes 401 offers, and in which order: some clients read the first only. */
enum cv_challenge {
	CV_CHALLENGE_BASIC = 1 << 0,
	CV_CHALLENGE_BEARER = 1 << 1,
	CV_CHALLENGE_BEARER_FIRST = 1 << 2,
};
enum cv_linking { CV_LINKING_OFF, CV_LINKING_OPTIONAL, CV_LINKING_REQUIRED };
enum cv_excess { CV_EXCESS_TRIM, CV_EXCESS_REFUSE };
enum cv_csrattrs_mode { CV_CSRATTRS_OIDS, CV_CSRATTRS_TEMPLATE, CV_CSRATTRS_BOTH };

#define CV_COLUMNS_AUTO (-1) /* by User-Agent */

struct cv_label {
	char name[CV_LABEL_NAME_MAX + 1]; /* "": requests without label */
	char factory[CV_FACTORY_NAME_MAX +
		     1]; /* "": certificate or token say it, else the default */
	char authority[CV_FACTORY_NAME_MAX + 1]; /* "": the newest of the factory */
	int64_t operations;
	int64_t enrols;
	int64_t challenges; /* bits of enum cv_challenge */
	int64_t keys;       /* bit 1 << enum cv_key_type */
	int64_t rsa_min_bits;
	int64_t generated_key; /* enum cv_new_key: what serverkeygen makes */
	int64_t needs_new_key; /* a renewal may not keep its key */
	int64_t linking;
	char san[CV_LABEL_TEXT_SIZE]; /* comma list of patterns "dns:*.example"; "": none */
	int64_t key_usage;            /* enum cv_excess: requested bits beyond the profile */
	int64_t extended_key_usage;
	char attributes[CV_LABEL_TEXT_SIZE]; /* comma list of OIDs that csrattrs announces */
	int64_t requires_attributes;
	int64_t csrattrs;
	int64_t needs_approval;
	int64_t lifetime_days; /* 0: the factory's */
	int64_t jitter_percent;
	char crl_url[CV_LABEL_URL_SIZE]; /* "": not in the certificate */
	char ocsp_url[CV_LABEL_URL_SIZE];
	char issuer_url[CV_LABEL_URL_SIZE];
	int64_t is_go_legacy; /* Go clients get 201 and the bare media type */
	int64_t columns;      /* of base64; 0: one line */
};

/* The bit of an operation; 0: not the name of one. */
int64_t cv_label_operation(const char *name);
/* 1 to 128 unreserved characters (RFC 3986 section 2.3), and not the name of an operation. */
bool cv_label_is_name(const char *text);

#endif
