/**
 * The program that uses the client in a simulation: publishers, subscribers and consumers that note everything that
 * happens to them.
 *
 * It is a user like any other: it knows the public interface and nothing else.
 */
import { Cause, type Clock, Data, Effect, Exit, type Fiber, Option, Result, type Scope, Stream } from "effect"
import type * as MqttClient from "../../src/MqttClient.ts"
import { MqttError, MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import type { Ended } from "./Ended.ts"
import {
  type Call,
  idOf,
  type Observations,
  payloadOf,
  propertiesOf,
  type Published,
  type Received
} from "./Observations.ts"
import type { Action, Question } from "./Plan.ts"

type Client = MqttClient.MqttClient["Service"]
type ActionOf<Tag extends Action["_tag"]> = Extract<Action, { readonly _tag: Tag }>

/** How long a consumer that ended stays away. */
const restartDelay = 200

class HandlerFailed extends Data.TaggedError("HandlerFailed")<{}> {}

export class Program {
  readonly #client: Client
  readonly #observations: Observations
  readonly #clock: Clock.Clock
  readonly #scope: Scope.Scope
  readonly #fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  readonly #attempted = new Set<number>()
  #nextId = 1
  #nextOrder = 1
  /** Nobody takes time any more, and consumers stay. */
  isHurrying = false
  /** Nobody comes back any more. */
  isStopping = false

  constructor(client: Client, observations: Observations, clock: Clock.Clock, scope: Scope.Scope) {
    this.#client = client
    this.#observations = observations
    this.#clock = clock
    this.#scope = scope
  }

  get now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  nextId(): number {
    return this.#nextId++
  }

  /** Everybody who is still there, subscribers too. */
  get running(): number {
    return this.#fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length
  }

  #fork(effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    return Effect.map(Effect.forkIn(effect, this.#scope, { startImmediately: true }), (fiber) => {
      this.#fibers.push(fiber)
    })
  }

  #ended(exit: Exit.Exit<unknown, unknown>): Ended {
    const at = this.now
    if (Exit.isSuccess(exit)) return { how: "succeeded", reason: undefined, at }
    const error = Result.getOrUndefined(Cause.findError(exit.cause))
    if (error instanceof MqttError) return { how: "failed", reason: error.reason._tag, at }
    if (error !== undefined) return { how: "failed", reason: String(error), at }
    if (Cause.hasInterruptsOnly(exit.cause)) return { how: "interrupted", reason: undefined, at }
    return { how: "died", reason: Cause.pretty(exit.cause), at }
  }

  #observe<A, E>(effect: Effect.Effect<A, E>, subject: { end: Ended | undefined }): Effect.Effect<A, E> {
    return Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        subject.end = this.#ended(exit)
      }))
  }

  #pause(milliseconds: number): Effect.Effect<void> {
    return Effect.suspend(() => this.isHurrying || milliseconds === 0 ? Effect.void : Effect.sleep(milliseconds))
  }

  // -------------------------------------------------------------------------
  // Publishing
  // -------------------------------------------------------------------------

  publish(action: ActionOf<"Publish">): Effect.Effect<void> {
    return Effect.suspend(() => {
      const messages = Array.from({ length: action.count }, (): Published => {
        const { qos, size, topic } = action
        const id = this.nextId()
        return {
          id,
          topic,
          qos,
          size,
          cost: topic.length + size + (action.properties ?? 0),
          whenOffline: action.whenOffline,
          askedAt: this.now,
          order: 0,
          isAlone: action.via !== "publishSink",
          takenAt: undefined,
          end: undefined
        }
      })
      this.#observations.published.push(...messages)
      if (action.via === "publishSink") return this.#fork(this.#bounded(this.#throughSink(messages, action), action))
      const one = action.via === "publish" ? this.#one : this.#ahead
      return Effect.forEach(messages, (message) => this.#fork(one(message, action)), { discard: true })
    })
  }

  #bounded<A, E>(
    effect: Effect.Effect<A, E>,
    { interruptAfter }: ActionOf<"Publish">
  ): Effect.Effect<Option.Option<A>, E> {
    return interruptAfter === undefined ? Effect.asSome(effect) : Effect.timeoutOption(effect, interruptAfter)
  }

  #options({ properties = 0, qos, retain, whenOffline }: ActionOf<"Publish">) {
    return { qos, retain, whenOffline, ...(properties === 0 ? {} : { properties: propertiesOf(properties) }) }
  }

  readonly #one = (message: Published, action: ActionOf<"Publish">): Effect.Effect<unknown, MqttError> => {
    const { topic } = message
    const payload = ownPayload(message, action)
    const publishing = Effect.suspend(() => {
      message.order = this.#nextOrder++
      return this.#client.publish(topic, payload, this.#options(action))
    })
    return this.#bounded(overwriting(this.#observe(publishing, message), payload), action)
  }

  /** The window takes it; from then on it is on its way, whoever goes on waiting for it. */
  readonly #ahead = (message: Published, action: ActionOf<"Publish">): Effect.Effect<unknown, MqttError> => {
    const { topic } = message
    const payload = ownPayload(message, action)
    const taking = Effect.suspend(() => {
      message.order = this.#nextOrder++
      return this.#client.publishAsync(topic, payload, this.#options(action))
    }).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          message.takenAt = this.now
        })
      ),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit)) message.end = this.#ended(exit)
        })
      )
    )
    const acknowledged = Effect.flatMap(this.#bounded(taking, action), (taken) => {
      if (Option.isNone(taken)) return Effect.void
      const acknowledgement = taken.value
      // One who gives up waiting for it changes nothing.
      return Effect.andThen(
        Effect.timeoutOption(Effect.ignore(acknowledgement), 10),
        this.#observe(acknowledgement, message)
      )
    })
    return overwriting(acknowledged, payload)
  }

  #throughSink(messages: ReadonlyArray<Published>, action: ActionOf<"Publish">): Effect.Effect<unknown, MqttError> {
    const payloads: Array<string | Uint8Array> = []
    const outgoing = Stream.map(Stream.fromIterable(messages), (message) => {
      message.order = this.#nextOrder++
      const payload = ownPayload(message, action)
      payloads.push(payload)
      return { topic: message.topic, payload, ...this.#options(action) }
    })
    return Stream.run(outgoing, this.#client.publishSink).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          for (const message of messages) message.end = this.#ended(exit)
          overwrite(payloads, exit)
        })
      )
    )
  }

  // -------------------------------------------------------------------------
  // Receiving
  // -------------------------------------------------------------------------

  #subscriber(action: ActionOf<"Subscribe"> | ActionOf<"Consume">) {
    const subscriber = {
      number: this.#observations.subscribers.length,
      kind: action._tag === "Subscribe" ? "subscribe" as const : "consume" as const,
      filter: action.filter,
      qos: action.qos,
      buffer: action.buffer,
      bufferBytes: action.bufferBytes,
      policy: action.policy ?? "suspend" as const,
      concurrency: action._tag === "Consume" ? action.concurrency : 1,
      askedAt: this.now,
      grantedAt: undefined as number | undefined,
      granted: undefined as 0 | 1 | 2 | undefined,
      end: undefined,
      largestChunk: 0
    }
    this.#observations.subscribers.push(subscriber)
    return subscriber
  }

  #receive(subscriber: number, message: MqttMessage): Received {
    const { qos, text, topic } = message
    const received: Received = {
      subscriber,
      id: idOf(text),
      topic,
      qos,
      at: this.now,
      doneAt: undefined,
      how: undefined
    }
    this.#observations.received.push(received)
    return received
  }

  subscribe(action: ActionOf<"Subscribe">): Effect.Effect<void> {
    return Effect.suspend(() => {
      const subscriber = this.#subscriber(action)
      const { filter, pace, qos } = action
      const listening = Effect.scoped(Effect.gen({ self: this }, function*() {
        const messages = yield* this.#client.subscribe(filter, { qos, buffer: boundsOf(action) })
        subscriber.grantedAt = this.now
        subscriber.granted = messages.granted[0]
        yield* Stream.runForEachArray(messages, (chunk) => {
          subscriber.largestChunk = Math.max(subscriber.largestChunk, chunk.length)
          for (const message of chunk) {
            const received = this.#receive(subscriber.number, message)
            received.doneAt = this.now
            received.how = "succeeded"
          }
          // One for each message: it hurries as soon as it is told to.
          return Effect.forEach(chunk, () => this.#pause(pace), { discard: true })
        })
      }))
      return this.#fork(this.#observe(this.#during(listening, action.lifetime), subscriber))
    })
  }

  #during<A, E>(effect: Effect.Effect<A, E>, lifetime: number | undefined): Effect.Effect<unknown, E> {
    return lifetime === undefined || this.isHurrying ? effect : Effect.timeoutOption(effect, lifetime)
  }

  /** Consumes again and again, as a program that restarts its workers does. */
  consume(action: ActionOf<"Consume">): Effect.Effect<void> {
    const once = Effect.suspend(() => {
      const subscriber = this.#subscriber(action)
      const { concurrency, filter, onFailure, qos } = action
      const options = { qos, concurrency, onFailure, buffer: boundsOf(action) }
      const handler = (message: MqttMessage) => this.#handle(action, subscriber.number, message)
      const consuming = this.#client.consume(filter, handler, options)
      return this.#observe(this.#during(consuming, action.lifetime), subscriber)
    })
    const isOver = () => this.isStopping || this.#observations.closedAt !== undefined
    return this.#fork(
      Effect.exit(once).pipe(
        Effect.andThen(Effect.suspend(() => isOver() ? Effect.void : Effect.sleep(restartDelay))),
        Effect.repeat({ until: isOver })
      )
    )
  }

  #handle(
    action: ActionOf<"Consume">,
    subscriber: number,
    message: MqttMessage
  ): Effect.Effect<void, HandlerFailed | MqttRejected> {
    const { pace, trouble } = action
    return Effect.suspend(() => {
      const received = this.#receive(subscriber, message)
      const isTroubled = trouble !== undefined && received.id % trouble.every === 0 && !this.#attempted.has(received.id)
      this.#attempted.add(received.id)
      const work = this.#pause(pace)
      const handling = isTroubled ? Effect.andThen(work, troubles[trouble.how]) : work
      return Effect.onExit(handling, (exit) =>
        Effect.sync(() => {
          received.doneAt = this.now
          received.how = Exit.isSuccess(exit)
            ? "succeeded"
            : Cause.hasInterruptsOnly(exit.cause)
            ? "interrupted"
            : isRefusal(action, exit.cause)
            ? "refused"
            : "failed"
        }))
    })
  }

  // -------------------------------------------------------------------------
  // The rest
  // -------------------------------------------------------------------------

  ask(name: Question): Effect.Effect<void> {
    return this.call(name, this.#client[name])
  }

  call(name: string, effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const call: Call = { name, askedAt: this.now, end: undefined }
      this.#observations.calls.push(call)
      return this.#fork(this.#observe(effect, call))
    })
  }
}

/** The program's own bytes, or text. */
const ownPayload = ({ id, size }: Published, { isReused }: ActionOf<"Publish">): string | Uint8Array =>
  isReused === true ? new TextEncoder().encode(payloadOf(id, size)) : payloadOf(id, size)

/** Once its publish has ended the payload is the program's again; with a client that closed, once its scope has too. */
const overwrite = (payloads: ReadonlyArray<string | Uint8Array>, exit: Exit.Exit<unknown, MqttError>): void => {
  if (Option.exists(Exit.findErrorOption(exit), ({ reason }) => reason._tag === "Closed")) return
  for (const payload of payloads) if (typeof payload !== "string") payload.fill(0x58)
}

const overwriting = <A>(publishing: Effect.Effect<A, MqttError>, payload: string | Uint8Array) =>
  Effect.onExit(publishing, (exit) => Effect.sync(() => overwrite([payload], exit)))

const boundsOf = ({ buffer, bufferBytes, policy }: ActionOf<"Subscribe"> | ActionOf<"Consume">) => ({
  messages: buffer,
  bytes: bufferBytes,
  policy
})

const troubles: { readonly [How in "fail" | "die" | "reject"]: Effect.Effect<never, HandlerFailed | MqttRejected> } = {
  fail: Effect.fail(new HandlerFailed()),
  die: Effect.die("the handler died"),
  reject: Effect.fail(new MqttRejected({ reasonCode: 0x83 }))
}

/** Whether the message is dealt with although its handler did not succeed. */
const isRefusal = ({ onFailure }: ActionOf<"Consume">, cause: Cause.Cause<unknown>): boolean =>
  onFailure !== "stop" || Result.getOrUndefined(Cause.findError(cause)) instanceof MqttRejected
