/**
 * The broker all sides speak to: acknowledges what it is sent, sends what it is asked for, keeps nothing.
 *
 * Not a broker to use: it routes no message and trusts every byte, so that it costs less than any client. It reports
 * its own processor time, which shows that, and counts messages, so that no side can claim one it has not moved.
 */
import { createServer, type Socket } from "node:net"
import { host, payload, type ReceiveRequest, receiveRequest, type SinkMessage, type SinkRequest } from "./Benchmark.ts"
import {
  Acknowledgements,
  packet,
  PacketReader,
  packetType,
  properties,
  type ProtocolLevel,
  publishLength,
  type PublishShape,
  readUint16,
  writePublish
} from "./Wire.ts"

const tell = (message: SinkMessage): void => {
  process.send?.(message)
}

/** Bytes of the properties a CONNECT may carry; `undefined` for those with lengths of their own. Section 3.1.2.11. */
const connectPropertyLengths = new Map([[0x11, 4], [0x17, 1], [0x19, 1], [0x21, 2], [0x22, 2], [0x27, 4]])

/** How many unacknowledged messages the client lets the server send: 65,535 unless CONNECT says otherwise. */
const receiveMaximumOf = (bytes: Buffer, body: number): number => {
  const { end, start } = properties(bytes, body + 10)
  let offset = start
  while (offset < end) {
    const identifier = bytes[offset++]
    if (identifier === 0x21) return readUint16(bytes, offset)
    const strings = identifier === 0x26 ? 2 : connectPropertyLengths.has(identifier) ? 0 : 1
    for (let i = 0; i < strings; i++) offset += 2 + readUint16(bytes, offset)
    offset += connectPropertyLengths.get(identifier) ?? 0
  }
  return 65_535
}

/** Messages in one turn of the pre-encoded ring. More than any window, so no identifier comes back while in use. */
const ringSize = 4096

/** Sends the messages one subscription has asked for: paced by acknowledgements, at QoS 0 by the network. */
class Flood {
  readonly #socket: Socket
  readonly #ring: Buffer
  readonly #messageLength: number
  readonly #qos: number
  readonly #window: number
  readonly #count: number
  #sent = 0
  #acknowledged = 0

  constructor(socket: Socket, topic: string, request: ReceiveRequest, level: ProtocolLevel, receiveMaximum: number) {
    const shape: PublishShape = { level, qos: request.qos, topic: Buffer.from(topic), payload }
    this.#socket = socket
    this.#messageLength = publishLength(shape)
    this.#ring = Buffer.allocUnsafe(ringSize * this.#messageLength)
    this.#qos = request.qos
    this.#window = Math.min(request.window, receiveMaximum, ringSize)
    this.#count = request.count
    for (let i = 0; i < ringSize; i++) writePublish(this.#ring, i * this.#messageLength, shape, i + 1)
  }

  get sent(): number {
    return this.#sent
  }

  start(): void {
    if (this.#qos === 0) this.#followNetwork()
    else this.acknowledge(0)
  }

  /** Sends as many messages as the window has become free for. */
  acknowledge(messages: number): void {
    this.#acknowledged += messages
    const free = this.#window - (this.#sent - this.#acknowledged)
    const toEndOfRing = this.#write(free)
    this.#write(free - toEndOfRing)
  }

  #followNetwork(): void {
    this.#write(ringSize, () => this.#followNetwork())
  }

  /** At most `limit` messages and none beyond the end of the ring; how many it was. */
  #write(limit: number, written?: () => void): number {
    const from = this.#sent % ringSize
    const messages = Math.min(limit, this.#count - this.#sent, ringSize - from)
    if (messages > 0) {
      this.#sent += messages
      this.#socket.write(
        this.#ring.subarray(from * this.#messageLength, (from + messages) * this.#messageLength),
        written
      )
    }
    return messages
  }
}

/**
 * A client is answered when a quarter of its window has come, or after a millisecond. Answering every segment at once
 * would cost a client that writes many small ones a fifth of its speed, and the sink most of its processor time.
 */
const answersPerWindow = 4
const longestWaitMilliseconds = 1

let expectedWindow = 1

/** One client. */
class SinkConnection {
  readonly #socket: Socket
  readonly #acknowledgements = new Acknowledgements()
  readonly #floods: Array<Flood> = []
  #read = 0
  #acknowledged = 0
  #newlyAcknowledged = 0
  #waiting: NodeJS.Timeout | undefined
  #batch = 1
  #level: ProtocolLevel = 5
  #receiveMaximum = 65_535

  constructor(socket: Socket) {
    this.#socket = socket
    const reader = new PacketReader((bytes, start, body, end) => this.#take(bytes, start, body, end))
    socket.on("data", (chunk: Buffer) => {
      reader.read(chunk)
      this.#answerInBatches()
    })
    // A client that does not end politely is seen by what it leaves uncounted.
    socket.on("error", () => {})
    socket.on("close", () => {
      clearTimeout(this.#waiting)
      const sent = this.#floods.reduce((sum, flood) => sum + flood.sent, 0)
      tell({ _tag: "Closed", read: this.#read, sent, acknowledged: this.#acknowledged + this.#newlyAcknowledged })
    })
  }

  #answerInBatches(): void {
    const owed = this.#acknowledgements.count + this.#newlyAcknowledged
    if (owed >= this.#batch) this.#answer()
    else if (owed > 0) this.#waiting ??= setTimeout(() => this.#answer(), longestWaitMilliseconds)
  }

  #answer(): void {
    clearTimeout(this.#waiting)
    this.#waiting = undefined
    const acknowledgements = this.#acknowledgements.take()
    if (acknowledgements !== undefined) this.#socket.write(acknowledgements)
    if (this.#newlyAcknowledged > 0) {
      this.#acknowledged += this.#newlyAcknowledged
      this.#floods.at(-1)?.acknowledge(this.#newlyAcknowledged)
      this.#newlyAcknowledged = 0
    }
  }

  #take(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start]
    switch (first & 0xf0) {
      case packetType.publish:
        return this.#takePublish(first >> 1 & 3, bytes, body)
      case packetType.puback:
        this.#newlyAcknowledged++
        return
      case packetType.pubrel:
        return this.#acknowledgements.add(packetType.pubcomp, readUint16(bytes, body))
      case packetType.connect:
        return this.#takeConnect(bytes, body)
      case packetType.subscribe:
        return this.#takeSubscribe(bytes, body, end)
      case packetType.unsubscribe:
        return this.#takeUnsubscribe(bytes, body)
      case packetType.pingreq:
        this.#socket.write(packet(packetType.pingresp))
        return
      case packetType.disconnect:
        this.#socket.end()
    }
  }

  #takePublish(qos: number, bytes: Buffer, body: number): void {
    this.#read++
    if (qos === 0) return
    const packetIdentifier = readUint16(bytes, body + 2 + readUint16(bytes, body))
    this.#acknowledgements.add(qos === 1 ? packetType.puback : packetType.pubrec, packetIdentifier)
  }

  #takeConnect(bytes: Buffer, body: number): void {
    this.#level = bytes[body + 6] === 5 ? 5 : 4
    this.#receiveMaximum = this.#level === 5 ? receiveMaximumOf(bytes, body) : 65_535
    this.#batch = Math.min(expectedWindow, this.#receiveMaximum) / answersPerWindow
    this.#socket.write(packet(packetType.connack, [0, 0], this.#noProperties()))
  }

  #takeSubscribe(bytes: Buffer, body: number, end: number): void {
    const granted: Array<number> = []
    let offset = this.#level === 5 ? properties(bytes, body + 2).end : body + 2
    while (offset < end) {
      const filterEnd = offset + 2 + readUint16(bytes, offset)
      this.#prepareFlood(bytes.toString("utf8", offset + 2, filterEnd))
      granted.push(bytes[filterEnd] & 3)
      offset = filterEnd + 1
    }
    this.#socket.write(
      packet(packetType.suback, [bytes[body], bytes[body + 1]], this.#noProperties(), granted)
    )
    this.#floods.at(-1)?.start()
  }

  #prepareFlood(filter: string): void {
    const request = receiveRequest(filter)
    if (request === undefined) return
    this.#floods.push(new Flood(this.#socket, filter, request, this.#level, this.#receiveMaximum))
  }

  #takeUnsubscribe(bytes: Buffer, body: number): void {
    const reasonCodes = this.#level === 5 ? [0] : []
    this.#socket.write(
      packet(packetType.unsuback, [bytes[body], bytes[body + 1]], this.#noProperties(), reasonCodes)
    )
  }

  /** Property Length 0, which 3.1.1 does not have. */
  #noProperties(): ReadonlyArray<number> {
    return this.#level === 5 ? [0] : []
  }
}

const server = createServer({ noDelay: true }, (socket) => new SinkConnection(socket))

server.listen(0, host, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") tell({ _tag: "Listening", port: address.port })
})

const reportUsage = (): void => {
  const { system, user } = process.cpuUsage()
  tell({ _tag: "Usage", processor: (system + user) / 1e6, clock: performance.now() / 1000 })
}

process.on("message", (request: SinkRequest) => {
  if (request._tag === "Expect") expectedWindow = request.window
  else reportUsage()
})

process.on("disconnect", () => process.exit())
