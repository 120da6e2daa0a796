// Builds the editor of the studio: one script, and the licences of what is in it. `make editor` runs it.

import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const OUT = new URL("../wechat_campaigns/studio/static/", import.meta.url).pathname;

// The studio's policy lets no <style> in: rules go to a style sheet that the document adopts, as style-mod does in a
// shadow root.
const adopted = {
  name: "adopted",
  setup(building) {
    building.onLoad({ filter: /style-mod[/\\]src[/\\]style-mod\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source.replace("!root.head && root.adoptedStyleSheets", "root.adoptedStyleSheets");
      if (contents === source) throw new Error("style-mod has changed: see whether it still writes <style>");
      return { contents, loader: "js" };
    });
  },
};

const lock = JSON.parse(await readFile("package-lock.json", "utf8")).packages;
const { metafile } = await build({
  entryPoints: ["editor.js"], outfile: `${OUT}editor.js`, bundle: true, minify: true, format: "esm", target: "es2022",
  charset: "utf8", legalComments: "none", metafile: true, plugins: [adopted], mainFields: ["module", "main"],
  banner: { js: "// Built by `make editor` from runner/editor; editor.LICENSES.txt names what is in it." },
});
await writeFile(`${OUT}editor.css`, await readFile("editor.css", "utf8"));

const [bundle] = Object.values(metafile.outputs);
const used = Object.entries(bundle.inputs).filter(([, { bytesInOutput }]) => bytesInOutput).map(([path]) => path);
const names = [...new Set(used.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean))].sort();
const licences = await Promise.all(names.map(async (name) => {
  const { version, license } = lock[`node_modules/${name}`];
  const text = await readFile(`node_modules/${name}/LICENSE`, "utf8");
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}));
await writeFile(`${OUT}editor.LICENSES.txt`, licences.join(`\n${"-".repeat(80)}\n\n`));
console.log(`${bundle.bytes} bytes, ${names.length} packages`);
