/**
 * Typed topics of requests: a template, and schemas of Effect 3 for payload, answer and failure.
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { MqttClient } from "../../MqttClient.ts"
import type * as MqttError from "../../MqttError.ts"
import type * as ClientOptions from "../clientOptions.ts"
import type { Address } from "./address.ts"
import type { Checked, Definition, MakeOptions, Only, PayloadSource, SchemaOf, Values } from "./definition.ts"
import type * as Receiving from "./receiving.ts"
import type * as Requests from "./requests.ts"
import type { Names } from "./template.ts"

/**
 * A typed topic of requests. The schemas need the services `RQ` to ask, and `RS` to respond.
 *
 * @since 0.2.0
 * @category models
 */
export interface RequestTopic<Values, A, Answer, Failure = never, RQ = never, RS = never> extends Address<Values> {
  /**
   * `MqttClient.request` with the topic of these parameters and the encoded payload, and the decoded answer. 5.0 only.
   *
   * Fails with the failure of the responder; with `MqttEncodeError` before anything is sent; with `MqttDecodeError` when the
   * answer does not decode, and when the responder says that the request does not; and like `MqttClient.request`.
   */
  readonly request: (
    parameters: Values,
    payload: A,
    options?: ClientOptions.RequestOptions
  ) => Effect.Effect<
    Answer,
    Failure | MqttError.MqttError | MqttError.MqttEncodeError | MqttError.MqttDecodeError,
    MqttClient | RQ
  >
  /**
   * `MqttClient.respond` with decoded requests. The answer of the handler is encoded and published. If the
   * schema of failures takes the failure of the handler, it is published too, and the requester fails with it. Any other
   * failure is treated as by `MqttClient.respond`, and so is an answer that cannot be encoded. 5.0 only.
   *
   * A request that does not decode goes where `onInvalid` says. Its requester is told, and the request is acknowledged.
   */
  readonly respond: <E, R, E2 = never, R2 = never>(
    handler: (request: Receiving.Received<Values, A>) => Effect.Effect<Answer, E, R>,
    options?: Requests.RespondOptions<E2, R2>
  ) => Effect.Effect<
    void,
    MqttError.MqttError | MqttError.MqttEncodeError | Exclude<Exclude<E, Failure> | E2, MqttError.MqttRejected>,
    MqttClient | RS | R | R2
  >
}

/**
 * The schemas of payload, answer and failure, which every definition of a request has.
 *
 * @since 0.2.0
 * @category models
 */
export interface RequestPayloads {
  readonly payload: PayloadSource
  readonly answer: PayloadSource
  /** Without it the responder cannot fail with a value of its own. */
  readonly failure?: PayloadSource
}

/**
 * The schemas of a template's parameters, and of payload, answer and failure. A parameter without a schema is text.
 *
 * @since 0.2.0
 * @category models
 */
export type RequestDefinition<Source extends string> = Definition<Source> & RequestPayloads

/**
 * A template of requests, or a description of its fault.
 *
 * @since 0.2.0
 * @category utility types
 */
export type CheckedRequest<Source extends string> = string extends Source ? Source
  : [Extract<Names<Source>, "answer" | "failure">] extends [never] ? Checked<Source>
  : "A parameter of a request may not have the name answer or failure"

/**
 * The schema of the failure in a definition; `never` if there is none.
 *
 * @since 0.2.0
 * @category utility types
 */
export type FailureSchemaOf<D> = D extends { readonly failure?: infer P } ? SchemaOf<P> : never

/**
 * The typed topic of requests that a template and its definition make.
 *
 * @since 0.2.0
 * @category utility types
 */
export type MadeRequest<Source extends string, D extends RequestPayloads> = RequestTopic<
  Values<Source, D>,
  SchemaOf<D["payload"]>["Type"],
  SchemaOf<D["answer"]>["Type"],
  FailureSchemaOf<D>["Type"],
  SchemaOf<D["payload"]>["Context"] | SchemaOf<D["answer"]>["Context"] | FailureSchemaOf<D>["Context"],
  SchemaOf<D["payload"]>["Context"] | SchemaOf<D["answer"]>["Context"] | FailureSchemaOf<D>["Context"]
>

/**
 * A typed topic of requests. The template and the schemas of its parameters follow the rules of `make`. `payload`, `answer`
 * and `failure` are the schemas of the request, of its answer, and of the failures of the responder; `failure` may be left
 * out.
 *
 * A wrong template or definition does not compile. At run time it throws an `MqttError` with the reason `InvalidOptions`. For
 * templates that are known at run time only use `makeRequestResult`.
 *
 * **Example** (Restarting devices)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { MqttTopic } from "effect-mqtt-v3"
 *
 * class Busy extends Schema.TaggedError<Busy>()("Busy", { seconds: Schema.Finite }) {}
 *
 * const Restart = MqttTopic.makeRequest("devices/{device}/restart", {
 *   payload: MqttTopic.json(Schema.Struct({ isForced: Schema.Boolean })),
 *   answer: MqttTopic.json(Schema.Struct({ version: Schema.String })),
 *   failure: MqttTopic.json(Busy)
 * })
 *
 * const device = Restart.respond(({ payload }) =>
 *   payload.isForced ? Effect.succeed({ version: "1.2.0" }) : Effect.fail(new Busy({ seconds: 30 }))
 * )
 *
 * const program = Restart.request({ device: "7" }, { isForced: false }, { timeout: "5 seconds" }).pipe(
 *   Effect.map(({ version }) => version),
 *   Effect.catchTag("Busy", ({ seconds }) => Effect.succeed(`busy for ${seconds} seconds`))
 * )
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export declare const makeRequest: <const Source extends string, const D extends RequestDefinition<Source>>(
  template: CheckedRequest<Source>,
  definition: D & Only<Source, D, keyof RequestPayloads>,
  options?: MakeOptions
) => MadeRequest<Source, D>

/**
 * `makeRequest` for templates that are known at run time only.
 *
 * @since 0.2.0
 * @category constructors
 */
export declare const makeRequestResult: <const Source extends string, const D extends RequestDefinition<Source>>(
  template: CheckedRequest<Source>,
  definition: D & Only<Source, D, keyof RequestPayloads>,
  options?: MakeOptions
) => Either.Either<MadeRequest<Source, D>, MqttError.MqttError>
