#include "key_parts_internal.h"

#include <string.h>

#define RSA_MIN_LEN (2048 / 8)
#define RSA_MAX_LEN (4096 / 8)
#define EXPONENT_MAX_LEN 32 /* below 2^256 (SP 800-56B section 6.2) */
#define SMALLEST_EXPONENT 65537
#define FACTOR_BOUND 752               /* SP 800-89 section 5.3.3 tests for these factors */
#define POWER_ODDS (UINT64_C(1) << 55) /* times at most 512 stays within 64 bits */
#define ED25519_LEN 32

/* Remainder by a small number, four octets at a time. */
static uint32_t
remainder_of(struct cv_bytes magnitude, uint32_t divisor)
{
	uint64_t remainder = 0;
	size_t i = 0;
	for (; i < magnitude.len % 4; i++)
		remainder = (remainder << 8 | magnitude.data[i]) % divisor;
	for (; i < magnitude.len; i += 4) {
		const uint8_t *at = magnitude.data + i;
		const uint64_t word = (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 |
				      (uint64_t)at[2] << 8 | (uint64_t)at[3];
		remainder = (remainder << 32 | word) % divisor;
	}
	return (uint32_t)remainder;
}

static bool
has_small_factor(struct cv_bytes modulus)
{
	for (uint32_t divisor = 3; divisor < FACTOR_BOUND; divisor += 2) {
		if (remainder_of(modulus, divisor) == 0)
			return true;
	}
	return false;
}

/*
 * Moduli of the flawed generator of CVE-2017-15361 are powers of 65537 modulo each of the first
 * primes. One of 10^8 others is so by chance.
 */
static bool
has_roca_fingerprint(struct cv_bytes modulus)
{
	static const uint32_t primes[] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53,
	    59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149,
	    151, 157, 163, 167};
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
		const uint32_t wanted = remainder_of(modulus, primes[i]);
		uint32_t power = 1;
		do
			power = power * (SMALLEST_EXPONENT % primes[i]) % primes[i];
		while (power != wanted && power != 1);
		if (power != wanted)
			return false;
	}
	return true;
}

static bool
is_prime(uint32_t number)
{
	for (uint32_t divisor = 2; divisor * divisor <= number; divisor++) {
		if (number % divisor == 0)
			return false;
	}
	return true;
}

static uint32_t
power_modulo(uint64_t base, uint32_t exponent, uint32_t modulus)
{
	uint64_t result = 1;
	for (base %= modulus; exponent > 0; exponent >>= 1) {
		if ((exponent & 1) != 0)
			result = result * base % modulus;
		base = base * base % modulus;
	}
	return (uint32_t)result;
}

/* A k-th power is one modulo every prime q = 1 (mod k), which few other numbers are: 1 of k. */
static bool
is_power(struct cv_bytes modulus, uint32_t k)
{
	uint64_t odds = 1;
	for (uint32_t q = 2 * k + 1; odds < POWER_ODDS; q += k) {
		if (!is_prime(q))
			continue;
		const uint32_t remainder = remainder_of(modulus, q);
		if (remainder != 0 && power_modulo(remainder, (q - 1) / k, q) != 1)
			return false;
		odds *= k;
	}
	return true;
}

/* Without small factors, a power of 4096 bits has no exponent above 4096 / 9.5. */
static bool
is_perfect_power(struct cv_bytes modulus)
{
	for (uint32_t k = 2; k < RSA_MAX_LEN; k++) {
		if (is_prime(k) && is_power(modulus, k))
			return true;
	}
	return false;
}

static bool
is_odd(struct cv_bytes magnitude)
{
	return magnitude.len > 0 && (magnitude.data[magnitude.len - 1] & 1) != 0;
}

static bool
is_good_exponent(struct cv_bytes exponent)
{
	if (!is_odd(exponent) || exponent.len < 3 || exponent.len > EXPONENT_MAX_LEN)
		return false;
	const uint32_t top = (uint32_t)exponent.data[0] << 16 | (uint32_t)exponent.data[1] << 8 |
			     (uint32_t)exponent.data[2];
	return exponent.len > 3 || top >= SMALLEST_EXPONENT;
}

bool
cv_key_policy_allows_rsa(struct cv_bytes modulus, struct cv_bytes exponent)
{
	if (modulus.len < RSA_MIN_LEN || modulus.len > RSA_MAX_LEN)
		return false;
	/* With its first bit set, the bit length of the modulus is a multiple of 8. */
	const bool fills_octets = (modulus.data[0] & 0x80) != 0;
	return fills_octets && is_odd(modulus) && is_good_exponent(exponent) &&
	       !has_small_factor(modulus) && !has_roca_fingerprint(modulus) &&
	       !is_perfect_power(modulus) && !cv_key_policy_has_close_primes(modulus);
}

/*
 * y of the points whose order divides 8, little-endian, sign bit clear. Anyone can sign for such a
 * "key", so it proves nothing.
 */
static const uint8_t small_order_y[][ED25519_LEN] = {
    {0},
    {1},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
	0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc,
	0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
	0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03,
	0x7a},
};

/* RFC 8032 section 5.1.3: y is below 2^255 - 19, else one point would have two encodings. */
static bool
is_reduced(const uint8_t y[ED25519_LEN])
{
	if (y[31] != 0x7f || y[0] < 0xed)
		return true;
	for (size_t i = 1; i < ED25519_LEN - 1; i++) {
		if (y[i] != 0xff)
			return true;
	}
	return false;
}

enum cv_key_outcome
cv_key_policy_judge_ed25519(struct cv_bytes point)
{
	uint8_t y[ED25519_LEN];
	memcpy(y, point.data, sizeof(y));
	y[ED25519_LEN - 1] &= 0x7f;
	if (!is_reduced(y))
		return CV_KEY_MALFORMED;
	for (size_t i = 0; i < sizeof(small_order_y) / sizeof(small_order_y[0]); i++) {
		if (memcmp(y, small_order_y[i], sizeof(y)) == 0)
			return CV_KEY_WEAK;
	}
	return CV_KEY_USABLE;
}
