/**
 * Breaks of the client, each of a row of `docs/conformance.md`: what stands in the sources, and what breaks the row.
 *
 * The tests that the row names must notice. `conformance.ts --break` tries some of them, drawn at random; a test checks
 * that each of these texts stands in the sources once.
 *
 * @since 0.2.0
 */

/**
 * @since 0.2.0
 * @category models
 */
export interface Break {
  /** `R12`, or `P0B` of the property table. */
  readonly row: string
  readonly file: string
  readonly original: string
  readonly broken: string
}

const of = (file: string) => (row: string, original: string, broken: string): Break => ({ row, file, original, broken })

const utf8 = of("src/protocol/Utf8.ts")
const decoder = of("src/protocol/Decoder.ts")
const encoder = of("src/protocol/Encoder.ts")
const validity = of("src/protocol/Validity.ts")
const reader = of("src/protocol/Reader.ts")
const connection = of("src/protocol/Connection.ts")
const sendChecks = of("src/protocol/SendChecks.ts")
const outgoing = of("src/protocol/Outgoing.ts")
const incoming = of("src/protocol/Incoming.ts")
const topic = of("src/protocol/Topic.ts")
const limits = of("src/protocol/ServerLimits.ts")
const properties = of("src/protocol/Properties.ts")
const propertyReader = of("src/protocol/PropertyReader.ts")
const reasonCode = of("src/protocol/ReasonCode.ts")
const session = of("src/protocol/Session.ts")
const packet = of("src/protocol/Packet.ts")

/** 1 Strings, integers, properties; 2 Fixed header; 3 Packet identifiers. */
const format: ReadonlyArray<Break> = [
  utf8(
    "R1",
    "replacementsSent(bytes, start, end) ? undefined : text",
    "replacementsSent(bytes, start, end) ? text : text"
  ),
  utf8("R2", "if (unit > 0xdbff || !isLowSurrogate(text.charCodeAt(index + 1))) return -1", "if (unit < 0) return -1"),
  reader("R3", "if (text.includes(\"\\u0000\")) {", "if (text.length < 0) {"),
  utf8("R4", "return text.includes(\"\\u0000\") ? \"nul\" : undefined", "return undefined"),
  utf8("R5", "ignoreBOM: true", "ignoreBOM: false"),
  of("src/protocol/VariableByteInteger.ts")("R6", "while (rest > 127) {", "while (rest > 126) {"),
  decoder("R7", "lastByte === 0 && size > 2 &&", "lastByte === 0 && size > 9 &&"),
  validity(
    "R8",
    "return checkString(value[0], `${field}[0]`, options) ?? checkString(value[1], `${field}[1]`, options)",
    "return checkString(value[0], `${field}[0]`, options)"
  ),
  utf8("R9", "if (bytes > maximumLength) return \"tooLong\"", "if (bytes > maximumLength + 9) return \"tooLong\""),
  encoder("R10", "return packet.reasonCode === 0 ? 0 : 1", "return 1"),
  propertyReader("R11", "if (isAgain && (entry.repeatsIn & placeBit) === 0) {", "if (isAgain && bit < 0) {"),
  packet("R12", "Subscribe: { value: 8, flags: 2,", "Subscribe: { value: 8, flags: 0,"),
  decoder(
    "R13",
    "if (type !== \"Publish\") types[(value << 4) | flags] = type",
    "if (type !== \"Publish\") types[(value << 4) | flags] = types[(value << 4) | 1] = type"
  ),
  decoder("R14", "[0, 1, 2, 3, 4, 5, 10, 11, 12, 13]", "[0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13]"),
  validity(
    "R15",
    "value === 0 || value === 1 || value === 2",
    "value === 0 || value === 1 || value === 2 || value === 3"
  ),
  of("src/protocol/PacketIdentifiers.ts")(
    "R16",
    "else if (leaf.slots[identifier & mask] === free) return identifier",
    "else if (identifier > 0) return identifier"
  ),
  outgoing(
    "R17",
    "  end(draft, packetIdentifier, request)\n  if (draft.window < draft.quota)",
    "  if (draft.window < draft.quota)"
  ),
  encoder("R18", "packetIdentifier !== 0 || packet.dup : !isPlain", "packet.dup : !isPlain"),
  incoming(
    "R19",
    "send(draft, acknowledgement(\"Pubcomp\", packetIdentifier, reasonCode))",
    "send(draft, acknowledgement(\"Pubcomp\", packetIdentifier ^ 1, reasonCode))"
  ),
  decoder("R21", "if (packetIdentifier === 0) {", "if (packetIdentifier < 0) {"),
  of("src/protocol/Subscribing.ts")(
    "R22",
    "if (outgoing === undefined || outgoing._tag !== asked) {",
    "if (outgoing === undefined) {"
  ),
  outgoing(
    "R23",
    "acknowledgement(\"Pubrel\", packetIdentifier, draft.protocolVersion === \"5.0\" ? 0x92 : 0x00)",
    "acknowledgement(\"Pubrel\", packetIdentifier, 0x00)"
  )
]

/** 4 CONNECT; 5 CONNACK. */
const opening: ReadonlyArray<Break> = [
  decoder(
    "R24",
    "if (type === undefined || (!this.#knowsVersion && type !== \"Connect\")) {",
    "if (type === undefined) {"
  ),
  encoder("R25", "target[offset++] = version === \"5.0\" ? 5 : 4", "target[offset++] = version === \"5.0\" ? 5 : 3"),
  encoder("R26", "(cleanStart ? 0x02 : 0)", "(cleanStart ? 0x02 : 0) | 1"),
  session("R27", "if (!options.sessionPresent) {", "if (options.receiveMaximum > 0) {"),
  of("src/internal/client/session/keptSession.ts")(
    "R28",
    "if (session === \"persistent\") {",
    "if (session !== \"clean\") {"
  ),
  encoder(
    "R29",
    "    offset = Writer.string(target, offset, will.topic)\n    offset = Writer.binary(target, offset, will.payload)",
    "    offset = Writer.binary(target, offset, will.payload)\n    offset = Writer.string(target, offset, will.topic)"
  ),
  encoder("R30", "(will === undefined ? 0 : (will.retain", "(will === undefined ? 0x20 : (will.retain"),
  encoder("R31", "(will.qos << 3)", "(will.qos << 4)"),
  encoder("R32", "(username === undefined ? 0 : 0x80)", "(username ? 0x80 : 0)"),
  encoder("R33", "(password === undefined ? 0 : 0x40)", "(username === undefined ? 0 : 0x40)"),
  encoder("R33", "(password === undefined ? 0 : 0x40)", "(password?.length ? 0x40 : 0)"),
  validity(
    "R34",
    "if (is311 && password !== undefined && username === undefined) {",
    "if (password !== undefined && username === undefined) {"
  ),
  encoder(
    "R35",
    "  offset = writeProperties(target, offset, properties, version)\n  offset = Writer.string(target, offset, clientId)",
    "  offset = Writer.string(target, offset, clientId)\n  offset = writeProperties(target, offset, properties, version)"
  ),
  of("src/MqttStore.ts")(
    "R36",
    "const known = kept.get(clientId) ??",
    "const known = [...kept.values()].at(-1) ??"
  ),
  validity("R37", "return checkString(clientId, \"clientId\", options) ??", "return"),
  of("src/internal/options.ts")("R38", "\"effectmqtt\" +", "\"effect-mqtt-\" +"),
  validity("R39", "if (is311 && clientId === \"\" && !packet.cleanStart) {", "if (is311 && clientId === \"-\") {"),
  of("src/internal/connection/link.ts")(
    "R40",
    "return this.#connack.properties.assignedClientIdentifier ?? this.#connection.connect.clientId",
    "return this.#connection.connect.clientId"
  ),
  validity(
    "R43",
    "checkTopicName(will.topic, \"will.topic\", options)",
    "checkString(will.topic, \"will.topic\", options)"
  ),
  connection("R44", "return breach(draft, { \"5.0\": \"3.14.0-1\" }, 0x82, \"DISCONNECT before CONNACK\")", "return"),
  decoder("R45", "if (flags > 1) reader.fail", "if (flags > 255) reader.fail"),
  connection("R46", "if (connack.sessionPresent && connect.cleanStart) {", "if (connack.reasonCode > 255) {"),
  session("R49", "      Outgoing.forget(self, draft)\n", ""),
  reasonCode("R51", "[0x00, 0x84, 0x85, 0x88, 0x86, 0x87]", "[0x00, 0x85, 0x84, 0x88, 0x86, 0x87]"),
  decoder(
    "R52",
    "if (reasonCode === undefined || !ReasonCode.isAllowedIn(reasonCode, \"Connack\", reader.version)) {",
    "if (code > 255) {"
  ),
  limits("R53", "if (publish.qos > limits.maximumQos) return", "if (publish.qos > 2) return"),
  limits("R55", "if (publish.retain && !limits.retainAvailable) return", "if (publish.qos > 2) return"),
  encoder("R56", "this.#maximumPacketSize = Math.min(bytes, largestPacket)", "this.#maximumPacketSize = largestPacket"),
  limits("R57", "if (alias !== undefined && alias > limits.topicAliasMaximum) {", "if (alias === -1) {"),
  connection("R58", "(connack.properties.serverKeepAlive ?? connect.keepAlive)", "connect.keepAlive"),
  connection(
    "R59",
    "(connack.properties.serverKeepAlive ?? connect.keepAlive)",
    "(connack.properties.serverKeepAlive ?? 7)"
  ),
  connection(
    "R60",
    "const isUnasked = responseInformation !== undefined &&",
    "const isUnasked = responseInformation === \"\" &&"
  ),
  propertyReader("R61", "if (value > 1) reader.wrong", "if (value > 2) reader.wrong"),
  limits(
    "R62",
    "if (!limits.wildcardSubscriptionAvailable && Topic.hasWildcard(topicFilter)) {",
    "if (topicFilter === \"\") {"
  )
]

/** 6 PUBLISH sent. */
const sent: ReadonlyArray<Break> = [
  outgoing(
    "R64",
    "sendPublish(draft, packetIdentifier, outgoing.message, outgoing.sentOn !== 0)",
    "sendPublish(draft, packetIdentifier, outgoing.message, false)"
  ),
  validity("R65", "} else if (dup) {", "} else if (qos !== 0) {"),
  outgoing(
    "R66",
    "sendPublish(draft, packetIdentifier, message, false)",
    "sendPublish(draft, packetIdentifier, message, true)"
  ),
  topic(
    "R68",
    "(hasWildcard(topic) ? faults.wildcardInName : undefined)",
    "(topic === \"#\" ? faults.wildcardInName : undefined)"
  ),
  topic("R69", "if (text.length === 0) return faults.empty", "if (text.length < 0) return faults.empty"),
  validity("R70", "rule.nonZero === true || rule.identifier === topicAlias ? 1 : 0", "rule.nonZero === true ? 1 : 0"),
  connection("R71", "  topicAliases: noAliases,\n", "  topicAliases: new Map([[1, \"t\"], [2, \"t\"], [3, \"t\"]]),\n"),
  validity(
    "R72",
    "  typeof value === \"string\" && Topic.hasWildcard(value)\n",
    "  typeof value === \"string\" && value === \"\"\n"
  ),
  properties("R73", "    fromClient: [\"Subscribe\"],\n", "    fromClient: [\"Subscribe\", \"Publish\"],\n"),
  session(
    "R74",
    "draft.quota = Math.min(draft.maximumInFlight, options.receiveMaximum)",
    "draft.quota = draft.maximumInFlight"
  ),
  of("src/internal/client/outgoing/outbox.ts")(
    "R75",
    "const acknowledged = hasRoom ? this.#skipWithdrawn(this.#acknowledged) : undefined",
    "const acknowledged = this.#skipWithdrawn(this.#acknowledged)"
  ),
  outgoing(
    "R76",
    "  if (outgoing?._tag === \"Publish\" && outgoing.sentOn === draft.connection) {\n    return complete",
    "  if (outgoing?._tag === \"Publish\") {\n    return complete"
  ),
  outgoing(
    "R77",
    "if (outgoing._tag === \"Release\") return send(draft, acknowledgement(\"Pubrel\", packetIdentifier, 0x00))",
    "if (outgoing._tag === \"Release\") return"
  ),
  outgoing(
    "R78",
    "  draft.outgoing.set(packetIdentifier, outgoing)\n  owe(draft)",
    "  owe(draft)"
  ),
  outgoing(
    "R80",
    "if (ReasonCode.isError(packet.reasonCode)) return complete(draft, packetIdentifier, request, outcome)",
    "if (packet.reasonCode > 255) return complete(draft, packetIdentifier, request, outcome)"
  ),
  of("src/internal/client/outgoing/publication.ts")(
    "R80",
    "if (ReasonCode.isError(reasonCode)) return this.failed(",
    "if (reasonCode > 255) return this.failed("
  ),
  outgoing(
    "R81",
    "    sendPubrel(draft, packetIdentifier, { ...outgoing, sequence: draft.nextSequence++ })\n",
    ""
  ),
  outgoing("R82", "all.sort((a, b) => a[0] - b[0])", "all.sort((a, b) => b[0] - a[0])"),
  outgoing("R83", "all.sort((a, b) => a[0] - b[0])", "all.sort((a, b) => a[1] - b[1])"),
  outgoing(
    "R84",
    "acknowledgement(\"Pubrel\", packetIdentifier, draft.protocolVersion === \"5.0\" ? 0x92 : 0x00)",
    "acknowledgement(\"Pubrel\", packetIdentifier, draft.protocolVersion === \"5.0\" ? 0x80 : 0x00)"
  )
]

/** 7 PUBLISH received. */
const received: ReadonlyArray<Break> = [
  incoming(
    "R87",
    "if (arrivalsOf(draft, 1).has(publish.packetIdentifier) || !takeQuota(draft)) return",
    "if (publish.dup || !takeQuota(draft)) return"
  ),
  incoming(
    "R88",
    "  if (known === undefined) {\n    draft.actions.push({ _tag: \"Deliver\"",
    "  if (known === undefined || known.connection !== draft.connection) {\n    draft.actions.push({ _tag: \"Deliver\""
  ),
  incoming(
    "R89",
    "known === undefined && draft.protocolVersion === \"5.0\" ? 0x92 : 0x00",
    "known !== undefined && draft.protocolVersion === \"5.0\" ? 0x92 : 0x00"
  ),
  incoming(
    "R90",
    "if (qos === 2) complete(draft, packetIdentifier)",
    "if (qos === 3) draft.received.release(packetIdentifier)"
  ),
  incoming(
    "R92",
    "if (arrivalsOf(draft, 1).has(publish.packetIdentifier) || !takeQuota(draft)) return",
    "if (publish.dup || arrivalsOf(draft, 1).has(publish.packetIdentifier) || !takeQuota(draft)) return"
  ),
  of("src/protocol/Arrivals.ts")(
    "R93",
    "waiting.splice(0, settled).forEach(",
    "waiting.splice(0, settled).toReversed().forEach("
  ),
  encoder("R94", "if (!hasDroppableProperties(packet) || sizeOf", "if (packet._tag !== \"Auth\" || sizeOf"),
  connection("R96", "if (topicAliases.get(alias) !== topic) {", "if (!topicAliases.has(alias)) {"),
  connection("R97", "if (alias > maximum) {", "if (alias > maximum + 1) {"),
  incoming(
    "R98",
    "if (draft.unacknowledged >= draft.receiveMaximum + draft.tolerance) {",
    "if (draft.unacknowledged >= 2 * draft.receiveMaximum + draft.tolerance + 9) {"
  ),
  decoder(
    "R99",
    "} else if (size + remaining > maximum) {",
    "} else if (size + remaining > 2 * maximum) {"
  ),
  properties("R100", "    repeatsIn: [\"Publish\"],\n", "    repeatsIn: [],\n"),
  propertyReader(
    "R101",
    "(properties[name] as Array<Value>).push(value)",
    "(properties[name] as Array<Value>).unshift(value)"
  ),
  decoder(
    "R102",
    "    retain: (firstByte & 1) === 1,\n    dup: (firstByte & 8) === 8,\n    packetIdentifier,\n    properties\n  }\n}\n\n/** Only such",
    "    retain: false,\n    dup: (firstByte & 8) === 8,\n    packetIdentifier,\n    properties\n  }\n}\n\n/** Only such"
  )
]

/** 8 SUBSCRIBE and UNSUBSCRIBE; 9 Keep alive. */
const subscribing: ReadonlyArray<Break> = [
  validity(
    "R105",
    "const verdict = checkTopicFilter(topicFilter, `${field}.topicFilter`, options)",
    "const verdict = topicFilter === \"\" ? checkTopicFilter(topicFilter, `${field}.topicFilter`, options) : undefined"
  ),
  validity("R106", "if (subscriptions.length === 0) {", "if (subscriptions.length < 0) {"),
  validity("R107", "if (!isQos(retainHandling)) {", "if (!isQos(qos)) {"),
  validity("R108", "if (noLocal && Topic.isSharedFilter(topicFilter)) {", "if (noLocal && topicFilter === \"\") {"),
  topic("R109", "if (!startsLevel(filter, index) || !endsLevel(filter, index)) return faults.singleLevel", ""),
  topic("R110", "if (text.length === 0) return faults.empty", "if (text.length < 0) return faults.empty"),
  topic(
    "R111",
    "if (filter.length === sharePrefix.length || filter[sharePrefix.length] === \"/\") return faults.shareName",
    ""
  ),
  properties("R112", "    repeatsIn: [\"Publish\"],\n    nonZero: true\n", "    repeatsIn: [\"Publish\"]\n"),
  of("src/protocol/Subscribing.ts")(
    "R113",
    "if (outgoing === undefined || outgoing._tag !== asked) {",
    "if (outgoing === undefined) {"
  ),
  of("src/protocol/Subscribing.ts")(
    "R114",
    "if (carriesCodes && packet.reasonCodes.length !== outgoing.topicFilters) {",
    "if (carriesCodes && packet.reasonCodes.length > outgoing.topicFilters) {"
  ),
  reasonCode("R115", "new Set([0x00, 0x01, 0x02, 0x80])", "new Set([0x00, 0x01, 0x02, 0x03, 0x80])"),
  of("src/internal/client/incoming/subscriptions.ts")(
    "R120",
    "const reasonCode = reasonCodes[index]",
    "const reasonCode = reasonCodes[0]"
  ),
  of("src/internal/client/incoming/subscriptions.ts")(
    "R120",
    "return ReasonCode.isError(reasonCode)",
    "return reasonCodes.some(ReasonCode.isError)"
  ),
  topic(
    "R121",
    "if (topic.charCodeAt(0) === dollar && (first === plus || first === hash)) return false",
    ""
  ),
  topic(
    "R122",
    "topic.charCodeAt(index) === character) index++",
    "(topic.charCodeAt(index) | 32) === (character | 32)) index++"
  ),
  of("src/protocol/KeepAlive.ts")(
    "R124",
    "? Math.min(self.lastSent, self.lastHeard) + self.pingInterval",
    "? Math.max(self.lastSent, self.lastHeard) + self.pingInterval"
  ),
  of("src/protocol/KeepAlive.ts")(
    "R125",
    ": self.pingSent + self.responseTimeout",
    ": self.pingSent + 100 * self.responseTimeout"
  ),
  of("src/protocol/KeepAlive.ts")(
    "R126",
    "const longest = interval === 0 ? Infinity : interval",
    "const longest = interval === 0 ? Infinity : 8 * interval"
  ),
  encoder(
    "R126",
    "Writer.uint16(target, offset, packet.keepAlive)",
    "Writer.uint16(target, offset, 10 * packet.keepAlive)"
  )
]

/** 10 DISCONNECT and AUTH; 11 Session state. */
const ending: ReadonlyArray<Break> = [
  reasonCode("R129", "  0x98,\n  0x99\n])", "  0x98,\n  0x99,\n  0x9a\n])"),
  encoder(
    "R130",
    "packet._tag === \"Disconnect\" || packet._tag === \"Auth\" || isAcknowledgement(packet)",
    "isAcknowledgement(packet)"
  ),
  sendChecks(
    "R131",
    "if (expiry === 0 || (self.connect.properties.sessionExpiryInterval ?? 0) > 0) return undefined",
    "if (expiry >= 0) return undefined"
  ),
  properties(
    "R132",
    "    fromClient: [\"Connect\", \"Disconnect\"],\n    fromServer: [\"Connack\"]\n",
    "    fromClient: [\"Connect\", \"Disconnect\"],\n    fromServer: [\"Connack\", \"Disconnect\"]\n"
  ),
  decoder(
    "R133",
    "if (type !== \"Publish\") types[(value << 4) | flags] = type",
    "if (type !== \"Publish\") types[(value << 4) | flags] = types[(value << 4) | 1] = type"
  ),
  connection("R134", "return end(draft, { _tag: \"Disconnected\", disconnect: packet })", "return"),
  of("src/internal/connection/failures.ts")("R135", "    reasonCode === 0x8e\n", "    reasonCode === 0x100\n"),
  validity("R136", "code === (sender === \"client\" ? 0x19 : 0x00)", "code === 0x19 || code === 0x00"),
  connection(
    "R138",
    "if (auth.properties.authenticationMethod !== method) {\n    return breach",
    "if (auth.properties.authenticationMethod === \"\") {\n    return breach"
  ),
  connection(
    "R139",
    "{ \"5.0\": asked ? \"4.12.0-5\" : \"4.12.0-6\" }, 0x82, message)",
    "{ \"5.0\": asked ? \"4.12.0-5\" : \"4.12.0-6\" }, 0x81, message)"
  ),
  sendChecks(
    "R140",
    "  if (method === undefined) {\n    return invalidAuth",
    "  if (method === \"\") {\n    return invalidAuth"
  ),
  sendChecks(
    "R141",
    "return self.phase === \"Connected\" && !self.isReauthenticating",
    "return !self.isReauthenticating"
  ),
  connection("R143", "else break\n", "else draft.packets.push(packet)\n"),
  incoming(
    "R146",
    "if (qos === 2 && !ReasonCode.isError(reasonCode)) return",
    "if (qos === 2 && !ReasonCode.isError(reasonCode) && !draft.received.release(packetIdentifier)) return"
  )
]

/** 12 Transport and WebSocket. */
const transports: ReadonlyArray<Break> = [
  of("src/internal/transport/carrier.ts")("R151", "if (!areBytes(frames)) {", "if (frames.length === 0) {"),
  of("src/browser/internal/webSocket.ts")(
    "R153",
    "new globalThis.WebSocket(href, \"mqtt\")",
    "new globalThis.WebSocket(href)"
  ),
  of("src/browser/internal/webSocket.ts")(
    "R154",
    "if (webSocket.protocol === \"mqtt\") return connection",
    "if (webSocket.protocol !== \"-\") return connection"
  )
]

/** The property table. */
const propertyTable: ReadonlyArray<Break> = [
  properties("P01", "    identifier: 0x01,\n    type: \"flag\",\n", "    identifier: 0x01,\n    type: \"uint16\",\n"),
  properties("P02", "    identifier: 0x02,\n    type: \"uint32\",\n", "    identifier: 0x02,\n    type: \"uint16\",\n"),
  properties(
    "P03",
    "contentType: { identifier: 0x03, type: \"string\", fromClient: [\"Publish\", \"Will\"]",
    "contentType: { identifier: 0x03, type: \"string\", fromClient: [\"Publish\"]"
  ),
  properties("P08", "    topicName: true\n", ""),
  properties(
    "P09",
    "correlationData: { identifier: 0x09, type: \"binary\"",
    "correlationData: { identifier: 0x09, type: \"string\""
  ),
  properties(
    "P0B",
    "    identifier: 0x0b,\n    type: \"variableByteInteger\",\n",
    "    identifier: 0x0b,\n    type: \"uint16\",\n"
  ),
  properties(
    "P12",
    "{ identifier: 0x12, type: \"string\", fromClient: [], fromServer: [\"Connack\"] }",
    "{ identifier: 0x12, type: \"string\", fromClient: [\"Connect\"], fromServer: [\"Connack\"] }"
  ),
  properties(
    "P13",
    "serverKeepAlive: { identifier: 0x13, type: \"uint16\"",
    "serverKeepAlive: { identifier: 0x13, type: \"uint32\""
  ),
  properties(
    "P17",
    "{ identifier: 0x17, type: \"flag\", fromClient: [\"Connect\"], fromServer: [] }",
    "{ identifier: 0x17, type: \"flag\", fromClient: [\"Connect\"], fromServer: [\"Connack\"] }"
  ),
  properties(
    "P18",
    "{ identifier: 0x18, type: \"uint32\", fromClient: [\"Will\"]",
    "{ identifier: 0x18, type: \"uint32\", fromClient: [\"Will\", \"Connect\"]"
  ),
  properties(
    "P21",
    "    identifier: 0x21,\n    type: \"uint16\",\n    fromClient: [\"Connect\"],\n    fromServer: [\"Connack\"],\n    nonZero: true\n",
    "    identifier: 0x21,\n    type: \"uint16\",\n    fromClient: [\"Connect\"],\n    fromServer: [\"Connack\"]\n"
  ),
  properties("P22", "topicAliasMaximum: { identifier: 0x22,", "topicAliasMaximum: { identifier: 0x32,"),
  properties(
    "P24",
    "maximumQos: { identifier: 0x24, type: \"flag\"",
    "maximumQos: { identifier: 0x24, type: \"uint16\""
  ),
  properties("P27", "    identifier: 0x27,\n    type: \"uint32\",\n", "    identifier: 0x27,\n    type: \"uint16\",\n"),
  properties(
    "P28",
    "wildcardSubscriptionAvailable: { identifier: 0x28,",
    "wildcardSubscriptionAvailable: { identifier: 0x38,"
  )
]

/**
 * One for a row, or several.
 *
 * @since 0.2.0
 * @category constants
 */
export const breaks: ReadonlyArray<Break> = [
  ...format,
  ...opening,
  ...sent,
  ...received,
  ...subscribing,
  ...ending,
  ...transports,
  ...propertyTable
]
