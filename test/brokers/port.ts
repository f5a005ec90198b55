/**
 * Ports of this machine's loopback interface.
 */
import { Effect, Random, Schedule } from "effect"
import * as Net from "node:net"

export const host = "127.0.0.1"

const listenOn = (server: Net.Server, port: number) =>
  Effect.acquireRelease(
    Effect.callback<number, Error>((resume) => {
      server.once("error", (cause) => resume(Effect.fail(cause)))
      server.listen(port, host, () => {
        const address = server.address()
        resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die(address))
      })
    }),
    () => Effect.sync(() => void server.close())
  )

/** Listens on a port that nobody else has, for as long as the scope. */
export const listen = (server: Net.Server) => Effect.orDie(listenOn(server, 0))

/** What `free` has said already. */
const given = new Set<number>()

const drawn = Effect.repeat(Random.nextIntBetween(10_000, 32_767), { until: (port) => !given.has(port) })

/**
 * A port that nobody listens on now, for a process that will.
 *
 * It is below the ports that systems give to outgoing connections: one of those could take it before the process
 * does, and asking whether somebody listens there could connect to itself.
 */
export const free = drawn.pipe(
  Effect.flatMap((port) => Effect.scoped(listenOn(Net.createServer(), port))),
  Effect.eventually,
  Effect.tap((port) => Effect.sync(() => given.add(port)))
)
const connectOnce = (port: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Net.connect(port, host)),
    (socket) =>
      Effect.callback<void, Error>((resume) => {
        socket.once("connect", () => resume(Effect.void))
        socket.once("error", (error) => resume(Effect.fail(error)))
      }),
    (socket) => Effect.sync(() => void socket.destroy())
  )

/** Completes as soon as somebody listens on the port. */
export const listening = (port: number) => Effect.orDie(Effect.retry(connectOnce(port), Schedule.spaced("10 millis")))
