/**
 * The WebSocket transport of Node, with and without TLS. It needs `ws`.
 */
import * as Layer from "effect/Layer"
import * as Engine from "../../../engine/index.ts"
import { fromEngine, type Transport } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"

export const make = (options: object): Transport =>
  fromEngine((convert) => Engine.NodeWebSocket.make(convert(options) as Engine.NodeWebSocket.Options))

export const layer = (options: object): Layer.Layer<MqttTransport> => Layer.sync(MqttTransport, () => make(options))
