/**
 * How a client reaches its server. Its types are the main package's, in Effect 3's words.
 */
import * as Context from "effect/Context"
import type { Transport } from "./internal/transport.ts"

export class MqttTransport extends Context.Tag("effect-mqtt-v3/MqttTransport")<MqttTransport, Transport>() {}
