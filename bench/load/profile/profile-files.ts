/** What the bench and the profiled process agree upon. */

/** Environment variable: the folder for what follows. */
export const PROFILE_FOLDER = "POSTERN_BENCH_PROFILE";
/** Written by the bench: the number of seconds to profile from then on. */
export const PROFILE_ORDER = "order";
/** Written by the data thread when they are over. */
export const PROFILE = "data-thread.cpuprofile";
