import { MqttError } from "../../src/index.ts"
import * as Problems from "../../src/internal/problems.ts"

const tlsProblems = Object.keys(Problems.tlsProblems) as ReadonlyArray<MqttError.TlsProblem>
const storeProblems = Object.keys(Problems.storeProblems) as ReadonlyArray<MqttError.StoreProblem>
const webSocketProblems = Object.keys(Problems.webSocketProblems) as ReadonlyArray<MqttError.WebSocketProblem>

/** Of every reason one, or two that differ in what decides whether it is retryable. */
export const reasons: {
  readonly [Tag in MqttError.MqttErrorReason["_tag"]]: ReadonlyArray<
    Extract<MqttError.MqttErrorReason, { readonly _tag: Tag }>
  >
} = {
  HostNotFound: [new MqttError.HostNotFound({ host: "" })],
  PortRefused: [new MqttError.PortRefused({ host: "", port: 1883 })],
  OpenFailed: [new MqttError.OpenFailed({ endpoint: "", cause: "cut" })],
  TlsFailed: tlsProblems.map((problem) => new MqttError.TlsFailed({ host: "", port: 8883, problem })),
  WebSocketFailed: webSocketProblems.map((problem) => new MqttError.WebSocketFailed({ endpoint: "", problem })),
  ConnectTimeout: [
    new MqttError.ConnectTimeout({ timeout: 1, waitingFor: "network" }),
    new MqttError.ConnectTimeout({ timeout: 1, waitingFor: "CONNACK" })
  ],
  ConnectionRefused: [0x80, 0x81].map((reasonCode) => new MqttError.ConnectionRefused({ reasonCode })),
  AuthenticationFailed: [new MqttError.AuthenticationFailed({ method: "", description: "" })],
  UnsupportedProtocolVersion: [new MqttError.UnsupportedProtocolVersion({ protocolVersion: "5.0" })],
  ConnectionLost: [new MqttError.ConnectionLost({ cause: "cut" })],
  KeepAliveTimeout: [new MqttError.KeepAliveTimeout({ silentFor: 1 })],
  ResponseTimeout: [new MqttError.ResponseTimeout({ timeout: 1 })],
  PacketTimeout: [new MqttError.PacketTimeout({ timeout: 1 })],
  ServerDisconnected: [0x80, 0x81].map((reasonCode) => new MqttError.ServerDisconnected({ reasonCode })),
  SessionTakenOver: [new MqttError.SessionTakenOver({ clientId: "" })],
  ProtocolViolation: [0x81, 0x82].map((reasonCode) =>
    new MqttError.ProtocolViolation({ label: "", protocolVersion: "5.0", reasonCode, description: "" })
  ),
  InvalidOptions: [new MqttError.InvalidOptions({ option: "", description: "" })],
  InvalidRequest: [new MqttError.InvalidRequest({ field: "", label: "", protocolVersion: "5.0", description: "" })],
  ServerLimit: [new MqttError.ServerLimit({ limit: "Maximum QoS", allowed: 0, requested: 1 })],
  PublishRefused: [0x80, 0x87].map((reasonCode) => new MqttError.PublishRefused({ topic: "", reasonCode })),
  SubscribeRefused: [0x80, 0x87].map((reasonCode) => new MqttError.SubscribeRefused({ topicFilter: "", reasonCode })),
  Overflow: [
    new MqttError.Overflow({ buffer: "outbox", capacity: 1 }),
    new MqttError.Overflow({ buffer: "subscription", capacity: 1 })
  ],
  MessageExpired: [new MqttError.MessageExpired({ topic: "" })],
  Quarantined: (["PUBLISH", "SUBSCRIBE"] as const).map((packet) =>
    new MqttError.Quarantined({ packet, topic: "", attempts: 1, cause: "cut" })
  ),
  RequestTimeout: [new MqttError.RequestTimeout({ topic: "", timeout: 1 })],
  NextTimeout: [new MqttError.NextTimeout({ topicFilter: "", timeout: 1 })],
  NoResponder: [new MqttError.NoResponder({ topic: "" })],
  Offline: [new MqttError.Offline()],
  StoreFailed: storeProblems.map((problem) => new MqttError.StoreFailed({ store: "", operation: "open", problem })),
  Closed: [new MqttError.Closed()]
}
