/**
 * The limit: what this machine allows a program that moves the same bytes with `node:net` and no client library.
 *
 * Pooled buffers, one write per turn, no object per message, no timers, no errors. It is not a client to use.
 */
import { connect as connectSocket, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import {
  type Client,
  host,
  noCleanUp,
  payloadOf,
  type Perform,
  receiveFilter,
  type Target,
  topic,
  type Traffic
} from "../Benchmark.ts"
import {
  Acknowledgements,
  connect5,
  packet,
  PacketReader,
  packetType,
  publishLength,
  type PublishShape,
  readUint16,
  subscribe5,
  unsubscribe5,
  writePublish
} from "../Wire.ts"

const shapeOf = (traffic: Traffic): PublishShape => ({
  level: 5,
  qos: traffic.qos,
  topic: Buffer.from(topic),
  payload: payloadOf(traffic)
})

/** TLS hands out buffers of its own; TCP reads into one. */
const openSocket = ({ ca, port, transport }: Target, take: (chunk: Buffer) => void): Socket => {
  if (transport === "tls") return connectTls({ host, port, ca }).setNoDelay(true).on("data", take)
  return connectSocket({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(65_536),
      callback: (length, buffer) => {
        take((buffer as Buffer).subarray(0, length))
        return true
      }
    }
  })
}

/**
 * Encodes batches of PUBLISH packets into one buffer, over and over. Twice a window is room enough: nothing older than
 * a window is still on its way out.
 */
class PublishBuffer {
  readonly #shape: PublishShape
  readonly #bytes: Buffer
  #offset = 0
  #packetIdentifier = 0

  constructor(traffic: Traffic) {
    this.#shape = shapeOf(traffic)
    this.#bytes = Buffer.allocUnsafe(2 * traffic.window * publishLength(this.#shape))
  }

  encode(messages: number): Buffer {
    if (this.#offset + messages * publishLength(this.#shape) > this.#bytes.length) this.#offset = 0
    const start = this.#offset
    for (let i = 0; i < messages; i++) {
      this.#packetIdentifier = this.#packetIdentifier % 65_535 + 1
      this.#offset = writePublish(this.#bytes, this.#offset, this.#shape, this.#packetIdentifier)
    }
    return this.#bytes.subarray(start, this.#offset)
  }
}

/** What a PUBLISH is answered with, by QoS from 1. */
const acknowledging = [packetType.puback, packetType.pubrec]

class LimitConnection {
  readonly #socket: Socket
  readonly #acknowledgements = new Acknowledgements()
  #read = 0
  #readBytes = 0
  #completed = 0
  #onChunk: () => void = () => {}
  /** Milliseconds. */
  readonly latencies: Array<number> = []

  constructor(target: Target) {
    const reader = new PacketReader((bytes, start, body, end) => this.#take(bytes, start, body, end))
    this.#socket = openSocket(target, (chunk) => {
      reader.read(chunk)
      const acknowledgements = this.#acknowledgements.take()
      if (acknowledgements !== undefined) this.#socket.write(acknowledgements)
      this.#onChunk()
    })
    this.#socket.on("error", (error) => {
      throw error
    })
  }

  #take(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start]
    switch (first & 0xf0) {
      case packetType.publish:
        return this.#takePublish(first >> 1 & 3, bytes, body, end)
      case packetType.pubrec:
        return this.#acknowledgements.add(packetType.pubrel | 2, readUint16(bytes, body))
      case packetType.pubrel:
        return this.#acknowledgements.add(packetType.pubcomp, readUint16(bytes, body))
      default:
        this.#completed++
    }
  }

  /** Finds what a client hands to its user: Topic Name, identifier and payload. */
  #takePublish(qos: number, bytes: Buffer, body: number, end: number): void {
    const topicEnd = body + 2 + readUint16(bytes, body)
    const properties = qos === 0 ? topicEnd : topicEnd + 2
    const payloadStart = properties + 1 + bytes[properties]
    this.#read++
    this.#readBytes += end - payloadStart
    if (qos > 0) this.#acknowledgements.add(acknowledging[qos - 1], readUint16(bytes, topicEnd))
  }

  /** Ends when `isDone` says so behind a chunk that has been read. */
  #until(isDone: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChunk = () => {
        if (!isDone()) return
        this.#onChunk = () => {}
        resolve()
      }
    })
  }

  /** Sends a packet whose answer is one packet. */
  request(bytes: Buffer): Promise<void> {
    const completed = this.#completed + 1
    this.#socket.write(bytes)
    return this.#until(() => this.#completed === completed)
  }

  publishUnacknowledged: Perform = async (traffic, count) => {
    const { window } = traffic
    const buffer = new PublishBuffer(traffic)
    for (let left = count; left > 0; left -= window) {
      const batch = buffer.encode(Math.min(window, left))
      await new Promise((resolve) => this.#socket.write(batch, resolve))
    }
    return noCleanUp
  }

  publishAcknowledged: Perform = async (traffic, count) => {
    const { window } = traffic
    const buffer = new PublishBuffer(traffic)
    const completedBefore = this.#completed
    let sent = 0
    const fillWindow = () => {
      const completed = this.#completed - completedBefore
      const messages = Math.min(window - (sent - completed), count - sent)
      sent += messages
      if (messages > 0) this.#socket.write(buffer.encode(messages))
      return completed === count
    }
    fillWindow()
    await this.#until(fillWindow)
    return noCleanUp
  }

  publishSequential: Perform = async (traffic, count) => {
    const buffer = new PublishBuffer(traffic)
    this.latencies.length = 0
    for (let index = 0; index < count; index++) {
      const started = performance.now()
      await this.request(buffer.encode(1))
      this.latencies.push(performance.now() - started)
    }
    return noCleanUp
  }

  receive: Perform = async (traffic, count) => {
    const filter = receiveFilter(traffic, count)
    const read = this.#read + count
    const readBytes = this.#readBytes + count * traffic.payload
    const completed = this.#completed + 1
    this.#socket.write(subscribe5(1, filter, traffic.qos))
    await this.#until(() => this.#read === read && this.#completed === completed)
    if (this.#readBytes !== readBytes) throw new Error("payloads of another length have been received")
    return () => this.request(unsubscribe5(1, filter))
  }

  disconnect = (): Promise<void> =>
    new Promise((resolve) => {
      this.#socket.once("close", () => resolve())
      this.#socket.end(packet(packetType.disconnect))
    })
}

export const connect = async (target: Target): Promise<Client> => {
  const connection = new LimitConnection(target)
  await connection.request(connect5(target.clientId))
  const publish: Perform = (traffic, count) =>
    traffic.qos === 0
      ? connection.publishUnacknowledged(traffic, count)
      : connection.publishAcknowledged(traffic, count)
  return {
    perform: {
      publish,
      "publish forEach": publish,
      "publish sink": publish,
      "publish sequential": connection.publishSequential,
      receive: connection.receive,
      "receive chunks": connection.receive,
      consume: connection.receive
    },
    latencies: () => connection.latencies,
    disconnect: connection.disconnect
  }
}
