/**
 * Requests with types: the requester encodes a payload and decodes an answer or a failure, the responder the reverse.
 *
 * Only an answer that is no success has a User Property that says so. Peers without this library can therefore ask and
 * answer. The client publishes requests and answers and brings them together. MQTT 5.0 section 4.10.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import type { Answer, MqttMessage } from "../../MqttMessage.ts"
import type * as ClientOptions from "../clientOptions.ts"
import { printable } from "../deadLetter.ts"
import { harmless } from "../harmlessText.ts"
import type * as ReceivingOptions from "../receivingOptions.ts"
import { decodingPayload } from "./decoding.ts"
import type { Parts } from "./definition.ts"
import { type Invalid, type OnInvalid, payloadFormatInvalid, placing } from "./invalid.ts"
import * as Payload from "./payload.ts"
import { describing } from "./publishing.ts"
import { filterOf, type Received, type Receiver, type ShareOptions } from "./receiving.ts"
import { checkReceiving } from "./wrongTypes.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface RespondOptions<E = never, R = never> extends ReceivingOptions.RespondOptions, ShareOptions {
  /** Where requests go that do not decode. Their requesters are told in any case. Default: `"log"`. */
  readonly onInvalid?: OnInvalid<E, R> | undefined
}

/** The User Property of an answer that is no success. */
const answerKind = "answer-kind"

/** With `failure` the payload is the failure of the handler, with `invalid` a text: why the request does not decode. */
type AnswerKind = "failure" | "invalid"

type PayloadSchema = Payload.PayloadSchema

/** A template and the codecs of its requests: `P` is the schema of the payload, `A` of the answer, `F` of the failure. */
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
    // The client refuses options that are none.
    const all = describing(described, options) ?? options
    return yield* read(topic, yield* mqtt.request(topic, payload, all))
  })
}

/** The first pair counts. An answer of an unknown kind is a success. */
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
        // A dead letter that cannot be published was logged. The requester hears of the fault all the same.
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

/** Turns the success and the failure of a handler into answers. */
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

/** A failure that its schema takes is an answer. The consumer deals with any other failure, and with a refusal. */
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

/** The description of a schema may leave this process. The message of a thrown error may not: nobody wrote it for others. */
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
