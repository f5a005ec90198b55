/** The part of a configuration about TLS, WebSocket and the store, and the names in it that are no option. */
import * as Config from "effect/Config"
import * as Redacted from "effect/Redacted"
import { optional, withoutMisspellings } from "../../internal/config.ts"
import type * as NodeMqttStore from "../NodeMqttStore.ts"
import type { WebSocketOptions } from "./webSocket.ts"

/** Leaves out the empty item after a trailing comma. */
export const list = (text: string): ReadonlyArray<string> =>
  text.split(",").map((one) => one.trim()).filter((one) => one !== "")

/** `undefined` if no variable is set. */
export const tlsFiles = Config.nested(
  Config.all({
    ca: optional(Config.String("CA_FILE")),
    cert: optional(Config.String("CERT_FILE")),
    key: optional(Config.String("KEY_FILE")),
    passphrase: optional(Config.Redacted("PASSPHRASE")),
    servername: optional(Config.String("SERVERNAME")),
    alpnProtocols: optional(Config.map(Config.String("ALPN_PROTOCOLS"), list)),
    minVersion: optional(Config.Literals(["TLSv1.2", "TLSv1.3"], "MIN_VERSION")),
    dangerouslyAcceptAnyCertificate: optional(Config.Boolean("DANGEROUSLY_ACCEPT_ANY_CERTIFICATE"))
  }),
  "TLS"
).pipe(
  Config.map((files) => Object.values(files).every((value) => value === undefined) ? undefined : files)
)

/** `Name: value`, one on each line. */
const headersOf = (text: Redacted.Redacted<string>): WebSocketOptions["headers"] =>
  Object.fromEntries(
    Redacted.value(text).split("\n").filter((line) => line.includes(":")).map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).trim(), Redacted.make(line.slice(colon + 1).trim())] as const
    })
  )

export const webSocket = Config.nested(
  Config.all({
    headers: optional(Config.map(Config.Redacted("HEADERS"), headersOf)),
    protocols: optional(Config.map(Config.String("PROTOCOLS"), list)),
    compression: optional(Config.Boolean("COMPRESSION")),
    maximumFrameSize: optional(Config.Int("MAXIMUM_FRAME_SIZE")),
    maximumUnsent: optional(Config.Int("MAXIMUM_UNSENT"))
  }),
  "WEB_SOCKET"
)

/** `undefined` if no variable is set. Settings of a store without its path are an error. */
export const store = Config.nested(
  Config.all({
    path: optional(Config.String("PATH")),
    sync: optional(Config.Literals(["normal", "full"], "SYNC")),
    maximumBytes: optional(Config.Int("MAXIMUM_BYTES"))
  }),
  "STORE"
).pipe(Config.flatMap(({ path, ...others }): Config.Config<NodeMqttStore.Options | undefined> => {
  if (path !== undefined) return Config.succeed({ path, ...others })
  const isEmpty = Object.values(others).every((value) => value === undefined)
  // If the path is missing, the error names STORE_PATH.
  return isEmpty ? Config.succeed(undefined) : Config.map(Config.String("STORE_PATH"), () => undefined)
}))

const names = [
  "ENDPOINT_POLICY",
  "TLS_CA_FILE",
  "TLS_CERT_FILE",
  "TLS_KEY_FILE",
  "TLS_PASSPHRASE",
  "TLS_SERVERNAME",
  "TLS_ALPN_PROTOCOLS",
  "TLS_MIN_VERSION",
  "TLS_DANGEROUSLY_ACCEPT_ANY_CERTIFICATE",
  "WEB_SOCKET_HEADERS",
  "WEB_SOCKET_PROTOCOLS",
  "WEB_SOCKET_COMPRESSION",
  "WEB_SOCKET_MAXIMUM_FRAME_SIZE",
  "WEB_SOCKET_MAXIMUM_UNSENT",
  "STORE_PATH",
  "STORE_SYNC",
  "STORE_MAXIMUM_BYTES"
]

const otherNames = {
  TLS_CA: "TLS_CA_FILE",
  TLS_CERT: "TLS_CERT_FILE",
  TLS_KEY: "TLS_KEY_FILE",
  TLS_SERVER_NAME: "TLS_SERVERNAME",
  TLS_ALPN: "TLS_ALPN_PROTOCOLS",
  TLS_VERSION: "TLS_MIN_VERSION",
  STORE: "STORE_PATH",
  STORE_DIR: "STORE_PATH",
  STORE_DIRECTORY: "STORE_PATH"
}

/** Fails if a variable is set that would do nothing. */
export const misspelt = withoutMisspellings(names, otherNames)
