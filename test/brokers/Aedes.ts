/**
 * aedes in this process: a broker that needs nothing but npm. It speaks 3.1.1 only.
 */
import { Aedes, type AedesOptions } from "aedes"
import { Effect, Layer } from "effect"
import * as Net from "node:net"
import { Broker } from "./Broker.ts"
import * as port from "./port.ts"

export const layer = (options?: AedesOptions): Layer.Layer<Broker> =>
  Layer.effect(
    Broker,
    Effect.gen(function*() {
      const aedes = yield* Effect.acquireRelease(
        Effect.promise(() => Aedes.createBroker(options)),
        (aedes) => Effect.callback<void>((resume) => aedes.close(() => resume(Effect.void)))
      )
      const server = Net.createServer({ noDelay: true }, (socket) => void aedes.handle(socket))
      return { host: port.host, port: yield* port.listen(server) }
    })
  )
