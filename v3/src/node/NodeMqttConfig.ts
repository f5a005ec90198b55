/**
 * The options of `NodeMqtt` from the program's `ConfigProvider`.
 */
import type * as Config from "effect/Config"
import * as Engine from "../../../engine/index.ts"
import { fromEngine, mergedBy } from "../internal/config.ts"

export const options = fromEngine(Engine.NodeMqttConfig.options)

export const environment = fromEngine(Engine.NodeMqttConfig.environment)

export const merge = (config: Config.Config<unknown>, own: unknown): Config.Config<unknown> =>
  mergedBy(Engine.NodeMqttConfig.merge as Parameters<typeof mergedBy>[0], config, own)
