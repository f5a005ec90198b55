/**
 * The network between one client and the broker, with every possible fault: a TCP proxy on a port of its own. It knows
 * nothing of MQTT.
 *
 * Other modules decide on the faults and their times. A command to a line holds for its present connections and for
 * later ones.
 */
import { Effect, type Scope } from "effect"
import * as Net from "node:net"
import * as port from "../brokers/port.ts"
import type { Timeline } from "./Timeline.ts"

/** How bytes get on in one direction. */
export type Flow =
  | { readonly _tag: "Pass" }
  /** Not at all, for now. */
  | { readonly _tag: "Hold" }
  | { readonly _tag: "Delay"; readonly milliseconds: number }
  /** A byte a millisecond. */
  | { readonly _tag: "Drip" }
  /** In pieces of so many bytes. */
  | { readonly _tag: "Chunk"; readonly bytes: number }

export type Direction = "toServer" | "toClient"

/** How a connection is cut: FIN, or RST. */
export type Cut = "close" | "reset"

const pass: Flow = { _tag: "Pass" }

/** Beyond it a pipe reads no more, so that whoever writes feels it. */
const heldAtMost = 64 * 1024

/** A socket that connects, or that has begun to end, cannot be reset: Node would keep it open. */
const end = (socket: Net.Socket, how: Cut): void => {
  if (socket.connecting || socket.writableEnded) socket.destroy()
  else if (how === "reset") socket.resetAndDestroy()
  else socket.destroySoon()
}

interface Held {
  readonly bytes: Uint8Array
  readonly dueAt: number
}

/** One direction of one connection. */
class Pipe {
  readonly #from: Net.Socket
  readonly #to: Net.Socket
  readonly #cut: (how: Cut) => void
  #flow: Flow
  readonly #held: Array<Held> = []
  #heldBytes = 0
  #hasEnded = false
  #timer: NodeJS.Timeout | undefined
  #dripsSince = 0
  #budget: { bytes: number; readonly how: Cut } | undefined
  /** Whether anything has come. */
  hasCarried = false

  constructor(from: Net.Socket, to: Net.Socket, flow: Flow, cut: (how: Cut) => void) {
    this.#from = from
    this.#to = to
    this.#flow = flow
    this.#cut = cut
    from.on("data", (bytes: Uint8Array) => this.#receive(bytes))
    from.on("end", () => {
      this.#hasEnded = true
      this.#pump()
    })
    to.on("drain", () => from.resume())
    to.on("close", () => clearTimeout(this.#timer))
  }

  set flow(flow: Flow) {
    this.#flow = flow
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dripsSince = performance.now()
    this.#pump()
  }

  /** The connection ends in the middle of what is carried next. */
  cutAfter(bytes: number, how: Cut): void {
    this.#budget = { bytes, how }
  }

  /** What has been held will not arrive. */
  drop(): void {
    this.#held.length = 0
    this.#heldBytes = 0
  }

  #receive(bytes: Uint8Array): void {
    this.hasCarried = true
    if (this.#to.destroyed) return
    const dueAt = performance.now() + (this.#flow._tag === "Delay" ? this.#flow.milliseconds : 0)
    this.#held.push({ bytes, dueAt })
    this.#heldBytes += bytes.length
    if (this.#heldBytes > heldAtMost) this.#from.pause()
    this.#pump()
  }

  #pump(): void {
    if (this.#timer !== undefined) return
    const wait = this.#forward(performance.now())
    if (this.#heldBytes <= heldAtMost && this.#from.isPaused() && !this.#to.writableNeedDrain) this.#from.resume()
    if (this.#held.length === 0) {
      if (this.#hasEnded) this.#to.end()
    } else if (wait !== undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#pump()
      }, wait)
    }
  }

  /** Sends what may go now; says after how many milliseconds there is more. */
  #forward(now: number): number | undefined {
    const flow = this.#flow
    switch (flow._tag) {
      case "Hold":
        return undefined
      case "Pass":
        while (this.#held.length > 0) this.#take(Infinity)
        return undefined
      case "Delay":
        while (this.#held.length > 0 && this.#held[0].dueAt <= now) this.#take(Infinity)
        return this.#held.length === 0 ? undefined : Math.max(1, this.#held[0].dueAt - now)
      case "Chunk":
        this.#take(flow.bytes)
        return 1
      case "Drip": {
        // Timers come late; what they have missed goes out byte by byte all the same.
        const due = Math.floor(now - this.#dripsSince)
        for (let count = 0; count < Math.min(20, due) && this.#held.length > 0; count++) this.#take(1)
        this.#dripsSince += due
        return 1
      }
    }
  }

  #take(most: number): void {
    const first = this.#held.shift()
    if (first === undefined) return
    const { bytes, dueAt } = first
    if (bytes.length > most) this.#held.unshift({ bytes: bytes.subarray(most), dueAt })
    this.#write(bytes.length > most ? bytes.subarray(0, most) : bytes)
  }

  #write(bytes: Uint8Array): void {
    this.#heldBytes -= bytes.length
    if (this.#to.destroyed) return
    if (this.#budget !== undefined) {
      this.#budget.bytes -= bytes.length
      if (this.#budget.bytes <= 0) {
        this.#to.write(bytes.subarray(0, bytes.length + this.#budget.bytes))
        return this.#cut(this.#budget.how)
      }
    }
    if (!this.#to.write(bytes)) this.#from.pause()
  }
}

/** One connection through the line. */
class Connection {
  readonly #client: Net.Socket
  readonly #server: Net.Socket
  readonly pipes: Record<Direction, Pipe>
  isOver = false

  constructor(client: Net.Socket, server: Net.Socket, flows: Record<Direction, Flow>, over: (why: string) => void) {
    this.#client = client
    this.#server = server
    const cut = (how: Cut) => this.cut(how)
    this.pipes = {
      toServer: new Pipe(client, server, flows.toServer, cut),
      toClient: new Pipe(server, client, flows.toClient, cut)
    }
    let open = 2
    for (const [name, one, other] of [["client", client, server], ["broker", server, client]] as const) {
      let error: string | undefined
      one.on("error", (cause) => {
        error = "code" in cause ? String(cause.code) : cause.message
      })
      one.on("close", () => {
        if (!this.isOver) over(`connection ended by the ${name}${error === undefined ? "" : `, ${error}`}`)
        this.isOver = true
        // An end in order was passed on behind the last bytes; what the other side still says, nobody hears.
        if (error === undefined) other.resume()
        else end(other, "reset")
        if (--open === 0) over("")
      })
    }
  }

  cut(how: Cut): void {
    this.isOver = true
    for (const pipe of Object.values(this.pipes)) pipe.drop()
    end(this.#client, how)
    end(this.#server, how)
  }

  /** Nothing is known of a connection whose CONNECT is still on its way: held for so long, it would be a ghost. */
  get isGhost(): boolean {
    return (this.#client.destroyed || this.#client.readableEnded) && !this.pipes.toClient.hasCarried
  }
}

export interface Options {
  readonly timeline: Timeline
  /** The port of the broker when a connection is made, if there is a broker. */
  readonly upstream: () => number | undefined
  /** Sees what the broker sends over a connection, whether or not it arrives. */
  readonly tap?: () => (bytes: Uint8Array) => void
  /** Sees what the client sends over a connection, whether or not it arrives. */
  readonly tapClient?: () => (bytes: Uint8Array) => void
}

export class Line {
  readonly timeline: Timeline
  readonly #tap: Options["tap"]
  readonly #tapClient: Options["tapClient"]
  readonly #upstream: Options["upstream"]
  readonly #server: Net.Server
  readonly #connections = new Set<Connection>()
  readonly #silenced = new Set<Net.Socket>()
  readonly #flows: Record<Direction, Flow> = { toServer: pass, toClient: pass }
  #isSilent = false
  port = 0
  /** Whether something lasting is wrong with it, and since when nothing is. */
  isImpeded = false
  wholeSince = 0

  constructor({ tap, tapClient, timeline, upstream }: Options) {
    this.timeline = timeline
    this.#upstream = upstream
    this.#tap = tap
    this.#tapClient = tapClient
    this.#server = Net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client))
  }

  #accept(client: Net.Socket): void {
    if (this.#isSilent) {
      this.#silenced.add(client)
      client.on("error", () => client.destroy())
      client.on("close", () => this.#silenced.delete(client))
      client.on("end", () => client.end())
      client.resume()
      return this.timeline.add("connection accepted, in silence")
    }
    const to = this.#upstream()
    if (to === undefined) {
      client.on("error", () => client.destroy())
      end(client, "reset")
      return this.timeline.add("connection reset, there is no broker")
    }
    this.timeline.add("connection accepted")
    const server = Net.connect({ host: port.host, port: to, noDelay: true, allowHalfOpen: true })
    if (this.#tap !== undefined) server.on("data", this.#tap())
    if (this.#tapClient !== undefined) client.on("data", this.#tapClient())
    const connection: Connection = new Connection(client, server, this.#flows, (why) => {
      if (why === "") this.#connections.delete(connection)
      else this.timeline.add(why)
    })
    this.#connections.add(connection)
  }

  /** How bytes get on from now on. */
  flow(direction: Direction, flow: Flow): void {
    this.#flows[direction] = flow
    for (const connection of this.#connections) {
      if (connection.isGhost) connection.cut("reset")
      else connection.pipes[direction].flow = flow
    }
  }

  /** Ends every connection there is. */
  cut(how: Cut): void {
    for (const connection of this.#connections) connection.cut(how)
    for (const client of this.#silenced) end(client, "reset")
  }

  /** Ends the connections there are in the middle of what they carry next. */
  cutAfter(direction: Direction, bytes: number, how: Cut): void {
    for (const { pipes } of this.#connections) pipes[direction].cutAfter(bytes, how)
  }

  /** New connections are accepted and then hear nothing. */
  set isSilent(isSilent: boolean) {
    this.#isSilent = isSilent
    this.cut("reset")
  }

  /** New connections are refused. */
  refuse(): void {
    this.#server.close()
    this.cut("reset")
  }

  /** The port is the line's from the first time on. */
  listen(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.#server.once("error", (cause) => resume(Effect.die(cause)))
      this.#server.listen(this.port, port.host, () => {
        const address = this.#server.address()
        if (typeof address === "object" && address !== null) this.port = address.port
        this.#server.removeAllListeners("error")
        resume(Effect.void)
      })
    })
  }

  close(): void {
    if (this.#server.listening) this.#server.close()
    this.cut("reset")
  }
}

/** A line for as long as the scope. */
export const make = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Line, never, Scope.Scope> {
  const line = new Line(options)
  yield* Effect.acquireRelease(line.listen(), () => Effect.sync(() => line.close()))
  return line
})
