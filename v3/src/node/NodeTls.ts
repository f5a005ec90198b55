/**
 * The TLS transport of Node.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Engine from "../../../engine/index.ts"
import { Membrane } from "../internal/membrane.ts"
import { fromEngine, type Transport } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"

export const make = (options: object): Transport =>
  fromEngine((convert) => Engine.NodeTls.make(convert(options) as Engine.NodeTls.Options))

export const layer = (options: object): Layer.Layer<MqttTransport> => Layer.sync(MqttTransport, () => make(options))

export const fromFiles = (files: Engine.NodeTls.Files): Effect.Effect<unknown, unknown> =>
  Effect.flatMap(Membrane.make, (membrane) => membrane.effect(Engine.NodeTls.fromFiles(files)))
