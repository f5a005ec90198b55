/**
 * Shared by the tests of `consume`: messages with topics under `t`, handlers that take a second, and the list of
 * acknowledged messages.
 */
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import type { MqttMessage } from "../../../src/MqttMessage.ts"
import { type Kit, sent } from "../../support/scenario.ts"
import { begin, roundTrip } from "../../support/time.ts"

/** Each text begins with the last level of its topic: `a1`. */
export const publish = ({ broker }: Kit, ...texts: ReadonlyArray<string>) =>
  Effect.andThen(
    Effect.forEach(texts, (text) => broker.publish(`t/${text[0]}`, text, { qos: 1 })),
    TestClock.adjust(2 * roundTrip)
  )

export const acknowledged = (kit: Kit) =>
  Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ packetIdentifier }) => packetIdentifier))

export const consuming = <E>(effect: Effect.Effect<void, E>) =>
  Effect.tap(begin(effect), () => TestClock.adjust(roundTrip))

/** Handlers that take a second, with what begins and ends. */
export const timed = () => {
  const log: Array<string> = []
  const handler = ({ text }: MqttMessage) =>
    Effect.sync(() => log.push(`+${text}`)).pipe(
      Effect.andThen(Effect.sleep("1 second")),
      Effect.andThen(Effect.sync(() => log.push(`-${text}`)))
    )
  return { log, handler }
}

export const quiet = Effect.provide(Logger.layer([]))
