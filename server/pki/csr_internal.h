/* The requested extensions of a CSR, judged apart from its signature. Any thread. */
#ifndef CV_PKI_CSR_INTERNAL_H
#define CV_PKI_CSR_INTERNAL_H

#include "cv/pki/csr.h"
#include "cv/pki/der.h"

struct cv_csr_judgement {
	enum cv_csr_outcome outcome;
	const char *detail; /* static, for the client */
};

/* Fills in what the attributes ask for. */
struct cv_csr_judgement cv_csr_judge_attributes(struct cv_csr *csr);

#endif
