// Copies GraphiQL's own files from the npm packages to dist/, each checked against the hash that
// the page demands of it. With --pin it writes the hashes and versions of what is installed.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const pin = process.argv.includes("--pin");
const here = new URL(".", import.meta.url);
const list = new URL("assets.json", here);
const assets = JSON.parse(readFileSync(list, "utf8"));

mkdirSync(new URL("dist/", here), { recursive: true });
for (const asset of assets) {
  const folder = new URL(`node_modules/${asset.package}/`, here);
  const version = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")).version;
  const source = new URL(asset.path, folder);
  const hash = createHash("sha384").update(readFileSync(source)).digest("base64");
  const found = { version, integrity: `sha384-${hash}` };
  if (pin) {
    Object.assign(asset, found);
  } else if (asset.version !== version || asset.integrity !== found.integrity) {
    console.error(`${asset.package}/${asset.path} is not the file that assets.json names`);
    process.exit(1);
  }
  copyFileSync(source, new URL(`dist/${asset.name}`, here));
}
if (pin) {
  writeFileSync(list, `${JSON.stringify(assets, null, 2)}\n`);
}
console.log(`${assets.length} files in api/graphiql/dist`);
