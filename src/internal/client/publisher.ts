/**
 * Publishing one message: what is checked first, and the wait for how it ended.
 *
 * This is the hot path: a publish costs one callback and one object, no Deferred, no fork and no timer.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MqttError from "../../MqttError.ts"
import { type Acknowledgement, type Payload, toBytes } from "../../MqttMessage.ts"
import type { PublishOptions } from "../../MqttOptions.ts"
import * as Properties from "../../protocol/Properties.ts"
import * as ReasonCode from "../../protocol/ReasonCode.ts"
import type { Message, Outcome } from "../../protocol/Session.ts"
import * as Validity from "../../protocol/Validity.ts"
import type { Lifetime } from "./lifetime.ts"
import type { Publishing, SessionRunner } from "./sessionRunner.ts"

type Resume = (exit: Exit.Exit<Acknowledgement, MqttError.MqttError>) => void

/** What almost every publish ends with. */
const acknowledged = Exit.succeed<Acknowledgement>({
  reasonCode: 0x00,
  reasonString: undefined,
  userProperties: undefined
})

class Publication implements Publishing {
  message: Message
  readonly expiresAt: number
  readonly #resume: Resume
  order = 0
  place: Publishing["place"] = "outside"

  constructor(message: Message, expiresAt: number, resume: Resume) {
    this.message = message
    this.expiresAt = expiresAt
    this.#resume = resume
  }

  get request(): this {
    return this
  }

  /** The server counts on from what is left of the Message Expiry Interval. [MQTT-3.3.2-6] */
  countDown(now: number): void {
    const messageExpiryInterval = Math.ceil((this.expiresAt - now) / 1000)
    this.message = { ...this.message, properties: { ...this.message.properties, messageExpiryInterval } }
  }

  accepted(): void {}

  /** The session is never without it: it goes out on the next connection. */
  abandoned(): void {}

  failed(error: MqttError.MqttError): void {
    this.#resume(Exit.fail(error))
  }

  completed({ properties, reasonCode }: Outcome): void {
    if (reasonCode === 0x00 && properties === Properties.none) return this.#resume(acknowledged)
    const { reasonString, userProperties } = properties
    if (!ReasonCode.isError(reasonCode)) {
      return this.#resume(Exit.succeed({ reasonCode, reasonString, userProperties }))
    }
    const { topic } = this.message
    this.failed(MqttError.fromReason(new MqttError.PublishRefused({ topic, reasonCode, reasonString })))
  }
}

/** Topics that were found valid before, so that the usual few are not checked again for each message. */
const rememberedTopics = 1000

export const make = (options: {
  readonly runner: SessionRunner
  readonly lifetime: Lifetime
  readonly clock: Clock.Clock
}) => {
  const { clock, lifetime, runner } = options
  const validTopics = new Set<string>()

  const check = (message: Message): MqttError.MqttError | undefined => {
    if (message.properties === Properties.none && validTopics.has(message.topic)) return undefined
    const { protocolVersion } = runner
    const packetIdentifier = message.qos === 0 ? 0 : 1
    const packet = { _tag: "Publish", ...message, dup: false, packetIdentifier } as const
    const invalid = Validity.check(packet, { protocolVersion, sender: "client" })
    if (invalid !== undefined) return MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
    if (validTopics.size >= rememberedTopics) validTopics.clear()
    validTopics.add(message.topic)
    return undefined
  }

  const expiry = ({ messageExpiryInterval }: Properties.Properties): number =>
    messageExpiryInterval === undefined
      ? Infinity
      : Number(clock.monotonicTimeNanosUnsafe()) / 1e6 + messageExpiryInterval * 1000

  /** Whether the publish is over before it began, because there is no connection. */
  const endsOffline = (message: Message, whenOffline: PublishOptions["whenOffline"], resume: Resume): boolean => {
    if (whenOffline === undefined || whenOffline === "wait" || runner.connection !== undefined) return false
    if (whenOffline === "drop" && message.qos === 0) resume(acknowledged)
    else resume(Exit.fail(MqttError.fromReason(new MqttError.Offline())))
    return true
  }

  return (
    topic: string,
    payload: Payload,
    publishOptions?: PublishOptions
  ): Effect.Effect<Acknowledgement, MqttError.MqttError> =>
    Effect.callback((resume) => {
      if (lifetime.closedBy !== undefined) return resume(Exit.fail(lifetime.closedBy))
      const message: Message = {
        topic,
        payload: toBytes(payload),
        qos: publishOptions?.qos ?? 0,
        retain: publishOptions?.retain ?? false,
        properties: publishOptions?.properties ?? Properties.none
      }
      const invalid = check(message)
      if (invalid !== undefined) return resume(Exit.fail(invalid))
      if (endsOffline(message, publishOptions?.whenOffline, resume)) return
      const publication = new Publication(message, expiry(message.properties), resume)
      runner.publish(publication)
      return Effect.sync(() => runner.outbox.withdraw(publication))
    })
}
