/**
 * The known behaviour of each broker where it is not `yes`: the result, the cause, and the client's answer to it. A run
 * with any other result fails, even if the result is `yes`.
 */
import type * as Packet from "../../src/protocol/Packet.ts"

export interface Difference {
  /** The names of the checks. */
  readonly checks: ReadonlyArray<string>
  /** Default: all the broker speaks. */
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  readonly seen: string
  /** The broker does not have it, as opposed to having it in its own way. */
  readonly isMissing?: boolean
  /** What the broker does. */
  readonly broker: string
  /** What the client does then, or its user can do. */
  readonly client: string
}

// ---------------------------------------------------------------------------
// What several have in common
// ---------------------------------------------------------------------------

const noMethod: Difference = {
  checks: ["authentication"],
  seen: "ConnectionRefused (0x8c)",
  isMissing: true,
  broker: "knows no method of enhanced authentication and refuses it with 0x8C",
  client: "fails with `ConnectionRefused`, which is not tried again"
}

const silentTakeover: Difference = {
  checks: ["takeover"],
  versions: ["5.0"],
  seen: "hangs up without a word",
  broker: "hangs up on the first client without DISCONNECT",
  client:
    "takes it for a lost connection and comes back as `reconnect` says, so the two clients take turns: give each " +
    "client its own `clientId`"
}

const silentShutdown: Difference = {
  checks: ["shutdown"],
  seen: "hangs up without a word",
  broker: "hangs up on its clients without DISCONNECT when it is shut down",
  client: "reconnects as after any lost connection"
}

const bothCopies: Difference = {
  checks: ["overlap", "overlapMixed"],
  versions: ["3.1.1"],
  seen: "each has each message twice",
  broker: "sends a copy for each subscription that matches, and in 3.1.1 nothing tells the copies apart",
  client:
    "hands each copy to all subscribers whose filter matches: use one filter, or an array of filters, in one client"
}

const noSharing: Difference = {
  checks: ["shared"],
  versions: ["3.1.1"],
  seen: "nothing comes",
  isMissing: true,
  broker: "takes `$share/...` for a topic like any other",
  client: "cannot know this, and no message arrives"
}

const sharingUnavailable: Difference = {
  checks: ["shared"],
  versions: ["5.0"],
  seen: "ServerLimit (Shared Subscription Available)",
  isMissing: true,
  broker: "announces that it has no shared subscriptions",
  client: "fails with `ServerLimit`, and sends nothing"
}

const hangsUpOnVersion5: Difference = {
  checks: ["connect"],
  seen: "another version: ConnectionLost",
  broker: "speaks 3.1.1 only and hangs up on a CONNECT of 5.0, where other brokers answer",
  client:
    "fails with `ConnectionLost`, whose message names this cause, and tries again: set `protocolVersion`, or use " +
    "`\"auto\"`, which goes on with 3.1.1 at once"
}

const ignoresOurSize: Difference = {
  checks: ["ourMaximumPacketSize"],
  seen: "sends it",
  broker: "sends packets larger than the client takes",
  client: "skips such a message, and refuses it with 0x97: set `maximumPacketSize` above the largest message"
}

const grantsOne: Difference = {
  checks: ["onceIn"],
  seen: "grants 1",
  isMissing: true,
  broker: "grants QoS 1 when a client asks for QoS 2",
  client: "says so in `granted`"
}

const dropsForSlow: Difference = {
  checks: ["floodOfSlow"],
  seen: "not all are sent",
  broker:
    "drops messages for a consumer when 1000 messages wait for it already (`max_queued_messages`), and sends waiting " +
    "messages beyond the client's Receive Maximum",
  client: "takes the excess, and handles each message that the broker sends once. If a consumer may lag behind " +
    "further, raise `max_queued_messages` and set `receiveMaximum: 65535`"
}

const dropsBeyondTwenty: Difference = {
  checks: ["burst"],
  versions: ["3.1.1"],
  seen: "loses some, with maxInFlight 20: yes",
  broker: "drops messages of QoS 2 when a publisher has more than 20 in flight (`max_inflight_messages`), and cannot " +
    "say so in 3.1.1",
  client:
    "takes the PUBREC for a success: use 5.0, or set `maxInFlight: 20`, or `max_inflight_messages 0` in the broker"
}

// ---------------------------------------------------------------------------
// By broker
// ---------------------------------------------------------------------------

export const expectations: { readonly [subject: string]: ReadonlyArray<Difference> } = {
  mosquitto: [noMethod, silentTakeover, silentShutdown, dropsBeyondTwenty, dropsForSlow],
  "mosquitto-plugin": [silentTakeover, silentShutdown, dropsBeyondTwenty, dropsForSlow],
  "mosquitto-unlimited": [
    noMethod,
    silentTakeover,
    silentShutdown,
    {
      checks: ["floodOfSlow"],
      versions: ["5.0"],
      seen: "the client ends the connection, with receiveMaximum 65535: yes",
      broker:
        "ignores the client's Receive Maximum with `max_inflight_messages 0`, even with a long queue: it sends all " +
        "it has",
      client:
        "takes as many messages again and counts them. If more come, it ends the connection with 0x93, and a clean " +
        "session loses the messages that the server had queued. With `receiveMaximum: 65535` all messages arrive"
    }
  ],
  "mosquitto-limits": [
    noMethod,
    silentTakeover,
    silentShutdown,
    dropsForSlow,
    grantsOne,
    {
      checks: ["identifier"],
      seen: "ConnectionRefused (0x80)",
      isMissing: true,
      broker: "assigns no identifiers (`allow_zero_length_clientid false`)",
      client: "makes an identifier of its own unless the option is `clientId: \"\"`"
    },
    {
      checks: ["qos2"],
      versions: ["5.0"],
      seen: "grants 1, publishing fails with ServerLimit (Maximum QoS)",
      isMissing: true,
      broker: "announces Maximum QoS 1",
      client: "fails with `ServerLimit`, sends nothing, and says 1 in `granted`"
    },
    {
      checks: ["overlapMixed"],
      versions: ["5.0"],
      seen: "ServerLimit (Maximum QoS)",
      isMissing: true,
      broker: "has no QoS 2",
      client: "does as above"
    },
    {
      checks: ["onceOut"],
      versions: ["5.0"],
      seen: "publishing fails with ServerLimit (Maximum QoS)",
      isMissing: true,
      broker: "has no QoS 2",
      client: "does as above"
    },
    {
      checks: ["retained"],
      versions: ["5.0"],
      seen: "publishing fails with ServerLimit (Retain Available)",
      isMissing: true,
      broker: "announces Retain Available 0",
      client: "fails with `ServerLimit`, and sends nothing"
    },
    {
      checks: ["sizes"],
      versions: ["5.0"],
      seen: "1000000 B: ServerLimit (Maximum Packet Size)",
      isMissing: true,
      broker: "announces Maximum Packet Size 300",
      client: "fails with `ServerLimit`, and sends nothing"
    },
    {
      checks: ["qos2"],
      versions: ["3.1.1"],
      seen: "grants 1, publishing fails with Quarantined",
      isMissing: true,
      broker: "cannot say so in 3.1.1 and hangs up on the publisher",
      client:
        "sends the message again as `retransmit` says, then its publish fails with `Quarantined` and the others go on"
    },
    {
      checks: ["overlapMixed"],
      versions: ["3.1.1"],
      seen: "Quarantined",
      isMissing: true,
      broker: "has no QoS 2",
      client: "does as above"
    },
    {
      checks: ["onceOut", "retained"],
      versions: ["3.1.1"],
      seen: "publishing fails with Quarantined",
      isMissing: true,
      broker: "hangs up on a client that publishes at QoS 2 or with `retain`",
      client: "does as above"
    },
    {
      checks: ["sizes"],
      versions: ["3.1.1"],
      seen: "1000000 B: Quarantined",
      isMissing: true,
      broker: "hangs up on a packet that is too large",
      client: "does as above"
    }
  ],
  ejabberd: [
    noMethod,
    silentShutdown,
    bothCopies,
    sharingUnavailable,
    {
      checks: ["shared"],
      versions: ["3.1.1"],
      seen: "Quarantined",
      isMissing: true,
      broker: "hangs up on SUBSCRIBE with `$share`",
      client: "subscribes again as `retransmit` says, then fails with `Quarantined` and the others go on"
    },
    {
      checks: ["topics"],
      versions: ["5.0"],
      seen: `"${"l/".repeat(23)}25": SubscribeRefused (0x8f)`,
      broker: "takes only topics and filters of few levels (`max_topic_depth`, by default 8)",
      client: "fails with `SubscribeRefused`"
    },
    {
      checks: ["topics"],
      versions: ["3.1.1"],
      seen: `"${"l/".repeat(23)}25": Quarantined`,
      broker: "refuses a filter of more levels with a SUBACK code that 3.1.1 does not have",
      client: "ends the connection with `ProtocolViolation`, subscribes again as `retransmit` says, then fails with " +
        "`Quarantined` and the others go on: use fewer levels, or 5.0"
    },
    {
      checks: ["expiry"],
      seen: "comes as short long",
      broker: "delivers messages that expired in the queue of a session",
      client: "hands them over: a message that must not be late has to carry its own time"
    },
    ignoresOurSize,
    {
      checks: ["floodOfSlow"],
      seen: "hangs up on the consumer",
      broker: "hangs up on a client when 5000 packets wait for it (`max_queue`), and a clean session loses them",
      client: "comes back as after any lost connection: if a consumer may lag behind so far, set `max_queue: unlimited`"
    }
  ],
  aedes2: [
    noMethod,
    sharingUnavailable,
    noSharing,
    ignoresOurSize,
    {
      checks: ["properties"],
      seen: "User Properties [[\"b\",\"1\"],[\"b\",\"1\"],[\"a\",\"2\"]]",
      broker: "forwards User Properties grouped by name, not in their order",
      client: "hands them over in the order in which they arrive"
    },
    {
      checks: ["overlapMixed", "overlapOptions"],
      versions: ["5.0"],
      seen: "the second has nothing",
      broker: "sends one copy for all subscriptions that match, and names only one subscription in it",
      client:
        "hands the copy to all of them if their copies would be equal. With different QoS, `retainAsPublished` or " +
        "`noLocal` it cannot know that, and the others miss the message: give overlapping filters the same options"
    },
    {
      checks: ["ourReceiveMaximum"],
      seen: "sends more",
      broker: "does not keep to the client's Receive Maximum",
      client: "takes as many messages again, at least 100, and counts them"
    },
    {
      checks: ["floodOfSlow"],
      versions: ["5.0"],
      seen: "the client ends the connection, with receiveMaximum 65535: yes",
      broker: "exceeds the Receive Maximum under a flood too",
      client:
        "ends the connection with 0x93 if more messages come than it takes, and a clean session loses the unhandled " +
        "messages. If a consumer may lag behind so far, set `receiveMaximum: 65535`"
    }
  ],
  aedes1: [noSharing],
  rabbitmq: [
    hangsUpOnVersion5,
    noSharing,
    grantsOne,
    {
      checks: ["qos2"],
      seen: "grants 1",
      isMissing: true,
      broker: "has no QoS 2: it grants 1, and answers PUBLISH at QoS 2 with PUBACK",
      client: "takes that PUBACK for the end of the publish, and says 1 in `granted`"
    },
    {
      checks: ["onceOut"],
      seen: "does not end",
      broker: "stops reading after the PUBREL of an identifier that it does not know; a client that starts with " +
        "`session: \"persistent\"` sends such a PUBREL",
      client:
        "ends two connections by `ResponseTimeout` (20 seconds by default) at its first publish of QoS 2, then goes " +
        "on without that PUBREL: publish at QoS 1 there, because this broker turns QoS 2 into QoS 1 anyway"
    },
    {
      checks: ["topics"],
      seen: "\"a.b\": comes as a/b",
      broker: "replaces \"/\" by \".\" internally, so a topic with a dot arrives with a slash",
      client:
        "hands a message to subscribers whose filter matches the topic as it arrives, so `a.b` gets nothing: use no " +
        "dots"
    }
  ],
  nats: [
    noSharing,
    { ...bothCopies, checks: ["overlap"] },
    {
      checks: ["repeated"],
      seen: "repeats what has no PUBACK",
      broker:
        "sends a message again on the living connection if the PUBACK does not come in time (`ack_wait`, by default " +
        "30 seconds, here 2)",
      client: "runs the handler once, keeps one place for the message, and sends one PUBACK"
    },
    grantsOne,
    {
      checks: ["qos2"],
      seen: "grants 1, publishing fails with Quarantined",
      isMissing: true,
      broker: "has no QoS 2: it grants 1, and hangs up on a client that publishes at 2",
      client:
        "sends the message again as `retransmit` says, then its publish fails with `Quarantined` and the others go on"
    },
    {
      checks: ["onceOut"],
      seen: "publishing fails with Quarantined",
      isMissing: true,
      broker: "has no QoS 2",
      client: "does as above"
    },
    {
      checks: ["overlapMixed"],
      seen: "Quarantined",
      isMissing: true,
      broker: "has no QoS 2",
      client: "does as above"
    },
    {
      checks: ["topics"],
      seen: "\"a.b\": SubscribeRefused (0x80), \"with space\": SubscribeRefused (0x80)",
      broker: "takes no dots and no spaces",
      client: "fails with `SubscribeRefused`; it leaves a publish to such a topic to the server"
    }
  ],
  activemq: [
    hangsUpOnVersion5,
    noSharing,
    bothCopies,
    {
      checks: ["WebSocket", "secureWebSocket"],
      seen: "not offered",
      isMissing: true,
      broker: "needs Jetty for WebSockets, which the Debian package does not bring",
      client: "plays no part in this"
    },
    {
      checks: ["resume"],
      seen: "Session Present 0",
      broker: "resumes a session and sends its queued messages, but says Session Present 0",
      client: "believes the server and subscribes again, and the queued messages come once"
    },
    {
      checks: ["onceOut"],
      seen: "comes as Publish 2 × Pubrec Pubrel Pubcomp",
      broker:
        "says that there was no session, so the client cannot tell which messages the broker had already received",
      client: "sends unfinished messages as new messages, so a message whose PUBREC was lost comes twice"
    },
    {
      checks: ["onceIn"],
      seen: "Pubrec: comes as 2 × message, Pubrel: comes as 2 × message, Pubcomp: comes as 2 × message",
      broker: "delivers a message of QoS 2 again, even after its PUBREC, in a session that it calls new",
      client:
        "must forget the messages it had received in the old session, so it hands the message over again: do not " +
        "rely on \"exactly once\" here"
    }
  ]
}

/** What is expected to be seen, with the reason for what is not `yes`. */
export const expectedOf = (
  subject: string,
  check: string,
  version: Packet.ProtocolVersion
): Difference | undefined =>
  expectations[subject]?.find(({ checks, versions }) => checks.includes(check) && (versions?.includes(version) ?? true))
