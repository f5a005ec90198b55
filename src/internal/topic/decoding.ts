/**
 * Decoding of messages: the parameters of a topic, and a payload.
 *
 * `invalid.ts` deals with messages that do not decode.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import type { Parameters } from "./parameters.ts"
import * as Payload from "./payload.ts"

/** Decodes one payload. The error has `topic`, and `part` for the part of a message that did not decode. */
export const decodingPayload = <S extends Payload.PayloadSchema>(
  codec: Payload.PayloadCodec<S>,
  part: MqttError.MqttDecodeError["part"] = "payload"
) => {
  const decode = Payload.decoder(codec)
  return (
    topic: string,
    payload: Uint8Array
  ): Effect.Effect<S["Type"], MqttError.MqttDecodeError, S["DecodingServices"]> =>
    Effect.mapError(decode(payload), (fault) => new MqttError.MqttDecodeError({ topic, part, ...fault }))
}

/** Decodes a whole message. */
export const decodingMessage = <V, S extends Payload.PayloadSchema>(
  parameters: Parameters<V>,
  codec: Payload.PayloadCodec<S>
) => {
  const decode = decodingPayload(codec)
  return (message: MqttMessage) =>
    Effect.flatMap(
      Effect.fromResult(parameters.parse(message.topic)),
      (values) =>
        Effect.map(
          decode(message.topic, message.payload),
          (payload) => ({ parameters: values, payload, message })
        )
    )
}
