/*
 * DER (X.690 section 10) by hand: a strict reader over borrowed bytes and an appending writer.
 * Strict means definite, minimal lengths and nothing after the outermost element, so every accepted
 * certificate or request has exactly one encoding. Depth and sizes are bounded. Any thread.
 */
#ifndef CV_PKI_DER_H
#define CV_PKI_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/util/bytes.h"

#define CV_DER_BOOLEAN 0x01
#define CV_DER_INTEGER 0x02
#define CV_DER_BIT_STRING 0x03
#define CV_DER_OCTET_STRING 0x04
#define CV_DER_NULL 0x05
#define CV_DER_OID 0x06
#define CV_DER_ENUMERATED 0x0a
#define CV_DER_UTF8_STRING 0x0c
#define CV_DER_PRINTABLE_STRING 0x13
#define CV_DER_T61_STRING 0x14
#define CV_DER_IA5_STRING 0x16
#define CV_DER_UTC_TIME 0x17
#define CV_DER_GENERALIZED_TIME 0x18
#define CV_DER_UNIVERSAL_STRING 0x1c
#define CV_DER_BMP_STRING 0x1e
#define CV_DER_SEQUENCE 0x30
#define CV_DER_SET 0x31
#define CV_DER_CONTEXT(number) (0x80 | (number)) /* primitive */
#define CV_DER_CONTEXT_CONSTRUCTED(number) (0xa0 | (number))

#define CV_DER_DEPTH_MAX 32

/* Position in borrowed bytes. */
struct cv_der_reader {
	const uint8_t *at;
	const uint8_t *end;
};

struct cv_der_reader cv_der_reader(struct cv_bytes bytes);
bool cv_der_at_end(const struct cv_der_reader *reader);
/* The tag of the next element, 0 at the end. */
uint8_t cv_der_peek(const struct cv_der_reader *reader);
/* Reads the next element, which must have this tag; ret_content: its content. False: malformed. */
bool cv_der_read(struct cv_der_reader *reader, uint8_t tag, struct cv_bytes *ret_content);
/* The same, for the whole element with its header. */
bool cv_der_read_whole(struct cv_der_reader *reader, uint8_t tag, struct cv_bytes *ret_element);
/* Whatever comes next, with its header. */
bool cv_der_read_any(struct cv_der_reader *reader, uint8_t *ret_tag, struct cv_bytes *ret_content,
    struct cv_bytes *ret_element);
/* Enters a constructed element. */
bool cv_der_enter(struct cv_der_reader *reader, uint8_t tag, struct cv_der_reader *ret_inner);
/* INTEGER content is minimal and, as asked for, not negative; small ones by value. */
bool cv_der_read_small(struct cv_der_reader *reader, uint64_t *ret_value);
/* UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5, as seconds since 1970. */
bool cv_der_read_time(struct cv_der_reader *reader, int64_t *ret_seconds_utc);

/* True when the bytes are exactly one well-formed DER element, all the way down. */
bool cv_der_is_strict(struct cv_bytes bytes);
/* Are the elements of a SET OF, this being its content, in the order that DER asks for? Apart from
 * the above, because certificates of others are taken as they are. */
bool cv_der_is_ordered(struct cv_bytes content);

/* Writers append to a buffer; failure is the buffer's sticky failure. */
void cv_der_append(struct cv_buffer *buffer, uint8_t tag, struct cv_bytes content);
void cv_der_append_small(struct cv_buffer *buffer, uint64_t value);
/* INTEGER from unsigned big-endian bytes: leading zeros trimmed, sign octet added. */
void cv_der_append_unsigned(struct cv_buffer *buffer, struct cv_bytes magnitude);
/* UTCTime to 2049, GeneralizedTime from 2050. */
void cv_der_append_time(struct cv_buffer *buffer, int64_t seconds_utc);
/* Opens a constructed element; pass the result to _close, which writes the length. */
size_t cv_der_open(struct cv_buffer *buffer, uint8_t tag);
void cv_der_close(struct cv_buffer *buffer, size_t opened);

#endif
