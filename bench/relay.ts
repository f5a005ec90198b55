/**
 * A network with a round trip, between a client and the sink: a port for each of `roundTrips`, and one that cuts.
 *
 * Every chunk arrives half a round trip after it was sent, in order; how many are under way is not bounded.
 */
import { connect, createServer, type Server, type Socket } from "node:net"
import { host, type RelayMessage, roundTrips } from "./Benchmark.ts"

const sinkPort = Number(process.argv[2])

const open = new Set<Socket>()

const forward = (from: Socket, to: Socket, delay: number): void => {
  from.on("data", (chunk) => {
    if (delay === 0) to.write(chunk)
    else setTimeout(() => to.destroyed || to.write(chunk), delay)
  })
  from.on("close", () => {
    open.delete(from)
    to.destroy()
  })
  from.on("error", () => {})
}

const relay = (delay: number): Server =>
  createServer({ noDelay: true }, (client) => {
    const server = connect({ host, port: sinkPort, noDelay: true })
    open.add(client)
    forward(client, server, delay)
    forward(server, client, delay)
  })

const cutAll = (): void => {
  for (const socket of open) socket.resetAndDestroy()
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.listen(0, host, () => {
      const address = server.address()
      if (address !== null && typeof address === "object") resolve(address.port)
      else reject(new Error("no port"))
    })
  })

const cutter = createServer((socket) => {
  cutAll()
  socket.end()
})

const message: RelayMessage = {
  _tag: "Relaying",
  relay: await Promise.all(roundTrips.map((roundTrip) => listen(relay(roundTrip / 2)))),
  cut: await listen(cutter)
}
process.send?.(message)
process.on("disconnect", () => process.exit())
