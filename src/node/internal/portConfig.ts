/**
 * The port of the server from a configuration. It is read only if no URL names the port.
 *
 * Kubernetes sets `MQTT_PORT=tcp://10.0.0.1:1883` in every pod beside a Service named `mqtt`. That is no port, and does
 * not matter if a URL names the server.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { optional } from "../../internal/config.ts"
import * as Target from "./target.ts"

const isLink = (text: string): boolean => /^\w+:\/\//.test(text)

/** `NaN` stands for a link of Kubernetes. If the port decides, it fails with the name of the option. */
export const port = (name: string): Config.Config<number | undefined> =>
  optional(Config.String(name)).pipe(
    Config.flatMap((text) =>
      text !== undefined && isLink(text) ? Config.succeed<number | undefined>(Number.NaN) : optional(Config.Port(name))
    )
  )

interface Server {
  readonly url?: Redacted.Redacted<string> | undefined
  readonly endpoints?: unknown
  readonly port?: number | undefined
}

/** The port, if it decides: a port in the URL wins, and a contradiction is logged. */
export const deciding = <A extends Server>(server: A): Effect.Effect<A> => {
  const { endpoints, port, url } = server
  if (port === undefined || (url === undefined && endpoints === undefined)) return Effect.succeed(server)
  const ofUrl = url === undefined ? undefined : Target.portOf(Redacted.value(url))
  if (Number.isNaN(port) || ofUrl === port) return Effect.succeed({ ...server, port: undefined })
  if (ofUrl === undefined) return Effect.succeed(server)
  return Effect.as(
    Effect.logWarning(`The variable PORT says ${port}, and URL names port ${ofUrl}: the URL decides`),
    { ...server, port: undefined }
  )
}
