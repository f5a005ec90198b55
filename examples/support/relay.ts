/**
 * A network that fails on demand: a TCP relay on this machine in front of the broker.
 *
 * It knows nothing of MQTT: it passes bytes on, swallows them, or refuses connections.
 */
import { type Duration, Effect, type Scope } from "effect"
import * as Net from "node:net"
import { say } from "./narration.ts"

const ports: { readonly [protocol: string]: number } = {
  "mqtts:": 8883,
  "ssl:": 8883,
  "tls:": 8883,
  "ws:": 80,
  "wss:": 443
}

export interface Relay {
  /** The URL of the same broker, through the relay. */
  readonly url: string
  /** From now on all bytes are lost, as if somebody had pulled a cable: neither side is told. */
  readonly swallow: Effect.Effect<void>
  /** Every connection is reset, and new ones are refused. */
  readonly cut: Effect.Effect<void>
  /** New connections reach the broker again. */
  readonly mend: Effect.Effect<void>
}

/** An outage: first bytes are lost and nobody is told, then there is no network, then it works again. */
export const outage = (
  relay: Relay,
  options: { readonly silence: Duration.Input; readonly refusal: Duration.Input }
): Effect.Effect<void> =>
  Effect.all([
    say("network", "swallows everything from now on; nobody is told"),
    relay.swallow,
    Effect.sleep(options.silence),
    say("network", "refuses connections"),
    relay.cut,
    Effect.sleep(options.refusal),
    say("network", "is back"),
    relay.mend
  ], { discard: true })

/** A relay to the broker at this URL, for as long as the scope. */
export const make = Effect.fnUntraced(function*(to: string): Effect.fn.Return<Relay, never, Scope.Scope> {
  const broker = new URL(to)
  const sockets = new Set<Net.Socket>()
  let isSwallowing = false

  const pass = (from: Net.Socket, into: Net.Socket) => {
    sockets.add(from)
    from.on("data", (bytes) => isSwallowing || into.write(bytes))
    from.on("error", () => from.destroy())
    from.on("close", () => {
      sockets.delete(from)
      // The end of one side ends both, unless the relay swallows that too.
      if (!isSwallowing) into.destroy()
    })
  }
  const server = Net.createServer({ noDelay: true }, (client) => {
    const host = broker.hostname.replace(/^\[(.*)\]$/, "$1")
    const upstream = Net.connect({ host, port: Number(broker.port || (ports[broker.protocol] ?? 1883)), noDelay: true })
    pass(client, upstream)
    pass(upstream, client)
  })
  const listen = (port: number): Effect.Effect<number> =>
    Effect.callback((resume) => {
      server.once("error", (cause) => resume(Effect.die(cause)))
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
      })
    })
  const cut = Effect.sync(() => {
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
  })

  const port = yield* Effect.acquireRelease(listen(0), () => cut)
  const url = new URL(to)
  // A certificate may be valid for the name only.
  if (url.hostname !== "localhost") url.hostname = "127.0.0.1"
  url.port = `${port}`
  return {
    url: url.href,
    swallow: Effect.sync(() => {
      isSwallowing = true
    }),
    cut,
    mend: Effect.suspend(() => {
      isSwallowing = false
      return Effect.asVoid(listen(port))
    })
  }
})
