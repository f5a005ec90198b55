/** Layers and transports of Node, whose types come from modules that this file does not import. */
import { NodeMqtt, NodeMqttConfig, NodeNetworkProbe, NodeTcp, NodeTls, NodeUnix, NodeWebSocket } from "effect-mqtt/node"
import * as Config from "effect/Config"
import * as Layer from "effect/Layer"

export const live = NodeMqtt.layer({ url: "mqtt://localhost:1883" })
export const fromEnvironment = NodeMqtt.layerConfig()
export const transport = NodeMqtt.layerTransport({ host: "localhost" })
export const merged = NodeMqttConfig.merge(NodeMqttConfig.environment, { clientId: Config.String("DEVICE") })
export const probed = Layer.merge(live, NodeNetworkProbe.layer())
export const tcp = NodeTcp.layer({ host: "localhost" })
export const openedTcp = NodeTcp.make({ host: "localhost" })
export const tls = NodeTls.layer({ host: "localhost" })
export const files = NodeTls.fromFiles({ ca: "ca.pem" })
export const unix = NodeUnix.layer({ path: "/run/broker.sock" })
export const webSocket = NodeWebSocket.layer({ host: "localhost" })
export const optionsOf = (options: NodeMqtt.Options) => ({ ...options })
export const tlsOf = ({ tls }: NodeMqtt.Options) => tls
