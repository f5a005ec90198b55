/**
 * Compares the sizes of the same pages with several bundlers: minified, and with gzip.
 *
 * Nothing else here needs these bundlers, so this installs them into a temporary folder, with the package as `npm run build`
 * has compiled it, and with the versions of `effect` and MQTT.js of this repository.
 * usage: node scripts/bundlers.ts [name of a bundler ...]
 *
 * @since 0.2.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { gzipSync } from "node:zlib"
import { programs } from "./bundle-size.ts"
import { repository } from "./files.ts"

/** Outside of `node_modules`, where Parcel takes no plugins. */
const folder = path.join(os.tmpdir(), "effect-mqtt-bundlers")

/** As on the day of the table in `docs/browser.md`. */
const packages = ["vite@8", "rollup@4", "@rollup/plugin-node-resolve@16", "@rollup/plugin-terser", "esbuild@0.28"]
  .concat(["webpack@5", "webpack-cli", "parcel@2", "@parcel/optimizer-terser@2"])

const run = (command: string, ...options: ReadonlyArray<string>): void => {
  const { error, status, stderr, stdout } = spawnSync(command, options, {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32"
  })
  if (status !== 0) throw new Error(`${command} ${options.join(" ")}\n${error?.message ?? stdout + stderr}`)
}

const html = (entry: string): void =>
  fs.writeFileSync(path.join(folder, "index.html"), `<!doctype html><script type="module" src="./${entry}"></script>`)

/** The configuration that `docs/browser.md` recommends for Parcel. */
const plugins = path.join("examples", "parcel")

/** Without `--no-autoinstall` it would look for `effect-mqtt` in the registry if it missed anything. */
const parcel = (entry: string, out: string): void => {
  html(entry)
  run("npx", "parcel", "build", "index.html", "--dist-dir", out, "--no-source-maps", "--no-cache", "--no-autoinstall")
}

/**
 * Each bundles an entry into `out` as its documentation says for a page. Nothing else is configured, unless the name says
 * so.
 */
const bundlers: Readonly<Record<string, (entry: string, out: string) => void>> = {
  Vite: (entry, out) => {
    fs.writeFileSync(
      path.join(folder, "vite.config.js"),
      "export default { build: { modulePreload: false, emptyOutDir: true } }"
    )
    html(entry)
    run("npx", "vite", "build", "--outDir", out, "--logLevel", "error")
  },
  Rollup: (entry, out) => {
    const plugins = ["-p", "node-resolve={browser:true}", "-p", "terser"]
    run("npx", "rollup", entry, "-f", "es", "-d", out, "--silent", ...plugins)
  },
  esbuild: (entry, out) => {
    run("npx", "esbuild", entry, "--bundle", "--minify", "--format=esm", `--outdir=${out}`, "--log-level=error")
  },
  webpack: (entry, out) => run("npx", "webpack", `./${entry}`, "--mode", "production", "-o", out),
  Parcel: parcel,
  "Parcel with two plugins": (entry, out) => {
    const files = fs.readdirSync(path.join(repository, plugins))
    for (const file of files) fs.copyFileSync(path.join(repository, plugins, file), path.join(folder, file))
    try {
      parcel(entry, out)
    } finally {
      for (const file of files) fs.rmSync(path.join(folder, file))
    }
  }
}

const copy = (from: string, to: string): void =>
  fs.cpSync(path.join(repository, from), path.join(folder, "node_modules", to), { recursive: true, dereference: true })

const install = (): void => {
  if (!fs.existsSync(path.join(repository, "dist"))) throw new Error("There is no `dist`; run `npm run build` first")
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(
    path.join(folder, "package.json"),
    JSON.stringify({
      private: true,
      type: "module",
      // Without this, Parcel does not read `exports`.
      "@parcel/resolver-default": { packageExports: true }
    })
  )
  run("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", ...packages, "effect@4", "mqtt@5")
  for (const name of ["effect", "mqtt"]) {
    fs.rmSync(path.join(folder, "node_modules", name), { recursive: true, force: true })
    copy(path.join("node_modules", name), name)
  }
  fs.rmSync(path.join(folder, "node_modules", "effect-mqtt"), { recursive: true, force: true })
  copy("dist", "effect-mqtt/dist")
  copy("package.json", "effect-mqtt/package.json")
  // Parcel resolves only the dependencies that the package of the page names.
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"))
  manifest.dependencies["effect-mqtt"] = "*"
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest))
}

const weighed = (out: string): { readonly minified: number; readonly gzipped: number } => {
  const code = fs.readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".js"))
    .map((file) => fs.readFileSync(path.join(out, file), "utf8"))
    .join("\n")
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length }
}

install()
const wanted = process.argv.slice(2)
console.log("| bundler | page | minified | gzip |\n|---|---|---|---|")
for (const [bundler, build] of Object.entries(bundlers)) {
  if (wanted.length > 0 && !wanted.includes(bundler)) continue
  for (const [page, program] of Object.entries(programs)) {
    const out = path.join(folder, "out", `${bundler}-${page}`)
    fs.rmSync(out, { recursive: true, force: true })
    fs.mkdirSync(out, { recursive: true })
    fs.writeFileSync(path.join(folder, "page.js"), program)
    build("page.js", out)
    const { gzipped, minified } = weighed(out)
    console.log(`| ${bundler} | ${page} | ${(minified / 1000).toFixed(0)} kB | ${(gzipped / 1000).toFixed(1)} kB |`)
  }
}
