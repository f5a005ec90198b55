/**
 * Messages that a client has asked the sink for, encoded before the first is sent.
 *
 * When they are sent is decided by the network at QoS 0, by acknowledgements otherwise.
 */
import { dispatchTopic, payloadOf, type ReceiveRequest } from "./Benchmark.ts"
import { type ProtocolLevel, publishLength, type PublishShape, writePublish } from "./Wire.ts"

/** Where they go. */
export interface Outlet {
  readonly write: (bytes: Buffer, written?: () => void) => void
}

/** Messages in one turn of the pre-encoded ring, and bytes: never less than a window, whose identifiers are in use. */
const largestRing = 4096
const largestRingBytes = 8_388_608

/** Sends the messages one subscription has asked for: paced by acknowledgements, at QoS 0 by the network. */
export class Flood {
  readonly #connection: Outlet
  readonly #ring: Buffer
  readonly #messageLength: number
  readonly #qos: number
  readonly #window: number
  readonly #count: number
  readonly #ringSize: number
  #sent = 0
  #acknowledged = 0

  constructor(connection: Outlet, filter: string, request: ReceiveRequest, level: ProtocolLevel, maximum: number) {
    const { count, qos, topics, window } = request
    const payload = payloadOf(request)
    const shapeOf = (topic: string): PublishShape => ({ level, qos, topic: Buffer.from(topic), payload })
    const topicOf = topics === 1 ? () => filter : (index: number) => dispatchTopic(index % topics)
    this.#connection = connection
    this.#qos = qos
    this.#count = count
    this.#window = Math.min(window, maximum, largestRing)
    this.#messageLength = publishLength(shapeOf(topicOf(0)))
    const fitting = Math.min(largestRing, Math.floor(largestRingBytes / this.#messageLength))
    this.#ringSize = Math.max(this.#window, topics, fitting)
    this.#ring = Buffer.allocUnsafe(this.#ringSize * this.#messageLength)
    const only = topics === 1 ? shapeOf(filter) : undefined
    for (let index = 0; index < this.#ringSize; index++) {
      writePublish(this.#ring, index * this.#messageLength, only ?? shapeOf(topicOf(index)), index + 1)
    }
  }

  get sent(): number {
    return this.#sent
  }

  get isUnacknowledged(): boolean {
    return this.#qos > 0 && this.#acknowledged < this.#sent
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
    this.#write(largestRing, () => this.#followNetwork())
  }

  /** At most `limit` messages and none beyond the end of the ring; how many it was. */
  #write(limit: number, written?: () => void): number {
    const from = this.#sent % this.#ringSize
    const messages = Math.min(limit, this.#count - this.#sent, this.#ringSize - from)
    if (messages > 0) {
      this.#sent += messages
      this.#connection.write(
        this.#ring.subarray(from * this.#messageLength, (from + messages) * this.#messageLength),
        written
      )
    }
    return messages
  }
}
