/**
 * The options of a client from the program's `ConfigProvider`. The engine knows the variables and how to read each.
 */
import * as Engine from "../../engine/index.ts"
import { fromEngine } from "./internal/config.ts"

export const options = fromEngine(Engine.MqttConfig.options)

export const environment = fromEngine(Engine.MqttConfig.environment)
