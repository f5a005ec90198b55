/**
 * Application messages as a program sees them: topic, payload, and the properties that the sender gave.
 *
 * The client receives and acknowledges messages; this module only describes them. MQTT 5.0 and 3.1.1, section 3.3.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { MqttRejected } from "./MqttError.ts"
import type * as Packet from "./protocol/Packet.ts"
import type { Properties, UserProperty } from "./protocol/Properties.ts"

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * A received message.
 *
 * @since 0.1.0
 * @category models
 */
export class MqttMessage {
  /** The PUBLISH it came in, with all its properties. */
  readonly packet: Packet.Publish

  constructor(packet: Packet.Publish) {
    this.packet = packet
  }

  get topic(): string {
    return this.packet.topic
  }

  /**
   * The bytes. They are a view of the bytes read from the network: keeping a small payload for long keeps up to 64 KiB
   * around it in memory, so copy it (`payload.slice()`) to keep it.
   */
  get payload(): Uint8Array {
    return this.packet.payload
  }

  /** The payload read as UTF-8; bytes that are not UTF-8 become U+FFFD. */
  get text(): string {
    return decoder.decode(this.packet.payload)
  }

  /** The QoS of the delivery: the sender's QoS or the QoS granted to the subscription, whichever is lower. */
  get qos(): Packet.Qos {
    return this.packet.qos
  }

  /** Whether the server kept the message and sends it now, so that it was not published just now. */
  get retain(): boolean {
    return this.packet.retain
  }

  /** Whether the server has sent it before. This is not certain: brokers differ in setting it. */
  get dup(): boolean {
    return this.packet.dup
  }

  /** 5.0; pairs in their order, names may repeat. */
  get userProperties(): ReadonlyArray<UserProperty> {
    return this.packet.properties.userProperties ?? []
  }

  /** 5.0: the topic for an answer. */
  get responseTopic(): string | undefined {
    return this.packet.properties.responseTopic
  }

  /** 5.0: the data that an answer has to carry. */
  get correlationData(): Uint8Array | undefined {
    return this.packet.properties.correlationData
  }

  /** 5.0: the kind of the payload, such as `application/json`. */
  get contentType(): string | undefined {
    return this.packet.properties.contentType
  }

  /**
   * 5.0: properties that the publisher gave and that the client left out, because their values are wrong in themselves,
   * such as a Response Topic with a wildcard. The server should have refused such a message.
   *
   * @since 0.2.0
   */
  get malformedProperties(): ReadonlyArray<Packet.MalformedProperty> {
    return this.packet.malformedProperties ?? []
  }

  /** The message as it appears in a log: without the payload. */
  toJSON(): unknown {
    return { _id: "MqttMessage", topic: this.topic, qos: this.qos, retain: this.retain, bytes: this.payload.length }
  }
}

/**
 * A payload that can be published: text is sent as UTF-8.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload = string | Uint8Array

/**
 * The result of a responder that needs more than a payload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly payload: Payload
  readonly properties?: AnswerProperties | undefined
}

/**
 * The properties that an answer may have, 5.0. Section 3.3.2.3.
 *
 * @since 0.1.0
 * @category models
 */
export type AnswerProperties = Pick<
  Properties,
  "payloadFormatIndicator" | "messageExpiryInterval" | "contentType" | "userProperties"
>

const encoder = new TextEncoder()

/**
 * @since 0.1.0
 * @category conversions
 */
export const toBytes = (payload: Payload): Uint8Array => typeof payload === "string" ? encoder.encode(payload) : payload

/**
 * A message that the program acknowledges itself. Only the first call counts. After its stream has ended, or once its
 * connection is gone, no call counts. At QoS 0 there is nothing to acknowledge.
 *
 * **Example** (Acknowledging each message once it is stored)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MqttClient } from "effect-mqtt"
 *
 * declare const store: (text: string) => Effect.Effect<void>
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   yield* Stream.runForEach(mqtt.deliveries("orders"), ({ acknowledge, message }) =>
 *     Effect.andThen(store(message.text), acknowledge))
 * })
 * ```
 *
 * @since 0.2.0
 * @category models
 */
export interface Delivery {
  readonly message: MqttMessage
  readonly acknowledge: Effect.Effect<void>
  /** Refuses it: a 5.0 server receives this Reason Code, a 3.1.1 server receives an acknowledgement. */
  readonly reject: (reasonCode: MqttRejected["reasonCode"]) => Effect.Effect<void>
}

/**
 * The server's answer to a publish. At QoS 0 there is none, and the code is 0x00.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acknowledgement {
  /** 0x00, or 0x10 if nobody subscribes to the topic (5.0). */
  readonly reasonCode: number
  readonly reasonString: string | undefined
  readonly userProperties: Properties["userProperties"]
}
