/**
 * Requests: one subscription for all answers, made for the first request, and the way from an answer to the request
 * that waits for it.
 *
 * The publisher publishes, the subscriber subscribes, and `responder.ts` answers. MQTT 5.0 section 4.10.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as MqttError from "../../../MqttError.ts"
import type { MqttMessage, Payload } from "../../../MqttMessage.ts"
import type { ConnectionState } from "../../../MqttState.ts"
import type { Qos } from "../../../protocol/Packet.ts"
import * as Topic from "../../../protocol/Topic.ts"
import type { Bounds, RequestOptions, SubscribeOptions } from "../../clientOptions.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import * as failures from "../../connection/failures.ts"
import type { Lifetime } from "../lifetime.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { Publisher } from "./publisher.ts"
import type { Subscription } from "./subscribe.ts"
import type { Timeouts } from "./timeouts.ts"
import { wrongRequest } from "./wrongTypes.ts"

const noBytes = new Uint8Array()

type Answered = (exit: Exit.Exit<MqttMessage, MqttError.MqttError>) => void

/** One Response Topic and the requests that wait for an answer there. */
interface Answers {
  readonly opened: Deferred.Deferred<void, MqttError.MqttError>
  /** The waiting requests, by Correlation Data. */
  readonly waiting: Map<string, Answered>
  /** The Response Topic, once it is subscribed to. */
  topic: string | undefined
  fiber: Fiber.Fiber<void> | undefined
}

/** One request. */
interface Asked {
  readonly topic: string
  readonly payload: Payload
  readonly options: RequestOptions
  readonly timeout: Duration.Duration
}

const neverExpires = () => () => {}

export interface RequestsOptions {
  readonly runner: SessionRunner
  readonly lifetime: Lifetime
  readonly publisher: Publisher
  readonly subscribe: (
    topicFilter: string,
    options: SubscribeOptions
  ) => Effect.Effect<Subscription, MqttError.MqttError, Scope.Scope>
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** The scope of the client. */
  readonly scope: Scope.Scope
  readonly timeouts: Timeouts
  readonly responseTopic: string | undefined
}

const defaultTimeout = Duration.seconds(10)

/** Answers pass through at once, so the program's wishes for its own subscriptions do not matter here. */
const buffer: Bounds = { messages: 10_000, bytes: 16 * 1024 * 1024, policy: "suspend" }

/** PUBACK and PUBREC: the message was accepted, and nobody subscribes to it. MQTT 5.0 section 3.4.2.1. */
const noMatchingSubscribers = 0x10

/** Nobody can guess it, and no two requests have the same. */
const correlationLength = 16

/** Random bytes are drawn for this many requests at once: even a small draw costs a fifth of a request. */
const requestsPerDraw = 256

const longestExpiry = 0xffff_ffff

export class Requests {
  readonly #options: RequestsOptions
  /** Random bytes: a used part, then bytes that no request has had yet. */
  #random = noBytes
  #used = 0
  #current: Answers | undefined
  /** Answers whose Response Topic gets no new requests, while earlier ones still wait there. */
  readonly #retired = new Set<Answers>()
  /** The connection for which the Response Topic was last chosen. */
  #connection: SessionConnection | undefined
  #dropped = 0

  constructor(options: RequestsOptions) {
    this.#options = options
  }

  /** How many answers came that no request waited for, or no longer. */
  get dropped(): number {
    return this.#dropped
  }

  request(
    topic: string,
    payload: Payload,
    options: RequestOptions = {}
  ): Effect.Effect<MqttMessage, MqttError.MqttError> {
    const { publisher: { isKnownTopic }, runner: { protocolVersion } } = this.#options
    const wrong = wrongRequest(topic, payload, options, { protocolVersion, isKnownTopic })
    if (wrong !== undefined) return Effect.fail(wrong)
    const timeout = Duration.fromInputUnsafe(options.timeout ?? defaultTimeout)
    const asked: Asked = { topic, payload, options, timeout }
    return Effect.withFiber((fiber) => {
      const { timeouts } = this.#options
      const answers = this.#opened
      if (answers === undefined || fiber.getRef(Clock.Clock) !== timeouts.clock) return this.#askOnceOpened(asked)
      return this.#ask(answers, asked, (expired) => timeouts.add(Duration.toMillis(timeout), expired))
    })
  }

  /** The time also covers the subscription, or runs on a clock of the caller's own. */
  #askOnceOpened(asked: Asked): Effect.Effect<MqttMessage, MqttError.MqttError> {
    return Effect.flatMap(this.#answers, (answers) => this.#ask(answers, asked, neverExpires)).pipe(
      Effect.timeoutOrElse({ duration: asked.timeout, orElse: () => Effect.fail(timedOut(asked)) })
    )
  }

  /** The client is over. */
  end(error: MqttError.MqttError): void {
    for (const answers of [...this.#retired, ...(this.#current === undefined ? [] : [this.#current])]) {
      this.#fail(answers, error)
      answers.fiber?.interruptUnsafe()
    }
  }

  // -------------------------------------------------------------------------
  // The subscription
  // -------------------------------------------------------------------------

  /** The Response Topic for answers, once it is subscribed to. */
  readonly #answers: Effect.Effect<Answers, MqttError.MqttError> = Effect.suspend(() => {
    const { closedBy } = this.#options.lifetime
    if (closedBy !== undefined) return Effect.fail(closedBy)
    const answers = this.#opened
    if (answers !== undefined) return Effect.succeed(answers)
    const opened = this.#current === undefined ? this.#open : Deferred.await(this.#current.opened)
    // The subscription may have ended again meanwhile.
    return Effect.andThen(opened, this.#answers)
  })

  /** The Response Topic for answers, if it is subscribed to. */
  get #opened(): Answers | undefined {
    if (this.#options.lifetime.closedBy !== undefined) return undefined
    this.#retireOutdated()
    return this.#current?.topic === undefined ? undefined : this.#current
  }

  /** A server with another session for us may have another Response Topic for us too. */
  #retireOutdated(): void {
    const { connection } = this.#options.runner
    const answers = this.#current
    if (answers?.topic === undefined || connection === undefined || connection === this.#connection) return
    this.#connection = connection
    const { properties, sessionPresent } = connection.connack
    if (sessionPresent && properties.responseInformation === undefined) return
    if (this.#topicFor(connection) === answers.topic) return
    this.#current = undefined
    this.#retired.add(answers)
    this.#closeIfUnused(answers)
  }

  get #open(): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => {
      const answers: Answers = {
        opened: Deferred.makeUnsafe<void, MqttError.MqttError>(),
        waiting: new Map(),
        topic: undefined,
        fiber: undefined
      }
      this.#current = answers
      return this.#receive(answers).pipe(
        Effect.scoped,
        Effect.onExit((exit) => Effect.sync(() => this.#fail(answers, this.#causeOf(exit)))),
        // All waiting requests have heard of it already.
        Effect.ignore,
        // Not in the fiber of the first request: other requests may share the subscription when that fiber is
        // interrupted.
        Effect.forkIn(this.#options.scope),
        Effect.map((fiber) => {
          answers.fiber = fiber
          return answers.opened
        })
      )
    }).pipe(
      // A request that leaves must not leave the subscription half begun.
      Effect.uninterruptible,
      Effect.flatMap(Deferred.await)
    )
  }

  #receive(answers: Answers): Effect.Effect<void, MqttError.MqttError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const connection = yield* this.#connected
      if (connection.protocolVersion === "3.1.1") return yield* noResponseTopic
      this.#connection = connection
      const topic = this.#topicFor(connection)
      // The highest QoS, so that an answer keeps the QoS it was sent with. A retained message there is not an answer.
      const qos: Qos = connection.limits.maximumQos
      const messages = yield* this.#options.subscribe(topic, { qos, retainHandling: 2, buffer })
      answers.topic = topic
      yield* Deferred.succeed(answers.opened, undefined)
      yield* Stream.runForEachArray(
        messages,
        (received) => Effect.sync(() => received.forEach((message) => this.#received(answers, message)))
      )
    })
  }

  /** A connection: its CONNACK has the Response Information. */
  get #connected(): Effect.Effect<SessionConnection> {
    const { runner, state } = this.#options
    return SubscriptionRef.changes(state).pipe(
      Stream.map(() => runner.connection),
      Stream.filter((connection) => connection !== undefined),
      Stream.runHead,
      Effect.map(Option.getOrThrow)
    )
  }

  /** The topic of the option, or else one for this client identifier under the basis that the server names. */
  #topicFor({ clientId, connack }: SessionConnection): string {
    const { responseTopic } = this.#options
    if (responseTopic !== undefined) return responseTopic
    const { responseInformation } = connack.properties
    const isUsable = responseInformation !== undefined &&
      Topic.validateTopicName(responseInformation, "5.0") === undefined
    const basis = isUsable ? responseInformation : "response"
    return `${basis}${basis.endsWith("/") ? "" : "/"}${encodeURIComponent(clientId)}`
  }

  #causeOf(exit: Exit.Exit<void, MqttError.MqttError>): MqttError.MqttError {
    return Exit.isFailure(exit) ? failures.fromCause(exit.cause) : this.#options.lifetime.closedBy ?? failures.closed
  }

  /** No more answers come to this Response Topic. */
  #fail(answers: Answers, error: MqttError.MqttError): void {
    if (this.#current === answers) this.#current = undefined
    this.#retired.delete(answers)
    Deferred.doneUnsafe(answers.opened, Exit.fail(error))
    for (const answered of answers.waiting.values()) answered(Exit.fail(error))
  }

  #closeIfUnused(answers: Answers): void {
    if (answers.waiting.size === 0 && this.#retired.delete(answers)) answers.fiber?.interruptUnsafe()
  }

  // -------------------------------------------------------------------------
  // One request
  // -------------------------------------------------------------------------

  /** `begin` starts the time for the answer, and returns a function that ends it. */
  #ask(
    answers: Answers,
    asked: Asked,
    begin: (expired: () => void) => () => void
  ): Effect.Effect<MqttMessage, MqttError.MqttError> {
    const { options: { properties, qos = 1 }, payload, timeout, topic } = asked
    return Effect.callback((resume) => {
      // Only a program that has seen this request can answer it. Having seen another request does not help.
      const correlationData = this.#drawCorrelationData()
      const correlation = keyOf(correlationData)
      const forget = () => {
        stop()
        if (answers.waiting.delete(correlation)) this.#options.runner.gate.stopWaiting()
        this.#closeIfUnused(answers)
      }
      // The first outcome counts: the acknowledgement may come after the answer.
      const answered: Answered = (exit) => {
        forget()
        resume(exit)
      }
      answers.waiting.set(correlation, answered)
      this.#options.runner.gate.wait()
      const stop = begin(() => {
        forget()
        resume(Effect.andThen(withdraw, Effect.fail(timedOut(asked))))
      })
      const withdraw = this.#options.publisher.start(topic, payload, {
        qos,
        properties: {
          ...(Duration.isFinite(timeout) ? { messageExpiryInterval: expiryOf(timeout) } : {}),
          ...properties,
          responseTopic: answers.topic,
          correlationData
        }
      }, (exit) => {
        if (Exit.isFailure(exit)) answered(Exit.failCause(exit.cause))
        else if (exit.value.reasonCode === noMatchingSubscribers) answered(Exit.fail(noResponder(topic)))
      })
      return Effect.andThen(Effect.sync(forget), withdraw)
    })
  }

  /** A copy, so that its holder sees none of the other random bytes. */
  #drawCorrelationData(): Uint8Array {
    if (this.#used === this.#random.length) {
      this.#random = crypto.getRandomValues(new Uint8Array(requestsPerDraw * correlationLength))
      this.#used = 0
    }
    return this.#random.slice(this.#used, this.#used += correlationLength)
  }

  #received(answers: Answers, message: MqttMessage): void {
    const { correlationData } = message
    const answered = correlationData?.length === correlationLength
      ? answers.waiting.get(keyOf(correlationData))
      : undefined
    if (answered === undefined) this.#dropped++
    else answered(Exit.succeed(message))
  }
}

/** The bytes as a key of a map, two to a character. Spreading them as arguments took four times as long. */
const keyOf = (bytes: Uint8Array): string => {
  let key = ""
  for (let index = 0; index < correlationLength; index += 2) {
    key += String.fromCharCode((bytes[index] << 8) | bytes[index + 1])
  }
  return key
}

/** Whole seconds, so that no server delivers a request whose answer nobody waits for. */
const expiryOf = (timeout: Duration.Duration): number =>
  Math.min(longestExpiry, Math.max(1, Math.ceil(Duration.toSeconds(timeout))))

const timedOut = ({ timeout, topic }: Asked): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.RequestTimeout({ topic, timeout: Duration.toMillis(timeout) }))

const noResponder = (topic: string): MqttError.MqttError => MqttError.fromReason(new MqttError.NoResponder({ topic }))

/** The client or the server speaks 3.1.1. */
export const noResponseTopic = MqttError.fromReason(
  new MqttError.InvalidRequest({
    field: "protocolVersion",
    label: "MQTT-2.2.2",
    protocolVersion: "3.1.1",
    description: "MQTT 3.1.1 has no Response Topic and no Correlation Data, which requests and answers need; connect " +
      "with protocolVersion: \"5.0\", or publish and subscribe to topics of your own"
  })
)
