// Builds what the portal serves as /embed.js, one file as small as can be, and the types of the package.
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import openapiTS, { astToString } from "openapi-typescript";
import { minify } from "terser";

const { version } = JSON.parse(await readFile("package.json", "utf8"));
const bundled = await build({ entryPoints: ["src/embed.js"], bundle: true, write: false, target: "es2022", charset: "utf8" });
const small = await minify(bundled.outputFiles[0].text, {
  ecma: 2022,
  compress: { passes: 3, unsafe_arrows: true },
  mangle: { properties: { regex: /_$/ } },
});
await writeFile(`../../static/embed/${version}.js`, small.code);
await copyFile("../../static/embed/embed.d.ts", "embed.d.ts");
const types = astToString(await openapiTS(await readFile("openapi.json", "utf8")));
// Further words may come; written so, editors still offer those that are known.
await writeFile("schema.d.ts", types.replaceAll('") | string;', '") | (string & {});'));
