/** What the bench and the profiled process agree upon. */

/** Environment variable: the folder for what follows. Postern refuses variables with its own prefix that it does not know. */
export const PROFILE_FOLDER = "BENCH_PROFILE";
/** Written by the bench: the number of seconds to profile from then on. */
export const PROFILE_ORDER = "order";
/** Written by the data thread when they are over. */
export const PROFILE = "data-thread.cpuprofile";
