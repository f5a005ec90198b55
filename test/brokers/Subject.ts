/**
 * A broker under test: how it is started, where it listens, and who may connect.
 */
import { type Effect, Redacted, type Scope } from "effect"
import type { MqttClient } from "../../src/index.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import * as certificates from "../support/certificates.ts"

/** One that runs, until the scope ends. */
export interface Running {
  readonly host: string
  readonly port: number
  /** Where else it listens: `mqtts:`, `ws:` and `wss:` with `localhost`. */
  readonly urls: { readonly [way in Way]?: string }
  /** Asks it to end as an operator would. */
  readonly stop: Effect.Effect<void>
}

export type Way = "TLS" | "WebSocket" | "secure WebSocket"

export interface Subject {
  readonly name: string
  /** What it calls itself, in the table. */
  readonly title: string
  /** What to install. */
  readonly install: string
  /** The version that is installed; `undefined` when none is. */
  readonly version: Effect.Effect<string | undefined>
  readonly versions: ReadonlyArray<ProtocolVersion>
  readonly start: Effect.Effect<Running, never, Scope.Scope>
}

const username = "alice"
export const password = "secret"

/** The only user that brokers know which know any. */
export const user: { readonly username: string; readonly password: string } = { username, password }

export const credentials: MqttClient.Options = { username, password: Redacted.make(password) }

/** What servers identify themselves with, PEM, as files. */
export const certificateFiles = {
  "ca.pem": certificates.ca,
  "server.pem": certificates.server.cert,
  "server.key": certificates.server.key,
  "chain.pem": `${certificates.server.cert}\n${certificates.server.key}`
}
