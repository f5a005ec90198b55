/**
 * The Unix socket transport of Node, for a broker on the same machine.
 */
import * as Layer from "effect/Layer"
import * as Engine from "../../../engine/index.ts"
import { fromEngine, type Transport } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"

export const make = (options: object): Transport =>
  fromEngine((convert) => Engine.NodeUnix.make(convert(options) as Engine.NodeUnix.Options))

export const layer = (options: object): Layer.Layer<MqttTransport> => Layer.sync(MqttTransport, () => make(options))
