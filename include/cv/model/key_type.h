/* Types of keys that are accepted, by the names that configuration uses. Plain values; any thread.
 */
#ifndef CV_MODEL_KEY_TYPE_H
#define CV_MODEL_KEY_TYPE_H

enum cv_key_type {
	CV_KEY_TYPE_P256,
	CV_KEY_TYPE_P384,
	CV_KEY_TYPE_P521,
	CV_KEY_TYPE_ED25519,
	CV_KEY_TYPE_RSA,
	CV_KEY_TYPE_COUNT,
};

/* What is made for a client that asks for a key pair. */
enum cv_new_key {
	CV_NEW_KEY_P256,
	CV_NEW_KEY_P384,
	CV_NEW_KEY_P521,
	CV_NEW_KEY_ED25519,
	CV_NEW_KEY_RSA_2048,
	CV_NEW_KEY_RSA_3072,
};

#endif
