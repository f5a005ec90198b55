/**
 * Bugs that the rules about the server's side, payloads and bytes have to find: `planted` plants them.
 */
interface Bug {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

export const serverBugs: ReadonlyArray<Bug> = [
  {
    name: "what is enqueued while DISCONNECT leaves is reported as sent",
    file: "internal/connection/link.ts",
    from: "if (this.ending.failure === undefined) options.fill()",
    to: "options.fill()"
  },
  {
    name: "a message that is sent again has a Topic Alias",
    file: "protocol/TopicAliases.ts",
    from: "return maximum === 0 || publish.dup ? write(publish)",
    to: "return maximum === 0 ? write(publish)"
  },
  {
    name: "a large QoS 0 payload is handed to the network by reference",
    file: "protocol/Encoder.ts",
    from: "qos === 0 ? new Uint8Array(payload) : payload",
    to: "payload"
  },
  {
    name: "properties and topics of messages cost nothing",
    file: "internal/client/messageSize.ts",
    from: "topic.length + payload.length + (properties === Properties.none ? 0 : sizeOfProperties(properties))",
    to: "payload.length"
  },
  {
    name: "QoS 1 that is repeated before its PUBACK is another message",
    file: "protocol/Incoming.ts",
    from: "arrivalsOf(draft, 1).has(publish.packetIdentifier) || ",
    to: ""
  },
  {
    name: "the client's own timeouts put a packet under suspicion",
    file: "internal/client/session/sessionRunner.ts",
    from: "if (isTelling(connection.failure, this.deliveries.offendingTopics.takeOffence())) {",
    to: "{"
  },
  {
    name: "no excess of the Receive Maximum is tolerated",
    file: "internal/client/session/firstSession.ts",
    from: "options.strictReceiveMaximum ? 0 : Math.max(options.receiveMaximum, leastTolerance)",
    to: "0"
  },
  {
    name: "the old session is thrown away on every attempt",
    file: "internal/client/connecting/supervisor.ts",
    from: "        this.#cleanStart = false\n        this.#hasThrownAway = true",
    to: "        this.#hasThrownAway = true"
  },
  {
    name: "nobody is told that a message nobody subscribed to holds up the others",
    file: "internal/client/calls/health.ts",
    from: "unclaimed !== undefined,",
    to: "false,"
  }
]
