/**
 * The content of a message of the crash test: its number, and a filler that shows whether it arrived whole.
 *
 * Numbers of a topic only grow. Each start of the program begins at another base, so that no number comes twice.
 */
export type Level = 1 | 2

/** From the program, by QoS and by how it is published. */
export const lanes = ["async", "sink", "wait"] as const
export type Lane = typeof lanes[number]

/** Numbers that one start may use. */
export const numbersOfARun = 1_000_000

export const outgoing = (world: string, qos: Level, lane: Lane): string => `crash/${world}/out/${qos}/${lane}`
export const outgoingFilter = (world: string): string => `crash/${world}/out/#`

/** Comes after everything else. */
export const end = (world: string): string => `crash/${world}/out/end`

export const incoming = (world: string, qos: Level): string => `crash/${world}/in/${qos}`
export const incomingFilter = (world: string): string => `crash/${world}/in/+`

/** Most are small; one in fifty takes several pages of a store. */
const fillerOf = (number: number): string =>
  String.fromCharCode(97 + number % 26).repeat(number % 50 === 0 ? 9000 : number % 97)

export const textOf = (number: number): string => `${number} ${fillerOf(number)}`

/** The number, if the text is whole. */
export const numberOf = (text: string): number | undefined => {
  const number = Number(text.split(" ", 1)[0])
  return Number.isSafeInteger(number) && number > 0 && text === textOf(number) ? number : undefined
}
