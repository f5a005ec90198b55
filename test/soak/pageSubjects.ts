/**
 * The names of topics and clients for the hidden page and the program beside it.
 */

/** To the page. */
export const down = "page-soak/down"
/** From the page. */
export const up = "page-soak/up"
/** The page sends one message of so many back. */
export const answered = 10
/** The client that hears and answers, and the one that does nothing. */
export const busy = "page-soak-busy"
export const quiet = "page-soak-quiet"
