#include <openssl/bn.h>

#include "cv/pki/openssl_auto.h"
#include "cv/pki/openssl_error.h"
#include "key_parts_internal.h"

#define ROUNDS 100

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_FAILED };

/* Newton's method from above: the floor of the root. */
static bool
take_root(BIGNUM *ret_root, const BIGNUM *number, BN_CTX *context)
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *next = BN_new();
	BN_zero(ret_root);
	if (next == NULL || !BN_set_bit(ret_root, (BN_num_bits(number) + 1) / 2))
		return false;
	for (;;) {
		if (!BN_div(next, NULL, number, ret_root, context) ||
		    !BN_add(next, next, ret_root) || !BN_rshift1(next, next))
			return false;
		if (BN_cmp(next, ret_root) >= 0)
			return true;
		if (BN_copy(ret_root, next) == NULL)
			return false;
	}
}

/* The last four bits and a few small primes spare nearly all roots. */
static bool
may_be_square(const BIGNUM *number)
{
	static const BN_ULONG primes[] = {3, 5, 7, 11, 13, 17};
	const BN_ULONG nibble = BN_mod_word(number, 16);
	BN_ULONG remainder = BN_mod_word(number, 3 * 5 * 7 * 11 * 13 * 17);
	if (nibble != 0 && nibble != 1 && nibble != 4 && nibble != 9)
		return false;
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
		const BN_ULONG wanted = remainder % primes[i];
		BN_ULONG root = 0;
		while (root < primes[i] && root * root % primes[i] != wanted)
			root++;
		if (root == primes[i])
			return false;
	}
	return true;
}

static enum answer
is_square(const BIGNUM *number, BIGNUM *root, BIGNUM *square, BN_CTX *context)
{
	if (!may_be_square(number))
		return ANSWER_NO;
	if (!take_root(root, number, context) || !BN_sqr(square, root, context))
		return ANSWER_FAILED;
	return BN_cmp(square, number) == 0 ? ANSWER_YES : ANSWER_NO;
}

/* n = a^2 - b^2 with a little above the root of n. */
static enum answer
search(const BIGNUM *modulus, BN_CTX *context)
{
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *a = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *rest = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *root = BN_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *square = BN_new();
	if (a == NULL || rest == NULL || root == NULL || square == NULL ||
	    !take_root(a, modulus, context))
		return ANSWER_FAILED;
	for (int i = 0; i < ROUNDS; i++) {
		if (!BN_add_word(a, 1) || !BN_sqr(rest, a, context) || !BN_sub(rest, rest, modulus))
			return ANSWER_FAILED;
		const enum answer answer = is_square(rest, root, square, context);
		if (answer != ANSWER_NO)
			return answer;
	}
	return ANSWER_NO;
}

bool
cv_key_policy_has_close_primes(struct cv_bytes modulus)
{
	CV_AUTO_OPENSSL(BN_CTX) BN_CTX *context = BN_CTX_new();
	CV_AUTO_OPENSSL(BIGNUM) BIGNUM *number = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
	const enum answer answer =
	    context == NULL || number == NULL ? ANSWER_FAILED : search(number, context);
	if (answer == ANSWER_FAILED)
		cv_openssl_forget();
	return answer != ANSWER_NO;
}
