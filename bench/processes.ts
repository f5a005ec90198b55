/**
 * The processes of the benchmark: started, told something, listened to, and ended.
 */
import { type ChildProcess, execFileSync, fork, spawn } from "node:child_process"
import * as fs from "node:fs"
import { connect, createServer } from "node:net"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { host } from "./Benchmark.ts"

/** What does not answer for so long has hung. */
const timeoutSeconds = 60

const repository = path.dirname(import.meta.dirname)

/** Where a checkout has the benchmark and the library as JavaScript. Nothing else is resolved from there but `node_modules`, and Effect 3 for the folder `v3`. */
export const builtOf = (checkout: string): string => path.join(checkout, "node_modules", ".cache", "effect-mqtt-bench")

export const built = builtOf(repository)

/**
 * Compiles the benchmark and the library: that Node strips types from one side's modules and not from the other's would
 * be part of what is measured.
 */
export const build = (): void => {
  const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
  fs.rmSync(built, { recursive: true, force: true })
  fs.mkdirSync(built, { recursive: true })
  fs.writeFileSync(path.join(built, "package.json"), JSON.stringify({ type: "module" }))
  fs.writeFileSync(
    path.join(built, "tsconfig.json"),
    JSON.stringify({
      extends: path.join(repository, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        noCheck: true,
        declaration: false,
        rootDir: repository,
        outDir: built,
        plugins: []
      },
      include: [path.join(repository, "bench"), path.join(repository, "v3", "bench")]
    })
  )
  const forEffect3 = path.join(built, "v3")
  fs.mkdirSync(forEffect3)
  fs.symlinkSync(path.join(repository, "v3", "node_modules"), path.join(forEffect3, "node_modules"), "junction")
  execFileSync(process.execPath, [compiler, "--project", built], { stdio: "inherit" })
}

/** Beside what is built: the folder for temporary files of a system may be in memory. */
export const temporaryFolder = (name: string): string => fs.mkdtempSync(path.join(built, `${name}-`))

/** A process that may be told and says something. */
export class BenchmarkProcess<Request extends object, Message extends { readonly _tag: string }> {
  readonly #name: string
  readonly #child: ChildProcess
  /** What it has said and nobody has asked for yet. */
  readonly #unread: Array<Message> = []
  #end: string | undefined
  #wake: () => void = () => {}

  /** `folder` is where the script is built. */
  constructor(name: string, script: string, args: ReadonlyArray<string>, folder = built) {
    this.#name = name
    // What a library logs is not the result.
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const
    this.#child = fork(path.join(folder, "bench", script), args, { stdio: [...stdio] })
    this.#child.on("message", (message: Message) => {
      this.#unread.push(message)
      this.#wake()
    })
    this.#child.on("exit", (code, signal) => {
      this.#end = signal ?? `exit code ${code}`
      this.#wake()
    })
  }

  tell(request: Request): void {
    this.#child.send(request)
  }

  kill(): void {
    this.#child.kill()
  }

  /** The first unread message of this kind that is wanted, which may be still to come. */
  next<Tag extends Message["_tag"]>(
    tag: Tag,
    isWanted: (message: Extract<Message, { readonly _tag: Tag }>) => boolean = () => true
  ): Promise<Extract<Message, { readonly _tag: Tag }>> {
    const fits = (message: Message): message is Extract<Message, { readonly _tag: Tag }> =>
      message._tag === tag && isWanted(message as Extract<Message, { readonly _tag: Tag }>)
    return this.#until(tag, () => {
      const found = this.#unread.find(fits)
      if (found !== undefined) this.#unread.splice(this.#unread.indexOf(found), 1)
      else if (this.#end !== undefined) {
        throw new Error(`${this.#name} ended with ${this.#end} before it was ${tag}`)
      }
      return found
    })
  }

  /** Its end, which must be a good one. */
  async ended(): Promise<void> {
    const end = await this.#until("at its end", () => this.#end)
    if (end !== "exit code 0") throw new Error(`${this.#name} ended with ${end}`)
  }

  async #until<A>(expected: string, look: () => A | undefined): Promise<A> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake()
    }, timeoutSeconds * 1000)
    try {
      for (let found = look();; found = look()) {
        if (found !== undefined) return found
        if (isLate) throw new Error(`${this.#name} was not ${expected} within ${timeoutSeconds} seconds`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** A broker that others have written. */
export interface Mosquitto {
  readonly port: number
  /** Seconds of processor time so far; `undefined` where the system does not say it in a file. */
  readonly processor: () => number | undefined
  readonly stop: () => void
}

/** Debian keeps it where only root's PATH looks. */
const folders = [
  ...(process.env.PATH ?? "").split(path.delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/sbin"
]

const executable = folders.map((folder) => path.join(folder, "mosquitto")).find((file) => fs.existsSync(file))

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port)
        else reject(new Error("no port"))
      })
    })
  })

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.on("error", () => resolve(false)).on("connect", () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Kernel ticks a second, which Linux has fixed for what it tells programs. */
const ticksPerSecond = 100

/** `undefined` where it is not installed. */
export const startMosquitto = async (): Promise<Mosquitto | undefined> => {
  if (executable === undefined) return undefined
  const port = await freePort()
  const folder = temporaryFolder("mosquitto")
  const configuration = path.join(folder, "mosquitto.conf")
  fs.writeFileSync(
    configuration,
    [
      `listener ${port} ${host}`,
      "allow_anonymous true",
      "persistence false",
      "set_tcp_nodelay true",
      "max_inflight_messages 0",
      "max_queued_messages 0",
      ""
    ].join("\n")
  )
  const child = spawn(executable, ["-c", configuration], { stdio: "ignore" })
  for (let attempt = 0; !(await isListening(port)); attempt++) {
    if (attempt === 100) throw new Error("mosquitto does not listen")
    await sleep(50)
  }
  return {
    port,
    processor: () => {
      const file = `/proc/${child.pid}/stat`
      if (!fs.existsSync(file)) return undefined
      const fields = fs.readFileSync(file, "utf8").replace(/^.*\) /, "").split(" ")
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
    },
    stop: () => {
      child.kill()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
}
