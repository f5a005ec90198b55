/**
 * Reports received messages that are not delivered as they came: a log line and an event for each notice.
 *
 * `notices.ts` decides which messages deserve a notice, and how often.
 */
import * as Effect from "effect/Effect"
import type { MqttEvent } from "../../../MqttState.ts"
import { harmless } from "../../harmlessText.ts"

export type Notice = Extract<MqttEvent, {
  readonly _tag: "MessageTooLarge" | "MalformedMessage" | "MessageRefused" | "MessageUnclaimed" | "UnclaimedDropped"
}>

/** A notice that is no sign of a fault is only an event, unless somebody wants to see everything. */
export const tell = (
  notices: ReadonlyArray<Notice>,
  publishEvent: (event: MqttEvent) => Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.forEach(
    notices,
    (notice) =>
      (notice._tag === "MessageUnclaimed" ? Effect.logDebug : Effect.logWarning)(describe(notice)).pipe(
        Effect.annotateLogs({ reason: notice._tag, topic: harmless(notice.topic) }),
        Effect.andThen(publishEvent(notice))
      ),
    { discard: true }
  )

const describe = (notice: Notice): string => {
  const others = notice.messages > 1 ? `, and ${notice.messages - 1} others before it` : ""
  switch (notice._tag) {
    case "MessageTooLarge":
      return `A message of ${notice.size} bytes is larger than \`maximumPacketSize\`, and was not delivered${others}`
    case "MalformedMessage":
      return `A message came with malformed properties, and was delivered without them${others}: ${
        notice.properties.map(({ description }) => description).join("; ")
      }`
    case "MessageRefused":
      return `A message that ended several connections is refused${others}: ${notice.description}`
    case "MessageUnclaimed":
      return `A message waits for a subscriber, and the acknowledgements behind it wait too${others}`
    case "UnclaimedDropped":
      return `${notice.messages} messages found no subscriber within \`unclaimedTimeout\`; acknowledged and dropped`
  }
}
