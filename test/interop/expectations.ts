/**
 * What is known of each broker where it is not `yes`: what is seen, why, and what the client does about it. A run in
 * which something else is seen fails, also when it is `yes`.
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
    "takes it for a lost connection and comes back as `reconnect` says, and the two take turns: give each client " +
    "its own `clientId`"
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
  broker: "sends a copy for each subscription that matches, and in 3.1.1 nothing tells them apart",
  client: "hands each copy to all whose filter matches: use one filter, or an array of filters, in one client"
}

const noSharing: Difference = {
  checks: ["shared"],
  versions: ["3.1.1"],
  seen: "nothing comes",
  isMissing: true,
  broker: "takes `$share/...` for a topic like any other",
  client: "cannot know, and nothing comes"
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
  broker: "speaks 3.1.1 only and hangs up on a CONNECT of 5.0, where others answer",
  client:
    "fails with `ConnectionLost`, which says what it may be, and tries again: set `protocolVersion`, or `\"auto\"`, " +
    "which goes on with 3.1.1 at once"
}

const ignoresOurSize: Difference = {
  checks: ["ourMaximumPacketSize"],
  seen: "sends it",
  broker: "sends packets larger than the client takes",
  client: "passes over such a message, and refuses it with 0x97: set `maximumPacketSize` above the largest message"
}

const grantsOne: Difference = {
  checks: ["onceIn"],
  seen: "grants 1",
  isMissing: true,
  broker: "grants QoS 1 to those who ask for 2",
  client: "says so in `granted`"
}

const dropsForSlow: Difference = {
  checks: ["floodOfSlow"],
  seen: "not all are sent",
  broker:
    "drops what comes for a consumer for whom 1000 messages wait (`max_queued_messages`), and sends those that wait " +
    "above the client's Receive Maximum",
  client: "takes the excess, and handles once each that is sent. Where a consumer may lag behind further, raise " +
    "`max_queued_messages` and set `receiveMaximum: 65535`"
}

const dropsBeyondTwenty: Difference = {
  checks: ["burst"],
  versions: ["3.1.1"],
  seen: "loses some, with maxInFlight 20: yes",
  broker:
    "drops messages of QoS 2 beyond 20 that a publisher has in flight (`max_inflight_messages`) and cannot say so in 3.1.1",
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
      broker: "keeps to no Receive Maximum with `max_inflight_messages 0`, nor with a long queue: it sends all it has",
      client:
        "takes as many messages again and counts them; with more it ends the connection with 0x93, and a clean session " +
        "loses what the server had queued. With `receiveMaximum: 65535` all come"
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
      client: "has an identifier of its own unless it is told `clientId: \"\"`"
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
      broker: "hangs up on who publishes at QoS 2 or with `retain`",
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
      broker: "takes topics and filters of few levels (`max_topic_depth`, by default 8)",
      client: "fails with `SubscribeRefused`"
    },
    {
      checks: ["topics"],
      versions: ["3.1.1"],
      seen: `"${"l/".repeat(23)}25": Quarantined`,
      broker: "refuses a filter with more levels with a SUBACK code that 3.1.1 does not have",
      client: "ends the connection with `ProtocolViolation`, subscribes again as `retransmit` says, then fails with " +
        "`Quarantined` and the others go on: use fewer levels, or 5.0"
    },
    {
      checks: ["expiry"],
      seen: "comes as short long",
      broker: "delivers what expired in the queue of a session",
      client: "hands it over: what must not be late has to carry its own time"
    },
    ignoresOurSize,
    {
      checks: ["floodOfSlow"],
      seen: "hangs up on the consumer",
      broker: "hangs up on a client for whom 5000 packets wait (`max_queue`), and a clean session loses them",
      client:
        "comes back as after any lost connection: where a consumer may lag behind so far, set `max_queue: unlimited`"
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
      client: "hands them over as they come"
    },
    {
      checks: ["overlapMixed", "overlapOptions"],
      versions: ["5.0"],
      seen: "the second has nothing",
      broker: "sends one copy for all subscriptions that match and names one of them only",
      client:
        "hands it to all of them where a copy would be alike for all. With different QoS, `retainAsPublished` or " +
        "`noLocal` it cannot know, and the others miss the message: give overlapping filters the same options"
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
      broker: "does not keep to it under a flood either",
      client:
        "ends the connection with 0x93 when more come than it takes, and a clean session loses what was not handled. " +
        "Where a consumer may lag behind so far, set `receiveMaximum: 65535`"
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
      broker:
        "reads on no more after the PUBREL of an identifier that it does not know, which a client sends that starts " +
        "with `session: \"persistent\"`",
      client:
        "ends two connections by `ResponseTimeout` (20 seconds by default) at its first publish of QoS 2, then goes " +
        "on without that PUBREL: publish at QoS 1 there, which is what this broker makes of QoS 2"
    },
    {
      checks: ["topics"],
      seen: "\"a.b\": comes as a/b",
      broker: "has \".\" for \"/\" inside, so a topic with a dot comes with a slash",
      client: "hands a message to those whose filter matches the topic it came with, so `a.b` gets nothing: use no dots"
    }
  ],
  nats: [
    noSharing,
    { ...bothCopies, checks: ["overlap"] },
    {
      checks: ["repeated"],
      seen: "repeats what has no PUBACK",
      broker:
        "sends a message again on the living connection when it has no PUBACK in time (`ack_wait`, by default 30 " +
        "seconds, here 2)",
      client: "runs the handler once, keeps one place for the message, and sends one PUBACK"
    },
    grantsOne,
    {
      checks: ["qos2"],
      seen: "grants 1, publishing fails with Quarantined",
      isMissing: true,
      broker: "has no QoS 2: it grants 1, and hangs up on who publishes at 2",
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
      client: "fails with `SubscribeRefused`; a publish to such a topic is a matter of the server"
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
      client: "has nothing to do with it"
    },
    {
      checks: ["resume"],
      seen: "Session Present 0",
      broker: "resumes a session, sends what it has queued, and says Session Present 0",
      client: "goes by what the server says: it subscribes again, and the queued messages come once"
    },
    {
      checks: ["onceOut"],
      seen: "comes as Publish 2 × Pubrec Pubrel Pubcomp",
      broker: "as it says that there was no session, what it had already got cannot be told from what it had not",
      client: "sends unfinished messages as new ones, so one whose PUBREC was lost comes twice"
    },
    {
      checks: ["onceIn"],
      seen: "Pubrec: comes as 2 × message, Pubrel: comes as 2 × message, Pubcomp: comes as 2 × message",
      broker: "delivers a message of QoS 2 again that it was told of, in a session that it says is new",
      client: "must forget what it had received in the old one, so it hands the message over again: do not rely on once"
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
