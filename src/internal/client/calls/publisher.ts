/**
 * The ways to publish: a message that the caller waits for, a message sent in passing, a stream of messages; and the
 * checks before.
 *
 * This is the hot path: a publish costs one callback and one `Publication`, no Deferred, no fork and no timer.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Sink from "effect/Sink"
import * as MqttError from "../../../MqttError.ts"
import { type Acknowledgement, type Payload, toBytes } from "../../../MqttMessage.ts"
import type { Qos } from "../../../protocol/Packet.ts"
import * as Properties from "../../../protocol/Properties.ts"
import type { Message } from "../../../protocol/Session.ts"
import * as Validity from "../../../protocol/Validity.ts"
import type { OutgoingMessage, PublishOptions } from "../../clientOptions.ts"
import type { Lifetime } from "../lifetime.ts"
import { Acceptance, type Settled } from "../outgoing/awaited.ts"
import { acknowledged, Publication } from "../outgoing/publication.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import { unreadable, wrongType } from "./wrongTypes.ts"

/** Topics that were found valid, so that the usual few are not checked again for each message. */
const rememberedTopics = 1000

const noOptions: PublishOptions = {}

/**
 * A class, like `InFlight` of the session. V8 allocates literals as old objects once it has seen them live for a while,
 * and these keep everything they refer to until the next full collection. That cost publishing a third of its speed, in
 * every other process.
 */
class ToPublish implements Message {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly properties: Properties.Properties

  constructor(topic: string, payload: Payload, options: PublishOptions | undefined) {
    const { properties = Properties.none, qos = 0, retain = false } = options ?? noOptions
    this.topic = topic
    this.payload = toBytes(payload)
    this.qos = qos
    this.retain = retain
    this.properties = properties
  }
}

/** Publishes and calls back. The result withdraws the message, unless it has been sent by then. */
export type Start = (
  topic: string,
  payload: Payload,
  options: PublishOptions | undefined,
  settled: Settled
) => Effect.Effect<void>

/** On the function itself: a table of all clients would keep the size that it had with the most of them. */
const publisherOf = Symbol("effect-mqtt/Publisher")

/** For a host that does not run on this Effect, and would pay for a fiber of it with every message. */
export const startOf = (publish: Publisher["publish"] & { readonly [publisherOf]?: Publisher }): Start | undefined => {
  const publisher = publish[publisherOf]
  return publisher && ((...message) => publisher.start(...message))
}

/** An observed publisher needs the fiber, because it looks for the span that the fiber is in. */
export const allowStart = (publisher: Publisher): void => {
  Object.defineProperty(publisher.publish, publisherOf, { value: publisher })
}

export interface PublisherOptions {
  readonly runner: SessionRunner
  readonly lifetime: Lifetime
  readonly clock: Clock.Clock
  /** How long a message may wait, milliseconds. */
  readonly outboxAge: number
}

export class Publisher {
  readonly #runner: SessionRunner
  readonly #lifetime: Lifetime
  readonly #clock: Clock.Clock
  /** Milliseconds. */
  readonly #outboxAge: number
  /** Made for the first publish. */
  #validTopics: Set<string> | undefined

  constructor(options: PublisherOptions) {
    this.#runner = options.runner
    this.#lifetime = options.lifetime
    this.#clock = options.clock
    this.#outboxAge = options.outboxAge
  }

  /** Completes as the QoS requires. */
  readonly publish = (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ): Effect.Effect<Acknowledgement, MqttError.MqttError> =>
    Effect.callback((resume) => this.start(topic, payload, options, resume))

  /** `settled` hears the outcome. The returned effect withdraws the message, if it was not sent by then. */
  start(topic: string, payload: Payload, options: PublishOptions | undefined, settled: Settled): Effect.Effect<void> {
    const publication = this.#begin(this.#read(topic, payload, options), options, settled)
    if (publication === undefined) return Effect.void
    this.#runner.publish(publication)
    return Effect.sync(() => this.#withdraw(publication))
  }

  /** Waits until the window has taken the message. The returned effect waits as the QoS requires. */
  readonly publishAsync = (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ): Effect.Effect<Effect.Effect<Acknowledgement, MqttError.MqttError>, MqttError.MqttError> =>
    Effect.callback((resume) => {
      const acceptance = new Acceptance()
      const acknowledgement = Effect.callback<Acknowledgement, MqttError.MqttError>((listener) => {
        const stop = acceptance.listen(listener)
        return Effect.sync(stop)
      })
      const settled: Settled = (exit) => {
        // If the message fails before the window took it, the call itself fails.
        resume(Exit.map(exit, () => acknowledgement))
        acceptance.settle(exit)
      }
      const taken = () => resume(Effect.succeed(acknowledgement))
      const publication = this.#begin(this.#read(topic, payload, options), options, settled, taken)
      if (publication === undefined) return
      this.#runner.kept?.outbox.accepting(publication, acceptance)
      this.#runner.publish(publication)
      return Effect.sync(() => this.#withdraw(publication))
    })

  /** Takes in messages as fast as the window does. Ends when all are acknowledged, with their number. */
  readonly publishSink: Sink.Sink<number, OutgoingMessage, never, MqttError.MqttError> = Sink.fromTransform(
    (upstream, scope) => this.#makeSink().transform(upstream, scope)
  )

  #makeSink(): Sink.Sink<number, OutgoingMessage, never, MqttError.MqttError> {
    const progress = new Progress()
    return Sink.forEachArray((messages: ReadonlyArray<OutgoingMessage>) => this.#publishChunk(messages, progress)).pipe(
      Sink.mapEffectEnd(() => Effect.map(progress.finished, (published) => [published] as const))
    )
  }

  /**
   * Waits until the window has taken the whole chunk.
   *
   * The messages are read before the waiting begins, so that they do not live as long: otherwise V8 would allocate
   * later ones as old objects, as with `ToPublish`.
   */
  #publishChunk(
    messages: ReadonlyArray<OutgoingMessage>,
    progress: Progress
  ): Effect.Effect<void, MqttError.MqttError> {
    if (progress.failure !== undefined) return progress.failure
    const publications: Array<Publication> = []
    progress.add(messages.length)
    for (const message of messages) {
      const begun = this.#begin(this.#readMessage(message), message, progress.settled, progress.taken)
      if (begun === undefined) progress.taken()
      else publications.push(begun)
    }
    return Effect.callback<void, MqttError.MqttError>((resume) => {
      if (progress.failure !== undefined) return resume(progress.failure)
      progress.onTaken(resume)
      for (const publication of publications) this.#runner.outbox.offer(publication)
      this.#runner.wake()
    }).pipe(Effect.onError(() => Effect.sync(() => publications.forEach((publication) => this.#withdraw(publication)))))
  }

  /** Waits until all messages published so far are over, with any outcome. */
  readonly flush: Effect.Effect<void, MqttError.MqttError> = Effect.callback((resume) => {
    if (this.#lifetime.closedBy !== undefined) return resume(Exit.fail(this.#lifetime.closedBy))
    const unfinished = this.#runner.unfinished
    let left = unfinished.length
    if (left === 0) return resume(Effect.void)
    const over = () => {
      if (--left > 0) return
      resume(this.#lifetime.closedBy === undefined ? Effect.void : Exit.fail(this.#lifetime.closedBy))
    }
    for (const publication of unfinished) publication.observe(over)
    return Effect.sync(() => unfinished.forEach((publication) => publication.unobserve(over)))
  })

  /** Makes a publication for the session. Returns `undefined` if it is over at once: then its end has been reported. */
  #begin(
    message: ToPublish | MqttError.MqttError,
    options: PublishOptions | undefined,
    settled: Settled,
    taken?: () => void
  ): Publication | undefined {
    if (message instanceof ToPublish) return this.begin(message, options, settled, taken)
    settled(Exit.fail(this.#lifetime.closedBy ?? message))
    return undefined
  }

  /** Programs have values of other types than they declare, for example from JSON. */
  #read(topic: string, payload: Payload, options: PublishOptions | undefined): ToPublish | MqttError.MqttError {
    try {
      // Read only once: a second read could return another value.
      const message = new ToPublish(topic, payload, options)
      return wrongType(message, options, this.#runner) ?? message
    } catch (cause) {
      return unreadable(cause, this.#runner.protocolVersion)
    }
  }

  #readMessage(message: OutgoingMessage | null | undefined): ToPublish | MqttError.MqttError {
    try {
      // A value that is not a message has no topic, and is refused for that.
      return this.#read(message?.topic as string, message?.payload as Payload, message ?? undefined)
    } catch (cause) {
      return unreadable(cause, this.#runner.protocolVersion)
    }
  }

  /** As `#begin`, for a message with the right types. */
  protected begin(
    message: Message,
    options: PublishOptions | undefined,
    settled: Settled,
    taken?: () => void
  ): Publication | undefined {
    const end = this.#lifetime.closedBy ?? this.#check(message)
    if (end !== undefined) {
      settled(Exit.fail(end))
      return undefined
    }
    const whenOffline = options?.whenOffline ?? "wait"
    if (whenOffline !== "wait" && this.#runner.connection === undefined) {
      const isDropped = whenOffline === "drop" && message.qos === 0
      settled(isDropped ? acknowledged : Exit.fail(MqttError.fromReason(new MqttError.Offline())))
      return undefined
    }
    return new Publication(message, this.#expiry(message.properties), settled, taken)
  }

  /** Whether the topic was found valid before. */
  readonly isKnownTopic = (topic: string): boolean => this.#validTopics?.has(topic) === true

  #check(message: Message): MqttError.MqttError | undefined {
    if (message.properties === Properties.none && this.isKnownTopic(message.topic)) return undefined
    const { protocolVersion } = this.#runner
    const packetIdentifier = message.qos === 0 ? 0 : 1
    const packet = { _tag: "Publish", ...message, dup: false, packetIdentifier } as const
    const invalid = Validity.checkPublish(packet, { protocolVersion, sender: "client" })
    if (invalid !== undefined) return MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
    const valid = this.#validTopics ??= new Set()
    if (valid.size >= rememberedTopics) valid.clear()
    valid.add(message.topic)
    return undefined
  }

  /** Uses the clock of the connections, so that a wall clock that jumps expires nothing. */
  #expiry(properties: Properties.Properties): number | undefined {
    if (properties === Properties.none && this.#outboxAge === Infinity) return undefined
    const { messageExpiryInterval = Infinity } = properties
    const time = Math.min(messageExpiryInterval * 1000, this.#outboxAge)
    return time === Infinity ? undefined : Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6 + time
  }

  /** A message that was not sent yet never will be; the others go their way. */
  #withdraw(publication: Publication): void {
    if (this.#runner.outbox.withdraw(publication)) publication.withdrawn()
    else publication.keepPayload()
  }
}

/** How far a sink has come: the messages that are not acknowledged yet, and the first failure. */
class Progress {
  failure: Exit.Exit<never, MqttError.MqttError> | undefined
  /** Messages of the chunk that the window has not taken. */
  #waiting = 0
  #unsettled = 0
  #published = 0
  #resume: ((effect: Effect.Effect<void, MqttError.MqttError>) => void) | undefined
  #finish: (() => void) | undefined

  /** The next chunk has this many messages. */
  add(messages: number): void {
    this.#waiting = messages
    this.#unsettled += messages
  }

  readonly taken = (): void => {
    this.#waiting--
    if (this.#waiting === 0) this.#resume?.(Effect.void)
  }

  /** `resume` hears that the window has taken the chunk, or of a failure until then. */
  onTaken(resume: (effect: Effect.Effect<void, MqttError.MqttError>) => void): void {
    if (this.#waiting === 0) return resume(Effect.void)
    this.#resume = resume
  }

  readonly settled: Settled = (exit) => {
    this.#unsettled--
    if (Exit.isSuccess(exit)) this.#published++
    else {
      this.failure ??= Exit.failCause(exit.cause)
      this.#resume?.(this.failure)
    }
    if (this.#unsettled === 0 || this.failure !== undefined) this.#finish?.()
  }

  readonly finished: Effect.Effect<number, MqttError.MqttError> = Effect.callback((resume) => {
    const finish = () => resume(this.failure ?? Exit.succeed(this.#published))
    if (this.#unsettled === 0 || this.failure !== undefined) return finish()
    this.#finish = finish
  })
}
