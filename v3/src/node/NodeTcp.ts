/**
 * The TCP transport of Node.
 */
import * as Layer from "effect/Layer"
import * as Engine from "../../../engine/index.ts"
import { fromEngine, type Transport } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"

export const make = (options: object): Transport =>
  fromEngine((convert) => Engine.NodeTcp.make(convert(options) as Engine.NodeTcp.Options))

export const layer = (options: object): Layer.Layer<MqttTransport> => Layer.sync(MqttTransport, () => make(options))
