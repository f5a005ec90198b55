/**
 * A person who follows a page in an empty folder: writes its files, runs its commands, and keeps its terminals open.
 *
 * It replaces the parts that no page can know: each port of the page becomes a free port, and `effect-mqtt` the
 * tarball. Other packages are installed in the versions of this repository, so that the same commit passes today and
 * tomorrow.
 */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import * as port from "../brokers/port.ts"
import * as Process from "../brokers/Process.ts"
import type { Step } from "./page.ts"

/** A program in a terminal of its own. */
export interface Terminal {
  readonly signal: (signal: NodeJS.Signals) => void
  /** How it ended: its exit code, or the signal. */
  readonly ended: Effect.Effect<number | string>
  readonly isRunning: () => boolean
  readonly printed: () => string
}

export interface Options {
  readonly tarball: string
  /** Ports that the page names, and the free ones instead. */
  readonly ports: ReadonlyMap<number, number>
  /** More variables for the programs that it starts. */
  readonly environment: { readonly [name: string]: string }
  /** Told of each step. */
  readonly onStep: (text: string) => void
}

const installedVersion = (name: string): string => {
  const file = Path.join(repository, "node_modules", name, "package.json")
  const { version }: { readonly version: string } = JSON.parse(Fs.readFileSync(file, "utf8"))
  return `${name}@${version}`
}

/** This Node first; nothing of a test run or an npm script around it. */
const environment = (more: Options["environment"]): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|TEST$|MODE$|npm_|MQTT_|OTEL_|HTTP_)/.test(name))
  ),
  PATH: [Path.dirname(process.execPath), process.env.PATH ?? "", "/usr/sbin"].join(Path.delimiter),
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_prefer_offline: "true",
  npm_config_update_notifier: "false",
  ...more
})

const exitOf = (child: ChildProcess): Effect.Effect<number | string> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      return resume(Effect.succeed(child.exitCode ?? child.signalCode ?? 0))
    }
    child.once("error", (cause) => resume(Effect.die(cause)))
    child.once("exit", (code, signal) => resume(Effect.succeed(code ?? signal ?? 0)))
  })

export class Reader {
  /** Where the reader is now; `cd` changes it. */
  folder: string
  readonly terminals = new Map<string, Terminal>()
  readonly #options: Options
  readonly #commands = new Map<string, string>()

  constructor(folder: string, options: Options) {
    this.folder = folder
    this.#options = options
  }

  /** A text of the page with the ports that are free here. */
  localized(text: string): string {
    return text.replace(/\b\d{4}\b/g, (digits) => `${this.#options.ports.get(Number(digits)) ?? digits}`)
  }

  write(file: string, text: string): void {
    Fs.writeFileSync(Path.join(this.folder, file), this.localized(text))
  }

  /** Runs commands to their end, and gives back their standard output. */
  run(commands: string): Effect.Effect<string> {
    return Effect.callback<string>((resume) => {
      const script = `${this.#installing(this.localized(commands))}\nprintf '\\n%s' "$PWD"\n`
      const child = spawn("bash", ["-e", "-c", script], {
        cwd: this.folder,
        env: environment(this.#options.environment),
        stdio: ["ignore", "pipe", "pipe"]
      })
      let [printed, complained] = ["", ""]
      child.stdout.on("data", (chunk) => printed += String(chunk))
      child.stderr.on("data", (chunk) => complained += String(chunk))
      child.once("error", (cause) => resume(Effect.die(cause)))
      child.once("close", (code) => {
        if (code !== 0) return resume(Effect.die(new Error(`exit ${code} of\n${script}\n${printed}${complained}`)))
        const end = printed.lastIndexOf("\n")
        this.folder = printed.slice(end + 1)
        resume(Effect.succeed(printed.slice(0, end)))
      })
    })
  }

  /** Starts a program, which ends with the scope at the latest. */
  start(name: string, command: string): Effect.Effect<Terminal, never, Scope.Scope> {
    this.#commands.set(name, command)
    const started = Effect.acquireRelease(
      Effect.sync(() =>
        spawn("bash", ["-c", `exec ${this.localized(command)}`], {
          cwd: this.folder,
          env: environment(this.#options.environment),
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), exitOf(child))
    )
    return Effect.map(started, (child) => {
      let printed = ""
      for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => printed += String(chunk))
      const terminal: Terminal = {
        signal: (signal) => void child.kill(signal),
        ended: exitOf(child),
        isRunning: () => child.exitCode === null && child.signalCode === null,
        printed: () => printed
      }
      this.terminals.set(name, terminal)
      return terminal
    })
  }

  /** Starts the last program of a terminal again. */
  startAgain(name: string): Effect.Effect<Terminal, never, Scope.Scope> {
    return this.start(name, this.#commands.get(name) ?? "false")
  }

  /** Ends the program in a terminal in order, and waits. */
  stop(name: string): Effect.Effect<number | string> {
    const terminal = this.terminals.get(name)
    if (terminal === undefined) return Effect.die(new Error(`nothing was started as ${name}`))
    terminal.signal("SIGTERM")
    return terminal.ended
  }

  /** One step of the page. */
  follow(step: Step): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      switch (step._tag) {
        case "Write":
          this.#options.onStep(`write ${step.file}`)
          return this.write(step.file, step.text)
        case "Run": {
          this.#options.onStep(step.commands.trim())
          const printed = yield* this.run(step.commands)
          if (step.prints === undefined || printed.trim() === this.localized(step.prints).trim()) return
          return yield* Effect.die(new Error(`the page says that this prints\n${step.prints}and it prints\n${printed}`))
        }
        case "Start":
          this.#options.onStep(`start ${step.command}`)
          return yield* Effect.asVoid(this.start(step.name, step.command))
        case "Stop":
          this.#options.onStep(`stop ${step.name}`)
          return yield* Effect.asVoid(this.stop(step.name))
      }
    })
  }

  #installing(commands: string): string {
    return commands.replace(/^npm install .*$/gm, (line) =>
      line.split(" ").map((word, index) => {
        if (index < 2 || word.startsWith("--")) return word
        return word === "effect-mqtt" ? `'${this.#options.tarball}'` : installedVersion(word)
      }).join(" "))
  }
}

/** In an empty folder, which goes with the scope. */
export const make = Effect.fnUntraced(function*(
  options: Omit<Options, "ports"> & {
    readonly ports: ReadonlyArray<number>
  }
) {
  const ports = new Map<number, number>()
  for (const named of options.ports) ports.set(named, yield* port.free)
  const reader = new Reader(yield* Process.folder("guide"), { ...options, ports })
  return { reader, portFor: (named: number): number => ports.get(named) ?? named }
})
