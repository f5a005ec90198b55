/**
 * A side in C: a program of `../native` in a process of its own, which reads commands line by line.
 *
 * This process waits while the program works. A sample costs one line there and one back more than on other sides.
 */
import { spawn } from "node:child_process"
import * as path from "node:path"
import { createInterface } from "node:readline"
import {
  type Client,
  host,
  type NativeName,
  noCleanUp,
  receiveFilter,
  type Side,
  type Target,
  topic
} from "../Benchmark.ts"

/** The program answers every command with it. */
interface Answer {
  /** Seconds of processor time so far, all threads. */
  readonly processor: number
}

class NativeProcess {
  readonly #child
  readonly #answers: AsyncIterator<string>
  readonly #exited: Promise<number | null>
  #processor = 0

  constructor(program: string, args: ReadonlyArray<string>) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] })
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject).once("exit", resolve)
    })
  }

  get processor(): number {
    return this.#processor
  }

  /** The answer to the command before it, or to the connection. */
  async answered(): Promise<void> {
    const { done, value } = await this.#answers.next()
    if (done === true) throw new Error(`the program in C ended with exit code ${await this.#exited}`)
    const answer: Answer = JSON.parse(value)
    this.#processor = answer.processor
  }

  tell(command: string): Promise<void> {
    this.#child.stdin.write(`${command}\n`)
    return this.answered()
  }

  async end(): Promise<void> {
    await this.tell("end")
    const code = await this.#exited
    if (code !== 0) throw new Error(`the program in C ended with exit code ${code}`)
  }
}

/** The connection has the QoS, the window and the payload of its experiment, and performs nothing else. */
export const connectProgram = async (program: string, target: Target): Promise<Client> => {
  const { clientId, payload, port, qos, window } = target
  const child = new NativeProcess(program, [host, port, clientId, qos, window, payload].map(String))
  await child.answered()
  return {
    perform: {
      publish: async (_, count) => {
        await child.tell(`publish ${topic} ${count}`)
        return noCleanUp
      },
      receive: async (traffic, count) => {
        const filter = receiveFilter(traffic, count)
        await child.tell(`receive ${filter} ${count}`)
        return () => child.tell(`unsubscribe ${filter}`)
      }
    },
    latencies: () => [],
    processor: () => child.processor,
    disconnect: () => child.end()
  }
}

/** Where `../native.ts` builds the side. */
const builtProgram = (name: NativeName): string => path.join(import.meta.dirname, "..", "native", name)

export const nativeSide = (name: NativeName): Side => ({
  connect: (target) => connectProgram(builtProgram(name), target)
})
