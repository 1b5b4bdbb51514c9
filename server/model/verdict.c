#include "cv/model/verdict.h"

bool
cv_verdict_is_allowed(enum cv_verdict verdict)
{
	return cv_verdict_may_change(verdict) || verdict == CV_VERDICT_TALKS;
}

bool
cv_verdict_may_change(enum cv_verdict verdict)
{
	return verdict == CV_VERDICT_OK || verdict == CV_VERDICT_ACTIVATED ||
	       verdict == CV_VERDICT_REGISTERED;
}

const char *
cv_verdict_name(enum cv_verdict verdict)
{
	switch (verdict) {
	case CV_VERDICT_OK:
	case CV_VERDICT_TALKS:
		return "ok";
	case CV_VERDICT_ACTIVATED:
		return "activated";
	case CV_VERDICT_REGISTERED:
		return "registered";
	case CV_VERDICT_NO_CERTIFICATE:
		return "no-certificate";
	case CV_VERDICT_BAD_CERTIFICATE:
		return "bad-certificate";
	case CV_VERDICT_AMBIGUOUS:
		return "ambiguous";
	case CV_VERDICT_UNKNOWN:
		return "unknown";
	case CV_VERDICT_EXPIRED:
		return "expired";
	case CV_VERDICT_NOT_YET_VALID:
		return "not-yet-valid";
	case CV_VERDICT_DENIED:
		return "denied";
	case CV_VERDICT_THIRD_KEY:
		return "third-key";
	case CV_VERDICT_DEVICE_REFUSED:
		return "device-refused";
	case CV_VERDICT_AUTHORITY_REFUSED:
		return "authority-refused";
	case CV_VERDICT_KEY_IN_USE:
		return "key-in-use";
	case CV_VERDICT_NOT_A_GATEWAY:
		return "not-a-gateway";
	case CV_VERDICT_UNAVAILABLE:
		return "unavailable";
	}
	return "unavailable";
}
