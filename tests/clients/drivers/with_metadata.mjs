// Reads source as the Salesforce CLI does before it deploys, and converts it as for a deployment.
// Tells which components it found.
import { ComponentSet, MetadataConverter } from "@salesforce/source-deploy-retrieve";

const [source, target] = process.argv.slice(2);
const found = ComponentSet.fromSource(source);
const where = { type: "directory", outputDirectory: target, genUniqueDir: false };
await new MetadataConverter().convert(found, "metadata", where);
const names = found.toArray().map((each) => [each.type.name, each.fullName]);
console.log(JSON.stringify(names));
