/**
 * What dead letters of consumers and of typed topics say about themselves, in User Properties.
 */
import * as Cause from "effect/Cause"

/** The name of the User Property that has the topic of the message. */
export const originalTopic = "original-topic"

/** Longer ones do not help anybody, and count against the server's Maximum Packet Size. */
const longestError = 1000

/** Servers may end the connection over these characters: MQTT 5.0 section 1.5.4. */
const disallowed = /[\p{Control}\p{Surrogate}\p{Noncharacter_Code_Point}]+/gu

/** Text that a User Property can hold. */
export const printable = (text: string): string => text.slice(0, longestError).replace(disallowed, " ")

/** What has happened, without a stack. */
export const deadLetterText = (cause: Cause.Cause<unknown>): string =>
  printable(Cause.prettyErrors(cause)[0]?.message ?? "interrupted")
