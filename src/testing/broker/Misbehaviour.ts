/**
 * The controls with which a test makes the broker misbehave; they set fields of `Faults`.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Packet from "../../protocol/Packet.ts"
import { none, type Properties } from "../../protocol/Properties.ts"
import type { ReasonCode } from "../../protocol/ReasonCode.ts"
import type { Answer } from "./Connection.ts"
import * as Core from "./Core.ts"

/**
 * How often CONNECTs are refused, once if not said, and with which properties in 5.0.
 *
 * @since 0.1.0
 * @category models
 */
export interface RefusalOptions {
  readonly times?: number | undefined
  readonly properties?: Properties | undefined
}

const publishAnswers: ReadonlyArray<Answer["_tag"]> = ["Puback", "Pubrec", "Pubcomp"]

/**
 * The controls with which a test makes a broker misbehave.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (core: Core.Core) => {
  const { faults } = core
  const set = (run: (faults: Core.Core["faults"]) => void): Effect.Effect<void> => Core.input(core, () => run(faults))
  const repeat = (times: number, run: () => void): Effect.Effect<void> =>
    Core.input(core, () => {
      for (let count = 0; count < times; count++) run()
    })

  return {
    stall: (duration: Duration.Input) =>
      Core.input(core, () => {
        const until = core.now() + Duration.toMillis(Duration.fromInputUnsafe(duration))
        core.stalledUntil = Math.max(core.stalledUntil, until)
      }),
    refuseSession: (reasonCode: ReasonCode, { properties = none, times = 1 }: RefusalOptions = {}) =>
      repeat(times, () => faults.connectRefusals.push({ reasonCode, properties })),
    ignoreConnect: (times = 1) =>
      set((faults) => {
        faults.connectsToIgnore += times
      }),
    lieAboutSessionPresent: (sessionPresent: boolean) =>
      set(({ sessionPresentLies }) => sessionPresentLies.push(sessionPresent)),
    refuseSubscribe: (reasonCode: ReasonCode, times = 1) =>
      repeat(times, () => faults.subscribeRefusals.push(reasonCode)),
    downgradeSubscribe: (qos: Packet.Qos) =>
      set((faults) => {
        faults.grantedQos = qos
      }),
    delayAnswers: (delay: Duration.Input) =>
      set((faults) => {
        faults.answerDelay = Duration.toMillis(Duration.fromInputUnsafe(delay))
      }),
    holdAcknowledgements: (...types: ReadonlyArray<Answer["_tag"]>) =>
      set(({ heldTypes }) => {
        for (const type of types.length === 0 ? publishAnswers : types) heldTypes.add(type)
      }),
    releaseAcknowledgements: (...types: ReadonlyArray<Answer["_tag"]>) =>
      set(({ heldTypes }) => Core.release(core, new Set(types.length === 0 ? heldTypes : types))),
    closeWhenSeeing: (topicFilter: string, times = Infinity) =>
      set(({ deadlyTopics }) => deadlyTopics.push({ topicFilter, left: times })),
    closeWhenSubscribing: (topicFilter: string, times = Infinity) =>
      set(({ deadlyFilters }) => deadlyFilters.push({ topicFilter, left: times })),
    closeWhenUnsubscribing: (topicFilter: string, times = Infinity) =>
      set(({ deadlyLeavings }) => deadlyLeavings.push({ topicFilter, left: times })),
    closeWhenReleasing: (topicFilter: string, times = Infinity) =>
      set(({ deadlyReleases }) => deadlyReleases.push({ topicFilter, left: times }))
  }
}
