/**
 * The sides in C: which of them this machine can build, and how.
 *
 * A library without its header, or a machine without a compiler, leaves its side out. A side whose header is there has
 * to compile: that it does not is an error.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { type NativeName, nativeNames } from "./Benchmark.ts"
import { built } from "./processes.ts"

interface Source {
  readonly header: string
  readonly library: string
  /** Of Debian. */
  readonly packages: string
}

const sources: Readonly<Record<NativeName, Source>> = {
  libmosquitto: { header: "mosquitto.h", library: "mosquitto", packages: "libmosquitto-dev" },
  paho: { header: "MQTTAsync.h", library: "paho-mqtt3a", packages: "libpaho-mqtt-dev" }
}

/** The packages of Debian that a test of all of them needs. */
export const nativePackages = ["gcc libc6-dev", ...nativeNames.map((name) => sources[name].packages)].join(" ")

/** A side that takes part with this version of its library, or is left out for this reason. */
export type Native =
  | { readonly _tag: "Built"; readonly name: NativeName; readonly version: string }
  | { readonly _tag: "LeftOut"; readonly name: NativeName; readonly reason: string }

const folder = path.join(import.meta.dirname, "native")

/** Beside the compiled modules of the benchmark, where `sides/native.ts` looks. */
const builtFolder = path.join(built, "bench", "native")

/** Whether the preprocessor finds the header: without a program to compile there is nothing else to fail. */
const hasHeader = (compiler: string, header: string): boolean =>
  spawnSync(compiler, ["-fsyntax-only", "-x", "c", "-include", header, "/dev/null"], { stdio: "ignore" }).status === 0

const hasCompiler = (compiler: string): boolean =>
  spawnSync(compiler, ["--version"], { stdio: "ignore" }).error === undefined

/** Why the side cannot be built; `undefined` when it can. */
export const missingFor = (name: NativeName, compiler = "cc"): string | undefined => {
  const { header, packages } = sources[name]
  if (!hasCompiler(compiler)) return `there is no C compiler ${compiler} (Debian: gcc libc6-dev)`
  return hasHeader(compiler, header) ? undefined : `${header} is not installed (Debian: ${packages})`
}

/** Compiles a side into the folder, and gives the path of the program. */
export const buildNative = (name: NativeName, into: string): string => {
  const program = path.join(into, name)
  const files = ["side.c", `${name}.c`].map((file) => path.join(folder, file))
  const warnings = ["-Wall", "-Wextra", "-Werror"]
  execFileSync(
    "cc",
    ["-std=c11", "-O2", ...warnings, "-pthread", "-o", program, ...files, `-l${sources[name].library}`],
    { stdio: "inherit" }
  )
  return program
}

export const versionOf = (program: string): string => execFileSync(program, { encoding: "utf8" }).trim()

/** All sides that can be built here, built; the others with the reason. After `build`, which empties the folder. */
export const buildNatives = (): ReadonlyArray<Native> => {
  fs.mkdirSync(builtFolder, { recursive: true })
  return nativeNames.map((name): Native => {
    const reason = missingFor(name)
    if (reason !== undefined) return { _tag: "LeftOut", name, reason }
    return { _tag: "Built", name, version: versionOf(buildNative(name, builtFolder)) }
  })
}
