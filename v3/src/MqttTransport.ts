/**
 * How a client reaches its server. The types are those of the main package, in terms of Effect 3.
 */
import * as Context from "effect/Context"
import { identity } from "effect/Function"
import type { Decorate, Transport } from "./internal/transport.ts"

export class MqttTransport extends Context.Tag("effect-mqtt-v3/MqttTransport")<MqttTransport, Transport>() {}

export class ConnectionDecorator extends Context.Reference<ConnectionDecorator>()(
  "effect-mqtt-v3/MqttTransport/ConnectionDecorator",
  { defaultValue: (): Decorate => identity }
) {}

export { fromSocket } from "./internal/socketTransport.ts"
