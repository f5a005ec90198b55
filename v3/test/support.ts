/**
 * What most tests here begin with: a client and a broker in memory, between which nothing takes time.
 */
import { Layer } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"

/** A broker behind a network without latency. */
export const broker = MemoryBroker.layer({ latency: 0, connectDelay: 0, failedConnectDelay: 0 })

export const brokerAndClient = (options?: MqttClient.Options) =>
  MqttClient.layer({ clientId: "client", ...options }).pipe(Layer.provideMerge(broker))
