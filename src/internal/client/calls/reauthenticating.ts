/**
 * Authenticates again at the program's request, on the current connection.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import type { Lifetime } from "../lifetime.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

export interface Reauthenticating {
  readonly runner: SessionRunner
  readonly lifetime: Lifetime
  readonly authenticator:
    | { readonly request: (connection: SessionConnection) => Effect.Effect<void, MqttError.MqttError> }
    | undefined
}

export const make = ({ authenticator, lifetime, runner }: Reauthenticating): Effect.Effect<void, MqttError.MqttError> =>
  Effect.suspend(() => {
    const { connection } = runner
    if (lifetime.closedBy !== undefined) return Effect.fail(lifetime.closedBy)
    if (authenticator === undefined) return Effect.fail(withoutAuthentication)
    return connection === undefined
      ? Effect.fail(MqttError.fromReason(new MqttError.Offline()))
      : authenticator.request(connection)
  })

const withoutAuthentication = MqttError.fromReason(
  new MqttError.InvalidRequest({
    field: "authentication",
    label: "MQTT-4.12.0-7",
    protocolVersion: "5.0",
    description: "The client has no authentication to repeat; give it `authentication`"
  })
)
