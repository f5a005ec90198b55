/**
 * Text that a server or another client chose, as it may stand in a log, in the message of an error and on a terminal.
 *
 * Control characters would move a cursor or begin a line of their own, and some characters turn the order of the others
 * around. The data of errors and events has the text as it came.
 */

/** The limit, in characters. Longer text helps nobody. */
const longest = 200

/**
 * Control characters, line and paragraph separators, characters that change the direction of text, and halves of
 * surrogate pairs.
 */
const harmful = /[\p{Control}\p{Surrogate}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/** The text with harmful characters escaped, and shortened with an ellipsis if it is too long. */
export const harmless = (text: string, most = longest): string => {
  const isLong = text.length > most
  return `${(isLong ? text.slice(0, most) : text).replace(harmful, escaped)}${isLong ? "…" : ""}`
}
