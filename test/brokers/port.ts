/**
 * Ports of this machine's loopback interface.
 */
import { Effect, Schedule } from "effect"
import * as Net from "node:net"

export const host = "127.0.0.1"

/** Listens on a port that nobody else has, for as long as the scope. */
export const listen = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.once("error", (cause) => resume(Effect.die(cause)))
      server.listen(0, host, () => {
        const address = server.address()
        resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die(address))
      })
    }),
    () => Effect.sync(() => void server.close())
  )

/** A port that nobody listens on now. */
export const free = Effect.scoped(Effect.suspend(() => listen(Net.createServer())))

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
