/**
 * What the processes of the backlog say to each other, and the messages they know by their numbers.
 */
import type { Buffer } from "node:buffer"

export interface Place {
  readonly directory: string
  /** Nobody may be listening there. */
  readonly port: number
}

export type Request =
  | { readonly _tag: "Publish"; readonly count: number }
  | { readonly _tag: "Flush" }
  | { readonly _tag: "Look" }
  | { readonly _tag: "End" }

/** How long it took, and the memory in MiB afterwards. */
export interface Reply {
  readonly seconds: number
  readonly resident: number
  /** The most that the process has had so far. */
  readonly peak: number
}

export const topic = "bench/backlog"

const payloadBytes = 64
const digits = 10

/** 64 bytes, which begin with the number. */
export const payloadOf = (number: number): string => `${number}`.padStart(digits, "0").padEnd(payloadBytes, "x")

/** Of a packet that ends there. */
export const numberOf = (bytes: Buffer, end: number): number =>
  Number(bytes.toString("latin1", end - payloadBytes, end - payloadBytes + digits))
