// Builds what the portal serves as /embed.js: one file, as small as can be.
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";

const { version } = JSON.parse(await readFile("package.json", "utf8"));
const bundled = await build({ entryPoints: ["src/embed.js"], bundle: true, write: false, target: "es2022", charset: "utf8" });
const small = await minify(bundled.outputFiles[0].text, {
  ecma: 2022,
  compress: { passes: 3, unsafe_arrows: true },
  mangle: { properties: { regex: /_$/ } },
});
await writeFile(`../../static/embed/${version}.js`, small.code);
