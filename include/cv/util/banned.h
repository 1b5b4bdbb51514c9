/*
 * Turns functions that are never right here into compile errors; the Makefile includes it before
 * every file of server/. Macros, not a poison pragma: with FORTIFY_SOURCE some of these are macros
 * already, and OpenSSL's headers name parameters "rand".
 */
#ifndef CV_UTIL_BANNED_H
#define CV_UTIL_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* cv_text_copy(), cv_buffer_append_text() */
#undef strcpy
#define strcpy(...) strcpy_is_banned
#undef strcat
#define strcat(...) strcat_is_banned
#undef strncpy
#define strncpy(...) strncpy_is_banned
#undef strncat
#define strncat(...) strncat_is_banned

/* snprintf(), cv_buffer_printf() */
#undef sprintf
#define sprintf(...) sprintf_is_banned
#undef vsprintf
#define vsprintf(...) vsprintf_is_banned
#undef gets
#define gets(...) gets_is_banned

/* They keep hidden state that threads share. */
#undef strtok
#define strtok(...) strtok_is_banned
#undef gmtime
#define gmtime(...) gmtime_is_banned
#undef localtime
#define localtime(...) localtime_is_banned
#undef ctime
#define ctime(...) ctime_is_banned
#undef asctime
#define asctime(...) asctime_is_banned

/* cv_text_parse_unsigned() tells a number from garbage. */
#undef atoi
#define atoi(...) atoi_is_banned
#undef atol
#define atol(...) atol_is_banned
#undef atoll
#define atoll(...) atoll_is_banned
#undef atof
#define atof(...) atof_is_banned

/* cv_random_bytes() cannot be guessed. */
#undef rand
#define rand(...) rand_is_banned
#undef srand
#define srand(...) srand_is_banned

/* A shell would interpret what it is given. */
#undef system
#define system(...) system_is_banned

#endif
