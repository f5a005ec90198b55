/**
 * aedes 1 and 2, in this process: all that is needed is npm.
 */
import { Aedes, type AedesOptions } from "aedes"
import { Aedes as Aedes2, type AedesOptions as Aedes2Options } from "aedes2"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Duplex } from "node:stream"
import * as listeners from "../support/listeners.ts"
import * as port from "./port.ts"
import { type Subject, user } from "./Subject.ts"

interface Instance {
  readonly handle: (stream: Duplex) => unknown
  readonly close: (done: () => void) => void
}

const start = (create: (own: () => string) => Promise<Instance>): Subject["start"] =>
  Effect.gen(function*() {
    let isClosed = false
    let own = ""
    const instance = yield* Effect.promise(() => create(() => own))
    const stop = Effect.callback<void>((resume) => {
      if (isClosed) return resume(Effect.void)
      isClosed = true
      instance.close(() => resume(Effect.void))
    })
    yield* Effect.addFinalizer(() => stop)
    const listen = (kind: listeners.Kind) => listeners.listen(kind, (stream) => void instance.handle(stream))
    const [tcp, tls, ws, wss] = yield* Effect.all([listen("tcp"), listen("tls"), listen("ws"), listen("wss")])
    own = `${port.host}:${tcp.port}`
    return {
      host: port.host,
      port: tcp.port,
      stop,
      urls: {
        TLS: `mqtts://localhost:${tls.port}`,
        WebSocket: `ws://localhost:${ws.port}`,
        "secure WebSocket": `wss://localhost:${wss.port}`
      }
    }
  })

const versionOf = (name: string): string =>
  JSON.parse(
    Fs.readFileSync(Path.join(import.meta.dirname, "../../node_modules", name, "package.json"), "utf8")
  ).version

const isUser = (username: string | undefined, password: Uint8Array | undefined): boolean =>
  username === user.username && Buffer.from(password ?? []).toString() === user.password

const options1: AedesOptions = {
  authenticate: (_client, username, password, done) => done(null, isUser(username, password))
}

/** Clients whose identifier begins so are sent to another server, which is this one, once. */
export const wanderer = "wanderer"

const redirecting = (own: () => string): NonNullable<Aedes2Options["preConnect"]> => {
  const sent = new Set<string>()
  return (_client, { clientId }, done) => {
    if (!clientId.startsWith(wanderer) || sent.has(clientId)) return done(null, true)
    sent.add(clientId)
    done(Object.assign(new Error("another server"), { reasonCode: 0x9d, serverReference: own() }), false)
  }
}

const options2 = (own: () => string): Aedes2Options => ({
  topicAliasMaximum: 5,
  maximumPacketSize: 2_000_000,
  receiveMaximum: 10,
  responseInformation: "answers/",
  preConnect: redirecting(own),
  authenticate: (_client, username, password, done) => done(null, isUser(username, password))
})

export const one: Subject = {
  name: "aedes1",
  title: "aedes 1",
  install: "npm",
  version: Effect.sync(() => versionOf("aedes")),
  versions: ["3.1.1"],
  start: start(() => Aedes.createBroker(options1))
}

export const two: Subject = {
  name: "aedes2",
  title: "aedes 2",
  install: "npm",
  version: Effect.sync(() => versionOf("aedes2")),
  versions: ["5.0", "3.1.1"],
  start: start((own) => Aedes2.createBroker(options2(own)))
}
