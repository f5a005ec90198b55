/**
 * Application messages as a program sees them: topic, payload, and what the sender said about it.
 *
 * How they got here, and acknowledging them, is the client's business. MQTT 5.0 and 3.1.1, section 3.3.
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
   * The bytes. They are a view of what was read from the network: keeping a small payload for long keeps up to 64 KiB
   * around it in memory, so copy it (`payload.slice()`) to keep it.
   */
  get payload(): Uint8Array {
    return this.packet.payload
  }

  /** The payload read as UTF-8; what is not UTF-8 becomes U+FFFD. */
  get text(): string {
    return decoder.decode(this.packet.payload)
  }

  /** The QoS it was delivered with: the lower of the sender's and the one granted to the subscription. */
  get qos(): Packet.Qos {
    return this.packet.qos
  }

  /** Whether it was retained by the server and not published just now. */
  get retain(): boolean {
    return this.packet.retain
  }

  /** Whether the server has sent it before. Says nothing sure: brokers differ in setting it. */
  get dup(): boolean {
    return this.packet.dup
  }

  /** 5.0; pairs in their order, names may repeat. */
  get userProperties(): ReadonlyArray<UserProperty> {
    return this.packet.properties.userProperties ?? []
  }

  /** 5.0: where an answer is expected. */
  get responseTopic(): string | undefined {
    return this.packet.properties.responseTopic
  }

  /** 5.0: what an answer has to carry. */
  get correlationData(): Uint8Array | undefined {
    return this.packet.properties.correlationData
  }

  /** 5.0: what the payload is, such as `application/json`. */
  get contentType(): string | undefined {
    return this.packet.properties.contentType
  }

  /**
   * 5.0: properties that its publisher gave and that are not here, as their values are wrong in themselves, such as a
   * Response Topic with a wildcard. The server should have refused such a message.
   *
   * @since 0.2.0
   */
  get malformedProperties(): ReadonlyArray<Packet.MalformedProperty> {
    return this.packet.malformedProperties ?? []
  }

  /** What people see when they log it: the payload is not shown. */
  toJSON(): unknown {
    return { _id: "MqttMessage", topic: this.topic, qos: this.qos, retain: this.retain, bytes: this.payload.length }
  }
}

/**
 * What can be published: text is sent as UTF-8.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload = string | Uint8Array

/**
 * What a responder returns when a payload is not all there is to say.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly payload: Payload
  readonly properties?: AnswerProperties | undefined
}

/**
 * What an answer may say about itself, 5.0. Section 3.3.2.3.
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
 * A message that the program acknowledges itself. Only the first word on it counts; after its stream has ended, or on a
 * connection that is gone, none does. At QoS 0 there is nothing to acknowledge.
 *
 * **Example** (Acknowledging what was stored)
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
  /** Refuses it: a 5.0 server is told this Reason Code, a 3.1.1 server gets an acknowledgement. */
  readonly reject: (reasonCode: MqttRejected["reasonCode"]) => Effect.Effect<void>
}

/**
 * What the server said to a publish. At QoS 0 nobody says anything, and the code is 0x00.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acknowledgement {
  /** 0x00, or 0x10 when nobody subscribes to the topic (5.0). */
  readonly reasonCode: number
  readonly reasonString: string | undefined
  readonly userProperties: Properties["userProperties"]
}
