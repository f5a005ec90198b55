/**
 * Requests with types: asking, and answering with an answer or with a failure.
 *
 * An answer that is no success says so in a User Property, so peers without this library can ask and answer. Finding the
 * answer to a request, and publishing it, is the client's. MQTT 5.0 section 4.10.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import type { Answer, MqttMessage } from "../../MqttMessage.ts"
import type * as ClientOptions from "../clientOptions.ts"
import { harmless } from "../harmlessText.ts"
import { decodingPayload } from "./decoding.ts"
import type { Parts } from "./definition.ts"
import { type Invalid, type OnInvalid, payloadFormatInvalid, placing, printable } from "./invalid.ts"
import * as Payload from "./payload.ts"
import { describing } from "./publishing.ts"
import { filterOf, type Received, type Receiver, type ShareOptions } from "./receiving.ts"
import { checkReceiving } from "./wrongTypes.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface RespondOptions<E = never, R = never> extends ClientOptions.RespondOptions, ShareOptions {
  /** Default: `"log"`. Wherever the request goes, who asked is told that it does not decode. */
  readonly onInvalid?: OnInvalid<E, R> | undefined
}

/** The User Property of an answer that is no success. */
const answerKind = "answer-kind"

/** Its values: the failure of the handler, and text that says why the request does not decode. */
type AnswerKind = "failure" | "invalid"

type PayloadSchema = Payload.PayloadSchema

/** What a request is made of: `P` is the schema of its payload, `A` that of the answer, `F` that of the failure. */
export interface RequestParts<V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>
  extends Parts<V>
{
  readonly payload: Payload.PayloadCodec<P>
  readonly answer: Payload.PayloadCodec<A>
  /** Without one the handler cannot fail in this way. */
  readonly failure: Payload.PayloadCodec<F> | undefined
}

// ---------------------------------------------------------------------------
// Asking
// ---------------------------------------------------------------------------

export const asking = <V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>(
  parts: RequestParts<V, P, A, F>
) => {
  const described = Payload.propertiesOf(parts.payload)
  const encode = encoding(parts, "payload", parts.payload)
  const read = reading(parts)
  return Effect.fnUntraced(function*(
    values: V,
    value: P["Type"],
    options?: ClientOptions.RequestOptions
  ): Effect.fn.Return<
    A["Type"],
    F["Type"] | MqttError.MqttError | MqttError.MqttEncodeError | MqttError.MqttDecodeError,
    MqttClient | P["EncodingServices"] | A["DecodingServices"] | F["DecodingServices"]
  > {
    const topic = yield* Effect.fromResult(parts.parameters.format(values))
    const payload = yield* encode(value)
    const mqtt = yield* MqttClient
    // The client says what is wrong with them.
    const all = describing(described, options) ?? options
    return yield* read(topic, yield* mqtt.request(topic, payload, all))
  })
}

/** What an answer says: the first pair counts, and what is no kind that we know is a success. */
const kindOf = ({ userProperties }: MqttMessage): string | undefined =>
  userProperties.find(([name]) => name === answerKind)?.[1]

const reading = <V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>(
  { answer, failure }: RequestParts<V, P, A, F>
) => {
  const decodeAnswer = decodingPayload(answer, "answer")
  const decodeFailure = failure === undefined ? undefined : decodingPayload(failure, "failure")
  return (
    topic: string,
    message: MqttMessage
  ): Effect.Effect<
    A["Type"],
    F["Type"] | MqttError.MqttDecodeError,
    A["DecodingServices"] | F["DecodingServices"]
  > => {
    switch (kindOf(message)) {
      case "failure":
        return decodeFailure === undefined
          ? Effect.fail(unexpectedFailure(topic))
          : Effect.flatMap(decodeFailure(topic, message.payload), Effect.fail)
      case "invalid":
        return Effect.fail(notUnderstood(topic, message))
      default:
        return decodeAnswer(topic, message.payload)
    }
  }
}

const unexpectedFailure = (topic: string) =>
  new MqttError.MqttDecodeError({
    topic,
    part: "failure",
    description: "The responder answers with a failure, and there is no schema for one; give the request a `failure`"
  })

const notUnderstood = (topic: string, { text }: MqttMessage) =>
  new MqttError.MqttDecodeError({
    topic,
    part: "request",
    description: `The responder says: ${harmless(text)}; give both sides the same template and the same schemas`
  })

// ---------------------------------------------------------------------------
// Answering
// ---------------------------------------------------------------------------

export const responding = <V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>(
  parts: RequestParts<V, P, A, F>
) => {
  const answerWith = answering(parts)
  return Effect.fnUntraced(function*<E, R, E2 = never, R2 = never>(
    receiver: Receiver<Received<V, P["Type"]>, P["DecodingServices"]>,
    handler: (received: Received<V, P["Type"]>) => Effect.Effect<A["Type"], E, R>,
    options: RespondOptions<E2, R2> = {}
  ): Effect.fn.Return<
    void,
    MqttError.MqttError | MqttError.MqttEncodeError | Exclude<Exclude<E, F["Type"]> | E2, MqttError.MqttRejected>,
    R | R2 | P["DecodingServices"] | A["EncodingServices"] | F["EncodingServices"]
  > {
    yield* checkReceiving(options, { handler: [handler] })
    const filter = yield* Effect.fromResult(filterOf(receiver.topicFilter, options))
    const place = yield* placing({ ...receiver, onInvalid: options.onInvalid })
    const refuse = (invalid: Invalid) =>
      place(invalid).pipe(
        // A dead letter that cannot be published was logged. Who asked is told all the same.
        Effect.catchIf((error) => error === payloadFormatInvalid, () => Effect.void),
        Effect.as(tellInvalid(invalid))
      )
    return yield* receiver.mqtt.respond(filter, (message) =>
      Effect.matchEffect(receiver.decode(message), {
        onSuccess: (received): Effect.Effect<
          Answer,
          Exclude<E, F["Type"]> | E2 | MqttError.MqttError | MqttError.MqttEncodeError | MqttError.MqttRejected,
          R | R2 | A["EncodingServices"] | F["EncodingServices"]
        > => answerWith(handler(received)),
        onFailure: (error) => refuse({ message, error })
      }), options)
  })
}

/** What is published, by how a handler ended. */
const answering = <V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>(
  parts: RequestParts<V, P, A, F>
) => {
  const { answer } = parts
  const encode = encoding(parts, "answer", answer)
  const properties = Payload.propertiesOf(answer)
  const succeed = (value: A["Type"]): Effect.Effect<Answer, MqttError.MqttEncodeError, A["EncodingServices"]> =>
    Effect.map(encode(value), (payload) => ({ payload, properties }))
  const fail = failing(parts)
  return <E, R>(handled: Effect.Effect<A["Type"], E, R>): Effect.Effect<
    Answer,
    Exclude<E, F["Type"]> | MqttError.MqttEncodeError,
    R | A["EncodingServices"] | F["EncodingServices"]
  > =>
    Effect.matchEffect(handled, {
      onSuccess: succeed,
      onFailure: (
        error
      ): Effect.Effect<Answer, Exclude<E, F["Type"]> | MqttError.MqttEncodeError, F["EncodingServices"]> =>
        fail(error) ?? Effect.fail(error as Exclude<E, F["Type"]>)
    })
}

type Failing<F extends PayloadSchema> = Effect.Effect<Answer, MqttError.MqttEncodeError, F["EncodingServices"]>

/** A failure that its schema takes is an answer. Any other, and a refusal, is the consumer's to deal with. */
const failing = <V, P extends PayloadSchema, A extends PayloadSchema, F extends PayloadSchema>(
  parts: RequestParts<V, P, A, F>
): (error: unknown) => Failing<F> | undefined => {
  const { failure } = parts
  if (failure === undefined) return () => undefined
  const isFailure = Schema.is(failure.schema)
  const encode = encoding(parts, "failure", failure)
  const properties = { ...Payload.propertiesOf(failure), ...saying("failure") }
  return (error) =>
    error instanceof MqttError.MqttRejected || !isFailure(error)
      ? undefined
      : Effect.map(encode(error), (payload) => ({ payload, properties }))
}

const saying = (kind: AnswerKind) => ({ userProperties: [[answerKind, kind]] as const })

/** What a schema says of a request may be told to who sent it; what was thrown may not. */
const tellInvalid = ({ error: { cause, description, parameter, part } }: Invalid): Answer => {
  const isOfSchema = cause === undefined || Schema.isSchemaError(cause)
  return {
    payload: printable(`${parameter ?? part}: ${isOfSchema ? description : "It cannot be decoded"}`),
    properties: { ...Payload.propertiesOf(Payload.text), ...saying("invalid") }
  }
}

const encoding = <V, S extends PayloadSchema>(
  { template }: Parts<V>,
  part: MqttError.MqttEncodeError["part"],
  codec: Payload.PayloadCodec<S>
) => {
  const encode = Payload.encoder(codec)
  return (value: S["Type"]) =>
    Effect.mapError(
      encode(value),
      (fault) => new MqttError.MqttEncodeError({ template: template.source, part, ...fault })
    )
}
