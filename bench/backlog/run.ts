/**
 * `npm run bench:backlog`: a million messages of QoS 1 are accepted while there is no server. How much memory that takes,
 * whether all of them arrive in their order once there is one, and how soon a process starts that finds them.
 *
 * V8 takes hundreds of MiB before it looks for what nobody needs any more, if it may. What is needed is seen when it may not:
 * the heap of the programs is small. `--heap 0` leaves it as it is.
 *
 * usage: npm run bench:backlog -- [--messages N] [--heap MIB] [--json FILE]
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { host } from "../Benchmark.ts"
import { build, built, temporaryFolder } from "../processes.ts"
import { Acknowledgements, packet, PacketReader, packetType } from "../Wire.ts"
import { numberOf, type Place, type Reply, type Request } from "./protocol.ts"

/** MiB that a full store may cost, more than an empty client has. */
const mostMemory = 100

/** Seconds until a client has started that finds all of the messages. */
const longestStart = 5

/** What a server has seen. */
class Arrivals {
  count = 0
  /** Messages that were not the next one. */
  misplaced = 0

  add(number: number): void {
    if (number !== this.count) this.misplaced++
    this.count++
  }
}

/** Acknowledges all it is sent. */
const serve = (arrivals: Arrivals): Server =>
  createServer({ noDelay: true }, (socket) => {
    const acknowledgements = new Acknowledgements()
    const reader = new PacketReader((bytes, start, body, end) => {
      const type = bytes[start] & 0xf0
      if (type === packetType.connect) socket.write(packet(packetType.connack, [0, 0, 0]))
      else if (type === packetType.pingreq) socket.write(packet(packetType.pingresp))
      else if (type === packetType.publish) {
        arrivals.add(numberOf(bytes, end))
        const identifier = body + 2 + bytes.readUint16BE(body)
        acknowledgements.add(packetType.puback, bytes.readUint16BE(identifier))
      }
    })
    socket.on("error", () => {})
    socket.on("data", (chunk: Buffer) => {
      reader.read(chunk)
      const answer = acknowledgements.take()
      if (answer !== undefined) socket.write(answer)
    })
  })

const listen = async (server: Server, port: number): Promise<number> => {
  server.listen(port, host)
  await once(server, "listening")
  return (server.address() as AddressInfo).port
}

const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listen(server, 0)
  server.close()
  return port
}

/** A process with a client. */
const start = async (place: Place & { readonly heap: number }) => {
  const started = performance.now()
  const child = fork(path.join(built, "bench", "backlog", "program.js"), [JSON.stringify(place)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: place.heap === 0 ? [] : [`--max-old-space-size=${place.heap}`, "--max-semi-space-size=2"]
  })
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the program ended with ${code}`)
  })
  // It may end when it is told to.
  ended.catch(() => {})
  const reply = (): Promise<Reply> => Promise.race([once(child, "message").then(([message]) => message), ended])
  const client = await reply()
  return {
    client,
    /** Seconds, the start of the process included. */
    seconds: (performance.now() - started) / 1000,
    tell: (request: Request): Promise<Reply> => {
      child.send(request)
      return reply()
    },
    kill: () => child.kill("SIGKILL")
  }
}

type Program = Awaited<ReturnType<typeof start>>

/** There is a server now, and it gets all that waits. */
const deliver = async (program: Program, port: number) => {
  const arrivals = new Arrivals()
  const server = serve(arrivals)
  await listen(server, port)
  const flushed = await program.tell({ _tag: "Flush" })
  const { count, misplaced } = arrivals
  await program.tell({ _tag: "End" })
  server.close()
  return { seconds: flushed.seconds, peak: flushed.peak, count, misplaced }
}

const emptyClient = async (place: Parameters<typeof start>[0]): Promise<Reply> => {
  const program = await start(place)
  await sleep(1000)
  const reply = await program.tell({ _tag: "Look" })
  await program.tell({ _tag: "End" })
  return reply
}

const measure = async (messages: number, heap: number) => {
  const folder = temporaryFolder("backlog")
  try {
    const port = await freePort()
    const places = ["empty", "first", "second"].map((name) => ({ directory: path.join(folder, name), port, heap }))
    const empty = await emptyClient(places[0])
    const first = await start(places[1])
    const accepted = await first.tell({ _tag: "Publish", count: messages })
    await sleep(1000)
    const waiting = await first.tell({ _tag: "Look" })
    // All is committed and nothing goes on, so the copy is what a killed process leaves.
    fs.cpSync(places[1].directory, places[2].directory, { recursive: true })
    const stored = fs.readdirSync(places[2].directory)
      .reduce((sum, name) => sum + fs.statSync(path.join(places[2].directory, name)).size, 0)
    const delivered = await deliver(first, port)
    const second = await start(places[2])
    const deliveredLater = await deliver(second, port)
    return {
      messages,
      heap,
      emptyResident: empty.resident,
      acceptSeconds: accepted.seconds,
      waitingResident: waiting.resident,
      waitingPeak: waiting.peak,
      storedMebibytes: stored / 2 ** 20,
      delivered,
      startSeconds: second.client.seconds,
      processStartSeconds: second.seconds,
      startResident: second.client.resident,
      deliveredLater
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

type Measured = Awaited<ReturnType<typeof measure>>

const problemsOf = (measured: Measured): ReadonlyArray<string> => {
  const { delivered, deliveredLater, emptyResident, messages, startSeconds, waitingPeak } = measured
  const arrived = [delivered, deliveredLater].every(({ count, misplaced }) => count === messages && misplaced === 0)
  return [
    ...arrived ? [] : ["not every message has arrived once and in its order"],
    ...waitingPeak - emptyResident <= mostMemory ? [] : [`the messages cost more than ${mostMemory} MiB of memory`],
    ...startSeconds <= longestStart ? [] : [`a client with a full store starts in more than ${longestStart} s`]
  ]
}

const report = (measured: Measured): string => {
  const { delivered, deliveredLater, emptyResident, messages } = measured
  const memory = (value: number) =>
    `${value.toFixed(0)} MiB, ${(value - emptyResident).toFixed(0)} above an empty client`
  const arrival = ({ count, misplaced, peak, seconds }: Measured["delivered"]) =>
    `${count} in ${seconds.toFixed(1)} s, ${misplaced} out of order, at most ${memory(peak)}`
  return [
    `messages accepted without a server   ${messages} in ${measured.acceptSeconds.toFixed(1)} s`,
    `an empty client                      ${emptyResident.toFixed(0)} MiB`,
    `while they wait                      ${memory(measured.waitingResident)}`,
    `at most, until then                  ${memory(measured.waitingPeak)}`,
    `the store                            ${measured.storedMebibytes.toFixed(0)} MiB`,
    `delivered                            ${arrival(delivered)}`,
    `start of a client that finds them    ${measured.startSeconds.toFixed(2)} s, ${
      measured.processStartSeconds.toFixed(2)
    } s with its process`,
    `memory of it                         ${memory(measured.startResident)}`,
    `delivered by it                      ${arrival(deliveredLater)}`
  ].join("\n")
}

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "1000000" },
    heap: { type: "string", default: "64" },
    json: { type: "string" }
  }
})
build()
const measured = await measure(Number(values.messages), Number(values.heap))
const problems = problemsOf(measured)
console.log([report(measured), ...problems].join("\n"))
if (values.json !== undefined) fs.writeFileSync(values.json, JSON.stringify(measured, undefined, 2) + "\n")
if (problems.length > 0) process.exitCode = 1
