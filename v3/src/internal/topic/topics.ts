/**
 * Typed topics of the engine as typed topics of Effect 3: each call goes to the engine.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import * as Engine from "../../../../engine/index.ts"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import * as Errors from "../errors.ts"
import * as Schema from "../schema.ts"
import * as Calling from "./calling.ts"
import * as Definition from "./definition.ts"

type Needed = Engine.MqttClient.MqttClient
/** The engine knows nothing of the values. */
type Topic = Engine.MqttTopic.MqttTopic<never, unknown>
type RequestTopic = Engine.MqttTopic.RequestTopic<never, unknown, unknown, unknown>
type Values = Readonly<Record<string, unknown>>
type Run<A, R = never> = Effect.Effect<A, unknown, R>

export const toEither = <A>(result: Engine.Result<A, unknown>): Either.Either<A, unknown> =>
  Engine.isFailure(result) ? Either.left(Errors.toEffect3(result.failure)) : Either.right(result.success)

const addressOf = ({ filter, parse, shared, template, topic }: Topic | RequestTopic): Values => ({
  template,
  filter,
  shared: (group: string) => toEither(shared(group)),
  topic: (parameters: never) => toEither(topic(parameters)),
  parse: (name: string) => toEither(parse(name))
})

/** Runs a call with the caller's client. */
const withClient = <A, R>(call: (call: Calling.Call) => Run<A, R>): Run<A, R | MqttClient> =>
  Effect.flatMap(Calling.callingClient, call)

const toOption = (value: unknown): Option.Option<unknown> => {
  const option = value as Parameters<typeof Engine.isSome>[0]
  return Engine.isSome(option) ? Option.some(option.value) : Option.none()
}

const followed = <A>(
  call: Calling.Call,
  following: Engine.Effect<Engine.SubscriptionRef<A>, unknown, Needed | Engine.Scope>
): Run<Subscribable.Subscribable<unknown, unknown>, Scope.Scope> =>
  Effect.map(
    Calling.acquired(call, following),
    (ref) => call.membrane.subscribable(ref as unknown as Engine.SubscriptionRef<unknown>, toOption)
  )

const deliveriesOf = (
  call: Calling.Call,
  stream: Engine.Stream<unknown, unknown, Needed>
): Stream.Stream<unknown, unknown> => {
  const { toProgram } = call.membrane
  return Calling.streamed(call, stream, (delivery) => {
    const { acknowledge, reject, ...received } = delivery as Values
    return { ...received, acknowledge: toProgram(acknowledge), reject: toProgram(reject) }
  })
}

/** Options and handlers, which the engine checks. */
const given = (call: Calling.Call, options: unknown): never => Calling.optionsToEngine(call, options) as never

export const topicOf = (topic: Topic): Values => {
  const subscribe = (options?: unknown) =>
    withClient((call) =>
      Effect.map(
        Calling.acquired(call, topic.subscribe(given(call, options))),
        (stream) => Calling.streamed(call, stream)
      )
    )
  return {
    ...addressOf(topic),
    decode: (message: never) => Effect.flatMap(Calling.calling, (call) => Calling.made(call, topic.decode(message))),
    publish: (parameters: never, payload: unknown, options?: unknown) =>
      withClient((call) => Calling.made(call, topic.publish(parameters, payload, given(call, options)))),
    subscribe,
    messages: (options?: unknown) => Stream.unwrapScoped(subscribe(options)),
    next: (options?: unknown) => withClient((call) => Calling.made(call, topic.next(given(call, options)))),
    deliveries: (options?: unknown) =>
      Stream.unwrap(withClient((call) => Effect.succeed(deliveriesOf(call, topic.deliveries(given(call, options)))))),
    subscribeWithFailures: (options?: unknown) =>
      withClient((call) =>
        Effect.map(
          Calling.acquired(call, topic.subscribeWithFailures(given(call, options))),
          ({ failures, failuresDropped, messages }) => ({
            messages: Calling.streamed(call, messages),
            failures: call.membrane.stream(failures),
            failuresDropped: call.membrane.effect(failuresDropped)
          })
        )
      ),
    consume: (handler: unknown, options?: unknown) =>
      withClient((call) =>
        Calling.made(call, topic.consume(Calling.handlerToEngine(handler) as never, given(call, options)))
      ),
    latest: (parameters: never, options?: unknown) =>
      withClient((call) => followed(call, topic.latest(parameters, given(call, options))))
  }
}

export const latest = (topic: string, options?: unknown) =>
  withClient((call) => followed(call, Engine.MqttTopic.latest(topic, given(call, options))))

const isFailureOf = (definition: unknown): (error: unknown) => boolean => {
  const { failure } = definition as Values
  const schema = Definition.isCodec(failure) ? failure.schema : failure
  return Schema.isSchema(schema) ? Schema.is(schema) : () => false
}

/** A refusal is no failure value, even if the schema takes it. */
const failing = (definition: unknown) => {
  const isFailure = isFailureOf(definition)
  return (error: unknown): unknown =>
    !(error instanceof MqttError.MqttRejected) && isFailure(error) ? new Engine.HostValue(error) : error
}

const withoutWrapping = (error: unknown): unknown => error instanceof Engine.HostValue ? error.value : error

export const requestTopicOf = (topic: RequestTopic, definition: unknown): Values => {
  const wrap = failing(definition)
  const handling = (handler: unknown): unknown =>
    typeof handler !== "function"
      ? handler
      : Calling.handlerToEngine((request: unknown) => Effect.mapError(handler(request) as Run<unknown>, wrap))
  return {
    ...addressOf(topic),
    request: (parameters: never, payload: unknown, options?: unknown) =>
      withClient((call) =>
        Effect.mapError(
          Calling.made(call, topic.request(parameters, payload, given(call, options))),
          withoutWrapping
        )
      ),
    respond: (handler: unknown, options?: unknown) =>
      withClient((call) => Calling.made(call, topic.respond(handling(handler) as never, given(call, options))))
  }
}
