/**
 * The faults that a fleet meets, and the schedules by which its clients connect again.
 */
import { Schedule } from "effect"
import type * as MqttClient from "../../src/MqttClient.ts"
import type { Condition } from "./Server.ts"

export interface Fault {
  readonly name: string
  readonly description: string
  /** All connections end in the moment in which it begins. */
  readonly cuts: boolean
  /** The condition of the server while it lasts. */
  readonly condition: Condition
  /** Seconds. */
  readonly lasts: number
  /** The share of the fleet that the server accepts in a second after it. */
  readonly accepts?: number
}

export const faults = {
  restart: {
    name: "restart",
    description: "the broker is down for three minutes, and its machine refuses connections",
    cuts: true,
    condition: "down",
    lasts: 180
  },
  machine: {
    name: "machine",
    description: "the machine of the broker is away for three minutes: connections end, and attempts get no answer",
    cuts: true,
    condition: "silent",
    lasts: 180
  },
  network: {
    name: "network",
    description: "the network is silent for three minutes: the clients notice it by their Keep Alive",
    cuts: false,
    condition: "silent",
    lasts: 180
  },
  rate: {
    name: "rate",
    description: "the broker is down for ten seconds, and then accepts 2 % of the fleet a second",
    cuts: true,
    condition: "down",
    lasts: 10,
    accepts: 0.02
  }
} satisfies Readonly<Record<string, Fault>>

export interface Policy {
  readonly name: string
  readonly description: string
  readonly reconnect: MqttClient.Options["reconnect"]
}

const exponential = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

export const policies = {
  default: { name: "default", description: "the default of the client", reconnect: undefined },
  twentyPercent: {
    name: "±20 %",
    description: "exponential from 1 to 30 seconds with `Schedule.jittered`, the earlier default",
    reconnect: Schedule.jittered(exponential)
  },
  withoutChance: {
    name: "no chance",
    description: "exponential from 1 to 30 seconds, the same for every client",
    reconnect: exponential
  }
} satisfies Readonly<Record<string, Policy>>

export type FaultName = keyof typeof faults
export type PolicyName = keyof typeof policies

/** Every fault with both defaults. A schedule without chance does the same in all of them. */
export const scenes: ReadonlyArray<readonly [FaultName, PolicyName]> = [
  ["restart", "default"],
  ["restart", "twentyPercent"],
  ["restart", "withoutChance"],
  ["machine", "default"],
  ["machine", "twentyPercent"],
  ["network", "default"],
  ["network", "twentyPercent"],
  ["rate", "default"],
  ["rate", "twentyPercent"]
]
