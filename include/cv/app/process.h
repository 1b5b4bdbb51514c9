/* What the process is to the system: its privileges to hand out memory and files, and its signals.
 * Main thread only. */
#ifndef CV_APP_PROCESS_H
#define CV_APP_PROCESS_H

#include <stdbool.h>

/* No core dumps and no ptrace by others, files for the owner only, no death by SIGPIPE or SIGUSR1
 * (what rotates logs sends it; ours are a stream that somebody else keeps). */
void cv_process_harden(void);

/* Raises the number of files that may be open to what the system allows: select() with its own
 * limit is used nowhere. */
void cv_process_raise_open_files(void);

/* Blocks SIGTERM, SIGINT, SIGHUP and SIGUSR2. Call before the first thread is made: threads inherit
 * it. */
void cv_signals_block(void);
/* SIGTERM or SIGINT came and was not waited for yet. */
bool cv_signals_stop_is_pending(void);

enum cv_signal {
	CV_SIGNAL_NONE, /* the time is over */
	CV_SIGNAL_STOP, /* SIGTERM or SIGINT; from then on a second one ends the process at once */
	CV_SIGNAL_RELOAD, /* SIGHUP */
	CV_SIGNAL_DUMP,   /* SIGUSR2 */
};
enum cv_signal cv_signals_wait(int timeout_ms);

#endif
