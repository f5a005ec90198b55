/**
 * The broker all sides speak to: acknowledges what it is sent, sends what it is asked for, keeps nothing.
 *
 * Not a broker to use: it routes no message and trusts every byte, so that it costs less than any client. It reports
 * its own processor time, which shows that, and counts messages, so that no side can claim one it has not moved.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { createServer, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import * as certificates from "../test/support/certificates.ts"
import {
  host,
  receiveRequest,
  requestTopic,
  type SinkMessage,
  type SinkRequest,
  unacknowledgedPrefix
} from "./Benchmark.ts"
import { Flood, type Outlet } from "./Flood.ts"
import {
  Acknowledgements,
  packet,
  PacketReader,
  packetType,
  properties,
  type ProtocolLevel,
  publishLength,
  readUint16,
  writePublish
} from "./Wire.ts"

const tell = (message: SinkMessage): void => {
  process.send?.(message)
}

/** Bytes of the properties that have no length of their own, by identifier. 5.0, section 2.2.2.2. */
const propertyLengths = new Map([
  [0x01, 1],
  [0x02, 4],
  [0x11, 4],
  [0x17, 1],
  [0x19, 1],
  [0x21, 2],
  [0x22, 2],
  [0x23, 2],
  [0x27, 4]
])

/** Where the value of a property starts and ends, its lengths included; `undefined` when it is not there. */
const findProperty = (bytes: Buffer, offset: number, wanted: number) => {
  const { end, start } = properties(bytes, offset)
  let at = start
  while (at < end) {
    const identifier = bytes[at++]
    const valueStart = at
    const strings = identifier === 0x26 ? 2 : propertyLengths.has(identifier) ? 0 : 1
    for (let index = 0; index < strings; index++) at += 2 + readUint16(bytes, at)
    at += propertyLengths.get(identifier) ?? 0
    if (identifier === wanted) return { start: valueStart, end: at }
  }
  return undefined
}

/** How many unacknowledged messages the client lets the server send: 65,535 unless CONNECT says otherwise. */
const receiveMaximumOf = (bytes: Buffer, body: number): number => {
  const found = findProperty(bytes, body + 10, 0x21)
  return found === undefined ? 65_535 : readUint16(bytes, found.start)
}

/**
 * A client is answered when a quarter of its window has come, or after a millisecond. Answering every segment at once
 * would cost a client that writes many small ones a fifth of its speed, and the sink most of its processor time.
 */
const answersPerWindow = 4
const longestWaitMilliseconds = 1

let expectedWindow = 1

/** Clients that have been here, for those that come back to their session. */
const known = new Set<string>()

const connections = new Set<SinkConnection>()

/** How the identifiers of those clients begin whose acknowledgements somebody waits for. */
const awaited = new Set<string>()

const tellAcknowledged = (): void => {
  for (const clientId of awaited) {
    if ([...connections].some((connection) => connection.owesAcknowledgements(clientId))) continue
    awaited.delete(clientId)
    tell({ _tag: "Acknowledged", clientId })
  }
}

/** One client. */
class SinkConnection {
  readonly #outlet: Outlet & { readonly end: () => void }
  readonly #reader: PacketReader
  readonly #acknowledgements = new Acknowledgements()
  readonly #floods: Array<Flood> = []
  #waitingFlood: Flood | undefined
  readonly #answers: Array<Buffer> = []
  #clientId = ""
  #read = 0
  #acknowledged = 0
  #newlyAcknowledged = 0
  #waiting: NodeJS.Timeout | undefined
  #batch = 1
  #level: ProtocolLevel = 5
  #receiveMaximum = 65_535
  #acknowledges = true

  constructor(outlet: Outlet & { readonly end: () => void }) {
    this.#outlet = outlet
    this.#reader = new PacketReader((bytes, start, body, end) => this.#take(bytes, start, body, end))
    connections.add(this)
  }

  /** Whether it is one of the clients whose identifiers begin so, and has not acknowledged all that it was sent. */
  owesAcknowledgements(clientId: string): boolean {
    return this.#clientId.startsWith(clientId) && this.#floods.at(-1)?.isUnacknowledged === true
  }

  read(chunk: Buffer): void {
    this.#reader.read(chunk)
    if (this.#answers.length > 0) this.#outlet.write(Buffer.concat(this.#answers.splice(0)))
    this.#answerInBatches()
  }

  closed(): void {
    clearTimeout(this.#waiting)
    const sent = this.#floods.reduce((sum, flood) => sum + flood.sent, 0)
    const acknowledged = this.#acknowledged + this.#newlyAcknowledged
    tell({ _tag: "Closed", clientId: this.#clientId, read: this.#read, sent, acknowledged })
    connections.delete(this)
    tellAcknowledged()
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
    if (acknowledgements !== undefined) this.#outlet.write(acknowledgements)
    if (this.#newlyAcknowledged > 0) {
      this.#acknowledged += this.#newlyAcknowledged
      this.#floods.at(-1)?.acknowledge(this.#newlyAcknowledged)
      this.#newlyAcknowledged = 0
      this.#startNext()
      tellAcknowledged()
    }
  }

  #take(bytes: Buffer, start: number, body: number, end: number): void {
    const first = bytes[start]
    switch (first & 0xf0) {
      case packetType.publish:
        return this.#takePublish(first >> 1 & 3, bytes, body, end)
      case packetType.puback:
      case packetType.pubcomp:
        this.#newlyAcknowledged++
        return
      case packetType.pubrec:
        return this.#acknowledgements.add(packetType.pubrel | 2, readUint16(bytes, body))
      case packetType.pubrel:
        return this.#acknowledgements.add(packetType.pubcomp, readUint16(bytes, body))
      case packetType.connect:
        return this.#takeConnect(bytes, body)
      case packetType.subscribe:
        return this.#takeSubscribe(bytes, body, end)
      case packetType.unsubscribe:
        return this.#takeUnsubscribe(bytes, body, end)
      case packetType.pingreq:
        this.#outlet.write(packet(packetType.pingresp))
        return
      case packetType.disconnect:
        this.#outlet.end()
    }
  }

  #takePublish(qos: number, bytes: Buffer, body: number, end: number): void {
    this.#read++
    const topicLength = readUint16(bytes, body)
    if (qos > 0 && this.#acknowledges) {
      const packetIdentifier = readUint16(bytes, body + 2 + topicLength)
      this.#acknowledgements.add(qos === 1 ? packetType.puback : packetType.pubrec, packetIdentifier)
    }
    if (
      topicLength === requestTopic.length && bytes.toString("latin1", body + 2, body + 2 + topicLength) === requestTopic
    ) {
      this.#answerRequest(bytes, body + 2 + topicLength + (qos > 0 ? 2 : 0), end)
    }
  }

  /** At QoS 0 to the Response Topic, with the Correlation Data and the payload of the request. 5.0, section 4.10. */
  #answerRequest(bytes: Buffer, start: number, end: number): void {
    const topic = findProperty(bytes, start, 0x08)
    const correlationData = findProperty(bytes, start, 0x09)
    if (topic === undefined || correlationData === undefined) return
    const shape = {
      level: 4,
      qos: 0,
      topic: bytes.subarray(topic.start + 2, topic.end),
      // Of level 4, so that nothing is put before it: the properties are these.
      payload: Buffer.concat([
        Buffer.from([1 + correlationData.end - correlationData.start, 0x09]),
        bytes.subarray(correlationData.start, correlationData.end),
        bytes.subarray(properties(bytes, start).end, end)
      ])
    } as const
    const answer = Buffer.allocUnsafe(publishLength(shape))
    writePublish(answer, 0, shape, 0)
    this.#answers.push(answer)
  }

  #takeConnect(bytes: Buffer, body: number): void {
    this.#level = bytes[body + 6] === 5 ? 5 : 4
    const isCleanStart = (bytes[body + 7] & 2) !== 0
    const payload = this.#level === 5 ? properties(bytes, body + 10).end : body + 10
    this.#clientId = bytes.toString("utf8", payload + 2, payload + 2 + readUint16(bytes, payload))
    const isSessionPresent = !isCleanStart && known.has(this.#clientId)
    known.add(this.#clientId)
    this.#acknowledges = isSessionPresent || !this.#clientId.startsWith(unacknowledgedPrefix)
    this.#receiveMaximum = this.#level === 5 ? receiveMaximumOf(bytes, body) : 65_535
    this.#batch = Math.min(expectedWindow, this.#receiveMaximum) / answersPerWindow
    this.#outlet.write(packet(packetType.connack, [isSessionPresent ? 1 : 0, 0], this.#noProperties()))
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
    this.#outlet.write(
      packet(packetType.suback, [bytes[body], bytes[body + 1]], this.#noProperties(), granted)
    )
    this.#startNext()
  }

  /** One that is asked for while acknowledgements of the last one are owed waits: it uses the same identifiers. */
  #startNext(): void {
    if (this.#waitingFlood === undefined || this.#floods.at(-1)?.isUnacknowledged === true) return
    this.#floods.push(this.#waitingFlood)
    this.#waitingFlood = undefined
    this.#floods.at(-1)?.start()
  }

  #prepareFlood(filter: string): void {
    const request = receiveRequest(filter)
    if (request === undefined) return
    this.#waitingFlood = new Flood(this.#outlet, filter, request, this.#level, this.#receiveMaximum)
  }

  #takeUnsubscribe(bytes: Buffer, body: number, end: number): void {
    const reasonCodes: Array<number> = []
    let offset = this.#level === 5 ? properties(bytes, body + 2).end : end
    for (; offset < end; offset += 2 + readUint16(bytes, offset)) reasonCodes.push(0)
    this.#outlet.write(
      packet(packetType.unsuback, [bytes[body], bytes[body + 1]], this.#noProperties(), reasonCodes)
    )
  }

  /** Property Length 0, which 3.1.1 does not have. */
  #noProperties(): ReadonlyArray<number> {
    return this.#level === 5 ? [0] : []
  }
}

const serveSocket = (socket: Socket): void => {
  const connection = new SinkConnection({
    write: (bytes, written) => void socket.write(bytes, written),
    end: () => socket.end()
  })
  socket.on("data", (chunk: Buffer) => connection.read(chunk))
  // A client that does not end politely is seen by what it leaves uncounted.
  socket.on("error", () => {})
  socket.on("close", () => connection.closed())
}

const serveWebSocket = (webSocket: NodeWS.WebSocket): void => {
  const connection = new SinkConnection({
    write: (bytes, written) => webSocket.send(bytes, () => written?.()),
    end: () => webSocket.close(1000)
  })
  webSocket.on("message", (data) => connection.read(data as Buffer))
  webSocket.on("error", () => {})
  webSocket.on("close", () => connection.closed())
}

type Listening = Pick<ReturnType<typeof createServer>, "address" | "listen">

const listen = (server: Listening): Promise<number> =>
  new Promise((resolve, reject) => {
    server.listen(0, host, 4096, () => {
      const address = server.address()
      if (address !== null && typeof address === "object") resolve(address.port)
      else reject(new Error("no port"))
    })
  })

const webSockets = new NodeWS.WebSocketServer({ host, port: 0, perMessageDeflate: false })
webSockets.on("connection", serveWebSocket)

const webSocketPort = new Promise<number>((resolve) => {
  webSockets.once("listening", () => resolve((webSockets.address() as { readonly port: number }).port))
})

const { ca, server } = certificates
const [tcp, tls, ws] = await Promise.all([
  listen(createServer({ noDelay: true }, serveSocket)),
  listen(createTlsServer({ ...server, noDelay: true }, serveSocket)),
  webSocketPort
])
tell({ _tag: "Listening", ports: { tcp, tls, ws }, ca })

const reportUsage = (): void => {
  const { system, user } = process.cpuUsage()
  tell({ _tag: "Usage", processor: (system + user) / 1e6, clock: performance.now() / 1000 })
}

process.on("message", (request: SinkRequest) => {
  switch (request._tag) {
    case "Expect":
      expectedWindow = request.window
      return
    case "ReportUsage":
      return reportUsage()
    case "AwaitAcknowledgements":
      awaited.add(request.clientId)
      tellAcknowledged()
  }
})

process.on("disconnect", () => process.exit())
